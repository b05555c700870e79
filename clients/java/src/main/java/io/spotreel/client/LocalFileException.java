package io.spotreel.client;

import java.io.FileNotFoundException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** A file on this machine cannot be read or written, or is in the way; {@code path} in its metadata names it. */
public final class LocalFileException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    LocalFileException(String reason, String message, Path path, Throwable cause) {
        this(reason, message, path.toString(), cause);
    }

    private LocalFileException(String reason, String message, String path, Throwable cause) {
        super(ErrorCode.LOCAL_FILE, reason, message, Details.of(Map.of("path", path)), cause);
    }

    static LocalFileException exists(Path path) {
        return new LocalFileException(
                "FILE_EXISTS",
                path + " exists already; choose another name, or allow it to be overwritten.",
                path,
                null);
    }

    /** Throws with {@code reason} what no file on this machine can be called: NUL, or what its encoding has no bytes for. */
    static Path pathOf(String name, String reason) {
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new LocalFileException(
                    reason, "No file can be called '%s': %s.".formatted(name, e.getReason()), name, e);
        }
    }

    /** The words of the system; Java's own exceptions for the usual cases name the file, and little more. */
    static String why(Exception cause) {
        if (cause instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (cause instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (cause instanceof FileSystemException named && named.getReason() != null) {
            return named.getReason();
        }
        if (cause instanceof FileNotFoundException) {
            return cause.getMessage().replaceFirst("^.*\\((.*)\\)$", "$1");
        }
        return cause.getMessage();
    }
}
