package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spotreel.orchestrator.v1.ReadJobOutputRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DownloadTest {
    // The lock that Java takes, taken by another process.
    private static final String LOCK =
            "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB);";

    private final FakeServer server = new FakeServer();
    private final SpotreelClient client = server.client();

    @TempDir
    Path folder;

    private Path to;
    private Path part;

    DownloadTest() throws IOException {
        new Random(1).nextBytes(server.output);
    }

    @BeforeEach
    void name() {
        to = folder.resolve("out.mp4");
        part = folder.resolve("out.mp4.part");
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    private void download() throws InterruptedException {
        client.downloadOutput(FakeServer.JOB, to);
    }

    private void download(DownloadOptions.Builder options) throws InterruptedException {
        client.downloadOutput(FakeServer.JOB, to, options.build());
    }

    private List<Long> offsets() {
        return server.reads.stream().map(ReadJobOutputRequest::getReadOffset).toList();
    }

    private void assertWhole() throws IOException {
        assertArrayEquals(server.output, Files.readAllBytes(to));
        assertFalse(Files.exists(part));
    }

    @Test
    void writesTheOutputAndReportsEachPiece() throws Exception {
        List<Progress> reports = new ArrayList<>();
        download(DownloadOptions.builder().onProgress(reports::add));
        assertWhole();
        assertEquals(10, reports.size());
        assertEquals(Progress.ofFile(Step.DOWNLOADING, to, 10_000, 10_000), reports.get(9));
        assertEquals(0.5, reports.get(4).fraction().orElseThrow());
    }

    @Test
    void goesOnWhereTheStreamBrokeWithTheSameAttempt() throws Exception {
        server.cutDownload.arm(2, 3000);
        download();
        assertWhole();
        assertEquals(List.of(0L, 3000L, 6000L), offsets());
        assertEquals(
                List.of(0, 7, 7),
                server.reads.stream().map(ReadJobOutputRequest::getAttempt).toList());
    }

    @Test
    void asksAgainForADamagedChunk() throws Exception {
        server.corruptChunk.arm(4, 0);
        download();
        assertWhole();
        assertEquals(List.of(0L, 0L, 0L, 0L, 0L), offsets());
    }

    @Test
    void givesUpOnAChunkThatStaysDamaged() {
        server.corruptChunk.arm(5, 0);
        SpotreelException e = assertThrows(SpotreelException.class, this::download);
        assertEquals(ErrorCode.DATA_LOSS, e.code());
        assertEquals("CHUNK_CORRUPTED", e.reason());
        assertFalse(Files.exists(part));
    }

    @Test
    void startsOverWhereTheOutputIsMadeAnew() throws Exception {
        server.restartOutput.arm(1, 5000);
        download();
        assertWhole();
        assertEquals(List.of(0L, 0L), offsets());
        assertEquals(0, server.reads.get(1).getAttempt());
    }

    @Test
    void givesUpOnAnOutputThatIsMadeAnewAgainAndAgain() {
        server.restartOutput.arm(1000, 1000);
        SpotreelException e = assertThrows(SpotreelException.class, this::download);
        assertEquals("OUTPUT_RESTARTED", e.reason());
        assertEquals(10, server.reads.size());
        assertFalse(Files.exists(part));
    }

    @Test
    void doesNotBelieveAnotherSha256() {
        server.wrongSha256.arm(1, 0);
        SpotreelException e = assertThrows(SpotreelException.class, this::download);
        assertEquals("OUTPUT_CORRUPTED", e.reason());
        assertFalse(Files.exists(to));
        assertFalse(Files.exists(part));
    }

    @Test
    void takesUpWhatAnEarlierDownloadHasLeft() throws Exception {
        Files.write(part, Arrays.copyOf(server.output, 4321));
        download();
        assertWhole();
        assertEquals(List.of(4321L), offsets());
    }

    @ParameterizedTest
    @ValueSource(ints = {4321, 20_000})
    void startsOverWhereWhatWasLeftIsSomethingElse(int bytes) throws Exception {
        Files.write(part, new byte[bytes]);
        download();
        assertWhole();
        assertEquals(List.of((long) bytes, 0L), offsets());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void leavesWhatHasComeWhereTheServerStaysAway(boolean keep) throws Exception {
        server.cutDownload.arm(1000, 2000);
        try (SpotreelClient impatient = SpotreelClient.builder()
                .server(server.address())
                .patience(Duration.ZERO)
                .connect()) {
            DownloadOptions options =
                    DownloadOptions.builder().keepPartial(keep).build();
            assertThrows(
                    ServerUnavailableException.class, () -> impatient.downloadOutput(FakeServer.JOB, to, options));
        }
        assertEquals(keep, Files.exists(part));
        if (keep) {
            assertArrayEquals(Arrays.copyOf(server.output, 2000), Files.readAllBytes(part));
        }
    }

    @Test
    void anInterruptEndsItAndLeavesNothing() {
        Consumer<Progress> interrupt = progress -> Thread.currentThread().interrupt();
        assertThrows(
                InterruptedException.class, () -> download(DownloadOptions.builder().onProgress(interrupt)));
        assertFalse(Files.exists(part));
        assertFalse(Thread.interrupted());
    }

    @Test
    void aSlowDiskHoldsTheServerUp() throws Exception {
        server.output = new byte[64 * 1024 * 1024];
        server.chunkBytes = 1024 * 1024;
        AtomicLong ahead = new AtomicLong(-1);
        // Leaves the server time enough to send it all, if it may.
        Consumer<Progress> dawdle = progress -> {
            for (int i = 0; ahead.get() < 0 && i < 300; i++) {
                client.getJob(FakeServer.JOB);
            }
            ahead.compareAndSet(-1, server.outputBytesSent.get());
        };
        download(DownloadOptions.builder().onProgress(dawdle));
        assertWhole();
        assertTrue(ahead.get() <= 16 * 1024 * 1024, "bytes sent ahead: " + ahead);
    }

    @Test
    void refusesATargetThatIsInTheWayBeforeAnythingStarts() throws Exception {
        Files.writeString(to, "mine");
        assertReason("FILE_EXISTS", to);
        assertReason("FILE_IS_DIRECTORY", folder);
        assertReason("FILE_IS_SPECIAL", Path.of("/dev/null"));
        assertReason("DIRECTORY_MISSING", folder.resolve("missing/out.mp4"));
        assertEquals(List.of(), server.calls);
        download(DownloadOptions.builder().overwrite(true));
        assertWhole();
    }

    private void assertReason(String reason, Path target) {
        assertReason(reason, target, target);
    }

    private void assertReason(String reason, Path target, Path named) {
        LocalFileException e =
                assertThrows(LocalFileException.class, () -> client.downloadOutput(FakeServer.JOB, target));
        assertEquals(reason, e.reason());
        assertEquals(named.toString(), e.metadata().get("path"));
    }

    @Test
    void saysWhyAFileCannotBeWritten() throws Exception {
        Files.createDirectory(part);
        LocalFileException e = assertThrows(LocalFileException.class, this::download);
        assertEquals("FILE_UNWRITABLE", e.reason());
        assertEquals(part + " cannot be written: it is no file.", e.getMessage());
    }

    @Test
    void refusesATargetWithoutAName() throws Exception {
        assertReason("FILE_NAME_MISSING", Path.of(""));
        assertEquals(List.of(), server.calls);
    }

    @Test
    void aSecondDownloadToTheSameFileIsRefused() throws Exception {
        List<String> reasons = new ArrayList<>();
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder);
        Consumer<Progress> again = progress -> {
            for (Path same : List.of(to, link.resolve("out.mp4"))) {
                LocalFileException e = assertThrows(
                        LocalFileException.class, () -> client.downloadOutput(FakeServer.JOB, same));
                assertEquals(same + ".part is being written by another download.", e.getMessage());
                reasons.add(e.reason());
            }
        };
        download(DownloadOptions.builder().onProgress(again));
        assertEquals(20, reasons.size());
        assertEquals(List.of("FILE_IN_USE"), reasons.stream().distinct().toList());
        assertWhole();
    }

    /** Whether another process gets the lock. */
    private boolean isFree() {
        try {
            return new ProcessBuilder("python3", "-c", LOCK, part.toString()).start().waitFor() == 0;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void otherProcessesAreKeptOut() throws Exception {
        server.chunkBytes = 10_000;
        List<Boolean> free = new ArrayList<>();
        download(DownloadOptions.builder().onProgress(progress -> {
            // A refusal must not lose the lock of the process.
            assertThrows(LocalFileException.class, this::download);
            free.add(isFree());
        }));
        assertEquals(List.of(false), free);
        Files.delete(to);
        Files.write(part, new byte[10]);
        assertTrue(isFree());
        Process other = new ProcessBuilder(
                        "python3", "-c", LOCK + "print(flush=True); sys.stdin.read()", part.toString())
                .start();
        try {
            other.getInputStream().read();
            assertReason("FILE_IN_USE", to, part);
            assertTrue(Files.exists(part));
        } finally {
            other.destroyForcibly().waitFor();
        }
        download();
        assertWhole();
    }

    /** Does {@code change} when all has come and nothing was renamed yet. */
    private void downloadAndAtTheEnd(DownloadOptions.Builder options, Callable<?> change) throws InterruptedException {
        download(options.onProgress(progress -> {
            if (progress.bytesDone() == progress.bytesTotal()) {
                try {
                    change.call();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }
        }));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void replacesATargetThatAppearedMeanwhileOnlyWhereItMay(boolean overwrite) throws Exception {
        DownloadOptions.Builder options = DownloadOptions.builder().overwrite(overwrite);
        Callable<?> appear = () -> Files.writeString(to, "mine");
        if (overwrite) {
            downloadAndAtTheEnd(options, appear);
            assertWhole();
        } else {
            LocalFileException e =
                    assertThrows(LocalFileException.class, () -> downloadAndAtTheEnd(options, appear));
            assertEquals("FILE_EXISTS", e.reason());
            assertEquals("mine", Files.readString(to));
            assertArrayEquals(server.output, Files.readAllBytes(part));
        }
    }

    @Test
    void givesTheNameToNothingElse() throws Exception {
        List<Callable<?>> changes = List.of(
                () -> Files.write(part, new byte[1], StandardOpenOption.APPEND),
                () -> Files.move(Files.writeString(folder.resolve("other"), "other"), part, StandardCopyOption.REPLACE_EXISTING));
        for (Callable<?> change : changes) {
            LocalFileException e = assertThrows(
                    LocalFileException.class, () -> downloadAndAtTheEnd(DownloadOptions.builder(), change));
            assertEquals("FILE_CHANGED", e.reason());
            assertFalse(Files.exists(to));
        }
        assertEquals("other", Files.readString(part));
    }

    @Test
    void doesNotRemoveWhatTookItsPlace() throws Exception {
        server.wrongSha256.arm(1, 0);
        assertThrows(
                SpotreelException.class,
                () -> downloadAndAtTheEnd(
                        DownloadOptions.builder(),
                        () -> Files.move(
                                Files.writeString(folder.resolve("other"), "other"),
                                part,
                                StandardCopyOption.REPLACE_EXISTING)));
        assertEquals("other", Files.readString(part));
    }

    @Test
    void aFailureLeavesWhatWasThereBefore() throws Exception {
        byte[] before = Arrays.copyOf(server.output, 4321);
        Files.write(part, before);
        assertThrows(NotFoundException.class, () -> client.downloadOutput("jobs/missing", to));
        assertArrayEquals(before, Files.readAllBytes(part));

        Consumer<Progress> interrupt = progress -> Thread.currentThread().interrupt();
        DownloadOptions.Builder options =
                DownloadOptions.builder().keepPartial(false).onProgress(interrupt);
        assertThrows(InterruptedException.class, () -> download(options));
        assertArrayEquals(before, Arrays.copyOf(Files.readAllBytes(part), before.length));
    }

    @Test
    void aFailureRemovesWhatWasStartedOver() throws Exception {
        Files.write(part, new byte[20_000]);
        server.restartOutput.arm(1000, 1000);
        assertThrows(SpotreelException.class, this::download);
        assertFalse(Files.exists(part));
    }

    @Test
    void readsAsAStreamOverBreaks() throws Exception {
        server.cutDownload.arm(1, 3000);
        try (InputStream output = client.readOutput(FakeServer.JOB)) {
            assertArrayEquals(server.output, output.readAllBytes());
            assertEquals(-1, output.read());
        }
        assertEquals(List.of(0L, 3000L), offsets());
    }

    @Test
    void readsAsAStreamFromAPlaceOn() throws Exception {
        try (InputStream output = client.readOutput(FakeServer.JOB, 9990)) {
            assertEquals(server.output[9990] & 0xff, output.read());
            assertArrayEquals(Arrays.copyOfRange(server.output, 9991, 10_000), output.readAllBytes());
        }
    }

    @Test
    void aStreamEndsOnlyWhenTheWholeAgrees() throws Exception {
        server.wrongSha256.arm(1, 0);
        try (InputStream output = client.readOutput(FakeServer.JOB)) {
            SpotreelException e = assertThrows(SpotreelException.class, output::readAllBytes);
            assertEquals("OUTPUT_CORRUPTED", e.reason());
        }
    }

    @Test
    void anInterruptEndsReadingAndLeavesItsMark() throws Exception {
        try (InputStream output = client.readOutput(FakeServer.JOB)) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedIOException.class, output::read);
            assertTrue(Thread.interrupted());
        }
    }
}
