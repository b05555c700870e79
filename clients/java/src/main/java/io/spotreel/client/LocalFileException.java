package io.spotreel.client;

import java.io.FileNotFoundException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** A file on this machine cannot be read or written, or is in the way; {@code path} in its metadata names it. */
public final class LocalFileException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    LocalFileException(String reason, String message, Path path, Throwable cause) {
        super(ErrorCode.LOCAL_FILE, reason, message, Details.of(Map.of("path", path.toString())), cause);
    }

    /** The words of the system; Java's own exceptions for the usual cases name the file, and little more. */
    static String why(Exception cause) {
        if (cause instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (cause instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (cause instanceof FileNotFoundException) {
            return cause.getMessage().replaceFirst("^.*\\((.*)\\)$", "$1");
        }
        return cause.getMessage();
    }
}
