package io.spotreel.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.spotreel.orchestrator.v1.Asset;
import io.spotreel.orchestrator.v1.GetAssetRequest;
import io.spotreel.orchestrator.v1.GetUploadRequest;
import io.spotreel.orchestrator.v1.GetUploadResponse;
import io.spotreel.orchestrator.v1.UploadAssetRequest;
import io.spotreel.orchestrator.v1.UploadAssetResponse;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** Inputs go to the server: once for the same content, and on from where a broken upload stands. */
final class Upload {
    private static final int CHUNK_BYTES = 1024 * 1024;
    private static final int MOST_NAME_CHARACTERS = 255;
    // A message that cannot be sent for this long: the other side is gone, or its disk hangs.
    private static final int WRITE_TIMEOUT_SECONDS = 30;
    private static final int MOST_DAMAGED = 3;

    private final Connection connection;
    private final Content content;
    private final Consumer<Progress> onProgress;
    private final String uploadId = UUID.randomUUID().toString();
    private boolean started;
    private int damaged;
    private long sent;

    /** A local file as it was when its digest was taken. */
    private record Content(Path path, long size, FileTime modified, byte[] sha256) {
        static Content of(Path path) throws InterruptedException {
            // Opening a pipe would wait for its other end.
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw new LocalFileException("FILE_UNREADABLE", path + " is no file.", path, null);
            }
            // Not a channel: that closes itself when the thread is interrupted.
            try (InputStream file = new FileInputStream(path.toFile())) {
                BasicFileAttributes before = Files.readAttributes(path, BasicFileAttributes.class);
                MessageDigest digest = OutputReader.newSha256();
                byte[] buffer = new byte[CHUNK_BYTES];
                for (int read; (read = file.read(buffer)) > 0; ) {
                    if (Thread.interrupted()) {
                        throw new InterruptedException("interrupted while " + path + " was read");
                    }
                    digest.update(buffer, 0, read);
                }
                return new Content(path, before.size(), before.lastModifiedTime(), digest.digest());
            } catch (IOException e) {
                throw unreadable(path, e);
            }
        }

        void checkUnchanged() throws IOException {
            BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
            if (now.size() != size || !now.lastModifiedTime().equals(modified)) {
                throw changed();
            }
        }

        LocalFileException changed() {
            return new LocalFileException(
                    "FILE_CHANGED",
                    path + " was changed while it was uploaded; wait until it is complete and try again.",
                    path,
                    null);
        }
    }

    private Upload(Connection connection, Content content, Consumer<Progress> onProgress) {
        this.connection = connection;
        this.content = content;
        this.onProgress = onProgress;
    }

    /** Returns the asset with the content of {@code path}; sends the content only where the server lacks it. */
    static Asset run(Connection connection, Path path, Consumer<Progress> onProgress) throws InterruptedException {
        Content content = Content.of(path);
        GetAssetRequest request = GetAssetRequest.newBuilder()
                .setName("assets/" + HexFormat.of().formatHex(content.sha256))
                .build();
        try {
            return connection.call(() -> connection.assets().getAsset(request)).getAsset();
        } catch (NotFoundException e) {
            return new Upload(connection, content, onProgress).persist();
        }
    }

    private Asset persist() throws InterruptedException {
        while (true) {
            long before = sent;
            try {
                return Retry.persist(this::tryOnce, connection.patience());
            } catch (ServerUnavailableException e) {
                // Patience counts from the last progress, not from the start of a long upload.
                if (sent <= before) {
                    throw e;
                }
            }
        }
    }

    private Asset tryOnce() throws InterruptedException {
        long committed = 0;
        if (started) {
            Optional<GetUploadResponse> upload = upload();
            if (upload.isPresent() && upload.get().hasAsset()) {
                return upload.get().getAsset();
            }
            committed = upload.map(GetUploadResponse::getCommittedBytes).orElse(0L);
        }
        try {
            return send(committed);
        } catch (IOException e) {
            throw unreadable(content.path, e);
        }
    }

    /** How far the upload is; empty where nothing of it has arrived. */
    private Optional<GetUploadResponse> upload() throws InterruptedException {
        GetUploadRequest request =
                GetUploadRequest.newBuilder().setUploadId(uploadId).build();
        try {
            return Optional.of(connection.call(() -> connection.assets().getUpload(request)));
        } catch (NotFoundException e) {
            return Optional.empty();
        }
    }

    private Asset send(long offset) throws IOException, InterruptedException {
        BlockingClientCall<UploadAssetRequest, UploadAssetResponse> call =
                connection.assetStreams().uploadAsset();
        started = true;
        try {
            writeAll(call, offset);
            // The server verifies the whole before it answers, which takes a while for many GiB.
            UploadAssetResponse response = call.read();
            if (response == null) {
                throw connection.failure(Status.INTERNAL.withDescription("The upload was not answered."), null, null);
            }
            return response.getAsset();
        } catch (StatusException e) {
            throw perhapsDamaged(connection.failure(e));
        } catch (TimeoutException e) {
            throw ServerUnavailableException.brokenStream(
                    "STREAM_SILENT",
                    "%s has not taken a chunk for %d s.".formatted(connection.server(), WRITE_TIMEOUT_SECONDS),
                    e);
        } finally {
            Connection.drop(call);
        }
    }

    /** Writes until all is sent, or the server has answered: with the asset it knows already, or with an error. */
    private void writeAll(BlockingClientCall<UploadAssetRequest, UploadAssetResponse> call, long offset)
            throws IOException, InterruptedException, StatusException, TimeoutException {
        if (!write(call, UploadAssetRequest.newBuilder().setStart(start(offset)))) {
            return;
        }
        try (InputStream file = new FileInputStream(content.path.toFile())) {
            file.skipNBytes(offset);
            while (offset < content.size) {
                byte[] data = file.readNBytes((int) Math.min(CHUNK_BYTES, content.size - offset));
                if (data.length == 0) {
                    throw content.changed();
                }
                if (!write(call, UploadAssetRequest.newBuilder().setData(chunk(offset, data)))) {
                    return;
                }
                offset += data.length;
                sent = Math.max(sent, offset);
                onProgress.accept(Progress.ofFile(Step.UPLOADING, content.path, offset, content.size));
            }
        }
        content.checkUnchanged();
        if (write(call, UploadAssetRequest.newBuilder().setFinish(UploadAssetRequest.Finish.getDefaultInstance()))) {
            call.halfClose();
        }
    }

    private UploadAssetRequest.Start start(long offset) {
        String fileName = content.path.getFileName().toString();
        return UploadAssetRequest.Start.newBuilder()
                .setUploadId(uploadId)
                .setSha256(ByteString.copyFrom(content.sha256))
                .setSizeBytes(content.size)
                .setWriteOffset(offset)
                .setFileName(fileName.substring(0, Math.min(MOST_NAME_CHARACTERS, fileName.length())))
                .build();
    }

    private static UploadAssetRequest.Data chunk(long offset, byte[] data) {
        return UploadAssetRequest.Data.newBuilder()
                .setOffset(offset)
                // Nobody else has the array.
                .setData(UnsafeByteOperations.unsafeWrap(data))
                .setCrc32C(OutputReader.crc32cOf(data))
                .build();
    }

    /** Waits until the call takes the message, so that no more than one is in memory; false: the call has ended. */
    private static boolean write(
            BlockingClientCall<UploadAssetRequest, UploadAssetResponse> call, UploadAssetRequest.Builder message)
            throws InterruptedException, StatusException, TimeoutException {
        return call.write(message.build(), WRITE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    /** Bytes that were damaged on the way, or a place that was lost, are worth another try, while the file is the same. */
    private SpotreelException perhapsDamaged(SpotreelException e) throws IOException {
        switch (e.code()) {
            case DATA_LOSS, OUT_OF_RANGE, ABORTED -> content.checkUnchanged();
            default -> {
                return e;
            }
        }
        damaged++;
        return damaged > MOST_DAMAGED ? e : ServerUnavailableException.brokenStream(e.reason(), e.getMessage(), e);
    }

    private static LocalFileException unreadable(Path path, IOException cause) {
        return new LocalFileException(
                "FILE_UNREADABLE",
                "%s cannot be read: %s.".formatted(path, LocalFileException.why(cause)),
                path,
                cause);
    }
}
