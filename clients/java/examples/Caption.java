// Captions a local file, with a bar in the terminal. After `mvn -f clients/java verify`:
// java -cp @clients/java/target/driver.classpath clients/java/examples/Caption.java VIDEO SUBTITLES OUT

import io.spotreel.client.Progress;
import io.spotreel.client.RunOptions;
import io.spotreel.client.SpotreelClient;
import io.spotreel.client.SpotreelException;
import io.spotreel.orchestrator.v1.Job;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;

public class Caption {
    private static final int WIDTH = 40;

    // As it was last seen; null: none was created yet.
    private static volatile Job job;

    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            System.err.println("usage: Caption VIDEO SUBTITLES OUT");
            System.exit(2);
        }
        callOffOnInterrupt(Thread.currentThread());
        System.exit(caption(arguments[0], arguments[1], Path.of(arguments[2])));
    }

    private static int caption(String video, String subtitles, Path out) {
        // Where the server is: SPOTREEL_SERVER and SPOTREEL_API_KEY.
        try (SpotreelClient client = SpotreelClient.connect()) {
            RunOptions options =
                    RunOptions.builder().to(out).onProgress(Caption::show).build();
            client.caption(video, subtitles, options);
            System.err.println();
            System.out.println(out);
            return 0;
        } catch (SpotreelException e) {
            System.err.printf("%n%s (%s)%n", e.getMessage(), e.reason());
            return 1;
        } catch (InterruptedException e) {
            System.err.printf("%n%s%n", interrupted());
            return 130;
        }
    }

    private static String interrupted() {
        if (job == null) {
            return "Interrupted.";
        }
        return job.getState() == Job.State.STATE_CANCELLED
                ? "Interrupted; the job was cancelled."
                : "Interrupted; %1$s was last seen %2$s: `spotreel jobs cancel %1$s`."
                        .formatted(job.getName(), job.getState());
    }

    private static void show(Progress progress) {
        progress.job().ifPresent(seen -> job = seen);
        int filled = (int) (progress.fraction().orElse(0) * WIDTH);
        String bar = "#".repeat(filled) + "-".repeat(WIDTH - filled);
        System.err.printf("\r%-15s [%s]", progress.step().label(), bar);
    }

    /** Has ctrl-C cancel the job, too: the client does that when the thread that waits is interrupted. */
    private static void callOffOnInterrupt(Thread worker) {
        AtomicBoolean again = new AtomicBoolean();
        // Not a shutdown hook: Java hears no second ctrl-C while one runs.
        Signal.handle(new Signal("INT"), signal -> {
            if (again.getAndSet(true)) {
                Runtime.getRuntime().halt(130);
            }
            worker.interrupt();
        });
    }
}
