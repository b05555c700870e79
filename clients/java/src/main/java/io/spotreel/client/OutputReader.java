package io.spotreel.client;

import io.grpc.stub.BlockingClientCall;
import io.spotreel.orchestrator.v1.ReadJobOutputRequest;
import io.spotreel.orchestrator.v1.ReadJobOutputResponse;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.zip.CRC32C;

/** Reads one job's output from {@code offset} on, chunk by chunk, each checked against its offset and CRC32C. */
final class OutputReader implements AutoCloseable {
    // A chunk that is bad this often in a row was not damaged on the way.
    private static final int MOST_BAD_CHUNKS = 4;

    private final Connection connection;
    private final String name;
    private final ResumingStream<ReadJobOutputResponse, Piece> stream;
    private long offset;
    private int attempt;
    private int badChunks;

    /** Bytes of an output that agree with their checksum; with {@code last} come the size and digest of the whole. */
    record Piece(byte[] data, boolean last, long sizeBytes, byte[] sha256) {}

    OutputReader(Connection connection, String name, long offset) {
        this.connection = connection;
        this.name = name;
        this.offset = offset;
        this.stream = new ResumingStream<>(connection, this::start, this::accept);
    }

    /** Where the next piece starts. */
    long offset() {
        return offset;
    }

    Piece read() throws InterruptedException {
        return stream.read();
    }

    /** Takes whatever attempt there is, from the start. */
    void rewind() {
        stream.close();
        offset = 0;
        attempt = 0;
    }

    @Override
    public void close() {
        stream.close();
    }

    /** What is thrown when the whole does not agree with its size or SHA-256. */
    SpotreelException corrupted() {
        return new SpotreelException(
                ErrorCode.DATA_LOSS,
                "OUTPUT_CORRUPTED",
                "The output of %s does not agree with its size or SHA-256.".formatted(name),
                SpotreelException.Details.of(Map.of("job", name)),
                null);
    }

    static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    private BlockingClientCall<?, ReadJobOutputResponse> start() {
        return connection.jobStreams()
                .readJobOutput(ReadJobOutputRequest.newBuilder()
                        .setName(name)
                        .setReadOffset(offset)
                        .setAttempt(attempt)
                        .build());
    }

    private Piece accept(ReadJobOutputResponse message) {
        byte[] data = message.getData().toByteArray();
        if (data.length > 0) {
            if (message.getOffset() != offset || crc32cOf(data) != message.getCrc32C()) {
                throw refusal();
            }
            badChunks = 0;
            offset += data.length;
        }
        if (message.getAttempt() != 0) {
            attempt = message.getAttempt();
        }
        return new Piece(data, message.getLast(), message.getSizeBytes(), message.getSha256().toByteArray());
    }

    static int crc32cOf(byte[] data) {
        CRC32C checksum = new CRC32C();
        checksum.update(data);
        return (int) checksum.getValue();
    }

    private SpotreelException refusal() {
        badChunks++;
        String text = "The chunk of %s at byte %d does not agree with its checksum or its place".formatted(name, offset);
        if (badChunks > MOST_BAD_CHUNKS) {
            return new SpotreelException(
                    ErrorCode.DATA_LOSS, "CHUNK_CORRUPTED", "%s, %d times in a row.".formatted(text, badChunks));
        }
        return ServerUnavailableException.brokenStream("CHUNK_CORRUPTED", text + ".", null);
    }
}
