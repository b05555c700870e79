package io.spotreel.client;

import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Reads one logical stream over as many calls as it takes.
 *
 * <p>Back-pressure is that of gRPC: one message is read ahead, no more.
 */
final class ResumingStream<M, T> implements AutoCloseable {
    // The servers send something at least every heartbeat; three misses in a row mean that nobody is there.
    private static final int MISSED_HEARTBEATS = 3;
    // A server that has never answered is more likely a wrong address than away, and people should hear of it soon.
    private static final Duration STRANGER_PATIENCE = Duration.ofSeconds(5);

    private final Connection connection;
    private final Supplier<BlockingClientCall<?, M>> start;
    private final Function<M, T> accept;
    private final Duration silence;
    private BlockingClientCall<?, M> call;

    /**
     * Takes {@code start}: makes a call that goes on behind everything that {@code accept} has taken; and {@code accept}:
     * makes of a message what {@link #read} returns, or throws {@link ServerUnavailableException#brokenStream} where it
     * is bad; the call is then dropped and another one made.
     */
    ResumingStream(Connection connection, Supplier<BlockingClientCall<?, M>> start, Function<M, T> accept) {
        this.connection = connection;
        this.start = start;
        this.accept = accept;
        this.silence = connection.heartbeat().multipliedBy(MISSED_HEARTBEATS);
    }

    /** Returns what the next message is taken as; the caller knows from that when to stop. */
    T read() throws InterruptedException {
        Duration patience = connection.patience();
        if (!connection.hasAnswered() && patience.compareTo(STRANGER_PATIENCE) > 0) {
            patience = STRANGER_PATIENCE;
        }
        T taken = Retry.persist(this::readOnce, patience);
        connection.heard();
        return taken;
    }

    private T readOnce() throws InterruptedException {
        boolean taken = false;
        try {
            if (call == null) {
                call = start.get();
            }
            M message = call.read(silence.toNanos(), TimeUnit.NANOSECONDS);
            if (message == null) {
                throw ServerUnavailableException.brokenStream(
                        "STREAM_CUT", connection.server() + " ended the stream early.", null);
            }
            T result = accept.apply(message);
            taken = true;
            return result;
        } catch (TimeoutException e) {
            throw ServerUnavailableException.brokenStream(
                    "STREAM_SILENT",
                    "%s has been silent for %s s.".formatted(connection.server(), silence.toMillis() / 1000.0),
                    e);
        } catch (StatusException e) {
            throw connection.failure(e);
        } finally {
            if (!taken) {
                close();
            }
        }
    }

    /** Ends the call that is open; the next read starts another. */
    @Override
    public void close() {
        if (call != null) {
            Connection.drop(call);
            call = null;
        }
    }
}
