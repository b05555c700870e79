package io.spotreel.orchestrator.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Shows the machines that work, and lets an operator take them out.
 * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
 * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class InstanceServiceGrpc {

  private InstanceServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "spotreel.orchestrator.v1.InstanceService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListInstancesRequest,
      io.spotreel.orchestrator.v1.ListInstancesResponse> getListInstancesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListInstances",
      requestType = io.spotreel.orchestrator.v1.ListInstancesRequest.class,
      responseType = io.spotreel.orchestrator.v1.ListInstancesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListInstancesRequest,
      io.spotreel.orchestrator.v1.ListInstancesResponse> getListInstancesMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListInstancesRequest, io.spotreel.orchestrator.v1.ListInstancesResponse> getListInstancesMethod;
    if ((getListInstancesMethod = InstanceServiceGrpc.getListInstancesMethod) == null) {
      synchronized (InstanceServiceGrpc.class) {
        if ((getListInstancesMethod = InstanceServiceGrpc.getListInstancesMethod) == null) {
          InstanceServiceGrpc.getListInstancesMethod = getListInstancesMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.ListInstancesRequest, io.spotreel.orchestrator.v1.ListInstancesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListInstances"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListInstancesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListInstancesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InstanceServiceMethodDescriptorSupplier("ListInstances"))
              .build();
        }
      }
    }
    return getListInstancesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetInstanceRequest,
      io.spotreel.orchestrator.v1.GetInstanceResponse> getGetInstanceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetInstance",
      requestType = io.spotreel.orchestrator.v1.GetInstanceRequest.class,
      responseType = io.spotreel.orchestrator.v1.GetInstanceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetInstanceRequest,
      io.spotreel.orchestrator.v1.GetInstanceResponse> getGetInstanceMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetInstanceRequest, io.spotreel.orchestrator.v1.GetInstanceResponse> getGetInstanceMethod;
    if ((getGetInstanceMethod = InstanceServiceGrpc.getGetInstanceMethod) == null) {
      synchronized (InstanceServiceGrpc.class) {
        if ((getGetInstanceMethod = InstanceServiceGrpc.getGetInstanceMethod) == null) {
          InstanceServiceGrpc.getGetInstanceMethod = getGetInstanceMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.GetInstanceRequest, io.spotreel.orchestrator.v1.GetInstanceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetInstance"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetInstanceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetInstanceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InstanceServiceMethodDescriptorSupplier("GetInstance"))
              .build();
        }
      }
    }
    return getGetInstanceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DrainInstanceRequest,
      io.spotreel.orchestrator.v1.DrainInstanceResponse> getDrainInstanceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DrainInstance",
      requestType = io.spotreel.orchestrator.v1.DrainInstanceRequest.class,
      responseType = io.spotreel.orchestrator.v1.DrainInstanceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DrainInstanceRequest,
      io.spotreel.orchestrator.v1.DrainInstanceResponse> getDrainInstanceMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DrainInstanceRequest, io.spotreel.orchestrator.v1.DrainInstanceResponse> getDrainInstanceMethod;
    if ((getDrainInstanceMethod = InstanceServiceGrpc.getDrainInstanceMethod) == null) {
      synchronized (InstanceServiceGrpc.class) {
        if ((getDrainInstanceMethod = InstanceServiceGrpc.getDrainInstanceMethod) == null) {
          InstanceServiceGrpc.getDrainInstanceMethod = getDrainInstanceMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.DrainInstanceRequest, io.spotreel.orchestrator.v1.DrainInstanceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DrainInstance"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DrainInstanceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DrainInstanceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InstanceServiceMethodDescriptorSupplier("DrainInstance"))
              .build();
        }
      }
    }
    return getDrainInstanceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DestroyInstanceRequest,
      io.spotreel.orchestrator.v1.DestroyInstanceResponse> getDestroyInstanceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DestroyInstance",
      requestType = io.spotreel.orchestrator.v1.DestroyInstanceRequest.class,
      responseType = io.spotreel.orchestrator.v1.DestroyInstanceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DestroyInstanceRequest,
      io.spotreel.orchestrator.v1.DestroyInstanceResponse> getDestroyInstanceMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DestroyInstanceRequest, io.spotreel.orchestrator.v1.DestroyInstanceResponse> getDestroyInstanceMethod;
    if ((getDestroyInstanceMethod = InstanceServiceGrpc.getDestroyInstanceMethod) == null) {
      synchronized (InstanceServiceGrpc.class) {
        if ((getDestroyInstanceMethod = InstanceServiceGrpc.getDestroyInstanceMethod) == null) {
          InstanceServiceGrpc.getDestroyInstanceMethod = getDestroyInstanceMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.DestroyInstanceRequest, io.spotreel.orchestrator.v1.DestroyInstanceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DestroyInstance"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DestroyInstanceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DestroyInstanceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new InstanceServiceMethodDescriptorSupplier("DestroyInstance"))
              .build();
        }
      }
    }
    return getDestroyInstanceMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static InstanceServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InstanceServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InstanceServiceStub>() {
        @java.lang.Override
        public InstanceServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InstanceServiceStub(channel, callOptions);
        }
      };
    return InstanceServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static InstanceServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InstanceServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InstanceServiceBlockingV2Stub>() {
        @java.lang.Override
        public InstanceServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InstanceServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return InstanceServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static InstanceServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InstanceServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InstanceServiceBlockingStub>() {
        @java.lang.Override
        public InstanceServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InstanceServiceBlockingStub(channel, callOptions);
        }
      };
    return InstanceServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static InstanceServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<InstanceServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<InstanceServiceFutureStub>() {
        @java.lang.Override
        public InstanceServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new InstanceServiceFutureStub(channel, callOptions);
        }
      };
    return InstanceServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Lists instances, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter or the
     *   page token is wrong.
     * </pre>
     */
    default void listInstances(io.spotreel.orchestrator.v1.ListInstancesRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListInstancesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListInstancesMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gets an instance.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    default void getInstance(io.spotreel.orchestrator.v1.GetInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetInstanceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetInstanceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Stops giving work to an instance, and destroys it when it is done with what it
     * has; at once, where it does not take work yet. A repeat does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    default void drainInstance(io.spotreel.orchestrator.v1.DrainInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DrainInstanceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDrainInstanceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Destroys an instance at once. The attempts that run on it fail with
     * `INSTANCE_LOST`, and their jobs are queued again while tries are left. A repeat
     * does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    default void destroyInstance(io.spotreel.orchestrator.v1.DestroyInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DestroyInstanceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDestroyInstanceMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service InstanceService.
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static abstract class InstanceServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return InstanceServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service InstanceService.
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class InstanceServiceStub
      extends io.grpc.stub.AbstractAsyncStub<InstanceServiceStub> {
    private InstanceServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InstanceServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InstanceServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists instances, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter or the
     *   page token is wrong.
     * </pre>
     */
    public void listInstances(io.spotreel.orchestrator.v1.ListInstancesRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListInstancesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListInstancesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gets an instance.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public void getInstance(io.spotreel.orchestrator.v1.GetInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetInstanceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetInstanceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Stops giving work to an instance, and destroys it when it is done with what it
     * has; at once, where it does not take work yet. A repeat does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public void drainInstance(io.spotreel.orchestrator.v1.DrainInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DrainInstanceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDrainInstanceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Destroys an instance at once. The attempts that run on it fail with
     * `INSTANCE_LOST`, and their jobs are queued again while tries are left. A repeat
     * does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public void destroyInstance(io.spotreel.orchestrator.v1.DestroyInstanceRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DestroyInstanceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDestroyInstanceMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service InstanceService.
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class InstanceServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<InstanceServiceBlockingV2Stub> {
    private InstanceServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InstanceServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InstanceServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists instances, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter or the
     *   page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListInstancesResponse listInstances(io.spotreel.orchestrator.v1.ListInstancesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListInstancesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets an instance.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetInstanceResponse getInstance(io.spotreel.orchestrator.v1.GetInstanceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetInstanceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops giving work to an instance, and destroys it when it is done with what it
     * has; at once, where it does not take work yet. A repeat does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DrainInstanceResponse drainInstance(io.spotreel.orchestrator.v1.DrainInstanceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDrainInstanceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Destroys an instance at once. The attempts that run on it fail with
     * `INSTANCE_LOST`, and their jobs are queued again while tries are left. A repeat
     * does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DestroyInstanceResponse destroyInstance(io.spotreel.orchestrator.v1.DestroyInstanceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDestroyInstanceMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service InstanceService.
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class InstanceServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<InstanceServiceBlockingStub> {
    private InstanceServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InstanceServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InstanceServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists instances, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter or the
     *   page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListInstancesResponse listInstances(io.spotreel.orchestrator.v1.ListInstancesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListInstancesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets an instance.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetInstanceResponse getInstance(io.spotreel.orchestrator.v1.GetInstanceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetInstanceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops giving work to an instance, and destroys it when it is done with what it
     * has; at once, where it does not take work yet. A repeat does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DrainInstanceResponse drainInstance(io.spotreel.orchestrator.v1.DrainInstanceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDrainInstanceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Destroys an instance at once. The attempts that run on it fail with
     * `INSTANCE_LOST`, and their jobs are queued again while tries are left. A repeat
     * does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DestroyInstanceResponse destroyInstance(io.spotreel.orchestrator.v1.DestroyInstanceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDestroyInstanceMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service InstanceService.
   * <pre>
   * Shows the machines that work, and lets an operator take them out.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class InstanceServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<InstanceServiceFutureStub> {
    private InstanceServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected InstanceServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new InstanceServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists instances, the newest first.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter or the
     *   page token is wrong.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.ListInstancesResponse> listInstances(
        io.spotreel.orchestrator.v1.ListInstancesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListInstancesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gets an instance.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.GetInstanceResponse> getInstance(
        io.spotreel.orchestrator.v1.GetInstanceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetInstanceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Stops giving work to an instance, and destroys it when it is done with what it
     * has; at once, where it does not take work yet. A repeat does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.DrainInstanceResponse> drainInstance(
        io.spotreel.orchestrator.v1.DrainInstanceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDrainInstanceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Destroys an instance at once. The attempts that run on it fail with
     * `INSTANCE_LOST`, and their jobs are queued again while tries are left. A repeat
     * does nothing.
     * Errors:
     * - `NOT_FOUND` (INSTANCE_NOT_FOUND): there is no such instance.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.DestroyInstanceResponse> destroyInstance(
        io.spotreel.orchestrator.v1.DestroyInstanceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDestroyInstanceMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LIST_INSTANCES = 0;
  private static final int METHODID_GET_INSTANCE = 1;
  private static final int METHODID_DRAIN_INSTANCE = 2;
  private static final int METHODID_DESTROY_INSTANCE = 3;

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
        case METHODID_LIST_INSTANCES:
          serviceImpl.listInstances((io.spotreel.orchestrator.v1.ListInstancesRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListInstancesResponse>) responseObserver);
          break;
        case METHODID_GET_INSTANCE:
          serviceImpl.getInstance((io.spotreel.orchestrator.v1.GetInstanceRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetInstanceResponse>) responseObserver);
          break;
        case METHODID_DRAIN_INSTANCE:
          serviceImpl.drainInstance((io.spotreel.orchestrator.v1.DrainInstanceRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DrainInstanceResponse>) responseObserver);
          break;
        case METHODID_DESTROY_INSTANCE:
          serviceImpl.destroyInstance((io.spotreel.orchestrator.v1.DestroyInstanceRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DestroyInstanceResponse>) responseObserver);
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
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getListInstancesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.ListInstancesRequest,
              io.spotreel.orchestrator.v1.ListInstancesResponse>(
                service, METHODID_LIST_INSTANCES)))
        .addMethod(
          getGetInstanceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.GetInstanceRequest,
              io.spotreel.orchestrator.v1.GetInstanceResponse>(
                service, METHODID_GET_INSTANCE)))
        .addMethod(
          getDrainInstanceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.DrainInstanceRequest,
              io.spotreel.orchestrator.v1.DrainInstanceResponse>(
                service, METHODID_DRAIN_INSTANCE)))
        .addMethod(
          getDestroyInstanceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.DestroyInstanceRequest,
              io.spotreel.orchestrator.v1.DestroyInstanceResponse>(
                service, METHODID_DESTROY_INSTANCE)))
        .build();
  }

  private static abstract class InstanceServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    InstanceServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.spotreel.orchestrator.v1.InstanceServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("InstanceService");
    }
  }

  private static final class InstanceServiceFileDescriptorSupplier
      extends InstanceServiceBaseDescriptorSupplier {
    InstanceServiceFileDescriptorSupplier() {}
  }

  private static final class InstanceServiceMethodDescriptorSupplier
      extends InstanceServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    InstanceServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (InstanceServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new InstanceServiceFileDescriptorSupplier())
              .addMethod(getListInstancesMethod())
              .addMethod(getGetInstanceMethod())
              .addMethod(getDrainInstanceMethod())
              .addMethod(getDestroyInstanceMethod())
              .build();
        }
      }
    }
    return result;
  }
}
