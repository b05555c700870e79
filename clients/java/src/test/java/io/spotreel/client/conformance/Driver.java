package io.spotreel.client.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.spotreel.client.DownloadOptions;
import io.spotreel.client.JobFailedException;
import io.spotreel.client.JobWatch;
import io.spotreel.client.Progress;
import io.spotreel.client.RunOptions;
import io.spotreel.client.SpotreelClient;
import io.spotreel.client.SpotreelException;
import io.spotreel.orchestrator.v1.CreateJobRequest;
import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobServiceGrpc;
import io.spotreel.orchestrator.v1.JobSpec;
import io.spotreel.orchestrator.v1.ListJobsRequest;
import io.spotreel.orchestrator.v1.ReadJobOutputRequest;
import io.spotreel.orchestrator.v1.ReadJobOutputResponse;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Does what one line of standard input asks for, and tells of it on standard output; see clients/conformance. */
public final class Driver {
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final JsonObject request;

    private Driver(JsonObject request) {
        this.request = request;
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Driver driver = new Driver(JsonParser.parseString(in.readLine()).getAsJsonObject());
        interruptOnCancel(in, Thread.currentThread());
        try (SpotreelClient client = driver.connect()) {
            JsonObject result = driver.act(client);
            tell("result", result);
        } catch (SpotreelException e) {
            // Methods that cannot declare an interrupt have this reason for it.
            if (e.reason().equals("INTERRUPTED")) {
                tell("cancelled", new JsonObject());
            } else {
                tell("error", described(e));
            }
        } catch (InterruptedException | InterruptedIOException e) {
            tell("cancelled", new JsonObject());
        }
    }

    /** Listens on the rest of standard input. */
    private static void interruptOnCancel(BufferedReader in, Thread worker) {
        Thread listener = new Thread(() -> in.lines()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .filter(word -> word.has("cancel"))
                .forEach(word -> worker.interrupt()));
        listener.setDaemon(true);
        listener.start();
    }

    private SpotreelClient connect() {
        SpotreelClient.Builder builder = SpotreelClient.builder().server(text("server"));
        if (request.has("api_key")) {
            builder.apiKey(text("api_key"));
        }
        if (request.has("tls_ca")) {
            builder.tlsCa(path("tls_ca"));
        }
        if (request.has("timeout_seconds")) {
            builder.timeout(duration("timeout_seconds"));
        }
        if (request.has("patience_seconds")) {
            builder.patience(duration("patience_seconds"));
        }
        if (request.has("heartbeat_seconds")) {
            builder.heartbeat(duration("heartbeat_seconds"));
        }
        return builder.connect();
    }

    private JsonObject act(SpotreelClient client)
            throws IOException, InterruptedException, GeneralSecurityException {
        return switch (text("action")) {
            case "get_job" -> result("job", json(client.getJob(text("name"))));
            case "create_job" -> result("job", json(client.createJob(creation())));
            case "watch_job" -> watchJob(client);
            case "list_jobs" -> listJobs(client);
            case "upload_asset" -> result("asset", json(client.uploadAsset(path("path"), Driver::show)));
            case "download_output" -> downloadOutput(client);
            case "read_output" -> readOutput(client);
            case "run" -> worked(client.run(spec(), options().build()));
            case "caption" -> worked(client.caption(text("video"), text("subtitles"), options().build()));
            case "bench_download" -> benchDownload(client);
            case "bench_bare" -> benchBare(client);
            default -> throw new IllegalArgumentException("no such action: " + text("action"));
        };
    }

    private CreateJobRequest creation() throws IOException {
        return CreateJobRequest.newBuilder()
                .setSpec(spec())
                .setRequestId(text("request_id"))
                .build();
    }

    private JsonObject watchJob(SpotreelClient client) throws IOException {
        Job job = null;
        try (JobWatch watch = client.watchJob(text("name"))) {
            while (watch.hasNext()) {
                job = watch.next();
                JsonObject event = result("name", GSON.toJsonTree(job.getName()));
                event.add(
                        "state",
                        job.getState() == Job.State.UNRECOGNIZED
                                ? GSON.toJsonTree(job.getStateValue())
                                : GSON.toJsonTree(job.getState().name()));
                tell("job", event);
            }
        }
        return result("job", json(job));
    }

    private JsonObject listJobs(SpotreelClient client) {
        ListJobsRequest.Builder list = ListJobsRequest.newBuilder()
                .setPageSize(request.get("page_size").getAsInt());
        request.getAsJsonObject("labels")
                .entrySet()
                .forEach(label -> list.putLabelFilter(label.getKey(), label.getValue().getAsString()));
        return result(
                "names", GSON.toJsonTree(client.listJobs(list.build()).map(Job::getName).toList()));
    }

    private JsonObject downloadOutput(SpotreelClient client) throws InterruptedException {
        DownloadOptions options = DownloadOptions.builder()
                .overwrite(flag("overwrite"))
                .onProgress(Driver::show)
                .build();
        return result("file", GSON.toJsonTree(client.downloadOutput(text("name"), path("to"), options).toString()));
    }

    private JsonObject readOutput(SpotreelClient client) throws IOException, GeneralSecurityException {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        long size = 0;
        try (InputStream output = client.readOutput(text("name"))) {
            byte[] buffer = new byte[64 * 1024];
            for (int read; (read = output.read(buffer)) >= 0; size += read) {
                sha256.update(buffer, 0, read);
            }
        }
        JsonObject result = result("size_bytes", GSON.toJsonTree(size));
        result.addProperty("sha256", HexFormat.of().formatHex(sha256.digest()));
        return result;
    }

    private JsonObject worked(Job job) throws IOException {
        JsonObject result = result("job", json(job));
        result.add("file", request.get("to"));
        return result;
    }

    private JsonObject benchDownload(SpotreelClient client) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Path file = client.downloadOutput(text("name"), path("to"));
        return measured(start, Files.size(file));
    }

    /** The same stream by the same library, believed as it comes. */
    private JsonObject benchBare(SpotreelClient client) throws IOException {
        ReadJobOutputRequest read =
                ReadJobOutputRequest.newBuilder().setName(text("name")).build();
        long start = System.nanoTime();
        try (OutputStream file = new FileOutputStream(text("to"))) {
            Iterator<ReadJobOutputResponse> messages =
                    JobServiceGrpc.newBlockingStub(client.channel()).readJobOutput(read);
            while (messages.hasNext()) {
                messages.next().getData().writeTo(file);
            }
        }
        return measured(start, Files.size(path("to")));
    }

    private static JsonObject measured(long start, long bytes) {
        JsonObject result = result("seconds", GSON.toJsonTree((System.nanoTime() - start) / 1e9));
        result.addProperty("bytes", bytes);
        return result;
    }

    private JobSpec spec() throws InvalidProtocolBufferException {
        JobSpec.Builder spec = JobSpec.newBuilder();
        JsonFormat.parser().merge(request.get("spec").toString(), spec);
        return spec.build();
    }

    private RunOptions.Builder options() {
        RunOptions.Builder options =
                RunOptions.builder().overwrite(flag("overwrite")).onProgress(Driver::show);
        if (has("to")) {
            options.to(path("to"));
        }
        if (has("request_id")) {
            options.requestId(text("request_id"));
        }
        return options;
    }

    private boolean has(String field) {
        return request.has(field) && !request.get(field).isJsonNull();
    }

    private boolean flag(String field) {
        return has(field) && request.get(field).getAsBoolean();
    }

    private String text(String field) {
        return request.get(field).getAsString();
    }

    private Path path(String field) {
        return Path.of(text(field));
    }

    private Duration duration(String field) {
        return Duration.ofNanos((long) (request.get(field).getAsDouble() * 1e9));
    }

    private static void show(Progress progress) {
        JsonObject event = result("step", GSON.toJsonTree(progress.step().name().toLowerCase(Locale.ROOT)));
        event.addProperty("fraction", progress.fraction().isPresent() ? progress.fraction().getAsDouble() : null);
        event.addProperty("job", progress.job().map(Job::getName).orElse(""));
        event.addProperty("bytes_done", progress.bytesDone());
        event.addProperty("bytes_total", progress.bytesTotal());
        tell("progress", event);
    }

    private static JsonObject described(SpotreelException e) {
        JsonObject error = result("code", GSON.toJsonTree(e.code().name()));
        error.addProperty("reason", e.reason());
        error.addProperty("message", e.getMessage());
        error.add("metadata", GSON.toJsonTree(e.metadata(), Map.class));
        error.addProperty(
                "retry_delay_seconds",
                e.retryDelay().map(delay -> delay.toNanos() / 1e9).orElse(null));
        error.addProperty("request_id", e.requestId());
        error.add("violations", GSON.toJsonTree(e.violations(), List.class));
        error.addProperty("ffmpeg_log_tail", e instanceof JobFailedException failed ? failed.ffmpegLogTail() : "");
        return error;
    }

    private static JsonElement json(MessageOrBuilder message) throws IOException {
        return JsonParser.parseString(JsonFormat.printer().print(message));
    }

    private static JsonObject result(String field, JsonElement value) {
        JsonObject result = new JsonObject();
        result.add(field, value);
        return result;
    }

    private static void tell(String event, JsonObject fields) {
        fields.addProperty("event", event);
        OUT.println(GSON.toJson(fields));
    }
}
