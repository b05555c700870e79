package io.spotreel.client;

/** There is no such job or asset (any more). */
public final class NotFoundException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    NotFoundException(String reason, String message, Details details, Throwable cause) {
        super(ErrorCode.NOT_FOUND, reason, message, details, cause);
    }
}
