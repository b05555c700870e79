package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobProgress;
import io.spotreel.orchestrator.v1.WatchJobRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchTest {
    private final FakeServer server = new FakeServer();
    private final SpotreelClient client = server.client();

    WatchTest() throws IOException {}

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    private List<Job.State> states() {
        List<Job.State> states = new ArrayList<>();
        try (JobWatch watch = client.watchJob(FakeServer.JOB)) {
            while (watch.hasNext()) {
                states.add(watch.next().getState());
            }
            assertThrows(NoSuchElementException.class, watch::next);
        }
        return states;
    }

    private List<Long> sequences() {
        return server.watches.stream().map(WatchJobRequest::getAfterSequence).toList();
    }

    private static final List<Job.State> ALL =
            List.of(Job.State.STATE_QUEUED, Job.State.STATE_RUNNING, Job.State.STATE_SUCCEEDED);

    @Test
    void goesOnBehindWhatWasSeen() {
        server.cutWatch.arm(1, 2);
        assertEquals(ALL, states());
        assertEquals(List.of(0L, 2L), sequences());
        assertEquals(1, server.cutWatch.fired());
    }

    @Test
    void goesOnWhereTheServerEndsTheStreamEarly() {
        server.endWatchEarly.arm(1, 1);
        assertEquals(ALL, states());
        assertEquals(List.of(0L, 1L), sequences());
    }

    @Test
    void goesOnWhereTheServerFallsSilent() {
        server.silentWatch.arm(1, 1);
        try (SpotreelClient impatient = SpotreelClient.builder()
                        .server(server.address())
                        .heartbeat(Duration.ofMillis(100))
                        .connect();
                JobWatch watch = impatient.watchJob(FakeServer.JOB)) {
            watch.next();
            assertEquals(Job.State.STATE_RUNNING, watch.next().getState());
        }
        assertEquals(List.of(0L, 1L), sequences());
    }

    @Test
    void doesNotShowHeartbeats() {
        server.history.add(1, server.history.get(0));
        assertEquals(ALL, states());
    }

    @Test
    void toleratesStatesAndStagesOfANewerServer() throws InterruptedException {
        Job.Builder newer = Job.newBuilder()
                .setStateValue(99)
                .setProgress(JobProgress.newBuilder().setStageValue(99).setFraction(0.5));
        server.history.set(1, FakeServer.change(2, newer));
        List<Progress> reports = new ArrayList<>();
        assertEquals(
                Job.State.STATE_SUCCEEDED,
                client.waitJob(FakeServer.JOB, reports::add).getState());
        assertEquals(
                List.of(Step.WAITING, Step.WAITING, Step.DONE),
                reports.stream().map(Progress::step).toList());
        assertTrue(reports.get(1).fraction().isEmpty());
        assertEquals(99, reports.get(1).job().orElseThrow().getStateValue());
    }

    @Test
    void throwsTheLastFailureWhenPatienceIsOver() {
        server.cutWatch.arm(1000, 0);
        try (SpotreelClient impatient = SpotreelClient.builder()
                        .server(server.address())
                        .patience(Duration.ofMillis(250))
                        .connect();
                JobWatch watch = impatient.watchJob(FakeServer.JOB)) {
            assertThrows(ServerUnavailableException.class, watch::next);
        }
        assertTrue(server.cutWatch.fired() >= 1);
    }

    @Test
    void anInterruptEndsTheWaitAndLeavesItsMark() throws InterruptedException {
        server.hangs = true;
        server.history.remove(2);
        List<Throwable> thrown = new ArrayList<>();
        Thread thread = new Thread(() -> {
            try (JobWatch watch = client.watchJob(FakeServer.JOB)) {
                watch.next();
                watch.next();
                watch.next();
            } catch (SpotreelException e) {
                thrown.add(e);
                assertTrue(Thread.currentThread().isInterrupted());
            }
        });
        thread.start();
        server.watched.await();
        thread.interrupt();
        thread.join();
        assertEquals("INTERRUPTED", assertInstanceOf(SpotreelException.class, thrown.get(0)).reason());
    }

    @Test
    void closingTheClientEndsAWatch() throws InterruptedException {
        server.hangs = true;
        server.history.remove(2);
        List<SpotreelException> thrown = new ArrayList<>();
        Thread thread = new Thread(() -> {
            try (JobWatch watch = client.watchJob(FakeServer.JOB)) {
                while (true) {
                    watch.next();
                }
            } catch (SpotreelException e) {
                thrown.add(e);
            }
        });
        thread.start();
        server.watched.await();
        client.close();
        thread.join();
        assertEquals("CLIENT_CLOSED", thrown.get(0).reason());
        assertFalse(thrown.get(0) instanceof ServerUnavailableException);
    }
}
