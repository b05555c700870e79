package io.spotreel.client;

import io.spotreel.client.SpotreelException.Details;

/** What becomes of an interrupt where a method cannot declare it. */
final class Interrupts {
    private Interrupts() {}

    /** Does {@code step}; an interrupt becomes a SpotreelException, and the thread's mark is kept. */
    static <T> T unchecked(Retry.Step<T> step) {
        try {
            return step.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SpotreelException(
                    ErrorCode.CANCELLED, "INTERRUPTED", "The thread was interrupted.", Details.NONE, e);
        }
    }
}
