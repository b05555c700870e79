package io.spotreel.client;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.regex.Pattern;

/**
 * {@code <target>.part}, which grows beside its target and takes its place when it is whole, with the SHA-256 of what it
 * holds. What an earlier download has left is taken up. Throws LocalFileException (DISK_FULL, FILE_UNWRITABLE).
 */
final class PartialFile {
    private static final int READ_BYTES = 1024 * 1024;
    // Java passes on what the system says, and has no number for it.
    private static final Pattern NO_SPACE = Pattern.compile("No space left|quota exceeded|File too large");

    private final Path target;
    private final Path path;
    // Not a FileChannel: that closes itself when the thread is interrupted.
    private final RandomAccessFile file;
    private final MessageDigest sha256 = OutputReader.newSha256();
    private long size;

    /** Opens the file, or makes it, and reads what it holds. */
    PartialFile(Path target) throws InterruptedException {
        this.target = target;
        this.path = target.resolveSibling(target.getFileName() + ".part");
        try {
            file = new RandomAccessFile(path.toFile(), "rw");
        } catch (IOException e) {
            throw failure(e);
        }
        boolean complete = false;
        try {
            byte[] buffer = new byte[READ_BYTES];
            for (int read; (read = file.read(buffer)) > 0; size += read) {
                if (Thread.interrupted()) {
                    throw new InterruptedException("interrupted while " + path + " was read");
                }
                sha256.update(buffer, 0, read);
            }
            complete = true;
        } catch (IOException e) {
            throw failure(e);
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    long size() {
        return size;
    }

    /** The digest of what is there; may be asked for once. */
    byte[] sha256() {
        return sha256.digest();
    }

    /** Adds bytes at the end. */
    void append(byte[] data) {
        try {
            file.write(data);
        } catch (IOException e) {
            throw failure(e);
        }
        sha256.update(data);
        size += data.length;
    }

    /** Throws away what is there. */
    void restart() {
        try {
            file.setLength(0);
            file.seek(0);
        } catch (IOException e) {
            throw failure(e);
        }
        sha256.reset();
        size = 0;
    }

    /** Puts the file in its target's place, at once. */
    void finish() {
        try {
            file.close();
            Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Closes the file and leaves it; may be repeated, and never hides why. */
    void close() {
        try {
            file.close();
        } catch (IOException e) {
            // All that was written has been written before.
        }
    }

    /** Closes the file and removes it; may be repeated, and never hides why. */
    void discard() {
        close();
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // It is taken up, or thrown away, by the next download.
        }
    }

    private LocalFileException failure(IOException cause) {
        boolean full = cause.getMessage() != null && NO_SPACE.matcher(cause.getMessage()).find();
        return new LocalFileException(
                full ? "DISK_FULL" : "FILE_UNWRITABLE",
                "%s cannot be written: %s.".formatted(path, full ? "no space is left" : LocalFileException.why(cause)),
                path,
                cause);
    }
}
