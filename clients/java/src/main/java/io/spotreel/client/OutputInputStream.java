package io.spotreel.client;

import io.spotreel.client.OutputReader.Piece;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Objects;

/** The output of a job as a stream that ends only when all of it has come and agrees with its size and SHA-256. */
final class OutputInputStream extends InputStream {
    private final OutputReader reader;
    private final MessageDigest sha256 = OutputReader.newSha256();
    private final boolean whole;
    private Piece piece = new Piece(new byte[0], false, 0, new byte[0]);
    private int position;

    OutputInputStream(Connection connection, String name, long offset) {
        this.reader = new OutputReader(connection, name, offset);
        this.whole = offset == 0;
    }

    @Override
    public int read() throws InterruptedIOException {
        return fill() ? piece.data()[position++] & 0xff : -1;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws InterruptedIOException {
        Objects.checkFromIndexSize(offset, length, buffer.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int count = Math.min(length, available());
        System.arraycopy(piece.data(), position, buffer, offset, count);
        position += count;
        return count;
    }

    @Override
    public int available() {
        return piece.data().length - position;
    }

    @Override
    public void close() {
        reader.close();
    }

    /** Whether there is something to read. */
    private boolean fill() throws InterruptedIOException {
        while (available() == 0) {
            if (piece.last()) {
                return false;
            }
            next();
        }
        return true;
    }

    private void next() throws InterruptedIOException {
        try {
            piece = reader.read();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(e.getMessage());
        }
        position = 0;
        sha256.update(piece.data());
        if (piece.last() && !agrees()) {
            throw reader.corrupted();
        }
    }

    private boolean agrees() {
        return reader.offset() == piece.sizeBytes() && (!whole || Arrays.equals(sha256.digest(), piece.sha256()));
    }
}
