package io.spotreel.client;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * {@code <target>.part}, which grows beside its target and takes its place when it is whole, with the SHA-256 of what it
 * holds. What an earlier download has left is taken up. Nobody else writes it meanwhile. Throws LocalFileException
 * (FILE_IN_USE, FILE_CHANGED, FILE_EXISTS, DISK_FULL, FILE_UNWRITABLE).
 */
final class PartialFile {
    private static final int READ_BYTES = 1024 * 1024;
    // A quota and a limit are only told by the system's words, which may be in another language.
    private static final Pattern NO_SPACE = Pattern.compile("No space left|quota exceeded|File too large");
    // The lock is of the whole process, which loses it as soon as it closes the file anywhere: within the process nothing
    // may as much as open the file, and names tell who writes.
    private static final Set<Path> WRITTEN = ConcurrentHashMap.newKeySet();

    private final Path target;
    private final Path path;
    private final Path written;
    // Not a FileChannel: that closes itself when the thread is interrupted.
    private final RandomAccessFile file;
    // What the system knows the file by, also under another name; null where it has nothing of that kind.
    private final Object identity;
    private final MessageDigest sha256 = OutputReader.newSha256();
    private long size;
    private boolean found;

    /** What a link points to is what is written. */
    private static Path followed(Path target) {
        try {
            return Files.isSymbolicLink(target) ? target.toRealPath() : target;
        } catch (IOException e) {
            return target; // It points to nothing.
        }
    }

    /** Opens the file, or makes it, and locks it: until {@link #close}, or the end of the process, it is ours. */
    private PartialFile(Path target) {
        this.target = followed(target);
        this.path = this.target.resolveSibling(this.target.getFileName() + ".part");
        try {
            written = path.toAbsolutePath().getParent().toRealPath().resolve(path.getFileName());
        } catch (IOException e) {
            throw failure(e, 0);
        }
        if (!WRITTEN.add(written)) {
            throw inUse(null);
        }
        RandomAccessFile opened = null;
        boolean locked = false;
        try {
            Object named;
            do {
                closeQuietly(opened);
                named = make();
                opened = new RandomAccessFile(path.toFile(), "rw");
                lock(opened);
                // Who had it before us may have given it its name or removed it.
            } while (!isNamed(named));
            file = opened;
            identity = named;
            found = file.length() > 0;
            locked = true;
        } catch (IOException e) {
            throw failure(e, 0);
        } finally {
            if (!locked) {
                closeQuietly(opened);
                WRITTEN.remove(written);
            }
        }
    }

    /** Opens the file, or makes it, and reads what it holds. */
    static PartialFile open(Path target) throws InterruptedException {
        PartialFile part = new PartialFile(target);
        boolean complete = false;
        try {
            part.read();
            complete = true;
            return part;
        } finally {
            if (!complete) {
                part.leave();
            }
        }
    }

    /** Throws what {@link #open} would, and leaves all as it was. */
    static void check(Path target) {
        new PartialFile(target).leave();
    }

    /** Returns the identity of the file, which is there then. */
    private Object make() throws IOException {
        while (true) {
            try {
                Files.createFile(path);
            } catch (FileAlreadyExistsException e) {
                // It is taken up.
            }
            try {
                BasicFileAttributes attributes = attributes();
                if (!attributes.isRegularFile()) {
                    // Opening a pipe would wait for its other end, and a link leads elsewhere.
                    throw new IOException("it is no file");
                }
                return attributes.fileKey();
            } catch (NoSuchFileException e) {
                // Whoever had it has just finished.
            }
        }
    }

    private void lock(RandomAccessFile opened) throws IOException {
        try {
            if (opened.getChannel().tryLock() == null) {
                throw inUse(null);
            }
        } catch (OverlappingFileLockException e) {
            // Another copy of this class, of another class loader.
            throw inUse(e);
        }
    }

    private BasicFileAttributes attributes() throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private boolean isNamed(Object named) throws IOException {
        try {
            return Objects.equals(named, attributes().fileKey());
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private void read() throws InterruptedException {
        byte[] buffer = new byte[READ_BYTES];
        try {
            for (int read; (read = file.read(buffer)) > 0; size += read) {
                if (Thread.interrupted()) {
                    throw new InterruptedException("interrupted while " + path + " was read");
                }
                sha256.update(buffer, 0, read);
            }
        } catch (IOException e) {
            throw failure(e, 0);
        }
    }

    long size() {
        return size;
    }

    /** Whether it holds what an earlier download has left. */
    boolean found() {
        return found;
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
            throw failure(e, data.length);
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
            throw failure(e, 0);
        }
        sha256.reset();
        size = 0;
        found = false;
    }

    /** Puts the file in its target's place, at once. It stays ours: close it. */
    void finish(boolean overwrite) {
        try {
            if (file.length() != size || !isNamed(identity)) {
                throw new LocalFileException(
                        "FILE_CHANGED", path + " was changed by something else while it was written.", path, null);
            }
            if (!overwrite && Files.exists(target)) {
                throw LocalFileException.exists(target);
            }
            Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failure(e, 0);
        }
    }

    /** Closes the file and leaves it; may be repeated, and never hides why. */
    void close() {
        if (file.getChannel().isOpen()) {
            closeQuietly(file);
            WRITTEN.remove(written);
        }
    }

    /** Closes the file and removes it; never hides why. */
    void discard() {
        try {
            // While it is ours: a moment later it may be somebody else's.
            if (isNamed(identity)) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            // It is taken up, or thrown away, by the next download.
        }
        close();
    }

    /** Closes the file; removes it if nothing was in it. */
    private void leave() {
        if (found) {
            close();
        } else {
            discard();
        }
    }

    private static void closeQuietly(RandomAccessFile file) {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            // All that was written has been written before.
        }
    }

    private LocalFileException inUse(Exception cause) {
        return new LocalFileException(
                "FILE_IN_USE", path + " is being written by another download.", path, cause);
    }

    private LocalFileException failure(IOException cause, long wanted) {
        boolean full = lacks(wanted)
                || cause.getMessage() != null && NO_SPACE.matcher(cause.getMessage()).find();
        return new LocalFileException(
                full ? "DISK_FULL" : "FILE_UNWRITABLE",
                "%s cannot be written: %s.".formatted(path, full ? "no space is left" : LocalFileException.why(cause)),
                path,
                cause);
    }

    /** Whether the disk has no room for so many bytes. */
    private boolean lacks(long wanted) {
        try {
            return Files.getFileStore(path).getUsableSpace() < wanted;
        } catch (IOException e) {
            return false;
        }
    }
}
