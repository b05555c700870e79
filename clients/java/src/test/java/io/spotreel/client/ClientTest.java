package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spotreel.orchestrator.v1.GetJobRequest;
import io.spotreel.orchestrator.v1.JobServiceGrpc;
import io.spotreel.orchestrator.v1.JobSpec;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ClientTest {
    private final FakeServer server = new FakeServer();

    ClientTest() throws IOException {}

    @AfterEach
    void close() {
        server.close();
    }

    @Test
    void sendsTheKeyWithEachCallInPlaintextToo() {
        try (SpotreelClient client =
                SpotreelClient.builder().server(server.address()).apiKey("s3cret").connect()) {
            client.getJob(FakeServer.JOB);
            client.watchJob(FakeServer.JOB).next();
            JobServiceGrpc.newBlockingStub(client.channel())
                    .getJob(GetJobRequest.newBuilder().setName(FakeServer.JOB).build());
        }
        assertEquals(List.of("Bearer s3cret", "Bearer s3cret", "Bearer s3cret"), server.authorizations);
    }

    @Test
    void triesAgainAsTheServiceConfigSays() {
        server.unavailable.arm(2, 0);
        try (SpotreelClient client = server.client()) {
            assertEquals(FakeServer.JOB, client.getJob(FakeServer.JOB).getName());
        }
        assertEquals(List.of("GetJob", "GetJob", "GetJob"), server.calls);
    }

    @Test
    void boundsUnaryCalls() {
        server.answerCreations = new CountDownLatch(1);
        try (SpotreelClient client = SpotreelClient.builder()
                .server(server.address())
                .timeout(Duration.ofMillis(100))
                .connect()) {
            ServerUnavailableException e = assertThrows(
                    ServerUnavailableException.class, () -> client.createJob(JobSpec.getDefaultInstance()));
            assertEquals(ErrorCode.DEADLINE_EXCEEDED, e.code());
            assertTrue(e.getMessage().startsWith(server.address() + " does not answer: "));
        }
        server.answerCreations.countDown();
    }

    @Test
    void anInterruptEndsAUnaryCallAndLeavesItsMark() {
        try (SpotreelClient client = server.client()) {
            Thread.currentThread().interrupt();
            SpotreelException e = assertThrows(SpotreelException.class, () -> client.getJob(FakeServer.JOB));
            assertEquals("INTERRUPTED", e.reason());
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void findsAServerThatIsBack() throws IOException {
        int port = server.port();
        server.close();
        try (SpotreelClient client = SpotreelClient.connect("127.0.0.1:" + port)) {
            // Each failure would make gRPC wait longer before it connects again.
            for (int i = 0; i < 4; i++) {
                assertThrows(ServerUnavailableException.class, () -> client.getJob(FakeServer.JOB));
            }
            try (FakeServer back = new FakeServer(port)) {
                assertEquals(FakeServer.JOB, client.getJob(FakeServer.JOB).getName());
                assertEquals(List.of("GetJob"), back.calls);
            }
        }
    }

    @Test
    void refusesCallsAfterItsEnd() {
        SpotreelClient client = server.client();
        client.close();
        SpotreelException e = assertThrows(SpotreelException.class, () -> client.getJob(FakeServer.JOB));
        assertEquals("CLIENT_CLOSED", e.reason());
        assertEquals(ErrorCode.FAILED_PRECONDITION, e.code());
        client.close();
    }

    @Test
    void leavesNoThreadsBehind() throws InterruptedException {
        Set<Thread> before = threads();
        try (SpotreelClient client = server.client()) {
            client.run(JobSpec.getDefaultInstance(), RunOptions.builder().build());
            client.start(JobSpec.getDefaultInstance(), RunOptions.builder().build()).await();
        }
        for (Thread thread : threads()) {
            // gRPC's own are shared by all channels, and end a little after the last of them.
            if (!before.contains(thread) && !thread.getName().startsWith("grpc-")) {
                thread.join(10_000);
                assertFalse(thread.isAlive(), thread.getName());
            }
        }
    }

    private static Set<Thread> threads() {
        return Set.copyOf(Thread.getAllStackTraces().keySet());
    }
}
