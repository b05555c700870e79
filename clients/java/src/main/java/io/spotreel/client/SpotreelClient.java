package io.spotreel.client;

import com.google.common.util.concurrent.ListenableFuture;
import io.grpc.Channel;
import io.grpc.Status;
import io.spotreel.media.v1.Caption;
import io.spotreel.media.v1.MediaSource;
import io.spotreel.media.v1.Operation;
import io.spotreel.orchestrator.v1.Asset;
import io.spotreel.orchestrator.v1.CancelJobRequest;
import io.spotreel.orchestrator.v1.CreateJobRequest;
import io.spotreel.orchestrator.v1.CreateJobResponse;
import io.spotreel.orchestrator.v1.DeleteJobRequest;
import io.spotreel.orchestrator.v1.GetJobRequest;
import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobQuote;
import io.spotreel.orchestrator.v1.JobSpec;
import io.spotreel.orchestrator.v1.ListJobsRequest;
import io.spotreel.orchestrator.v1.ListJobsResponse;
import io.spotreel.orchestrator.v1.QuoteJobRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Speaks to one server; to be closed at the end. All threads may use it at once.
 *
 * <p>All methods throw {@link SpotreelException}. Unary calls and streams are tried again where that is safe; a job is
 * created once, however often the call is repeated.
 *
 * <p>Methods that may take long throw InterruptedException when their thread is interrupted; {@link #run} and {@link
 * #caption} cancel the job first. The others then throw SpotreelException with the reason {@code INTERRUPTED} and leave
 * the thread's mark.
 */
public final class SpotreelClient implements AutoCloseable {
    // What the end of a cancelled job may take: FFmpeg's grace and a round trip or two.
    private static final Duration CANCEL_TIMEOUT = Duration.ofSeconds(30);
    // Stands for a file that is not uploaded yet; no server ever fetches it.
    private static final MediaSource PLACEHOLDER =
            MediaSource.newBuilder().setUri("https://example.invalid/").build();

    private final Connection connection;

    private SpotreelClient(Connection connection) {
        this.connection = connection;
    }

    /**
     * Makes a client of the server that the environment names; see {@link Builder}. It connects with the first call.
     *
     * @return a client
     */
    public static SpotreelClient connect() {
        return builder().connect();
    }

    /**
     * Makes a client. It connects with the first call.
     *
     * @param server where the server is, see {@link Builder#server}
     * @return a client
     */
    public static SpotreelClient connect(String server) {
        return builder().server(server).connect();
    }

    /**
     * Starts from the defaults.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Where the server is.
     *
     * @return {@code host:port}
     */
    public String server() {
        return connection.server();
    }

    /**
     * The channel, for generated stubs of services that have no methods here, such as {@code InstanceServiceGrpc}.
     *
     * @return a channel that sends the API key with each call, and ends with this client
     */
    public Channel channel() {
        return connection.channel();
    }

    /** Ends what is open. Jobs go on. */
    @Override
    public void close() {
        connection.close();
    }

    // Jobs

    /**
     * Creates a job and does not wait for it.
     *
     * @param spec what is to be done
     * @return the job
     */
    public Job createJob(JobSpec spec) {
        return createJob(CreateJobRequest.newBuilder().setSpec(spec).build());
    }

    /**
     * Creates a job and does not wait for it. The call is safe to repeat with the same {@code request_id}.
     *
     * @param request what is to be done; without a {@code request_id} (a UUID), one is made
     * @return the job
     */
    public Job createJob(CreateJobRequest request) {
        CreateJobRequest named = request.getRequestId().isEmpty()
                ? request.toBuilder().setRequestId(UUID.randomUUID().toString()).build()
                : request;
        return call(() -> connection.jobs().createJob(named)).getJob();
    }

    /**
     * Gets a job.
     *
     * @param name {@code jobs/…}
     * @return the job
     * @throws NotFoundException where there is none
     */
    public Job getJob(String name) {
        GetJobRequest request = GetJobRequest.newBuilder().setName(name).build();
        return call(() -> connection.jobs().getJob(request)).getJob();
    }

    /**
     * Lists jobs, the newest first; pages are fetched as they are needed.
     *
     * @param request which jobs; its page token is where to start
     * @return all jobs, over all pages
     */
    public Stream<Job> listJobs(ListJobsRequest request) {
        return Stream.iterate(
                        page(request),
                        Objects::nonNull,
                        page -> page.getNextPageToken().isEmpty()
                                ? null
                                : page(request.toBuilder()
                                        .setPageToken(page.getNextPageToken())
                                        .build()))
                .flatMap(page -> page.getJobsList().stream());
    }

    private ListJobsResponse page(ListJobsRequest request) {
        return call(() -> connection.jobs().listJobs(request));
    }

    /**
     * Asks a job to end.
     *
     * @param name {@code jobs/…}
     * @return the job, CANCELLING or CANCELLED
     * @throws SpotreelException with FAILED_PRECONDITION where it has ended
     */
    public Job cancelJob(String name) {
        return call(() -> connection.jobs().cancelJob(cancelRequest(name))).getJob();
    }

    private static CancelJobRequest cancelRequest(String name) {
        return CancelJobRequest.newBuilder().setName(name).build();
    }

    /**
     * Deletes a job that is final, and its output.
     *
     * @param name {@code jobs/…}
     * @throws SpotreelException with FAILED_PRECONDITION where it is not final
     */
    public void deleteJob(String name) {
        DeleteJobRequest request = DeleteJobRequest.newBuilder().setName(name).build();
        call(() -> connection.jobs().deleteJob(request));
    }

    /**
     * Asks what a job would cost, and whether the server would take it.
     *
     * @param spec what would be done
     * @return the quote
     */
    public JobQuote quoteJob(JobSpec spec) {
        QuoteJobRequest request = QuoteJobRequest.newBuilder().setSpec(spec).build();
        return call(() -> connection.jobs().quoteJob(request)).getQuote();
    }

    /**
     * Follows a job.
     *
     * @param name {@code jobs/…}
     * @return the job as it is and with each change, until it is final; to be closed
     */
    public JobWatch watchJob(String name) {
        return new JobWatch(connection, name);
    }

    /**
     * Waits until a job is final.
     *
     * @param name {@code jobs/…}
     * @param onProgress is given each report
     * @return the job, whatever became of it
     * @throws InterruptedException where the thread is interrupted meanwhile; the job goes on
     */
    public Job waitJob(String name, Consumer<Progress> onProgress) throws InterruptedException {
        try (JobWatch watch = watchJob(name)) {
            Job job;
            do {
                job = watch.take();
                onProgress.accept(Jobs.progressOf(job));
            } while (watch.hasNext());
            return job;
        }
    }

    // Files

    /**
     * Reads the output of a job, over breaks of the connection.
     *
     * @param name {@code jobs/…}
     * @return the bytes, to be closed. What was read is final only when the end was read: then size and SHA-256 agree.
     *     Reading throws SpotreelException: ABORTED (OUTPUT_RESTARTED) where another attempt makes the output anew, DATA_LOSS
     *     where the bytes do not agree; and InterruptedIOException where the thread is interrupted.
     */
    public InputStream readOutput(String name) {
        return readOutput(name, 0);
    }

    /**
     * Reads the output of a job from a place on; only the size of the whole can be checked then.
     *
     * @param name {@code jobs/…}
     * @param offset the byte to start with
     * @return as {@link #readOutput(String)}
     */
    public InputStream readOutput(String name, long offset) {
        return new OutputInputStream(connection, name, offset);
    }

    /**
     * Writes the output of a job to a file, which must not exist.
     *
     * @param name {@code jobs/…}
     * @param to the file
     * @return the file
     * @throws InterruptedException where the thread is interrupted meanwhile
     */
    public Path downloadOutput(String name, Path to) throws InterruptedException {
        return downloadOutput(name, to, DownloadOptions.builder().build());
    }

    /**
     * Writes the output of a job to a file; only a complete, verified file ever gets the name. Until then it grows in
     * {@code <to>.part}; what an earlier download has left there is taken up.
     *
     * @param name {@code jobs/…}
     * @param to the file
     * @param options how
     * @return the file
     * @throws LocalFileException where it cannot be written, or is in the way
     * @throws InterruptedException where the thread is interrupted meanwhile
     */
    public Path downloadOutput(String name, Path to, DownloadOptions options) throws InterruptedException {
        Download.checkTarget(to, options.overwrite());
        new Download(connection, name, to, options).run();
        return to;
    }

    /**
     * Uploads a file, unless the server has its content already.
     *
     * @param path the file
     * @param onProgress is given each report
     * @return the asset
     * @throws LocalFileException where the file cannot be read, or changes meanwhile
     * @throws InterruptedException where the thread is interrupted meanwhile
     */
    public Asset uploadAsset(Path path, Consumer<Progress> onProgress) throws InterruptedException {
        return Upload.run(connection, path, onProgress);
    }

    /**
     * Makes what operations take.
     *
     * @param source the path of a file, which is uploaded; an http or https URL, which the server fetches; or the name of
     *     an asset, {@code assets/…}
     * @return the source
     * @throws InterruptedException where the thread is interrupted meanwhile
     */
    public MediaSource source(String source) throws InterruptedException {
        return source(source, progress -> {});
    }

    /**
     * Makes what operations take.
     *
     * @param source as for {@link #source(String)}
     * @param onProgress is given each report of an upload
     * @return the source
     * @throws InterruptedException where the thread is interrupted meanwhile
     */
    public MediaSource source(String source, Consumer<Progress> onProgress) throws InterruptedException {
        MediaSource known = asItIs(source);
        if (known != null) {
            return known;
        }
        String asset = uploadAsset(fileOf(source), onProgress).getName();
        return MediaSource.newBuilder().setAsset(asset).build();
    }

    /** Makes what operations take; null for a file, which has to be uploaded first. */
    private static MediaSource asItIs(String source) {
        if (source.regionMatches(true, 0, "http://", 0, 7) || source.regionMatches(true, 0, "https://", 0, 8)) {
            return MediaSource.newBuilder().setUri(source).build();
        }
        if (source.startsWith("assets/") && !Files.exists(fileOf(source))) {
            return MediaSource.newBuilder().setAsset(source).build();
        }
        return null;
    }

    private static Path fileOf(String source) {
        return LocalFileException.pathOf(source, "FILE_UNREADABLE");
    }

    // Whole pieces of work

    /**
     * Creates a job, follows it to its end, and downloads its output.
     *
     * @param operation what is to be done; all else as the server has it by default
     * @param options where the output goes, and who hears of the progress
     * @return the job, SUCCEEDED
     * @throws InterruptedException as {@link #run(JobSpec, RunOptions)}
     */
    public Job run(Operation operation, RunOptions options) throws InterruptedException {
        return run(JobSpec.newBuilder().setOperation(operation).build(), options);
    }

    /**
     * Creates a job, follows it to its end, and downloads its output.
     *
     * @param spec what is to be done
     * @param options where the output goes, and who hears of the progress
     * @return the job, SUCCEEDED
     * @throws JobFailedException where the work fails
     * @throws JobCancelledException where somebody else cancels the job
     * @throws LocalFileException before anything starts, where the target is in the way
     * @throws InterruptedException where the thread is interrupted meanwhile: the server was asked to cancel the job then,
     *     and the job's end waited for, together for 30 s at most. The last progress that had a job tells what became of it.
     *     Interrupt once more to stop waiting.
     */
    public Job run(JobSpec spec, RunOptions options) throws InterruptedException {
        heedInterrupt();
        checkTarget(options);
        Job job = follow(spec, options);
        if (options.to() != null) {
            downloadOutput(job.getName(), options.to(), options.download());
        }
        options.onProgress().accept(Jobs.progressOf(job));
        return job;
    }

    /**
     * Puts subtitles onto a video: uploads what is local, then as {@link #run(Operation, RunOptions)}. Nothing is uploaded
     * before the server has said that it would take the job.
     *
     * @param video the video, as for {@link #source(String)}
     * @param subtitles SubRip, WebVTT or ASS, as for {@link #source(String)}
     * @param options where the output goes, and who hears of the progress
     * @return the job, SUCCEEDED
     * @throws InterruptedException as {@link #run(JobSpec, RunOptions)}
     */
    public Job caption(String video, String subtitles, RunOptions options) throws InterruptedException {
        heedInterrupt();
        checkTarget(options);
        refuseOwnInput(options, video);
        refuseOwnInput(options, subtitles);
        JobSpec draft = JobSpec.newBuilder()
                .setOperation(captionOf(
                        Objects.requireNonNullElse(asItIs(video), PLACEHOLDER),
                        Objects.requireNonNullElse(asItIs(subtitles), PLACEHOLDER)))
                .build();
        connection.call(() -> connection.jobs()
                .quoteJob(QuoteJobRequest.newBuilder().setSpec(draft).build()));
        Operation operation =
                captionOf(source(video, options.onProgress()), source(subtitles, options.onProgress()));
        return run(operation, options);
    }

    private static Operation captionOf(MediaSource video, MediaSource subtitles) {
        return Operation.newBuilder()
                .setCaption(Caption.newBuilder().setVideo(video).setSubtitles(subtitles))
                .build();
    }

    /**
     * Does as {@link #run(JobSpec, RunOptions)} in a thread of its own.
     *
     * @param spec what is to be done
     * @param options where the output goes, and who hears of the progress
     * @return what to wait for, or to call off
     * @throws LocalFileException where the target is in the way
     */
    public Run start(JobSpec spec, RunOptions options) {
        checkTarget(options);
        return Run.start(() -> run(spec, options));
    }

    /** gRPC heeds it only when a call is on its way. */
    private static void heedInterrupt() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException("interrupted before anything was sent");
        }
    }

    private static void checkTarget(RunOptions options) {
        if (options.to() != null) {
            Download.checkTarget(options.to(), options.download().overwrite());
            PartialFile.check(options.to());
        }
    }

    /** An output in place of an input would leave nothing to do it again with. */
    private static void refuseOwnInput(RunOptions options, String source) {
        Path to = options.to();
        try {
            if (to != null && asItIs(source) == null && Files.exists(to) && Files.isSameFile(to, fileOf(source))) {
                throw new LocalFileException(
                        "FILE_IS_INPUT", to + " is an input of the work; choose another name for its output.", to, null);
            }
        } catch (IOException e) {
            // The upload says better what is wrong with the input.
        }
    }

    private Job follow(JobSpec spec, RunOptions options) throws InterruptedException {
        CreateJobRequest request = CreateJobRequest.newBuilder()
                .setSpec(spec)
                .setRequestId(options.requestId())
                .build();
        ListenableFuture<CreateJobResponse> creation = connection.futureJobs().createJob(request);
        try {
            Job created = answer(creation);
            options.onProgress().accept(Jobs.progressOf(created));
            return Jobs.succeeded(waitJob(created.getName(), options.onProgress()));
        } catch (InterruptedException e) {
            // The server may have the job although its answer is not here yet.
            callOff(request, creation, options.onProgress());
            throw e;
        }
    }

    private Job answer(ListenableFuture<CreateJobResponse> creation) throws InterruptedException {
        try {
            return creation.get().getJob();
        } catch (ExecutionException e) {
            throw connection.failure(Status.fromThrowable(e), Status.trailersFromThrowable(e), e.getCause());
        }
    }

    /** Cancels the job and waits for its end, in another thread: that one can be stopped whatever it waits for. */
    private void callOff(
            CreateJobRequest request, ListenableFuture<CreateJobResponse> creation, Consumer<Progress> onProgress)
            throws InterruptedException {
        Thread ending = new Thread(() -> persistInEnding(request, creation, onProgress), "spotreel-cancel");
        ending.setDaemon(true);
        ending.start();
        try {
            ending.join(CANCEL_TIMEOUT.toMillis());
        } finally {
            ending.interrupt();
            creation.cancel(true);
        }
    }

    private void persistInEnding(
            CreateJobRequest request, ListenableFuture<CreateJobResponse> creation, Consumer<Progress> onProgress) {
        try {
            Retry.persist(() -> end(nameOf(request, creation), onProgress), CANCEL_TIMEOUT);
        } catch (SpotreelException | InterruptedException e) {
            // It is said by what was not reported: a caller that wants to be sure has seen CANCELLED.
        }
    }

    /** Names the job; asks again where the answer got lost, as the server may have the job. */
    private String nameOf(CreateJobRequest request, ListenableFuture<CreateJobResponse> creation)
            throws InterruptedException {
        try {
            return answer(creation).getName();
        } catch (SpotreelException e) {
            if (!e.isTransient()) {
                throw e;
            }
            return connection.call(() -> connection.jobs().createJob(request)).getJob().getName();
        }
    }

    private Job end(String name, Consumer<Progress> onProgress) throws InterruptedException {
        try {
            Job job = connection
                    .call(() -> connection.jobs().cancelJob(cancelRequest(name)))
                    .getJob();
            onProgress.accept(Jobs.progressOf(job));
        } catch (SpotreelException e) {
            // Where it has ended already, how is still to be told.
            if (e.code() != ErrorCode.FAILED_PRECONDITION) {
                throw e;
            }
        }
        return waitJob(name, onProgress);
    }

    private <T> T call(Connection.Unary<T> unary) {
        return Interrupts.unchecked(() -> connection.call(unary));
    }

    /**
     * Says where the server is. What is not set comes from the environment: {@code SPOTREEL_SERVER}, {@code
     * SPOTREEL_API_KEY}, {@code SPOTREEL_TLS_CA}.
     */
    public static final class Builder {
        private String server;
        private String apiKey;
        private Path tlsCa;
        private Duration timeout;
        private Duration patience = Duration.ofSeconds(60);
        private Duration heartbeat = Duration.ofSeconds(10);

        private Builder() {}

        /**
         * Says where the server is.
         *
         * @param server {@code host:port}. TLS is used unless the host is this machine; {@code http://} or {@code https://}
         *     before it say otherwise. Without a port, 443 with TLS and 50051 without.
         * @return this
         */
        public Builder server(String server) {
            this.server = Objects.requireNonNull(server);
            return this;
        }

        /**
         * Says who we are.
         *
         * @param apiKey the key, sent with each call and never shown
         * @return this
         */
        public Builder apiKey(String apiKey) {
            this.apiKey = Objects.requireNonNull(apiKey);
            return this;
        }

        /**
         * Says whom to trust.
         *
         * @param tlsCa a PEM file of certificates; unless set, those of this Java are trusted
         * @return this
         */
        public Builder tlsCa(Path tlsCa) {
            this.tlsCa = Objects.requireNonNull(tlsCa);
            return this;
        }

        /**
         * Bounds each unary call.
         *
         * @param timeout unless set, and at most, as the service config says: 15 or 30 s
         * @return this
         */
        public Builder timeout(Duration timeout) {
            this.timeout = Objects.requireNonNull(timeout);
            return this;
        }

        /**
         * Says how long a broken stream is taken up again without any progress, before the last failure is thrown.
         *
         * @param patience 60 s unless set; before a stream has brought anything, 5 s at most
         * @return this
         */
        public Builder patience(Duration patience) {
            this.patience = Objects.requireNonNull(patience);
            return this;
        }

        /**
         * Says how often a quiet server speaks; after three misses a stream counts as broken.
         *
         * @param heartbeat 10 s unless set
         * @return this
         */
        public Builder heartbeat(Duration heartbeat) {
            this.heartbeat = Objects.requireNonNull(heartbeat);
            return this;
        }

        /**
         * Makes a client. It connects with the first call.
         *
         * @return a client
         * @throws SpotreelException where no server is named (SERVER_MISSING) or what is named is none (SERVER_INVALID), and
         *     where the key cannot be sent (API_KEY_MALFORMED)
         * @throws LocalFileException where the certificates cannot be read (TLS_CA_UNREADABLE)
         */
        public SpotreelClient connect() {
            Endpoint endpoint = Endpoint.resolve(server, apiKey, tlsCa, System::getenv);
            return new SpotreelClient(new Connection(endpoint, timeout, patience, heartbeat));
        }
    }
}
