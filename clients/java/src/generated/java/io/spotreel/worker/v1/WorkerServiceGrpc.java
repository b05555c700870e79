package io.spotreel.worker.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Runs tasks on one machine.
 * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
 * starts a task under an id of its own choice, follows `WatchTask` and
 * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
 * at home. Every step may be repeated: after a break the orchestrator finds the
 * task by its id and goes on where it was.
 * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
 * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
 * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
 * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
 * (SHUTTING_DOWN).
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class WorkerServiceGrpc {

  private WorkerServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "spotreel.worker.v1.WorkerService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetCapabilitiesRequest,
      io.spotreel.worker.v1.GetCapabilitiesResponse> getGetCapabilitiesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetCapabilities",
      requestType = io.spotreel.worker.v1.GetCapabilitiesRequest.class,
      responseType = io.spotreel.worker.v1.GetCapabilitiesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetCapabilitiesRequest,
      io.spotreel.worker.v1.GetCapabilitiesResponse> getGetCapabilitiesMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetCapabilitiesRequest, io.spotreel.worker.v1.GetCapabilitiesResponse> getGetCapabilitiesMethod;
    if ((getGetCapabilitiesMethod = WorkerServiceGrpc.getGetCapabilitiesMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getGetCapabilitiesMethod = WorkerServiceGrpc.getGetCapabilitiesMethod) == null) {
          WorkerServiceGrpc.getGetCapabilitiesMethod = getGetCapabilitiesMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.GetCapabilitiesRequest, io.spotreel.worker.v1.GetCapabilitiesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetCapabilities"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetCapabilitiesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetCapabilitiesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("GetCapabilities"))
              .build();
        }
      }
    }
    return getGetCapabilitiesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.StartTaskRequest,
      io.spotreel.worker.v1.StartTaskResponse> getStartTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StartTask",
      requestType = io.spotreel.worker.v1.StartTaskRequest.class,
      responseType = io.spotreel.worker.v1.StartTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.StartTaskRequest,
      io.spotreel.worker.v1.StartTaskResponse> getStartTaskMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.StartTaskRequest, io.spotreel.worker.v1.StartTaskResponse> getStartTaskMethod;
    if ((getStartTaskMethod = WorkerServiceGrpc.getStartTaskMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getStartTaskMethod = WorkerServiceGrpc.getStartTaskMethod) == null) {
          WorkerServiceGrpc.getStartTaskMethod = getStartTaskMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.StartTaskRequest, io.spotreel.worker.v1.StartTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StartTask"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.StartTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.StartTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("StartTask"))
              .build();
        }
      }
    }
    return getStartTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskRequest,
      io.spotreel.worker.v1.GetTaskResponse> getGetTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTask",
      requestType = io.spotreel.worker.v1.GetTaskRequest.class,
      responseType = io.spotreel.worker.v1.GetTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskRequest,
      io.spotreel.worker.v1.GetTaskResponse> getGetTaskMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskRequest, io.spotreel.worker.v1.GetTaskResponse> getGetTaskMethod;
    if ((getGetTaskMethod = WorkerServiceGrpc.getGetTaskMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getGetTaskMethod = WorkerServiceGrpc.getGetTaskMethod) == null) {
          WorkerServiceGrpc.getGetTaskMethod = getGetTaskMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.GetTaskRequest, io.spotreel.worker.v1.GetTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTask"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("GetTask"))
              .build();
        }
      }
    }
    return getGetTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.ListTasksRequest,
      io.spotreel.worker.v1.ListTasksResponse> getListTasksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListTasks",
      requestType = io.spotreel.worker.v1.ListTasksRequest.class,
      responseType = io.spotreel.worker.v1.ListTasksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.ListTasksRequest,
      io.spotreel.worker.v1.ListTasksResponse> getListTasksMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.ListTasksRequest, io.spotreel.worker.v1.ListTasksResponse> getListTasksMethod;
    if ((getListTasksMethod = WorkerServiceGrpc.getListTasksMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getListTasksMethod = WorkerServiceGrpc.getListTasksMethod) == null) {
          WorkerServiceGrpc.getListTasksMethod = getListTasksMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.ListTasksRequest, io.spotreel.worker.v1.ListTasksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListTasks"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.ListTasksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.ListTasksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("ListTasks"))
              .build();
        }
      }
    }
    return getListTasksMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.WatchTaskRequest,
      io.spotreel.worker.v1.WatchTaskResponse> getWatchTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchTask",
      requestType = io.spotreel.worker.v1.WatchTaskRequest.class,
      responseType = io.spotreel.worker.v1.WatchTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.WatchTaskRequest,
      io.spotreel.worker.v1.WatchTaskResponse> getWatchTaskMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.WatchTaskRequest, io.spotreel.worker.v1.WatchTaskResponse> getWatchTaskMethod;
    if ((getWatchTaskMethod = WorkerServiceGrpc.getWatchTaskMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getWatchTaskMethod = WorkerServiceGrpc.getWatchTaskMethod) == null) {
          WorkerServiceGrpc.getWatchTaskMethod = getWatchTaskMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.WatchTaskRequest, io.spotreel.worker.v1.WatchTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchTask"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.WatchTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.WatchTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("WatchTask"))
              .build();
        }
      }
    }
    return getWatchTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.ReadTaskOutputRequest,
      io.spotreel.worker.v1.ReadTaskOutputResponse> getReadTaskOutputMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ReadTaskOutput",
      requestType = io.spotreel.worker.v1.ReadTaskOutputRequest.class,
      responseType = io.spotreel.worker.v1.ReadTaskOutputResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.ReadTaskOutputRequest,
      io.spotreel.worker.v1.ReadTaskOutputResponse> getReadTaskOutputMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.ReadTaskOutputRequest, io.spotreel.worker.v1.ReadTaskOutputResponse> getReadTaskOutputMethod;
    if ((getReadTaskOutputMethod = WorkerServiceGrpc.getReadTaskOutputMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getReadTaskOutputMethod = WorkerServiceGrpc.getReadTaskOutputMethod) == null) {
          WorkerServiceGrpc.getReadTaskOutputMethod = getReadTaskOutputMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.ReadTaskOutputRequest, io.spotreel.worker.v1.ReadTaskOutputResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ReadTaskOutput"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.ReadTaskOutputRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.ReadTaskOutputResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("ReadTaskOutput"))
              .build();
        }
      }
    }
    return getReadTaskOutputMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.UploadTaskInputRequest,
      io.spotreel.worker.v1.UploadTaskInputResponse> getUploadTaskInputMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UploadTaskInput",
      requestType = io.spotreel.worker.v1.UploadTaskInputRequest.class,
      responseType = io.spotreel.worker.v1.UploadTaskInputResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.UploadTaskInputRequest,
      io.spotreel.worker.v1.UploadTaskInputResponse> getUploadTaskInputMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.UploadTaskInputRequest, io.spotreel.worker.v1.UploadTaskInputResponse> getUploadTaskInputMethod;
    if ((getUploadTaskInputMethod = WorkerServiceGrpc.getUploadTaskInputMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getUploadTaskInputMethod = WorkerServiceGrpc.getUploadTaskInputMethod) == null) {
          WorkerServiceGrpc.getUploadTaskInputMethod = getUploadTaskInputMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.UploadTaskInputRequest, io.spotreel.worker.v1.UploadTaskInputResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UploadTaskInput"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.UploadTaskInputRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.UploadTaskInputResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("UploadTaskInput"))
              .build();
        }
      }
    }
    return getUploadTaskInputMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskInputRequest,
      io.spotreel.worker.v1.GetTaskInputResponse> getGetTaskInputMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTaskInput",
      requestType = io.spotreel.worker.v1.GetTaskInputRequest.class,
      responseType = io.spotreel.worker.v1.GetTaskInputResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskInputRequest,
      io.spotreel.worker.v1.GetTaskInputResponse> getGetTaskInputMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.GetTaskInputRequest, io.spotreel.worker.v1.GetTaskInputResponse> getGetTaskInputMethod;
    if ((getGetTaskInputMethod = WorkerServiceGrpc.getGetTaskInputMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getGetTaskInputMethod = WorkerServiceGrpc.getGetTaskInputMethod) == null) {
          WorkerServiceGrpc.getGetTaskInputMethod = getGetTaskInputMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.GetTaskInputRequest, io.spotreel.worker.v1.GetTaskInputResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTaskInput"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetTaskInputRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.GetTaskInputResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("GetTaskInput"))
              .build();
        }
      }
    }
    return getGetTaskInputMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.CancelTaskRequest,
      io.spotreel.worker.v1.CancelTaskResponse> getCancelTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CancelTask",
      requestType = io.spotreel.worker.v1.CancelTaskRequest.class,
      responseType = io.spotreel.worker.v1.CancelTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.CancelTaskRequest,
      io.spotreel.worker.v1.CancelTaskResponse> getCancelTaskMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.CancelTaskRequest, io.spotreel.worker.v1.CancelTaskResponse> getCancelTaskMethod;
    if ((getCancelTaskMethod = WorkerServiceGrpc.getCancelTaskMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getCancelTaskMethod = WorkerServiceGrpc.getCancelTaskMethod) == null) {
          WorkerServiceGrpc.getCancelTaskMethod = getCancelTaskMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.CancelTaskRequest, io.spotreel.worker.v1.CancelTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CancelTask"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.CancelTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.CancelTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("CancelTask"))
              .build();
        }
      }
    }
    return getCancelTaskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.worker.v1.DeleteTaskRequest,
      io.spotreel.worker.v1.DeleteTaskResponse> getDeleteTaskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteTask",
      requestType = io.spotreel.worker.v1.DeleteTaskRequest.class,
      responseType = io.spotreel.worker.v1.DeleteTaskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.worker.v1.DeleteTaskRequest,
      io.spotreel.worker.v1.DeleteTaskResponse> getDeleteTaskMethod() {
    io.grpc.MethodDescriptor<io.spotreel.worker.v1.DeleteTaskRequest, io.spotreel.worker.v1.DeleteTaskResponse> getDeleteTaskMethod;
    if ((getDeleteTaskMethod = WorkerServiceGrpc.getDeleteTaskMethod) == null) {
      synchronized (WorkerServiceGrpc.class) {
        if ((getDeleteTaskMethod = WorkerServiceGrpc.getDeleteTaskMethod) == null) {
          WorkerServiceGrpc.getDeleteTaskMethod = getDeleteTaskMethod =
              io.grpc.MethodDescriptor.<io.spotreel.worker.v1.DeleteTaskRequest, io.spotreel.worker.v1.DeleteTaskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteTask"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.DeleteTaskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.worker.v1.DeleteTaskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new WorkerServiceMethodDescriptorSupplier("DeleteTask"))
              .build();
        }
      }
    }
    return getDeleteTaskMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static WorkerServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<WorkerServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<WorkerServiceStub>() {
        @java.lang.Override
        public WorkerServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new WorkerServiceStub(channel, callOptions);
        }
      };
    return WorkerServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static WorkerServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<WorkerServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<WorkerServiceBlockingV2Stub>() {
        @java.lang.Override
        public WorkerServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new WorkerServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return WorkerServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static WorkerServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<WorkerServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<WorkerServiceBlockingStub>() {
        @java.lang.Override
        public WorkerServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new WorkerServiceBlockingStub(channel, callOptions);
        }
      };
    return WorkerServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static WorkerServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<WorkerServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<WorkerServiceFutureStub>() {
        @java.lang.Override
        public WorkerServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new WorkerServiceFutureStub(channel, callOptions);
        }
      };
    return WorkerServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Tells what this worker can do. The first call may take as long as the probe of
     * the encoders takes.
     * </pre>
     */
    default void getCapabilities(io.spotreel.worker.v1.GetCapabilitiesRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetCapabilitiesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetCapabilitiesMethod(), responseObserver);
    }

    /**
     * <pre>
     * Starts a task.
     * A repeat with the same `task_id` and the same request gives the task as it is.
     * The task is accepted even when all slots are taken; it then waits.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this worker does not do it yet.
     * - `ALREADY_EXISTS` (TASK_EXISTS): the id belongs to another request.
     * - `FAILED_PRECONDITION` (INPUT_MISSING): an asset that the operation names has
     *   not been uploaded. Metadata `asset` names it.
     * - `RESOURCE_EXHAUSTED` (TOO_MANY_TASKS): too many tasks wait.
     * </pre>
     */
    default void startTask(io.spotreel.worker.v1.StartTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.StartTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStartTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gets a task.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; the worker may have been
     *   started anew.
     * </pre>
     */
    default void getTask(io.spotreel.worker.v1.GetTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists all tasks that were not deleted, the oldest first. There are never so
     * many that pages would help, but the form is that of every list.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    default void listTasks(io.spotreel.worker.v1.ListTasksRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ListTasksResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListTasksMethod(), responseObserver);
    }

    /**
     * <pre>
     * Follows a task until it is final.
     * The first message comes at once and has the whole task; each later one comes
     * with a change, at most 4 in a second, and has the whole task again. At least
     * every 10 s a message comes, unchanged if need be. The stream ends with OK after
     * the final state was sent, and only then.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task, or it was deleted.
     * </pre>
     */
    default void watchTask(io.spotreel.worker.v1.WatchTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.WatchTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Reads the output of a task, from an offset on, and follows it while it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind what is written.
     * - `FAILED_PRECONDITION` (TASK_FAILED, TASK_CANCELLED): the output will never be
     *   complete.
     * </pre>
     */
    default void readTaskOutput(io.spotreel.worker.v1.ReadTaskOutputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ReadTaskOutputResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReadTaskOutputMethod(), responseObserver);
    }

    /**
     * <pre>
     * Uploads an input. Inputs are known by their content and shared by tasks; one
     * that no task has used for a while is removed.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the worker has the content already it answers at once. After a break
     * GetTaskInput tells where to go on.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same input.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a checksum does not agree.
     * - `RESOURCE_EXHAUSTED` (DISK_FULL): no space left.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.spotreel.worker.v1.UploadTaskInputRequest> uploadTaskInput(
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.UploadTaskInputResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getUploadTaskInputMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells how much of an input is here. Nothing is an answer too, not an error.
     * </pre>
     */
    default void getTaskInput(io.spotreel.worker.v1.GetTaskInputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskInputResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTaskInputMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels a task. The task is CANCELLED when its process is gone. A repeat, and a
     * call for a task that is final, does nothing.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * </pre>
     */
    default void cancelTask(io.spotreel.worker.v1.CancelTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.CancelTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelTaskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Deletes a task that is final, and its files.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; after a repeat this means
     *   that it is deleted.
     * - `FAILED_PRECONDITION` (TASK_NOT_FINISHED): cancel it first.
     * </pre>
     */
    default void deleteTask(io.spotreel.worker.v1.DeleteTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.DeleteTaskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteTaskMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service WorkerService.
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public static abstract class WorkerServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return WorkerServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service WorkerService.
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public static final class WorkerServiceStub
      extends io.grpc.stub.AbstractAsyncStub<WorkerServiceStub> {
    private WorkerServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected WorkerServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new WorkerServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what this worker can do. The first call may take as long as the probe of
     * the encoders takes.
     * </pre>
     */
    public void getCapabilities(io.spotreel.worker.v1.GetCapabilitiesRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetCapabilitiesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetCapabilitiesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Starts a task.
     * A repeat with the same `task_id` and the same request gives the task as it is.
     * The task is accepted even when all slots are taken; it then waits.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this worker does not do it yet.
     * - `ALREADY_EXISTS` (TASK_EXISTS): the id belongs to another request.
     * - `FAILED_PRECONDITION` (INPUT_MISSING): an asset that the operation names has
     *   not been uploaded. Metadata `asset` names it.
     * - `RESOURCE_EXHAUSTED` (TOO_MANY_TASKS): too many tasks wait.
     * </pre>
     */
    public void startTask(io.spotreel.worker.v1.StartTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.StartTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getStartTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gets a task.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; the worker may have been
     *   started anew.
     * </pre>
     */
    public void getTask(io.spotreel.worker.v1.GetTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists all tasks that were not deleted, the oldest first. There are never so
     * many that pages would help, but the form is that of every list.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public void listTasks(io.spotreel.worker.v1.ListTasksRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ListTasksResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListTasksMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Follows a task until it is final.
     * The first message comes at once and has the whole task; each later one comes
     * with a change, at most 4 in a second, and has the whole task again. At least
     * every 10 s a message comes, unchanged if need be. The stream ends with OK after
     * the final state was sent, and only then.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task, or it was deleted.
     * </pre>
     */
    public void watchTask(io.spotreel.worker.v1.WatchTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.WatchTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Reads the output of a task, from an offset on, and follows it while it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind what is written.
     * - `FAILED_PRECONDITION` (TASK_FAILED, TASK_CANCELLED): the output will never be
     *   complete.
     * </pre>
     */
    public void readTaskOutput(io.spotreel.worker.v1.ReadTaskOutputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ReadTaskOutputResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getReadTaskOutputMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Uploads an input. Inputs are known by their content and shared by tasks; one
     * that no task has used for a while is removed.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the worker has the content already it answers at once. After a break
     * GetTaskInput tells where to go on.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same input.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a checksum does not agree.
     * - `RESOURCE_EXHAUSTED` (DISK_FULL): no space left.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.spotreel.worker.v1.UploadTaskInputRequest> uploadTaskInput(
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.UploadTaskInputResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncClientStreamingCall(
          getChannel().newCall(getUploadTaskInputMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Tells how much of an input is here. Nothing is an answer too, not an error.
     * </pre>
     */
    public void getTaskInput(io.spotreel.worker.v1.GetTaskInputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskInputResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTaskInputMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels a task. The task is CANCELLED when its process is gone. A repeat, and a
     * call for a task that is final, does nothing.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * </pre>
     */
    public void cancelTask(io.spotreel.worker.v1.CancelTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.CancelTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelTaskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Deletes a task that is final, and its files.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; after a repeat this means
     *   that it is deleted.
     * - `FAILED_PRECONDITION` (TASK_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public void deleteTask(io.spotreel.worker.v1.DeleteTaskRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.worker.v1.DeleteTaskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteTaskMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service WorkerService.
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public static final class WorkerServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<WorkerServiceBlockingV2Stub> {
    private WorkerServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected WorkerServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new WorkerServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what this worker can do. The first call may take as long as the probe of
     * the encoders takes.
     * </pre>
     */
    public io.spotreel.worker.v1.GetCapabilitiesResponse getCapabilities(io.spotreel.worker.v1.GetCapabilitiesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetCapabilitiesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Starts a task.
     * A repeat with the same `task_id` and the same request gives the task as it is.
     * The task is accepted even when all slots are taken; it then waits.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this worker does not do it yet.
     * - `ALREADY_EXISTS` (TASK_EXISTS): the id belongs to another request.
     * - `FAILED_PRECONDITION` (INPUT_MISSING): an asset that the operation names has
     *   not been uploaded. Metadata `asset` names it.
     * - `RESOURCE_EXHAUSTED` (TOO_MANY_TASKS): too many tasks wait.
     * </pre>
     */
    public io.spotreel.worker.v1.StartTaskResponse startTask(io.spotreel.worker.v1.StartTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getStartTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets a task.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; the worker may have been
     *   started anew.
     * </pre>
     */
    public io.spotreel.worker.v1.GetTaskResponse getTask(io.spotreel.worker.v1.GetTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists all tasks that were not deleted, the oldest first. There are never so
     * many that pages would help, but the form is that of every list.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public io.spotreel.worker.v1.ListTasksResponse listTasks(io.spotreel.worker.v1.ListTasksRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a task until it is final.
     * The first message comes at once and has the whole task; each later one comes
     * with a change, at most 4 in a second, and has the whole task again. At least
     * every 10 s a message comes, unchanged if need be. The stream ends with OK after
     * the final state was sent, and only then.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task, or it was deleted.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.spotreel.worker.v1.WatchTaskResponse>
        watchTask(io.spotreel.worker.v1.WatchTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the output of a task, from an offset on, and follows it while it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind what is written.
     * - `FAILED_PRECONDITION` (TASK_FAILED, TASK_CANCELLED): the output will never be
     *   complete.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.spotreel.worker.v1.ReadTaskOutputResponse>
        readTaskOutput(io.spotreel.worker.v1.ReadTaskOutputRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getReadTaskOutputMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Uploads an input. Inputs are known by their content and shared by tasks; one
     * that no task has used for a while is removed.
     * The first message is `start`, then `data` as often as needed, then `finish`.
     * When the worker has the content already it answers at once. After a break
     * GetTaskInput tells where to go on.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, UPLOAD_OUT_OF_ORDER): a field is wrong,
     *   or the messages came in another order.
     * - `OUT_OF_RANGE` (OFFSET_MISMATCH): the offset is not where the upload stands.
     * - `ABORTED` (UPLOAD_IN_USE): another stream writes to the same input.
     * - `DATA_LOSS` (CHECKSUM_MISMATCH): a checksum does not agree.
     * - `RESOURCE_EXHAUSTED` (DISK_FULL): no space left.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.spotreel.worker.v1.UploadTaskInputRequest, io.spotreel.worker.v1.UploadTaskInputResponse>
        uploadTaskInput() {
      return io.grpc.stub.ClientCalls.blockingClientStreamingCall(
          getChannel(), getUploadTaskInputMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Tells how much of an input is here. Nothing is an answer too, not an error.
     * </pre>
     */
    public io.spotreel.worker.v1.GetTaskInputResponse getTaskInput(io.spotreel.worker.v1.GetTaskInputRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTaskInputMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a task. The task is CANCELLED when its process is gone. A repeat, and a
     * call for a task that is final, does nothing.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * </pre>
     */
    public io.spotreel.worker.v1.CancelTaskResponse cancelTask(io.spotreel.worker.v1.CancelTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a task that is final, and its files.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; after a repeat this means
     *   that it is deleted.
     * - `FAILED_PRECONDITION` (TASK_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public io.spotreel.worker.v1.DeleteTaskResponse deleteTask(io.spotreel.worker.v1.DeleteTaskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteTaskMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service WorkerService.
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public static final class WorkerServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<WorkerServiceBlockingStub> {
    private WorkerServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected WorkerServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new WorkerServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what this worker can do. The first call may take as long as the probe of
     * the encoders takes.
     * </pre>
     */
    public io.spotreel.worker.v1.GetCapabilitiesResponse getCapabilities(io.spotreel.worker.v1.GetCapabilitiesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetCapabilitiesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Starts a task.
     * A repeat with the same `task_id` and the same request gives the task as it is.
     * The task is accepted even when all slots are taken; it then waits.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this worker does not do it yet.
     * - `ALREADY_EXISTS` (TASK_EXISTS): the id belongs to another request.
     * - `FAILED_PRECONDITION` (INPUT_MISSING): an asset that the operation names has
     *   not been uploaded. Metadata `asset` names it.
     * - `RESOURCE_EXHAUSTED` (TOO_MANY_TASKS): too many tasks wait.
     * </pre>
     */
    public io.spotreel.worker.v1.StartTaskResponse startTask(io.spotreel.worker.v1.StartTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getStartTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets a task.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; the worker may have been
     *   started anew.
     * </pre>
     */
    public io.spotreel.worker.v1.GetTaskResponse getTask(io.spotreel.worker.v1.GetTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists all tasks that were not deleted, the oldest first. There are never so
     * many that pages would help, but the form is that of every list.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public io.spotreel.worker.v1.ListTasksResponse listTasks(io.spotreel.worker.v1.ListTasksRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListTasksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a task until it is final.
     * The first message comes at once and has the whole task; each later one comes
     * with a change, at most 4 in a second, and has the whole task again. At least
     * every 10 s a message comes, unchanged if need be. The stream ends with OK after
     * the final state was sent, and only then.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task, or it was deleted.
     * </pre>
     */
    public java.util.Iterator<io.spotreel.worker.v1.WatchTaskResponse> watchTask(
        io.spotreel.worker.v1.WatchTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the output of a task, from an offset on, and follows it while it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind what is written.
     * - `FAILED_PRECONDITION` (TASK_FAILED, TASK_CANCELLED): the output will never be
     *   complete.
     * </pre>
     */
    public java.util.Iterator<io.spotreel.worker.v1.ReadTaskOutputResponse> readTaskOutput(
        io.spotreel.worker.v1.ReadTaskOutputRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getReadTaskOutputMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells how much of an input is here. Nothing is an answer too, not an error.
     * </pre>
     */
    public io.spotreel.worker.v1.GetTaskInputResponse getTaskInput(io.spotreel.worker.v1.GetTaskInputRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTaskInputMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a task. The task is CANCELLED when its process is gone. A repeat, and a
     * call for a task that is final, does nothing.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * </pre>
     */
    public io.spotreel.worker.v1.CancelTaskResponse cancelTask(io.spotreel.worker.v1.CancelTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelTaskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a task that is final, and its files.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; after a repeat this means
     *   that it is deleted.
     * - `FAILED_PRECONDITION` (TASK_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public io.spotreel.worker.v1.DeleteTaskResponse deleteTask(io.spotreel.worker.v1.DeleteTaskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteTaskMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service WorkerService.
   * <pre>
   * Runs tasks on one machine.
   * The orchestrator sends inputs that are not at an address (`UploadTaskInput`),
   * starts a task under an id of its own choice, follows `WatchTask` and
   * `ReadTaskOutput` at the same time, and deletes the task when the output is safe
   * at home. Every step may be repeated: after a break the orchestrator finds the
   * task by its id and goes on where it was.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT),
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID; in a session
   * SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), `PERMISSION_DENIED`
   * (ADDRESS_NOT_ALLOWED), `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`
   * (SHUTTING_DOWN).
   * </pre>
   */
  public static final class WorkerServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<WorkerServiceFutureStub> {
    private WorkerServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected WorkerServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new WorkerServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what this worker can do. The first call may take as long as the probe of
     * the encoders takes.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.GetCapabilitiesResponse> getCapabilities(
        io.spotreel.worker.v1.GetCapabilitiesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetCapabilitiesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Starts a task.
     * A repeat with the same `task_id` and the same request gives the task as it is.
     * The task is accepted even when all slots are taken; it then waits.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this worker does not do it yet.
     * - `ALREADY_EXISTS` (TASK_EXISTS): the id belongs to another request.
     * - `FAILED_PRECONDITION` (INPUT_MISSING): an asset that the operation names has
     *   not been uploaded. Metadata `asset` names it.
     * - `RESOURCE_EXHAUSTED` (TOO_MANY_TASKS): too many tasks wait.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.StartTaskResponse> startTask(
        io.spotreel.worker.v1.StartTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getStartTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gets a task.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; the worker may have been
     *   started anew.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.GetTaskResponse> getTask(
        io.spotreel.worker.v1.GetTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists all tasks that were not deleted, the oldest first. There are never so
     * many that pages would help, but the form is that of every list.
     * Errors:
     * - `INVALID_ARGUMENT` (PAGE_TOKEN_INVALID): the page token is wrong.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.ListTasksResponse> listTasks(
        io.spotreel.worker.v1.ListTasksRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListTasksMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells how much of an input is here. Nothing is an answer too, not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.GetTaskInputResponse> getTaskInput(
        io.spotreel.worker.v1.GetTaskInputRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTaskInputMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels a task. The task is CANCELLED when its process is gone. A repeat, and a
     * call for a task that is final, does nothing.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.CancelTaskResponse> cancelTask(
        io.spotreel.worker.v1.CancelTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelTaskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Deletes a task that is final, and its files.
     * Errors:
     * - `NOT_FOUND` (TASK_NOT_FOUND): there is no such task; after a repeat this means
     *   that it is deleted.
     * - `FAILED_PRECONDITION` (TASK_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.worker.v1.DeleteTaskResponse> deleteTask(
        io.spotreel.worker.v1.DeleteTaskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteTaskMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_CAPABILITIES = 0;
  private static final int METHODID_START_TASK = 1;
  private static final int METHODID_GET_TASK = 2;
  private static final int METHODID_LIST_TASKS = 3;
  private static final int METHODID_WATCH_TASK = 4;
  private static final int METHODID_READ_TASK_OUTPUT = 5;
  private static final int METHODID_GET_TASK_INPUT = 6;
  private static final int METHODID_CANCEL_TASK = 7;
  private static final int METHODID_DELETE_TASK = 8;
  private static final int METHODID_UPLOAD_TASK_INPUT = 9;

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
        case METHODID_GET_CAPABILITIES:
          serviceImpl.getCapabilities((io.spotreel.worker.v1.GetCapabilitiesRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetCapabilitiesResponse>) responseObserver);
          break;
        case METHODID_START_TASK:
          serviceImpl.startTask((io.spotreel.worker.v1.StartTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.StartTaskResponse>) responseObserver);
          break;
        case METHODID_GET_TASK:
          serviceImpl.getTask((io.spotreel.worker.v1.GetTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskResponse>) responseObserver);
          break;
        case METHODID_LIST_TASKS:
          serviceImpl.listTasks((io.spotreel.worker.v1.ListTasksRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ListTasksResponse>) responseObserver);
          break;
        case METHODID_WATCH_TASK:
          serviceImpl.watchTask((io.spotreel.worker.v1.WatchTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.WatchTaskResponse>) responseObserver);
          break;
        case METHODID_READ_TASK_OUTPUT:
          serviceImpl.readTaskOutput((io.spotreel.worker.v1.ReadTaskOutputRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.ReadTaskOutputResponse>) responseObserver);
          break;
        case METHODID_GET_TASK_INPUT:
          serviceImpl.getTaskInput((io.spotreel.worker.v1.GetTaskInputRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.GetTaskInputResponse>) responseObserver);
          break;
        case METHODID_CANCEL_TASK:
          serviceImpl.cancelTask((io.spotreel.worker.v1.CancelTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.CancelTaskResponse>) responseObserver);
          break;
        case METHODID_DELETE_TASK:
          serviceImpl.deleteTask((io.spotreel.worker.v1.DeleteTaskRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.DeleteTaskResponse>) responseObserver);
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
        case METHODID_UPLOAD_TASK_INPUT:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.uploadTaskInput(
              (io.grpc.stub.StreamObserver<io.spotreel.worker.v1.UploadTaskInputResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getGetCapabilitiesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.GetCapabilitiesRequest,
              io.spotreel.worker.v1.GetCapabilitiesResponse>(
                service, METHODID_GET_CAPABILITIES)))
        .addMethod(
          getStartTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.StartTaskRequest,
              io.spotreel.worker.v1.StartTaskResponse>(
                service, METHODID_START_TASK)))
        .addMethod(
          getGetTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.GetTaskRequest,
              io.spotreel.worker.v1.GetTaskResponse>(
                service, METHODID_GET_TASK)))
        .addMethod(
          getListTasksMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.ListTasksRequest,
              io.spotreel.worker.v1.ListTasksResponse>(
                service, METHODID_LIST_TASKS)))
        .addMethod(
          getWatchTaskMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.spotreel.worker.v1.WatchTaskRequest,
              io.spotreel.worker.v1.WatchTaskResponse>(
                service, METHODID_WATCH_TASK)))
        .addMethod(
          getReadTaskOutputMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.spotreel.worker.v1.ReadTaskOutputRequest,
              io.spotreel.worker.v1.ReadTaskOutputResponse>(
                service, METHODID_READ_TASK_OUTPUT)))
        .addMethod(
          getUploadTaskInputMethod(),
          io.grpc.stub.ServerCalls.asyncClientStreamingCall(
            new MethodHandlers<
              io.spotreel.worker.v1.UploadTaskInputRequest,
              io.spotreel.worker.v1.UploadTaskInputResponse>(
                service, METHODID_UPLOAD_TASK_INPUT)))
        .addMethod(
          getGetTaskInputMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.GetTaskInputRequest,
              io.spotreel.worker.v1.GetTaskInputResponse>(
                service, METHODID_GET_TASK_INPUT)))
        .addMethod(
          getCancelTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.CancelTaskRequest,
              io.spotreel.worker.v1.CancelTaskResponse>(
                service, METHODID_CANCEL_TASK)))
        .addMethod(
          getDeleteTaskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.worker.v1.DeleteTaskRequest,
              io.spotreel.worker.v1.DeleteTaskResponse>(
                service, METHODID_DELETE_TASK)))
        .build();
  }

  private static abstract class WorkerServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    WorkerServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.spotreel.worker.v1.WorkerServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("WorkerService");
    }
  }

  private static final class WorkerServiceFileDescriptorSupplier
      extends WorkerServiceBaseDescriptorSupplier {
    WorkerServiceFileDescriptorSupplier() {}
  }

  private static final class WorkerServiceMethodDescriptorSupplier
      extends WorkerServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    WorkerServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (WorkerServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new WorkerServiceFileDescriptorSupplier())
              .addMethod(getGetCapabilitiesMethod())
              .addMethod(getStartTaskMethod())
              .addMethod(getGetTaskMethod())
              .addMethod(getListTasksMethod())
              .addMethod(getWatchTaskMethod())
              .addMethod(getReadTaskOutputMethod())
              .addMethod(getUploadTaskInputMethod())
              .addMethod(getGetTaskInputMethod())
              .addMethod(getCancelTaskMethod())
              .addMethod(getDeleteTaskMethod())
              .build();
        }
      }
    }
    return result;
  }
}
