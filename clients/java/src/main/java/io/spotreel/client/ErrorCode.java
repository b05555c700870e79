package io.spotreel.client;

/** What kind of failure a {@link SpotreelException} is: the canonical codes of gRPC, and three of our own. */
public enum ErrorCode {
    /** The call was ended before it was answered. */
    CANCELLED,
    /** The server failed in a way that it did not foresee. */
    UNKNOWN,
    /** The request is wrong whatever the state of the server. */
    INVALID_ARGUMENT,
    /** The server did not answer in time. */
    DEADLINE_EXCEEDED,
    /** There is no such resource (any more). */
    NOT_FOUND,
    /** The id is taken by something else. */
    ALREADY_EXISTS,
    /** The API key does not allow it. */
    PERMISSION_DENIED,
    /** No room: too many requests, a full queue or disk, a budget. */
    RESOURCE_EXHAUSTED,
    /** The state of the resource does not allow it. */
    FAILED_PRECONDITION,
    /** Somebody else changed the same thing first. */
    ABORTED,
    /** An offset lies behind the end. */
    OUT_OF_RANGE,
    /** This server does not do it. */
    UNIMPLEMENTED,
    /** A bug of the server. */
    INTERNAL,
    /** The server does not answer. */
    UNAVAILABLE,
    /** Bytes do not agree with their checksum or size, also after they were asked for again. */
    DATA_LOSS,
    /** The API key is missing or wrong. */
    UNAUTHENTICATED,
    /** The call was fine, the work was not; see {@link JobFailedException}. */
    JOB_FAILED,
    /** The job was cancelled before it was done; see {@link JobCancelledException}. */
    JOB_CANCELLED,
    /** A file on this machine cannot be read or written; see {@link LocalFileException}. */
    LOCAL_FILE
}
