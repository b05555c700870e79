package io.spotreel.client;

import io.spotreel.client.OutputReader.Piece;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;

/** Outputs come home: resumed where they broke, and believed only when size and SHA-256 agree. */
final class Download {
    // A job has at most 10 attempts; each may make its output anew.
    private static final int MOST_RESTARTS = 10;

    private final Connection connection;
    private final String name;
    private final Path target;
    private final boolean overwrite;
    private final boolean keepPartial;
    private final Consumer<Progress> onProgress;

    Download(Connection connection, String name, Path target, DownloadOptions options) {
        this.connection = connection;
        this.name = name;
        this.target = target;
        this.overwrite = options.overwrite();
        this.keepPartial = options.keepPartial();
        this.onProgress = options.onProgress();
    }

    /** Refuses a target that is in the way, before anything starts. */
    static void checkTarget(Path target, boolean overwrite) {
        if (target.toString().isEmpty()) {
            throw new LocalFileException("FILE_NAME_MISSING", "The output needs the name of a file.", target, null);
        }
        Path folder = target.toAbsolutePath().getParent();
        if (Files.isDirectory(target)) {
            throw refusal("FILE_IS_DIRECTORY", target, "is a directory; name a file in it");
        }
        if (Files.exists(target) && !Files.isRegularFile(target)) {
            throw refusal("FILE_IS_SPECIAL", target, "is no regular file; choose another name");
        }
        if (Files.exists(target) && !overwrite) {
            throw LocalFileException.exists(target);
        }
        if (!Files.isDirectory(folder)) {
            throw refusal("DIRECTORY_MISSING", target, "cannot be written: there is no directory " + folder);
        }
    }

    private static LocalFileException refusal(String reason, Path target, String why) {
        return new LocalFileException(reason, "%s %s.".formatted(target, why), target, null);
    }

    /**
     * Writes the output to the target, which is replaced at once when all of it has come and was verified. Until then it
     * grows in {@code <target>.part}.
     */
    void run() throws InterruptedException {
        PartialFile part = PartialFile.open(target);
        boolean worthKeeping = false;
        try {
            receive(part);
            part.finish(overwrite);
            part.close();
        } catch (ServerUnavailableException | LocalFileException e) {
            worthKeeping = keepPartial && part.size() > 0;
            throw e;
        } finally {
            // What was there before is not ours to throw away, whatever has failed.
            if (part.found() || worthKeeping) {
                part.close();
            } else {
                part.discard();
            }
        }
    }

    private void receive(PartialFile part) throws InterruptedException {
        try (OutputReader reader = new OutputReader(connection, name, part.size())) {
            for (int restarts = 0; restarts < MOST_RESTARTS; restarts++) {
                try {
                    Piece last = fill(part, reader);
                    if (part.size() == last.sizeBytes() && Arrays.equals(part.sha256(), last.sha256())) {
                        return;
                    }
                    if (!part.found()) {
                        throw reader.corrupted();
                    }
                    // What lay there may have been the beginning of something else.
                } catch (SpotreelException e) {
                    if (e.code() != ErrorCode.ABORTED && e.code() != ErrorCode.OUT_OF_RANGE) {
                        throw e;
                    }
                }
                reader.rewind();
                part.restart();
            }
        }
        throw new SpotreelException(
                ErrorCode.ABORTED,
                "OUTPUT_RESTARTED",
                "The output of %s was made anew %d times while it was read.".formatted(name, MOST_RESTARTS));
    }

    private Piece fill(PartialFile part, OutputReader reader) throws InterruptedException {
        while (true) {
            Piece piece = reader.read();
            part.append(piece.data());
            onProgress.accept(Progress.ofFile(Step.DOWNLOADING, target, part.size(), piece.sizeBytes()));
            if (piece.last()) {
                return piece;
            }
        }
    }
}
