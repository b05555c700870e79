package io.spotreel.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** The one retry policy for what the service config cannot do: going on with a stream where it broke. */
final class Retry {
    private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long JITTER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private Retry() {}

    interface Step<T> {
        T run() throws InterruptedException;
    }

    /**
     * Does {@code step} again while its failures are transient, for at most {@code patience}, and returns its result.
     *
     * <p>Pauses 0.1 s at first, doubled up to 3 s, jittered, and never less than the server asks for with RetryInfo. One
     * call is one piece of progress: the pauses and the patience start anew with the next. Throws the last failure of
     * {@code step} when patience is over, or would be before the pause is.
     */
    static <T> T persist(Step<T> step, Duration patience) throws InterruptedException {
        long start = System.nanoTime();
        long backoff = FIRST_PAUSE_NANOS;
        while (true) {
            try {
                return step.run();
            } catch (SpotreelException e) {
                long pause = Math.max(
                        backoff + ThreadLocalRandom.current().nextLong(JITTER_NANOS),
                        e.retryDelay().orElse(Duration.ZERO).toNanos());
                if (!e.isTransient() || System.nanoTime() - start + pause >= patience.toNanos()) {
                    throw e;
                }
                TimeUnit.NANOSECONDS.sleep(pause);
                backoff = Math.min(2 * backoff, LONGEST_PAUSE_NANOS);
            }
        }
    }
}
