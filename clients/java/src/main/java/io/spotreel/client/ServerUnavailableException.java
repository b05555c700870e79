package io.spotreel.client;

/** The server does not answer, or not in time, also after the call was tried again: try later. */
public class ServerUnavailableException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    ServerUnavailableException(ErrorCode code, String reason, String message, Details details, Throwable cause) {
        super(code, reason, message, details, cause);
    }

    @Override
    boolean isTransient() {
        return true;
    }

    /** A stream ended, fell silent or brought a bad chunk: what came before is good, the rest is asked for again. */
    static ServerUnavailableException brokenStream(String reason, String message, Throwable cause) {
        return new ServerUnavailableException(ErrorCode.UNAVAILABLE, reason, message, Details.NONE, cause);
    }
}
