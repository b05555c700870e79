// Captions a local file, with a bar in the terminal. After `mvn -f clients/java verify`:
// java -cp @clients/java/target/driver.classpath clients/java/examples/Caption.java VIDEO SUBTITLES OUT

import io.spotreel.client.Progress;
import io.spotreel.client.RunOptions;
import io.spotreel.client.SpotreelClient;
import io.spotreel.client.SpotreelException;
import io.spotreel.orchestrator.v1.Job;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

public class Caption {
    private static final int WIDTH = 40;

    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            System.err.println("usage: Caption VIDEO SUBTITLES OUT");
            System.exit(2);
        }
        CountDownLatch ended = cancelOnExit(Thread.currentThread());
        int status = caption(arguments[0], arguments[1], Path.of(arguments[2]));
        ended.countDown();
        System.exit(status);
    }

    private static int caption(String video, String subtitles, Path out) {
        // Where the server is: SPOTREEL_SERVER and SPOTREEL_API_KEY.
        try (SpotreelClient client = SpotreelClient.connect()) {
            RunOptions options =
                    RunOptions.builder().to(out).onProgress(Caption::show).build();
            Job job = client.caption(video, subtitles, options);
            System.out.printf("%n%s: %,d bytes%n", out, job.getOutput().getSizeBytes());
            return 0;
        } catch (SpotreelException e) {
            System.err.printf("%n%s (%s)%n", e.getMessage(), e.reason());
            return 1;
        } catch (InterruptedException e) {
            System.err.printf("%ncancelled%n");
            return 130;
        }
    }

    private static void show(Progress progress) {
        int filled = (int) (progress.fraction().orElse(0) * WIDTH);
        String bar = "#".repeat(filled) + "-".repeat(WIDTH - filled);
        System.out.printf("\r%-15s [%s]", progress.step().label(), bar);
        System.out.flush();
    }

    /** Has ctrl-C cancel the job, too: the client does that when the thread that waits is interrupted. */
    private static CountDownLatch cancelOnExit(Thread worker) {
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            worker.interrupt();
            try {
                ended.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        return ended;
    }
}
