package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spotreel.client.SpotreelException.Details;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RetryTest {
    private static final SpotreelException CUT = ServerUnavailableException.brokenStream("STREAM_CUT", "cut", null);

    private final AtomicInteger tries = new AtomicInteger();

    private static SpotreelException exhausted(Duration retryDelay) {
        return new SpotreelException(
                ErrorCode.RESOURCE_EXHAUSTED, "FULL", "full", new Details(Map.of(), retryDelay, "", List.of()), null);
    }

    private String failing(int times, SpotreelException failure) {
        if (tries.incrementAndGet() <= times) {
            throw failure;
        }
        return "done";
    }

    @Test
    void triesAgainWhatMayPass() throws InterruptedException {
        assertEquals("done", Retry.persist(() -> failing(2, CUT), Duration.ofSeconds(10)));
        assertEquals(3, tries.get());
    }

    @Test
    void throwsTheLastFailureWhenPatienceIsOver() {
        // Pauses of 0.1 to 0.2 s, then 0.2 to 0.3 s: the second would end too late.
        assertSame(
                CUT,
                assertThrows(
                        SpotreelException.class,
                        () -> Retry.persist(() -> failing(1000, CUT), Duration.ofMillis(290))));
        assertEquals(2, tries.get());
    }

    @Test
    void throwsAtOnceWhatStays() {
        SpotreelException refused = new SpotreelException(ErrorCode.ABORTED, "OUTPUT_RESTARTED", "again");
        for (SpotreelException failure : List.of(refused, exhausted(null))) {
            tries.set(0);
            assertThrows(
                    SpotreelException.class, () -> Retry.persist(() -> failing(1, failure), Duration.ofSeconds(10)));
            assertEquals(1, tries.get());
        }
    }

    @Test
    void waitsAsLongAsTheServerAsks() throws InterruptedException {
        long start = System.nanoTime();
        Retry.persist(() -> failing(1, exhausted(Duration.ofMillis(400))), Duration.ofSeconds(10));
        assertTrue(System.nanoTime() - start >= Duration.ofMillis(400).toNanos());
    }

    @Test
    void doesNotWaitLongerThanPatienceLasts() {
        assertThrows(
                SpotreelException.class,
                () -> Retry.persist(() -> failing(1, exhausted(Duration.ofHours(1))), Duration.ofSeconds(60)));
        assertEquals(1, tries.get());
    }

    @Test
    void endsWithAnInterrupt() {
        Thread.currentThread().interrupt();
        assertThrows(
                InterruptedException.class, () -> Retry.persist(() -> failing(1, CUT), Duration.ofSeconds(10)));
    }
}
