package io.spotreel.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.BlockingClientCall;
import io.spotreel.orchestrator.v1.AssetServiceGrpc;
import io.spotreel.orchestrator.v1.AssetServiceGrpc.AssetServiceBlockingV2Stub;
import io.spotreel.orchestrator.v1.JobServiceGrpc;
import io.spotreel.orchestrator.v1.JobServiceGrpc.JobServiceBlockingV2Stub;
import io.spotreel.orchestrator.v1.JobServiceGrpc.JobServiceFutureStub;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An open channel with its stubs, and how calls on it are made. */
final class Connection implements AutoCloseable {
    private static final int CLOSE_TIMEOUT_SECONDS = 5;

    private final ManagedChannel managed;
    private final Channel channel;
    private final String server;
    private final Duration timeout;
    private final Duration patience;
    private final Duration heartbeat;
    private volatile boolean answered;

    /** Takes {@code timeout}: bounds unary calls; null: as the service config says. */
    Connection(Endpoint endpoint, Duration timeout, Duration patience, Duration heartbeat) {
        this.managed = endpoint.open();
        this.channel = endpoint.apiKey() == null
                ? managed
                : ClientInterceptors.intercept(managed, authenticate(endpoint.apiKey()));
        this.server = endpoint.target();
        this.timeout = timeout;
        this.patience = patience;
        this.heartbeat = heartbeat;
    }

    private static ClientInterceptor authenticate(ApiKey key) {
        return new ClientInterceptor() {
            @Override
            public <Q, R> ClientCall<Q, R> interceptCall(
                    MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
                return next.newCall(method, options.withCallCredentials(key));
            }
        };
    }

    /** The channel, which sends the key with each call. */
    Channel channel() {
        return channel;
    }

    /** What the server is called in messages: {@code host:port}. */
    String server() {
        return server;
    }

    /** How long a broken stream is taken up again without any progress. */
    Duration patience() {
        return patience;
    }

    /** How often a quiet server speaks. */
    Duration heartbeat() {
        return heartbeat;
    }

    /** For streams, which are not bounded. */
    JobServiceBlockingV2Stub jobStreams() {
        return JobServiceGrpc.newBlockingV2Stub(channel);
    }

    /** For streams, which are not bounded. */
    AssetServiceBlockingV2Stub assetStreams() {
        return AssetServiceGrpc.newBlockingV2Stub(channel);
    }

    JobServiceBlockingV2Stub jobs() {
        return bounded(jobStreams());
    }

    AssetServiceBlockingV2Stub assets() {
        return bounded(assetStreams());
    }

    /** For a call that must go on when the thread that waits for it is interrupted. */
    JobServiceFutureStub futureJobs() {
        return bounded(JobServiceGrpc.newFutureStub(channel));
    }

    private <S extends AbstractStub<S>> S bounded(S stub) {
        connectNow();
        return timeout == null ? stub : stub.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Whether the server has ever answered. */
    boolean hasAnswered() {
        return answered;
    }

    /** Says that it has. */
    void heard() {
        answered = true;
    }

    interface Unary<T> {
        T call() throws StatusException;
    }

    /** Makes a unary call and throws our own exceptions. */
    <T> T call(Unary<T> unary) throws InterruptedException {
        try {
            T answer = unary.call();
            heard();
            return answer;
        } catch (StatusException e) {
            // gRPC cancels the call and leaves the mark on the thread.
            if (e.getStatus().getCode() == Status.Code.CANCELLED && Thread.interrupted()) {
                throw new InterruptedException("interrupted while " + server + " was asked");
            }
            throw failure(e);
        }
    }

    SpotreelException failure(StatusException e) {
        return failure(e.getStatus(), e.getTrailers(), e);
    }

    SpotreelException failure(Status status, Metadata trailers, Throwable cause) {
        if (managed.isShutdown()) {
            // Not transient: nobody waits for the server any more.
            return new SpotreelException(
                    ErrorCode.FAILED_PRECONDITION,
                    "CLIENT_CLOSED",
                    "The client was closed.",
                    SpotreelException.Details.NONE,
                    cause);
        }
        connectNow();
        return Statuses.exceptionOf(status, trailers, server, cause);
    }

    /**
     * Ends the wait before the next attempt to connect. gRPC waits 1 s at first and up to 2 min later, which cannot be
     * set; calls would fail for so long although the server is back. Our own pauses keep the attempts apart.
     */
    private void connectNow() {
        managed.resetConnectBackoff();
    }

    /** Ends a call of which nothing more is wanted. */
    static void drop(BlockingClientCall<?, ?> call) {
        call.cancel("not wanted any more", null);
        boolean interrupted = Thread.interrupted();
        try {
            // What has arrived is only freed when it is read; cancelling ends the call here and now.
            while (call.read(1, TimeUnit.SECONDS) != null) {}
        } catch (StatusException | TimeoutException e) {
            // As it should be.
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends what is open. */
    @Override
    public void close() {
        managed.shutdownNow();
        try {
            managed.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
