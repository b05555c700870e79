package io.spotreel.client;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Something could not be done.
 *
 * <p>Unchecked, as gRPC's own exceptions are: nearly every call can fail in this way, few callers can do something about
 * it where the call is made, and iterators, streams and lambdas cannot pass on a checked one.
 *
 * <p>Kinds that callers treat differently have a class of their own; {@link #code()} tells the others apart.
 */
public class SpotreelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final String reason;
    private final Details details;

    /** What the server says beside code, reason and message; {@code retryDelay} may be null. */
    record Details(
            Map<String, String> metadata, Duration retryDelay, String requestId, List<FieldViolation> violations)
            implements Serializable {
        static final Details NONE = new Details(Map.of(), null, "", List.of());

        static Details of(Map<String, String> metadata) {
            return new Details(Map.copyOf(metadata), null, "", List.of());
        }
    }

    SpotreelException(ErrorCode code, String reason, String message, Details details, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.reason = reason;
        this.details = details;
    }

    SpotreelException(ErrorCode code, String reason, String message) {
        this(code, reason, message, Details.NONE, null);
    }

    /**
     * The kind of failure.
     *
     * @return the canonical code
     */
    public final ErrorCode code() {
        return code;
    }

    /**
     * Why it failed, for programs.
     *
     * @return the server's reason such as {@code JOB_NOT_FOUND}, or the name of the code where it gave none
     */
    public final String reason() {
        return reason;
    }

    /**
     * The values that the message names.
     *
     * @return an unmodifiable map
     */
    public final Map<String, String> metadata() {
        return details.metadata;
    }

    /**
     * How long the server asks to wait before the next try.
     *
     * @return the time, or empty where it does not say
     */
    public final Optional<Duration> retryDelay() {
        return Optional.ofNullable(details.retryDelay);
    }

    /**
     * What finds the call in the server's log.
     *
     * @return the id; empty where no server was involved
     */
    public final String requestId() {
        return details.requestId;
    }

    /**
     * The fields that are wrong, with {@link ErrorCode#INVALID_ARGUMENT}.
     *
     * @return an unmodifiable list
     */
    public final List<FieldViolation> violations() {
        return details.violations;
    }

    /** Whether the same call may succeed soon. */
    boolean isTransient() {
        return code == ErrorCode.RESOURCE_EXHAUSTED && details.retryDelay != null;
    }
}
