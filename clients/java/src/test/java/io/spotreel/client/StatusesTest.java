package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StatusesTest {
    private static SpotreelException exceptionOf(StatusException e) {
        return Statuses.exceptionOf(e.getStatus(), e.getTrailers(), "host:1", e);
    }

    @Test
    void carriesAllThatTheServerSays() {
        BadRequest request = BadRequest.newBuilder()
                .addFieldViolations(
                        BadRequest.FieldViolation.newBuilder().setField("name").setDescription("is empty"))
                .build();
        RetryInfo retry = RetryInfo.newBuilder()
                .setRetryDelay(Duration.newBuilder().setSeconds(1).setNanos(500_000_000))
                .build();
        SpotreelException e =
                exceptionOf(FakeServer.refusal(Status.Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", request, retry));
        assertEquals(ErrorCode.RESOURCE_EXHAUSTED, e.code());
        assertEquals("QUEUE_FULL", e.reason());
        assertEquals("Refused: QUEUE_FULL.", e.getMessage());
        assertEquals(Map.of("from", "test"), e.metadata());
        assertEquals(Optional.of(java.time.Duration.ofMillis(1500)), e.retryDelay());
        assertEquals("request-1", e.requestId());
        assertEquals(List.of(new FieldViolation("name", "is empty")), e.violations());
    }

    @Test
    void saysThatNobodyAnswersWhereTheServerSaidNothing() {
        Status refused = Status.UNAVAILABLE
                .withDescription("io exception")
                .withCause(new IOException("Connection refused."));
        SpotreelException e = exceptionOf(refused.asException());
        assertInstanceOf(ServerUnavailableException.class, e);
        assertEquals("host:1 does not answer: Connection refused.", e.getMessage());
        assertEquals("UNAVAILABLE", e.reason());
    }

    @Test
    void leavesTheServersOwnWords() {
        SpotreelException e = exceptionOf(FakeServer.refusal(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
        assertEquals("Refused: SHUTTING_DOWN.", e.getMessage());
    }

    @Test
    void survivesDetailsThatAreNone() {
        Metadata trailers = new Metadata();
        trailers.put(
                Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {1, 2, 3});
        SpotreelException e = exceptionOf(Status.NOT_FOUND.withDescription("gone").asException(trailers));
        assertInstanceOf(NotFoundException.class, e);
        assertEquals("NOT_FOUND", e.reason());
        assertEquals("gone", e.getMessage());
    }

    @Test
    void knowsEveryCodeOfGrpc() {
        for (Status.Code code : Status.Code.values()) {
            String expected = code == Status.Code.OK ? "UNKNOWN" : code.name();
            assertEquals(expected, exceptionOf(code.toStatus().asException()).code().name());
        }
    }
}
