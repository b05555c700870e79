package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.BadRequest;
import io.grpc.Status;
import io.spotreel.orchestrator.v1.CreateJobRequest;
import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobFailure;
import io.spotreel.orchestrator.v1.JobSpec;
import io.spotreel.orchestrator.v1.ListJobsRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RunTest {
    private static final JobSpec SPEC = JobSpec.newBuilder().setDisplayName("work").build();

    private final FakeServer server = new FakeServer();
    private final SpotreelClient client = server.client();
    private final List<Step> steps = new CopyOnWriteArrayList<>();

    @TempDir
    Path folder;

    RunTest() throws IOException {}

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    private RunOptions.Builder options() {
        return RunOptions.builder().onProgress(progress -> steps.add(progress.step()));
    }

    private void hang() {
        server.states(Job.State.STATE_QUEUED, Job.State.STATE_RUNNING);
        server.hangs = true;
    }

    @Test
    void createsFollowsAndDownloads() throws Exception {
        Path to = folder.resolve("out.mp4");
        Job job = client.run(SPEC, options().to(to).build());
        assertEquals(Job.State.STATE_SUCCEEDED, job.getState());
        assertArrayEquals(server.output, Files.readAllBytes(to));
        assertEquals(SPEC, server.creations.get(0).getSpec());
        assertEquals(
                List.of(Step.WAITING, Step.DONE, Step.DOWNLOADING),
                steps.stream().distinct().toList());
        assertEquals(Step.DONE, steps.get(steps.size() - 1));
    }

    @Test
    void namesTheWorkOnce() throws InterruptedException {
        client.run(SPEC, RunOptions.builder().requestId("00000000-0000-4000-8000-000000000000").build());
        RunOptions unnamed = RunOptions.builder().build();
        client.run(SPEC, unnamed);
        client.run(SPEC, unnamed);
        assertEquals("00000000-0000-4000-8000-000000000000", server.creations.get(0).getRequestId());
        assertEquals(36, server.creations.get(1).getRequestId().length());
        assertNotEquals(
                server.creations.get(1).getRequestId(), server.creations.get(2).getRequestId());
    }

    @Test
    void throwsWhatTheJobFailedWith() {
        Job.Builder failed = Job.newBuilder()
                .setState(Job.State.STATE_FAILED)
                .setFailure(JobFailure.newBuilder()
                        .setReason("ENCODE_FAILED")
                        .setMessage("FFmpeg failed.")
                        .putMetadata("status", "1")
                        .setFfmpegLogTail("Invalid data"));
        server.history.set(2, FakeServer.change(3, failed));
        JobFailedException e = assertThrows(
                JobFailedException.class, () -> client.run(SPEC, RunOptions.builder().build()));
        assertEquals("ENCODE_FAILED", e.reason());
        assertEquals("FFmpeg failed.", e.getMessage());
        assertEquals("1", e.metadata().get("status"));
        assertEquals("Invalid data", e.ffmpegLogTail());
        assertEquals(FakeServer.JOB, e.job().getName());
    }

    @Test
    void throwsWhereSomebodyElseCancelsTheJob() {
        server.states(Job.State.STATE_QUEUED, Job.State.STATE_CANCELLED);
        assertThrows(
                JobCancelledException.class, () -> client.run(SPEC, RunOptions.builder().build()));
    }

    @Test
    void refusesATargetThatIsInTheWayBeforeAnythingStarts() {
        RunOptions options = RunOptions.builder().to(folder).build();
        assertThrows(LocalFileException.class, () -> client.run(SPEC, options));
        assertThrows(LocalFileException.class, () -> client.start(SPEC, options));
        assertThrows(LocalFileException.class, () -> client.caption("a.mp4", "a.srt", options));
        assertEquals(List.of(), server.calls);
    }

    @Test
    void refusesATargetThatCannotBeWrittenBeforeAnythingStarts() {
        // There is room for the name itself, and none for .part.
        RunOptions options =
                RunOptions.builder().to(folder.resolve("x".repeat(255))).build();
        for (Executable work : List.<Executable>of(
                () -> client.run(SPEC, options),
                () -> client.start(SPEC, options),
                () -> client.caption("a.mp4", "a.srt", options))) {
            LocalFileException e = assertThrows(LocalFileException.class, work);
            assertEquals("FILE_UNWRITABLE", e.reason());
        }
        RunOptions nameless = RunOptions.builder().to(Path.of("")).build();
        LocalFileException e = assertThrows(LocalFileException.class, () -> client.run(SPEC, nameless));
        assertEquals("FILE_NAME_MISSING", e.reason());
        assertEquals(List.of(), server.calls);
    }

    @Test
    void theCheckOfTheTargetLeavesWhatIsThere() throws Exception {
        server.states(Job.State.STATE_QUEUED, Job.State.STATE_FAILED);
        RunOptions options = options().to(folder.resolve("out.mp4")).build();
        assertThrows(JobFailedException.class, () -> client.run(SPEC, options));
        Path part = folder.resolve("out.mp4.part");
        assertFalse(Files.exists(part));
        Files.writeString(part, "some");
        assertThrows(JobFailedException.class, () -> client.run(SPEC, options));
        assertEquals("some", Files.readString(part));
    }

    @Test
    void anInterruptBeforeItBeganSendsNothing() throws IOException {
        Path video = Files.write(folder.resolve("in.mp4"), new byte[10]);
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> client.run(SPEC, options().build()));
        Thread.currentThread().interrupt();
        assertThrows(
                InterruptedException.class,
                () -> client.caption(video.toString(), video.toString(), options().build()));
        assertEquals(List.of(), server.calls);
    }

    @Test
    void cancelsAJobWhoseServerIsAwayForAWhile() throws Exception {
        hang();
        Run run = client.start(SPEC, options().build());
        server.watched.await();
        // More than the service config repeats on its own: three times.
        server.cancelUnavailable.arm(9, 0);
        run.cancel();
        assertThrows(CancellationException.class, run::await);
        assertEquals(10, server.calls.stream().filter("CancelJob"::equals).count());
        assertEquals(Step.DONE, steps.get(steps.size() - 1));
    }

    @Test
    void asksAgainForTheJobWhoseCreationGotLost() throws Exception {
        hang();
        server.answerCreations = new CountDownLatch(1);
        server.createUnavailable.arm(9, 0);
        Run run = client.start(SPEC, options().build());
        server.created.await();
        run.cancel();
        server.answerCreations.countDown();
        assertThrows(CancellationException.class, run::await);
        assertEquals(10, server.creations.size());
        assertEquals(1, server.creations.stream().map(CreateJobRequest::getRequestId).distinct().count());
        assertEquals(Step.DONE, steps.get(steps.size() - 1));
    }

    @Test
    void tellsHowAJobEndedThatCouldNotBeCancelledAnyMore() throws InterruptedException {
        hang();
        Run run = client.start(SPEC, options().build());
        server.watched.await();
        server.endedBeforeCancel.arm(1, 0);
        run.cancel();
        assertThrows(CancellationException.class, run::await);
        assertEquals(Step.DONE, steps.get(steps.size() - 1));
    }

    @Test
    void anInterruptCancelsTheJobAndWaitsForItsEnd() throws InterruptedException {
        hang();
        List<Throwable> thrown = new ArrayList<>();
        Thread thread = new Thread(() -> {
            try {
                client.run(SPEC, options().build());
            } catch (InterruptedException e) {
                thrown.add(e);
            }
        });
        thread.start();
        server.watched.await();
        thread.interrupt();
        thread.join();
        assertEquals(1, thrown.size());
        assertTrue(server.calls.contains("CancelJob"));
        assertTrue(steps.contains(Step.CANCELLING));
        assertEquals(Step.DONE, steps.get(steps.size() - 1));
    }

    @Test
    void aHandleCancelsTheJob() throws InterruptedException {
        hang();
        Run run = client.start(SPEC, options().build());
        CompletableFuture<Job> future = run.toCompletableFuture();
        server.watched.await();
        run.cancel();
        assertThrows(CancellationException.class, run::await);
        assertThrows(CancellationException.class, future::get);
        assertTrue(server.calls.contains("CancelJob"));
    }

    @Test
    void cancelsAJobWhoseCreationIsNotAnsweredYet() throws InterruptedException {
        hang();
        server.answerCreations = new CountDownLatch(1);
        Run run = client.start(SPEC, options().build());
        server.created.await();
        run.cancel();
        server.answerCreations.countDown();
        assertThrows(CancellationException.class, run::await);
        assertEquals(1, server.creations.size());
        assertTrue(server.calls.contains("CancelJob"));
    }

    @Test
    void cancellingOnceMoreStopsTheWait() throws InterruptedException {
        hang();
        server.answerCreations = new CountDownLatch(1);
        Run run = client.start(SPEC, options().build());
        server.created.await();
        // However soon the second comes, the first has been heard or both are one: the thread may need another.
        while (!run.toCompletableFuture().isDone()) {
            run.cancel();
            Thread.onSpinWait();
        }
        assertThrows(CancellationException.class, run::await);
        assertFalse(server.calls.contains("CancelJob"));
        server.answerCreations.countDown();
    }

    @Test
    void aHandleBringsTheJobOrTheFailure() throws Exception {
        assertEquals(FakeServer.JOB, client.start(SPEC, options().build()).await().getName());
        server.states(Job.State.STATE_QUEUED, Job.State.STATE_FAILED);
        Run run = client.start(SPEC, options().build());
        assertThrows(JobFailedException.class, run::await);
        ExecutionException e = assertThrows(ExecutionException.class, () -> run.toCompletableFuture().get());
        assertEquals(JobFailedException.class, e.getCause().getClass());
        run.cancel();
        assertThrows(JobFailedException.class, run::await);
    }

    @Test
    void captionsUploadNothingForAJobThatTheServerWouldNotTake() throws IOException {
        server.rejection = Status.INVALID_ARGUMENT;
        server.rejectionDetail = BadRequest.getDefaultInstance();
        Path video = Files.write(folder.resolve("in.mp4"), new byte[10]);
        SpotreelException e = assertThrows(
                SpotreelException.class,
                () -> client.caption(video.toString(), "https://a.example/b.srt", options().build()));
        assertEquals("REJECTED", e.reason());
        assertEquals(List.of("QuoteJob"), server.calls);
    }

    @Test
    void captionsUploadBothAndRun() throws Exception {
        Path video = Files.write(folder.resolve("in.mp4"), new byte[10]);
        Path subtitles = Files.write(folder.resolve("in.srt"), new byte[20]);
        client.caption(video.toString(), subtitles.toString(), options().build());
        assertEquals(2, server.uploads.size());
        assertTrue(server.creations.get(0).getSpec().getOperation().getCaption().getVideo().hasAsset());
        assertEquals(Step.UPLOADING, steps.get(0));
    }

    @Test
    void captionsDoNotReplaceTheirInput() throws IOException {
        Path video = Files.write(folder.resolve("in.mp4"), new byte[10]);
        RunOptions options = options().to(video).overwrite(true).build();
        LocalFileException e = assertThrows(
                LocalFileException.class, () -> client.caption(video.toString(), "https://a.example/b.srt", options));
        assertEquals("FILE_IS_INPUT", e.reason());
    }

    @Test
    void listsOverAllPagesAsTheyAreNeeded() {
        ListJobsRequest all = ListJobsRequest.getDefaultInstance();
        assertEquals(
                List.of("jobs/1", "jobs/2", "jobs/3"),
                client.listJobs(all).map(Job::getName).toList());
        server.calls.clear();
        assertEquals("jobs/1", client.listJobs(all).findFirst().orElseThrow().getName());
        assertEquals(1, server.calls.size());
    }
}
