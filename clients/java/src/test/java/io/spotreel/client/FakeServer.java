package io.spotreel.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.spotreel.orchestrator.v1.Asset;
import io.spotreel.orchestrator.v1.AssetServiceGrpc.AssetServiceImplBase;
import io.spotreel.orchestrator.v1.CancelJobRequest;
import io.spotreel.orchestrator.v1.CancelJobResponse;
import io.spotreel.orchestrator.v1.CreateJobRequest;
import io.spotreel.orchestrator.v1.CreateJobResponse;
import io.spotreel.orchestrator.v1.GetAssetRequest;
import io.spotreel.orchestrator.v1.GetAssetResponse;
import io.spotreel.orchestrator.v1.GetJobRequest;
import io.spotreel.orchestrator.v1.GetJobResponse;
import io.spotreel.orchestrator.v1.GetUploadRequest;
import io.spotreel.orchestrator.v1.GetUploadResponse;
import io.spotreel.orchestrator.v1.InstanceServiceGrpc.InstanceServiceImplBase;
import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobServiceGrpc.JobServiceImplBase;
import io.spotreel.orchestrator.v1.ListInstancesRequest;
import io.spotreel.orchestrator.v1.ListInstancesResponse;
import io.spotreel.orchestrator.v1.ListJobsRequest;
import io.spotreel.orchestrator.v1.ListJobsResponse;
import io.spotreel.orchestrator.v1.QuoteJobRequest;
import io.spotreel.orchestrator.v1.QuoteJobResponse;
import io.spotreel.orchestrator.v1.ReadJobOutputRequest;
import io.spotreel.orchestrator.v1.ReadJobOutputResponse;
import io.spotreel.orchestrator.v1.UploadAssetRequest;
import io.spotreel.orchestrator.v1.UploadAssetResponse;
import io.spotreel.orchestrator.v1.WatchJobRequest;
import io.spotreel.orchestrator.v1.WatchJobResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** A real gRPC server that keeps one job, its output and assets in memory, does no work, and fails on demand. */
final class FakeServer implements AutoCloseable {
    static final String JOB = "jobs/1";

    /** Fires {@code times} times, when {@code after} messages or bytes of the call have passed. */
    static final class Fault {
        private int times;
        private long after;
        private int fired;

        synchronized void arm(int times, long after) {
            this.times = times;
            this.after = after;
        }

        synchronized boolean fires(long passed) {
            if (fired == times || passed < after) {
                return false;
            }
            fired++;
            return true;
        }

        synchronized int fired() {
            return fired;
        }
    }

    final Fault unavailable = new Fault(); // GetJob
    final Fault createUnavailable = new Fault(); // the job is created and the answer lost
    final Fault cancelUnavailable = new Fault();
    final Fault cancelRefused = new Fault();
    final Fault endedBeforeCancel = new Fault(); // it SUCCEEDED
    final Fault cutWatch = new Fault(); // after messages
    final Fault endWatchEarly = new Fault(); // after messages, with OK
    final Fault silentWatch = new Fault(); // after messages
    final Fault cutDownload = new Fault(); // after bytes of the call
    final Fault corruptChunk = new Fault(); // the first of a call
    final Fault restartOutput = new Fault(); // after bytes of the call
    final Fault wrongSha256 = new Fault();
    final Fault cutUpload = new Fault(); // after bytes of the call
    final Fault damageUpload = new Fault(); // after bytes of the call
    final Fault answerUploadEarly = new Fault(); // after bytes of the call

    /** The methods that were called. */
    final List<String> calls = new CopyOnWriteArrayList<>();
    /** The `authorization` of each call. */
    final List<String> authorizations = new CopyOnWriteArrayList<>();

    final List<WatchJobRequest> watches = new CopyOnWriteArrayList<>();
    final List<ReadJobOutputRequest> reads = new CopyOnWriteArrayList<>();
    final List<UploadAssetRequest.Start> uploads = new CopyOnWriteArrayList<>();
    final List<CreateJobRequest> creations = new CopyOnWriteArrayList<>();

    /** What watchers are sent, each message once; the job of the last one is what GetJob and the others answer with. */
    final List<WatchJobResponse> history = new CopyOnWriteArrayList<>();

    /** Open once a job is being created, and once all that is known of it was sent to a watcher. */
    final CountDownLatch created = new CountDownLatch(1);

    final CountDownLatch watched = new CountDownLatch(1);
    /** Open once a job is to be cancelled. */
    final CountDownLatch cancelAsked = new CountDownLatch(1);
    /** CreateJob answers when this is open. */
    volatile CountDownLatch answerCreations = new CountDownLatch(0);
    /** What has gone out of all outputs, or waits in a buffer of gRPC to go. */
    final AtomicLong outputBytesSent = new AtomicLong();

    volatile byte[] output = new byte[10_000];
    volatile int chunkBytes = 1000;
    volatile boolean hangs;
    volatile Status rejection;
    volatile Message rejectionDetail;

    private final Map<String, Asset> assets = new ConcurrentHashMap<>();
    private final Map<String, ByteArrayOutputStream> uploading = new ConcurrentHashMap<>();
    private final Server server;

    FakeServer() throws IOException {
        this(0);
    }

    FakeServer(int port) throws IOException {
        states(Job.State.STATE_QUEUED, Job.State.STATE_RUNNING, Job.State.STATE_SUCCEEDED);
        server = Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
                .addService(new Jobs())
                .addService(new Assets())
                .addService(new Instances())
                .intercept(new Notes())
                .build()
                .start();
    }

    int port() {
        return server.getPort();
    }

    /** Where it is. */
    String address() {
        return "127.0.0.1:" + port();
    }

    /** A client of it that is not very patient. */
    SpotreelClient client() {
        return SpotreelClient.builder()
                .server(address())
                .patience(Duration.ofSeconds(10))
                .connect();
    }

    /** The states that the job goes through. */
    void states(Job.State... states) {
        history.clear();
        for (Job.State state : states) {
            history.add(change(history.size() + 1, Job.newBuilder().setState(state)));
        }
    }

    static WatchJobResponse change(long sequence, Job.Builder job) {
        return WatchJobResponse.newBuilder()
                .setSequence(sequence)
                .setJob(job.setName(JOB))
                .build();
    }

    /** A file that was uploaded before. */
    void keep(byte[] content) {
        Asset asset = assetOf(content);
        assets.put(asset.getName(), asset);
    }

    @Override
    public void close() {
        server.shutdownNow();
        try {
            server.awaitTermination();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static byte[] sha256(byte[] content) {
        return OutputReader.newSha256().digest(content);
    }

    private static Asset assetOf(byte[] content) {
        return Asset.newBuilder()
                .setName("assets/" + HexFormat.of().formatHex(sha256(content)))
                .setSizeBytes(content.length)
                .build();
    }

    /** A status as rich as the real server's. */
    static StatusException refusal(Status.Code code, String reason, Message... details) {
        com.google.rpc.Status.Builder rich =
                com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("Refused: " + reason + ".");
        rich.addDetails(Any.pack(
                ErrorInfo.newBuilder().setReason(reason).putMetadata("from", "test").build()));
        for (Message detail : details) {
            rich.addDetails(Any.pack(detail));
        }
        Metadata trailers = new Metadata();
        trailers.put(
                Metadata.Key.of(
                        "grpc-status-details-bin",
                        ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance())),
                rich.build());
        trailers.put(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER), "request-1");
        return code.toStatus().withDescription(rich.getMessage()).asException(trailers);
    }

    private static <T> void answer(StreamObserver<T> observer, T message) {
        observer.onNext(message);
        observer.onCompleted();
    }

    private final class Notes implements ServerInterceptor {
        @Override
        public <Q, R> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            calls.add(call.getMethodDescriptor().getBareMethodName());
            String key = headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
            authorizations.add(key == null ? "" : key);
            return next.startCall(call, headers);
        }
    }

    private final class Jobs extends JobServiceImplBase {
        @Override
        public void createJob(CreateJobRequest request, StreamObserver<CreateJobResponse> observer) {
            creations.add(request);
            created.countDown();
            try {
                answerCreations.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            if (createUnavailable.fires(0)) {
                observer.onError(Status.UNAVAILABLE.withDescription("connection reset").asException());
                return;
            }
            answer(
                    observer,
                    CreateJobResponse.newBuilder()
                            .setJob(history.get(0).getJob())
                            .build());
        }

        @Override
        public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> observer) {
            if (unavailable.fires(0)) {
                observer.onError(refusal(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
            } else if (!request.getName().equals(JOB)) {
                observer.onError(refusal(Status.Code.NOT_FOUND, "JOB_NOT_FOUND"));
            } else {
                answer(observer, GetJobResponse.newBuilder().setJob(last()).build());
            }
        }

        @Override
        public void listJobs(ListJobsRequest request, StreamObserver<ListJobsResponse> observer) {
            int page = request.getPageToken().isEmpty() ? 1 : Integer.parseInt(request.getPageToken());
            answer(
                    observer,
                    ListJobsResponse.newBuilder()
                            .addJobs(Job.newBuilder().setName("jobs/" + page))
                            .setNextPageToken(page < 3 ? "" + (page + 1) : "")
                            .build());
        }

        @Override
        public void quoteJob(QuoteJobRequest request, StreamObserver<QuoteJobResponse> observer) {
            if (rejection != null) {
                observer.onError(refusal(rejection.getCode(), "REJECTED", rejectionDetail));
            } else {
                answer(observer, QuoteJobResponse.getDefaultInstance());
            }
        }

        @Override
        public void cancelJob(CancelJobRequest request, StreamObserver<CancelJobResponse> observer) {
            cancelAsked.countDown();
            if (cancelRefused.fires(0)) {
                observer.onError(refusal(Status.Code.NOT_FOUND, "JOB_NOT_FOUND"));
                return;
            }
            if (cancelUnavailable.fires(0)) {
                observer.onError(Status.UNAVAILABLE.withDescription("connection reset").asException());
                return;
            }
            if (endedBeforeCancel.fires(0)) {
                hangs = false;
                history.add(change(history.size() + 1, Job.newBuilder().setState(Job.State.STATE_SUCCEEDED)));
                observer.onError(refusal(Status.Code.FAILED_PRECONDITION, "JOB_NOT_CANCELLABLE"));
                return;
            }
            Job.Builder cancelling = Job.newBuilder().setState(Job.State.STATE_CANCELLING);
            history.add(change(history.size() + 1, cancelling));
            history.add(change(history.size() + 1, Job.newBuilder().setState(Job.State.STATE_CANCELLED)));
            hangs = false;
            answer(observer, CancelJobResponse.newBuilder().setJob(cancelling).build());
        }

        @Override
        public void watchJob(WatchJobRequest request, StreamObserver<WatchJobResponse> observer) {
            watches.add(request);
            int sent = 0;
            for (WatchJobResponse message : List.copyOf(history)) {
                if (message.getSequence() <= request.getAfterSequence()
                        && message != history.get(history.size() - 1)) {
                    continue;
                }
                if (cutWatch.fires(sent)) {
                    observer.onError(Status.UNAVAILABLE.withDescription("connection reset").asException());
                    return;
                }
                if (endWatchEarly.fires(sent)) {
                    observer.onCompleted();
                    return;
                }
                if (silentWatch.fires(sent)) {
                    return;
                }
                observer.onNext(message);
                sent++;
            }
            watched.countDown();
            if (!hangs) {
                observer.onCompleted();
            }
        }

        @Override
        public void readJobOutput(ReadJobOutputRequest request, StreamObserver<ReadJobOutputResponse> observer) {
            reads.add(request);
            if (!request.getName().equals(JOB)) {
                observer.onError(refusal(Status.Code.NOT_FOUND, "JOB_NOT_FOUND"));
                return;
            }
            if (request.getReadOffset() > output.length) {
                observer.onError(refusal(Status.Code.OUT_OF_RANGE, "OFFSET_BEYOND_END"));
                return;
            }
            Sending sending = new Sending(request, (ServerCallStreamObserver<ReadJobOutputResponse>) observer);
            sending.observer.setOnReadyHandler(sending::go);
        }
    }

    private Job last() {
        return history.get(history.size() - 1).getJob();
    }

    /** Sends an output as fast as the client takes it, and no faster. */
    private final class Sending {
        private final ServerCallStreamObserver<ReadJobOutputResponse> observer;
        private int offset;
        private int sent;
        private boolean over;

        Sending(ReadJobOutputRequest request, ServerCallStreamObserver<ReadJobOutputResponse> observer) {
            this.observer = observer;
            this.offset = (int) request.getReadOffset();
        }

        void go() {
            while (!over && observer.isReady()) {
                step();
            }
        }

        private void step() {
            if (cutDownload.fires(sent)) {
                end(Status.UNAVAILABLE.withDescription("connection reset").asException());
            } else if (restartOutput.fires(sent)) {
                end(refusal(Status.Code.ABORTED, "OUTPUT_RESTARTED"));
            } else {
                send();
            }
        }

        private void end(StatusException failure) {
            over = true;
            observer.onError(failure);
        }

        private void send() {
            byte[] data = Arrays.copyOfRange(output, offset, Math.min(output.length, offset + chunkBytes));
            int checksum = OutputReader.crc32cOf(data);
            if (sent == 0 && corruptChunk.fires(0)) {
                data[0] ^= 1;
            }
            over = offset + data.length == output.length;
            ReadJobOutputResponse.Builder message = ReadJobOutputResponse.newBuilder()
                    .setOffset(offset)
                    .setData(ByteString.copyFrom(data))
                    .setCrc32C(checksum)
                    .setLast(over)
                    .setSizeBytes(output.length)
                    .setAttempt(7);
            if (over) {
                message.setSha256(ByteString.copyFrom(wrongSha256.fires(0) ? new byte[32] : sha256(output)));
            }
            observer.onNext(message.build());
            offset += data.length;
            sent += data.length;
            outputBytesSent.addAndGet(data.length);
            if (over) {
                observer.onCompleted();
            }
        }
    }

    private final class Assets extends AssetServiceImplBase {
        @Override
        public void getAsset(GetAssetRequest request, StreamObserver<GetAssetResponse> observer) {
            Asset asset = assets.get(request.getName());
            if (asset == null) {
                observer.onError(refusal(Status.Code.NOT_FOUND, "ASSET_NOT_FOUND"));
            } else {
                answer(observer, GetAssetResponse.newBuilder().setAsset(asset).build());
            }
        }

        @Override
        public void getUpload(GetUploadRequest request, StreamObserver<GetUploadResponse> observer) {
            ByteArrayOutputStream content = uploading.get(request.getUploadId());
            if (content == null) {
                observer.onError(refusal(Status.Code.NOT_FOUND, "UPLOAD_NOT_FOUND"));
            } else {
                answer(
                        observer,
                        GetUploadResponse.newBuilder()
                                .setCommittedBytes(content.size())
                                .build());
            }
        }

        @Override
        public StreamObserver<UploadAssetRequest> uploadAsset(StreamObserver<UploadAssetResponse> observer) {
            return new Receiving(observer);
        }
    }

    private static final class Instances extends InstanceServiceImplBase {
        @Override
        public void listInstances(ListInstancesRequest request, StreamObserver<ListInstancesResponse> observer) {
            answer(observer, ListInstancesResponse.getDefaultInstance());
        }
    }

    private final class Receiving implements StreamObserver<UploadAssetRequest> {
        private final StreamObserver<UploadAssetResponse> observer;
        private ByteArrayOutputStream content;
        private long received;
        private boolean over;

        Receiving(StreamObserver<UploadAssetResponse> observer) {
            this.observer = observer;
        }

        @Override
        public void onNext(UploadAssetRequest message) {
            if (over) {
                return;
            }
            switch (message.getMessageCase()) {
                case START -> start(message.getStart());
                case DATA -> data(message.getData());
                case FINISH -> finish(content.toByteArray());
                default -> throw new AssertionError(message);
            }
        }

        private void start(UploadAssetRequest.Start start) {
            uploads.add(start);
            content = uploading.computeIfAbsent(start.getUploadId(), id -> new ByteArrayOutputStream());
            if (start.getWriteOffset() != content.size()) {
                end(refusal(Status.Code.OUT_OF_RANGE, "OFFSET_MISMATCH"));
            } else if (answerUploadEarly.fires(0)) {
                over = true;
                answer(
                        observer,
                        UploadAssetResponse.newBuilder()
                                .setAsset(Asset.newBuilder().setName("assets/known"))
                                .build());
            }
        }

        private void data(UploadAssetRequest.Data data) {
            byte[] bytes = data.getData().toByteArray();
            if (cutUpload.fires(received)) {
                end(Status.UNAVAILABLE.withDescription("connection reset").asException());
            } else if (damageUpload.fires(received) || OutputReader.crc32cOf(bytes) != data.getCrc32C()) {
                end(refusal(Status.Code.DATA_LOSS, "CHECKSUM_MISMATCH"));
            } else {
                content.writeBytes(bytes);
                received += bytes.length;
            }
        }

        private void finish(byte[] whole) {
            over = true;
            keep(whole);
            answer(
                    observer,
                    UploadAssetResponse.newBuilder().setAsset(assetOf(whole)).build());
        }

        private void end(StatusException failure) {
            over = true;
            observer.onError(failure);
        }

        @Override
        public void onError(Throwable failure) {
            over = true;
        }

        @Override
        public void onCompleted() {}
    }
}
