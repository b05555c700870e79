package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.spotreel.orchestrator.v1.Job;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs what docs/clients/java.md and the examples show, in processes of their own. */
@Timeout(60)
class DocsTest {
    private static final Path PAGE = Path.of("../../docs/clients/java.md");
    private static final Pattern BLOCK = Pattern.compile("^```(\\w*)\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);
    private static final Pattern CLASS = Pattern.compile("public class (\\w+)");
    private static final String AROUND =
            """
            import io.spotreel.client.*;
            import io.spotreel.media.v1.*;
            import io.spotreel.orchestrator.v1.*;
            import java.io.*;
            import java.nio.file.*;
            import java.time.*;
            import java.util.concurrent.*;

            public class %s {
                public static void main(String[] arguments) throws Exception {
                    JobSpec spec = JobSpec.getDefaultInstance();
                    try (SpotreelClient client = SpotreelClient.connect()) {
            %s
                    }
                }
            }
            """;

    private final FakeServer server = new FakeServer();

    @TempDir
    Path folder;

    DocsTest() throws IOException {}

    @BeforeEach
    void inputs() throws IOException {
        Files.write(folder.resolve("talk.mp4"), new byte[10]);
        Files.write(folder.resolve("talk.srt"), new byte[20]);
        Files.copy(Path.of("src/test/resources/ca.pem"), folder.resolve("ca.pem"));
    }

    @AfterEach
    void close() {
        server.close();
    }

    private static List<String> blocks(String language) throws IOException {
        return BLOCK.matcher(Files.readString(PAGE))
                .results()
                .filter(block -> block.group(1).equals(language))
                .map(block -> block.group(2))
                .toList();
    }

    private String java(String... arguments) throws IOException, InterruptedException {
        Process process = start(arguments);
        try {
            String said = new String(process.getInputStream().readAllBytes());
            String complaints = new String(process.getErrorStream().readAllBytes());
            assertTrue(process.waitFor(30, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue(), complaints);
            return said;
        } finally {
            process.destroyForcibly();
        }
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        // In the background of a shell ctrl-C is ignored, and Java leaves it at that.
        command.addAll(List.of("env", "--default-signal=INT"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp", classPath()));
        command.addAll(Arrays.asList(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().put("SPOTREEL_SERVER", server.address());
        builder.environment().put("SPOTREEL_API_KEY", "key");
        return builder.start();
    }

    private String classPath() {
        return System.getProperty("java.class.path") + ":" + folder;
    }

    @Test
    void everyBlockIsOfALanguageThatIsTested() throws IOException {
        List<String> languages = BLOCK.matcher(Files.readString(PAGE))
                .results()
                .map((MatchResult block) -> block.group(1))
                .distinct()
                .toList();
        assertEquals(List.of("xml", "java"), languages);
    }

    @Test
    void theDependencyIsThisOne() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        for (String block : blocks("xml")) {
            for (String tag : List.of("groupId", "artifactId", "version")) {
                Pattern element = Pattern.compile("<%1$s>.*</%1$s>".formatted(tag));
                String shown = element.matcher(block).results().findFirst().orElseThrow().group();
                assertEquals(element.matcher(pom).results().findFirst().orElseThrow().group(), shown);
            }
        }
    }

    @Test
    void everyJavaBlockRuns() throws IOException, InterruptedException {
        List<String> names = new ArrayList<>();
        StringBuilder all = new StringBuilder("public class All { public static void main(String[] a) throws Exception {");
        for (String block : blocks("java")) {
            MatchResult whole = CLASS.matcher(block).results().findFirst().orElse(null);
            String name = whole != null ? whole.group(1) : "Block" + names.size();
            Files.writeString(
                    folder.resolve(name + ".java"), whole != null ? block : AROUND.formatted(name, block));
            names.add(name);
            all.append(name).append(".main(a);");
        }
        Files.writeString(folder.resolve("All.java"), all + "} }");
        names.add("All");
        compile(names.stream().map(name -> folder.resolve(name + ".java")));
        String said = java("All");
        assertTrue(said.contains("JOB_NOT_FOUND"), said);
        for (String file : List.of("captioned.mp4", "poster.jpg", "out.mp4", "resumed.mp4")) {
            assertArrayEquals(server.output, Files.readAllBytes(folder.resolve(file)));
        }
    }

    private void compile(Stream<Path> sources) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter complaints = new StringWriter();
        List<String> options = List.of("-cp", classPath(), "-d", folder.toString(), "-proc:none");
        boolean compiled = compiler.getTask(
                        complaints,
                        null,
                        null,
                        options,
                        null,
                        compiler.getStandardFileManager(null, null, null)
                                .getJavaFileObjectsFromPaths(sources.toList()))
                .call();
        assertTrue(compiled, complaints.toString());
    }

    @Test
    void theExampleCaptions() throws IOException, InterruptedException {
        Process process = start(example());
        String said = new String(process.getInputStream().readAllBytes());
        String shown = new String(process.getErrorStream().readAllBytes());
        assertEquals(0, process.waitFor(), shown);
        assertArrayEquals(server.output, Files.readAllBytes(folder.resolve("captioned.mp4")));
        assertEquals("captioned.mp4\n", said);
        assertTrue(shown.contains("downloading     [####"), shown);
    }

    private static String[] example() {
        String example = Path.of("examples/Caption.java").toAbsolutePath().toString();
        return new String[] {example, "talk.mp4", "talk.srt", "captioned.mp4"};
    }

    private static void interrupt(Process process) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor());
    }

    @Test
    void theExampleSaysWhyItFailed() throws IOException, InterruptedException {
        Files.delete(folder.resolve("talk.srt"));
        Process process = start(example());
        String shown = new String(process.getErrorStream().readAllBytes());
        assertEquals(1, process.waitFor());
        assertTrue(shown.contains("(FILE_UNREADABLE)"), shown);
    }

    @Test
    void anInterruptOfTheExampleCancelsTheJob() throws IOException, InterruptedException {
        server.states(Job.State.STATE_RUNNING);
        server.hangs = true;
        Process process = start(example());
        server.watched.await();
        interrupt(process);
        String shown = new String(process.getErrorStream().readAllBytes());
        assertEquals(130, process.waitFor());
        assertTrue(shown.endsWith("\nInterrupted; the job was cancelled.\n"), shown);
        assertTrue(server.calls.contains("CancelJob"));
    }

    @Test
    void theExampleSaysWhichJobMayGoOn() throws IOException, InterruptedException {
        server.states(Job.State.STATE_RUNNING);
        server.hangs = true;
        // The job was deleted: nobody can cancel it, or learn how it ended.
        server.cancelRefused.arm(1, 0);
        Process process = start(example());
        server.watched.await();
        interrupt(process);
        String shown = new String(process.getErrorStream().readAllBytes());
        assertEquals(130, process.waitFor());
        assertTrue(
                shown.endsWith("\nInterrupted; jobs/1 was last seen STATE_RUNNING: `spotreel jobs cancel jobs/1`.\n"),
                shown);
    }

    @Test
    void aSecondInterruptEndsTheExampleAtOnce() throws IOException, InterruptedException {
        server.states(Job.State.STATE_RUNNING);
        server.hangs = true;
        server.cancelUnavailable.arm(Integer.MAX_VALUE, 0);
        Process process = start(example());
        server.watched.await();
        interrupt(process);
        server.cancelAsked.await();
        interrupt(process);
        assertTrue(process.waitFor(5, TimeUnit.SECONDS));
        assertEquals(130, process.exitValue());
        String shown = new String(process.getErrorStream().readAllBytes());
        assertFalse(shown.contains("Interrupted"), shown);
    }
}
