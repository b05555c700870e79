package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.WatchJobRequest;
import io.spotreel.orchestrator.v1.WatchJobResponse;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;

/**
 * The states of a job: as it is, then each change, until it is final; goes on over breaks of the connection.
 *
 * <p>To be used by one thread at a time, and closed. {@link #hasNext} never waits; {@link #next} waits for a change, and
 * throws SpotreelException where the server stays away, or where the thread is interrupted (reason {@code INTERRUPTED};
 * the thread's mark is kept).
 */
public final class JobWatch implements Iterator<Job>, AutoCloseable {
    private final ResumingStream<WatchJobResponse, WatchJobResponse> stream;
    private long sequence;
    private boolean ended;

    JobWatch(Connection connection, String name) {
        // The whole job comes each time, so nothing can be missing.
        stream = new ResumingStream<>(
                connection,
                () -> connection.jobStreams()
                        .watchJob(WatchJobRequest.newBuilder()
                                .setName(name)
                                .setAfterSequence(sequence)
                                .build()),
                Function.identity());
    }

    /** Whether the final state has not been returned yet. */
    @Override
    public boolean hasNext() {
        return !ended;
    }

    @Override
    public Job next() {
        return Interrupts.unchecked(this::take);
    }

    Job take() throws InterruptedException {
        if (ended) {
            throw new NoSuchElementException("the job has ended");
        }
        while (true) {
            WatchJobResponse message = stream.read();
            ended = Jobs.isFinal(message.getJob());
            // A heartbeat repeats the sequence.
            if (ended || message.getSequence() != sequence) {
                sequence = message.getSequence();
                return message.getJob();
            }
        }
    }

    /** Stops watching; the job goes on. */
    @Override
    public void close() {
        stream.close();
    }
}
