package io.spotreel.orchestrator.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Takes files that jobs read.
 * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
 * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class AssetServiceGrpc {

  private AssetServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "spotreel.orchestrator.v1.AssetService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.UploadAssetRequest,
      io.spotreel.orchestrator.v1.UploadAssetResponse> getUploadAssetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UploadAsset",
      requestType = io.spotreel.orchestrator.v1.UploadAssetRequest.class,
      responseType = io.spotreel.orchestrator.v1.UploadAssetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.UploadAssetRequest,
      io.spotreel.orchestrator.v1.UploadAssetResponse> getUploadAssetMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.UploadAssetRequest, io.spotreel.orchestrator.v1.UploadAssetResponse> getUploadAssetMethod;
    if ((getUploadAssetMethod = AssetServiceGrpc.getUploadAssetMethod) == null) {
      synchronized (AssetServiceGrpc.class) {
        if ((getUploadAssetMethod = AssetServiceGrpc.getUploadAssetMethod) == null) {
          AssetServiceGrpc.getUploadAssetMethod = getUploadAssetMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.UploadAssetRequest, io.spotreel.orchestrator.v1.UploadAssetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UploadAsset"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.UploadAssetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.UploadAssetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AssetServiceMethodDescriptorSupplier("UploadAsset"))
              .build();
        }
      }
    }
    return getUploadAssetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetUploadRequest,
      io.spotreel.orchestrator.v1.GetUploadResponse> getGetUploadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetUpload",
      requestType = io.spotreel.orchestrator.v1.GetUploadRequest.class,
      responseType = io.spotreel.orchestrator.v1.GetUploadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetUploadRequest,
      io.spotreel.orchestrator.v1.GetUploadResponse> getGetUploadMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetUploadRequest, io.spotreel.orchestrator.v1.GetUploadResponse> getGetUploadMethod;
    if ((getGetUploadMethod = AssetServiceGrpc.getGetUploadMethod) == null) {
      synchronized (AssetServiceGrpc.class) {
        if ((getGetUploadMethod = AssetServiceGrpc.getGetUploadMethod) == null) {
          AssetServiceGrpc.getGetUploadMethod = getGetUploadMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.GetUploadRequest, io.spotreel.orchestrator.v1.GetUploadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetUpload"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetUploadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetUploadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AssetServiceMethodDescriptorSupplier("GetUpload"))
              .build();
        }
      }
    }
    return getGetUploadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetAssetRequest,
      io.spotreel.orchestrator.v1.GetAssetResponse> getGetAssetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetAsset",
      requestType = io.spotreel.orchestrator.v1.GetAssetRequest.class,
      responseType = io.spotreel.orchestrator.v1.GetAssetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetAssetRequest,
      io.spotreel.orchestrator.v1.GetAssetResponse> getGetAssetMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetAssetRequest, io.spotreel.orchestrator.v1.GetAssetResponse> getGetAssetMethod;
    if ((getGetAssetMethod = AssetServiceGrpc.getGetAssetMethod) == null) {
      synchronized (AssetServiceGrpc.class) {
        if ((getGetAssetMethod = AssetServiceGrpc.getGetAssetMethod) == null) {
          AssetServiceGrpc.getGetAssetMethod = getGetAssetMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.GetAssetRequest, io.spotreel.orchestrator.v1.GetAssetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetAsset"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetAssetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetAssetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AssetServiceMethodDescriptorSupplier("GetAsset"))
              .build();
        }
      }
    }
    return getGetAssetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListAssetsRequest,
      io.spotreel.orchestrator.v1.ListAssetsResponse> getListAssetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListAssets",
      requestType = io.spotreel.orchestrator.v1.ListAssetsRequest.class,
      responseType = io.spotreel.orchestrator.v1.ListAssetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListAssetsRequest,
      io.spotreel.orchestrator.v1.ListAssetsResponse> getListAssetsMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListAssetsRequest, io.spotreel.orchestrator.v1.ListAssetsResponse> getListAssetsMethod;
    if ((getListAssetsMethod = AssetServiceGrpc.getListAssetsMethod) == null) {
      synchronized (AssetServiceGrpc.class) {
        if ((getListAssetsMethod = AssetServiceGrpc.getListAssetsMethod) == null) {
          AssetServiceGrpc.getListAssetsMethod = getListAssetsMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.ListAssetsRequest, io.spotreel.orchestrator.v1.ListAssetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListAssets"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListAssetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListAssetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AssetServiceMethodDescriptorSupplier("ListAssets"))
              .build();
        }
      }
    }
    return getListAssetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteAssetRequest,
      io.spotreel.orchestrator.v1.DeleteAssetResponse> getDeleteAssetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteAsset",
      requestType = io.spotreel.orchestrator.v1.DeleteAssetRequest.class,
      responseType = io.spotreel.orchestrator.v1.DeleteAssetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteAssetRequest,
      io.spotreel.orchestrator.v1.DeleteAssetResponse> getDeleteAssetMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteAssetRequest, io.spotreel.orchestrator.v1.DeleteAssetResponse> getDeleteAssetMethod;
    if ((getDeleteAssetMethod = AssetServiceGrpc.getDeleteAssetMethod) == null) {
      synchronized (AssetServiceGrpc.class) {
        if ((getDeleteAssetMethod = AssetServiceGrpc.getDeleteAssetMethod) == null) {
          AssetServiceGrpc.getDeleteAssetMethod = getDeleteAssetMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.DeleteAssetRequest, io.spotreel.orchestrator.v1.DeleteAssetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteAsset"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DeleteAssetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DeleteAssetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new AssetServiceMethodDescriptorSupplier("DeleteAsset"))
              .build();
        }
      }
    }
    return getDeleteAssetMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static AssetServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AssetServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AssetServiceStub>() {
        @java.lang.Override
        public AssetServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AssetServiceStub(channel, callOptions);
        }
      };
    return AssetServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static AssetServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AssetServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AssetServiceBlockingV2Stub>() {
        @java.lang.Override
        public AssetServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AssetServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return AssetServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static AssetServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AssetServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AssetServiceBlockingStub>() {
        @java.lang.Override
        public AssetServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AssetServiceBlockingStub(channel, callOptions);
        }
      };
    return AssetServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static AssetServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<AssetServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<AssetServiceFutureStub>() {
        @java.lang.Override
        public AssetServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new AssetServiceFutureStub(channel, callOptions);
        }
      };
    return AssetServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Uploads a file.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the server has the content already it answers at once, without waiting
     * for the rest: a second upload of the same bytes is over before it begins.
     * A client whose stream breaks asks GetUpload how much is safe and starts again
     * with the same `upload_id` and that offset. What an upload has brought is kept
     * for 24 hours.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     *   Metadata `committed_bytes` says where that is: go on from there.
     * - `ALREADY_EXISTS` (UPLOAD_ID_REUSED): the `upload_id` belongs to an upload of
     *   another size or digest.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same upload.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a chunk or the whole does not agree with its
     *   checksum. A bad chunk is thrown away: go on from the committed offset. When
     *   the whole is wrong the upload is thrown away: start over.
     * - `RESOURCE_EXHAUSTED` (ASSET_TOO_LARGE): larger than the server takes.
     *   (DISK_FULL): no space left; what was committed is kept.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.UploadAssetRequest> uploadAsset(
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.UploadAssetResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getUploadAssetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells how far an upload is.
     * Errors:
     * - `NOT_FOUND` (UPLOAD_NOT_FOUND): nothing of it has arrived, or it is too old.
     *   Start at 0.
     * </pre>
     */
    default void getUpload(io.spotreel.orchestrator.v1.GetUploadRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetUploadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetUploadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gets an asset. With a digest in hand it tells whether an upload is needed.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset.
     * </pre>
     */
    default void getAsset(io.spotreel.orchestrator.v1.GetAssetRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetAssetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetAssetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists assets, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    default void listAssets(io.spotreel.orchestrator.v1.ListAssetsRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListAssetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListAssetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Deletes an asset.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (ASSET_IN_USE): an unfinished job needs it.
     * </pre>
     */
    default void deleteAsset(io.spotreel.orchestrator.v1.DeleteAssetRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteAssetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteAssetMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service AssetService.
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static abstract class AssetServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return AssetServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service AssetService.
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class AssetServiceStub
      extends io.grpc.stub.AbstractAsyncStub<AssetServiceStub> {
    private AssetServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AssetServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AssetServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Uploads a file.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the server has the content already it answers at once, without waiting
     * for the rest: a second upload of the same bytes is over before it begins.
     * A client whose stream breaks asks GetUpload how much is safe and starts again
     * with the same `upload_id` and that offset. What an upload has brought is kept
     * for 24 hours.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     *   Metadata `committed_bytes` says where that is: go on from there.
     * - `ALREADY_EXISTS` (UPLOAD_ID_REUSED): the `upload_id` belongs to an upload of
     *   another size or digest.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same upload.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a chunk or the whole does not agree with its
     *   checksum. A bad chunk is thrown away: go on from the committed offset. When
     *   the whole is wrong the upload is thrown away: start over.
     * - `RESOURCE_EXHAUSTED` (ASSET_TOO_LARGE): larger than the server takes.
     *   (DISK_FULL): no space left; what was committed is kept.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.UploadAssetRequest> uploadAsset(
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.UploadAssetResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncClientStreamingCall(
          getChannel().newCall(getUploadAssetMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Tells how far an upload is.
     * Errors:
     * - `NOT_FOUND` (UPLOAD_NOT_FOUND): nothing of it has arrived, or it is too old.
     *   Start at 0.
     * </pre>
     */
    public void getUpload(io.spotreel.orchestrator.v1.GetUploadRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetUploadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetUploadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gets an asset. With a digest in hand it tells whether an upload is needed.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset.
     * </pre>
     */
    public void getAsset(io.spotreel.orchestrator.v1.GetAssetRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetAssetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetAssetMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists assets, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public void listAssets(io.spotreel.orchestrator.v1.ListAssetsRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListAssetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListAssetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Deletes an asset.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (ASSET_IN_USE): an unfinished job needs it.
     * </pre>
     */
    public void deleteAsset(io.spotreel.orchestrator.v1.DeleteAssetRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteAssetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteAssetMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service AssetService.
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class AssetServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<AssetServiceBlockingV2Stub> {
    private AssetServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AssetServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AssetServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Uploads a file.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the server has the content already it answers at once, without waiting
     * for the rest: a second upload of the same bytes is over before it begins.
     * A client whose stream breaks asks GetUpload how much is safe and starts again
     * with the same `upload_id` and that offset. What an upload has brought is kept
     * for 24 hours.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     *   Metadata `committed_bytes` says where that is: go on from there.
     * - `ALREADY_EXISTS` (UPLOAD_ID_REUSED): the `upload_id` belongs to an upload of
     *   another size or digest.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same upload.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a chunk or the whole does not agree with its
     *   checksum. A bad chunk is thrown away: go on from the committed offset. When
     *   the whole is wrong the upload is thrown away: start over.
     * - `RESOURCE_EXHAUSTED` (ASSET_TOO_LARGE): larger than the server takes.
     *   (DISK_FULL): no space left; what was committed is kept.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.spotreel.orchestrator.v1.UploadAssetRequest, io.spotreel.orchestrator.v1.UploadAssetResponse>
        uploadAsset() {
      return io.grpc.stub.ClientCalls.blockingClientStreamingCall(
          getChannel(), getUploadAssetMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Tells how far an upload is.
     * Errors:
     * - `NOT_FOUND` (UPLOAD_NOT_FOUND): nothing of it has arrived, or it is too old.
     *   Start at 0.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetUploadResponse getUpload(io.spotreel.orchestrator.v1.GetUploadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetUploadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets an asset. With a digest in hand it tells whether an upload is needed.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetAssetResponse getAsset(io.spotreel.orchestrator.v1.GetAssetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetAssetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists assets, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListAssetsResponse listAssets(io.spotreel.orchestrator.v1.ListAssetsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListAssetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes an asset.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (ASSET_IN_USE): an unfinished job needs it.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DeleteAssetResponse deleteAsset(io.spotreel.orchestrator.v1.DeleteAssetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteAssetMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service AssetService.
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class AssetServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<AssetServiceBlockingStub> {
    private AssetServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AssetServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AssetServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells how far an upload is.
     * Errors:
     * - `NOT_FOUND` (UPLOAD_NOT_FOUND): nothing of it has arrived, or it is too old.
     *   Start at 0.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetUploadResponse getUpload(io.spotreel.orchestrator.v1.GetUploadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetUploadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets an asset. With a digest in hand it tells whether an upload is needed.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetAssetResponse getAsset(io.spotreel.orchestrator.v1.GetAssetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetAssetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists assets, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListAssetsResponse listAssets(io.spotreel.orchestrator.v1.ListAssetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListAssetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes an asset.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (ASSET_IN_USE): an unfinished job needs it.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DeleteAssetResponse deleteAsset(io.spotreel.orchestrator.v1.DeleteAssetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteAssetMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service AssetService.
   * <pre>
   * Takes files that jobs read.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class AssetServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<AssetServiceFutureStub> {
    private AssetServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected AssetServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new AssetServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells how far an upload is.
     * Errors:
     * - `NOT_FOUND` (UPLOAD_NOT_FOUND): nothing of it has arrived, or it is too old.
     *   Start at 0.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.GetUploadResponse> getUpload(
        io.spotreel.orchestrator.v1.GetUploadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetUploadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gets an asset. With a digest in hand it tells whether an upload is needed.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.GetAssetResponse> getAsset(
        io.spotreel.orchestrator.v1.GetAssetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetAssetMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists assets, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.ListAssetsResponse> listAssets(
        io.spotreel.orchestrator.v1.ListAssetsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListAssetsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Deletes an asset.
     * Errors:
     * - `NOT_FOUND` (ASSET_NOT_FOUND): there is no such asset; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (ASSET_IN_USE): an unfinished job needs it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.DeleteAssetResponse> deleteAsset(
        io.spotreel.orchestrator.v1.DeleteAssetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteAssetMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_UPLOAD = 0;
  private static final int METHODID_GET_ASSET = 1;
  private static final int METHODID_LIST_ASSETS = 2;
  private static final int METHODID_DELETE_ASSET = 3;
  private static final int METHODID_UPLOAD_ASSET = 4;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_GET_UPLOAD:
          serviceImpl.getUpload((io.spotreel.orchestrator.v1.GetUploadRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetUploadResponse>) responseObserver);
          break;
        case METHODID_GET_ASSET:
          serviceImpl.getAsset((io.spotreel.orchestrator.v1.GetAssetRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetAssetResponse>) responseObserver);
          break;
        case METHODID_LIST_ASSETS:
          serviceImpl.listAssets((io.spotreel.orchestrator.v1.ListAssetsRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListAssetsResponse>) responseObserver);
          break;
        case METHODID_DELETE_ASSET:
          serviceImpl.deleteAsset((io.spotreel.orchestrator.v1.DeleteAssetRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteAssetResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_UPLOAD_ASSET:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.uploadAsset(
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.UploadAssetResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getUploadAssetMethod(),
          io.grpc.stub.ServerCalls.asyncClientStreamingCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.UploadAssetRequest,
              io.spotreel.orchestrator.v1.UploadAssetResponse>(
                service, METHODID_UPLOAD_ASSET)))
        .addMethod(
          getGetUploadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.GetUploadRequest,
              io.spotreel.orchestrator.v1.GetUploadResponse>(
                service, METHODID_GET_UPLOAD)))
        .addMethod(
          getGetAssetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.GetAssetRequest,
              io.spotreel.orchestrator.v1.GetAssetResponse>(
                service, METHODID_GET_ASSET)))
        .addMethod(
          getListAssetsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.ListAssetsRequest,
              io.spotreel.orchestrator.v1.ListAssetsResponse>(
                service, METHODID_LIST_ASSETS)))
        .addMethod(
          getDeleteAssetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.DeleteAssetRequest,
              io.spotreel.orchestrator.v1.DeleteAssetResponse>(
                service, METHODID_DELETE_ASSET)))
        .build();
  }

  private static abstract class AssetServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    AssetServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.spotreel.orchestrator.v1.AssetServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("AssetService");
    }
  }

  private static final class AssetServiceFileDescriptorSupplier
      extends AssetServiceBaseDescriptorSupplier {
    AssetServiceFileDescriptorSupplier() {}
  }

  private static final class AssetServiceMethodDescriptorSupplier
      extends AssetServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    AssetServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (AssetServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new AssetServiceFileDescriptorSupplier())
              .addMethod(getUploadAssetMethod())
              .addMethod(getGetUploadMethod())
              .addMethod(getGetAssetMethod())
              .addMethod(getListAssetsMethod())
              .addMethod(getDeleteAssetMethod())
              .build();
        }
      }
    }
    return result;
  }
}
