package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.spotreel.media.v1.MediaSource;
import io.spotreel.orchestrator.v1.UploadAssetRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class UploadTest {
    private static final int MEBIBYTE = 1024 * 1024;

    private final FakeServer server = new FakeServer();
    private final SpotreelClient client = server.client();
    private final byte[] content = new byte[3 * MEBIBYTE + 5];

    @TempDir
    Path folder;

    private Path file;

    UploadTest() throws IOException {
        new Random(1).nextBytes(content);
    }

    @BeforeEach
    void write() throws IOException {
        file = Files.write(folder.resolve("in.mp4"), content);
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    private String upload() throws InterruptedException {
        return client.uploadAsset(file, progress -> {}).getName();
    }

    private String expected() {
        return "assets/" + HexFormat.of().formatHex(OutputReader.newSha256().digest(content));
    }

    private List<Long> offsets() {
        return server.uploads.stream().map(UploadAssetRequest.Start::getWriteOffset).toList();
    }

    @Test
    void sendsAFileAndReportsEachPiece() throws InterruptedException {
        List<Progress> reports = new ArrayList<>();
        assertEquals(expected(), client.uploadAsset(file, reports::add).getName());
        assertEquals(4, reports.size());
        assertEquals(Progress.ofFile(Step.UPLOADING, file, content.length, content.length), reports.get(3));
        assertEquals("in.mp4", server.uploads.get(0).getFileName());
    }

    @Test
    void sendsNothingThatTheServerHas() throws InterruptedException {
        server.keep(content);
        assertEquals(expected(), upload());
        assertEquals(List.of("GetAsset"), server.calls);
    }

    @Test
    void goesOnWhereTheUploadStands() throws InterruptedException {
        server.cutUpload.arm(1, 2 * MEBIBYTE);
        assertEquals(expected(), upload());
        assertEquals(List.of(0L, 2L * MEBIBYTE), offsets());
        assertEquals(server.uploads.get(0).getUploadId(), server.uploads.get(1).getUploadId());
    }

    @Test
    void takesAnAnswerBeforeTheEnd() throws InterruptedException {
        server.answerUploadEarly.arm(1, 0);
        assertEquals("assets/known", upload());
    }

    @Test
    void sendsADamagedChunkAgainThreeTimes() throws InterruptedException {
        server.damageUpload.arm(3, 0);
        assertEquals(expected(), upload());
        assertEquals(4, server.uploads.size());
    }

    @Test
    void givesUpOnAChunkThatStaysDamaged() {
        server.damageUpload.arm(4, 0);
        SpotreelException e = assertThrows(SpotreelException.class, this::upload);
        assertEquals(ErrorCode.DATA_LOSS, e.code());
        assertEquals("CHECKSUM_MISMATCH", e.reason());
    }

    @Test
    void noticesThatTheFileChangesMeanwhile() {
        Consumer<Progress> grow = progress -> {
            try {
                Files.write(file, new byte[1], StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        };
        LocalFileException e = assertThrows(LocalFileException.class, () -> client.uploadAsset(file, grow));
        assertEquals("FILE_CHANGED", e.reason());
    }

    @Test
    void noticesThatTheFileShrinksMeanwhile() {
        Consumer<Progress> empty = progress -> {
            try {
                Files.write(file, new byte[0]);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        };
        LocalFileException e = assertThrows(LocalFileException.class, () -> client.uploadAsset(file, empty));
        assertEquals("FILE_CHANGED", e.reason());
    }

    @Test
    void saysWhyAFileCannotBeRead() throws InterruptedException {
        file = folder.resolve("missing.mp4");
        LocalFileException e = assertThrows(LocalFileException.class, this::upload);
        assertEquals("FILE_UNREADABLE", e.reason());
        assertEquals(file + " cannot be read: No such file or directory.", e.getMessage());
        assertEquals(List.of(), server.calls);
    }

    @Test
    void refusesWhatIsNoFile() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (Path path : List.of(folder, pipe, Path.of("/dev/null"))) {
            file = path;
            LocalFileException e = assertThrows(LocalFileException.class, this::upload);
            assertEquals("FILE_UNREADABLE", e.reason());
            assertEquals(path + " is no file.", e.getMessage());
        }
        assertEquals(List.of(), server.calls);
    }

    @Test
    void refusesANameThatNoFileCanHave() {
        LocalFileException e = assertThrows(LocalFileException.class, () -> client.source("in\0.mp4"));
        assertEquals("FILE_UNREADABLE", e.reason());
        assertEquals("in\0.mp4", e.metadata().get("path"));
    }

    @Test
    void anInterruptEndsIt() {
        Consumer<Progress> interrupt = progress -> Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> client.uploadAsset(file, interrupt));
        assertFalse(Thread.interrupted());
    }

    @Test
    void sourcesAreUrlsAssetsOrFiles() throws InterruptedException {
        assertEquals(MediaSource.newBuilder().setUri("https://a.example/b").build(), client.source("https://a.example/b"));
        assertEquals(MediaSource.newBuilder().setAsset("assets/00").build(), client.source("assets/00"));
        assertEquals(MediaSource.newBuilder().setAsset(expected()).build(), client.source(file.toString()));
    }
}
