package io.spotreel.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.spotreel.client.SpotreelException.Details;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The one place where a gRPC status becomes one of our exceptions. */
final class Statuses {
    private static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
    private static final Metadata.Key<String> REQUEST_ID =
            Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

    private Statuses() {}

    /** Makes the exception for a failed call to {@code server} out of its code and its rich details. */
    static SpotreelException exceptionOf(Status status, Metadata trailers, String server, Throwable cause) {
        List<Any> packed = packedDetails(trailers);
        Optional<ErrorInfo> info = find(packed, ErrorInfo.class);
        ErrorCode code = status.getCode() == Status.Code.OK
                ? ErrorCode.UNKNOWN
                : ErrorCode.valueOf(status.getCode().name());
        String reason = info.map(ErrorInfo::getReason).orElse(code.name());
        String message = messageOf(status, code, info.isPresent(), server);
        Details details = new Details(
                info.map(ErrorInfo::getMetadataMap).map(Map::copyOf).orElse(Map.of()),
                find(packed, RetryInfo.class).map(Statuses::delayOf).orElse(null),
                trailers != null && trailers.containsKey(REQUEST_ID) ? trailers.get(REQUEST_ID) : "",
                find(packed, BadRequest.class).map(Statuses::violationsOf).orElse(List.of()));
        return switch (code) {
            // The server drops calls beyond its pending limit with CANCELLED. What we cancel ourselves never gets here.
            case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED ->
                new ServerUnavailableException(code, reason, message, details, cause);
            case NOT_FOUND -> new NotFoundException(reason, message, details, cause);
            default -> new SpotreelException(code, reason, message, details, cause);
        };
    }

    private static String messageOf(Status status, ErrorCode code, boolean fromServer, String server) {
        String said = status.getDescription() == null ? code.name() : status.getDescription();
        if (fromServer || (code != ErrorCode.UNAVAILABLE && code != ErrorCode.DEADLINE_EXCEEDED)) {
            return said;
        }
        // Without ErrorInfo it is gRPC's own word, not the server's: no answer came at all. What the system said about
        // the connection is in the cause.
        Throwable cause = status.getCause();
        String why = cause == null || cause.getMessage() == null ? said : cause.getMessage();
        return "%s does not answer: %s.".formatted(server, why.replaceFirst("\\.$", ""));
    }

    private static Duration delayOf(RetryInfo retry) {
        return Duration.ofSeconds(
                retry.getRetryDelay().getSeconds(), retry.getRetryDelay().getNanos());
    }

    private static List<FieldViolation> violationsOf(BadRequest request) {
        return request.getFieldViolationsList().stream()
                .map(violation -> new FieldViolation(violation.getField(), violation.getDescription()))
                .toList();
    }

    private static List<Any> packedDetails(Metadata trailers) {
        byte[] raw = trailers == null ? null : trailers.get(DETAILS);
        if (raw == null) {
            return List.of();
        }
        try {
            return com.google.rpc.Status.parseFrom(raw).getDetailsList();
        } catch (InvalidProtocolBufferException e) {
            // A failure without details is worth more than a failure to read them.
            return List.of();
        }
    }

    private static <M extends Message> Optional<M> find(List<Any> packed, Class<M> kind) {
        for (Any detail : packed) {
            if (detail.is(kind)) {
                try {
                    return Optional.of(detail.unpack(kind));
                } catch (InvalidProtocolBufferException e) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }
}
