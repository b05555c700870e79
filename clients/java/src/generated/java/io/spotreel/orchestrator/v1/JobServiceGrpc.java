package io.spotreel.orchestrator.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Takes jobs, tells how they are, and hands out what they made.
 * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
 * not of the form that it should have, or a number is out of its range;
 * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
 * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
 * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
 * carries `google.rpc.ErrorInfo` with the reason named here.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class JobServiceGrpc {

  private JobServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "spotreel.orchestrator.v1.JobService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CreateJobRequest,
      io.spotreel.orchestrator.v1.CreateJobResponse> getCreateJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateJob",
      requestType = io.spotreel.orchestrator.v1.CreateJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.CreateJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CreateJobRequest,
      io.spotreel.orchestrator.v1.CreateJobResponse> getCreateJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CreateJobRequest, io.spotreel.orchestrator.v1.CreateJobResponse> getCreateJobMethod;
    if ((getCreateJobMethod = JobServiceGrpc.getCreateJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getCreateJobMethod = JobServiceGrpc.getCreateJobMethod) == null) {
          JobServiceGrpc.getCreateJobMethod = getCreateJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.CreateJobRequest, io.spotreel.orchestrator.v1.CreateJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateJob"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.CreateJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.CreateJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("CreateJob"))
              .build();
        }
      }
    }
    return getCreateJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetJobRequest,
      io.spotreel.orchestrator.v1.GetJobResponse> getGetJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetJob",
      requestType = io.spotreel.orchestrator.v1.GetJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.GetJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetJobRequest,
      io.spotreel.orchestrator.v1.GetJobResponse> getGetJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.GetJobRequest, io.spotreel.orchestrator.v1.GetJobResponse> getGetJobMethod;
    if ((getGetJobMethod = JobServiceGrpc.getGetJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getGetJobMethod = JobServiceGrpc.getGetJobMethod) == null) {
          JobServiceGrpc.getGetJobMethod = getGetJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.GetJobRequest, io.spotreel.orchestrator.v1.GetJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetJob"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.GetJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("GetJob"))
              .build();
        }
      }
    }
    return getGetJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListJobsRequest,
      io.spotreel.orchestrator.v1.ListJobsResponse> getListJobsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListJobs",
      requestType = io.spotreel.orchestrator.v1.ListJobsRequest.class,
      responseType = io.spotreel.orchestrator.v1.ListJobsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListJobsRequest,
      io.spotreel.orchestrator.v1.ListJobsResponse> getListJobsMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ListJobsRequest, io.spotreel.orchestrator.v1.ListJobsResponse> getListJobsMethod;
    if ((getListJobsMethod = JobServiceGrpc.getListJobsMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getListJobsMethod = JobServiceGrpc.getListJobsMethod) == null) {
          JobServiceGrpc.getListJobsMethod = getListJobsMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.ListJobsRequest, io.spotreel.orchestrator.v1.ListJobsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListJobs"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListJobsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ListJobsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("ListJobs"))
              .build();
        }
      }
    }
    return getListJobsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CancelJobRequest,
      io.spotreel.orchestrator.v1.CancelJobResponse> getCancelJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CancelJob",
      requestType = io.spotreel.orchestrator.v1.CancelJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.CancelJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CancelJobRequest,
      io.spotreel.orchestrator.v1.CancelJobResponse> getCancelJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.CancelJobRequest, io.spotreel.orchestrator.v1.CancelJobResponse> getCancelJobMethod;
    if ((getCancelJobMethod = JobServiceGrpc.getCancelJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getCancelJobMethod = JobServiceGrpc.getCancelJobMethod) == null) {
          JobServiceGrpc.getCancelJobMethod = getCancelJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.CancelJobRequest, io.spotreel.orchestrator.v1.CancelJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CancelJob"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.CancelJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.CancelJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("CancelJob"))
              .build();
        }
      }
    }
    return getCancelJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteJobRequest,
      io.spotreel.orchestrator.v1.DeleteJobResponse> getDeleteJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteJob",
      requestType = io.spotreel.orchestrator.v1.DeleteJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.DeleteJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteJobRequest,
      io.spotreel.orchestrator.v1.DeleteJobResponse> getDeleteJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.DeleteJobRequest, io.spotreel.orchestrator.v1.DeleteJobResponse> getDeleteJobMethod;
    if ((getDeleteJobMethod = JobServiceGrpc.getDeleteJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getDeleteJobMethod = JobServiceGrpc.getDeleteJobMethod) == null) {
          JobServiceGrpc.getDeleteJobMethod = getDeleteJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.DeleteJobRequest, io.spotreel.orchestrator.v1.DeleteJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteJob"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DeleteJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.DeleteJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("DeleteJob"))
              .build();
        }
      }
    }
    return getDeleteJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.QuoteJobRequest,
      io.spotreel.orchestrator.v1.QuoteJobResponse> getQuoteJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "QuoteJob",
      requestType = io.spotreel.orchestrator.v1.QuoteJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.QuoteJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.QuoteJobRequest,
      io.spotreel.orchestrator.v1.QuoteJobResponse> getQuoteJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.QuoteJobRequest, io.spotreel.orchestrator.v1.QuoteJobResponse> getQuoteJobMethod;
    if ((getQuoteJobMethod = JobServiceGrpc.getQuoteJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getQuoteJobMethod = JobServiceGrpc.getQuoteJobMethod) == null) {
          JobServiceGrpc.getQuoteJobMethod = getQuoteJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.QuoteJobRequest, io.spotreel.orchestrator.v1.QuoteJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "QuoteJob"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.QuoteJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.QuoteJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("QuoteJob"))
              .build();
        }
      }
    }
    return getQuoteJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.WatchJobRequest,
      io.spotreel.orchestrator.v1.WatchJobResponse> getWatchJobMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchJob",
      requestType = io.spotreel.orchestrator.v1.WatchJobRequest.class,
      responseType = io.spotreel.orchestrator.v1.WatchJobResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.WatchJobRequest,
      io.spotreel.orchestrator.v1.WatchJobResponse> getWatchJobMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.WatchJobRequest, io.spotreel.orchestrator.v1.WatchJobResponse> getWatchJobMethod;
    if ((getWatchJobMethod = JobServiceGrpc.getWatchJobMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getWatchJobMethod = JobServiceGrpc.getWatchJobMethod) == null) {
          JobServiceGrpc.getWatchJobMethod = getWatchJobMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.WatchJobRequest, io.spotreel.orchestrator.v1.WatchJobResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchJob"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.WatchJobRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.WatchJobResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("WatchJob"))
              .build();
        }
      }
    }
    return getWatchJobMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ReadJobOutputRequest,
      io.spotreel.orchestrator.v1.ReadJobOutputResponse> getReadJobOutputMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ReadJobOutput",
      requestType = io.spotreel.orchestrator.v1.ReadJobOutputRequest.class,
      responseType = io.spotreel.orchestrator.v1.ReadJobOutputResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ReadJobOutputRequest,
      io.spotreel.orchestrator.v1.ReadJobOutputResponse> getReadJobOutputMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.ReadJobOutputRequest, io.spotreel.orchestrator.v1.ReadJobOutputResponse> getReadJobOutputMethod;
    if ((getReadJobOutputMethod = JobServiceGrpc.getReadJobOutputMethod) == null) {
      synchronized (JobServiceGrpc.class) {
        if ((getReadJobOutputMethod = JobServiceGrpc.getReadJobOutputMethod) == null) {
          JobServiceGrpc.getReadJobOutputMethod = getReadJobOutputMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.ReadJobOutputRequest, io.spotreel.orchestrator.v1.ReadJobOutputResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ReadJobOutput"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ReadJobOutputRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.ReadJobOutputResponse.getDefaultInstance()))
              .setSchemaDescriptor(new JobServiceMethodDescriptorSupplier("ReadJobOutput"))
              .build();
        }
      }
    }
    return getReadJobOutputMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static JobServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<JobServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<JobServiceStub>() {
        @java.lang.Override
        public JobServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new JobServiceStub(channel, callOptions);
        }
      };
    return JobServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static JobServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<JobServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<JobServiceBlockingV2Stub>() {
        @java.lang.Override
        public JobServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new JobServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return JobServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static JobServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<JobServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<JobServiceBlockingStub>() {
        @java.lang.Override
        public JobServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new JobServiceBlockingStub(channel, callOptions);
        }
      };
    return JobServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static JobServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<JobServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<JobServiceFutureStub>() {
        @java.lang.Override
        public JobServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new JobServiceFutureStub(channel, callOptions);
        }
      };
    return JobServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Creates a job and puts it into the queue.
     * Everything that can be known without reading the inputs is checked before
     * the answer; what is found out later is in `Job.failure`.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     *   BadRequest names each. Wrong for ever: correct the request.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): valid, but this server does not do it
     *   yet. The metadata names the field.
     * - `NOT_FOUND` (ASSET_NOT_FOUND): an asset that the operation names does not
     *   exist. Upload it and try again.
     * - `NOT_FOUND` (JOB_NOT_FOUND): the same request made a job before, and it was
     *   deleted. Use a new `request_id` to make it again.
     * - `ALREADY_EXISTS` (REQUEST_ID_REUSED, JOB_EXISTS): the `request_id` was used
     *   for another request, or the `job_id` is taken.
     * - `RESOURCE_EXHAUSTED` (QUEUE_FULL): too many jobs wait. Try again later.
     * </pre>
     */
    default void createJob(io.spotreel.orchestrator.v1.CreateJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CreateJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gets a job.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it has expired.
     * </pre>
     */
    default void getJob(io.spotreel.orchestrator.v1.GetJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists jobs, the newest first unless `order_by` says otherwise.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter, the
     *   order or the page token is wrong.
     * </pre>
     */
    default void listJobs(io.spotreel.orchestrator.v1.ListJobsRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListJobsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListJobsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels a job.
     * A queued job is CANCELLED at once. A running one becomes CANCELLING, and
     * CANCELLED when its process is gone; watch the job to see it. A repeat does
     * nothing.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (JOB_FINISHED): it SUCCEEDED or FAILED before.
     * </pre>
     */
    default void cancelJob(io.spotreel.orchestrator.v1.CancelJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CancelJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Deletes a job that is final, and its output.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (JOB_NOT_FINISHED): cancel it first.
     * </pre>
     */
    default void deleteJob(io.spotreel.orchestrator.v1.DeleteJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells what a job would cost and how long it would take, and creates nothing.
     * Errors:
     * - `INVALID_ARGUMENT`, `UNIMPLEMENTED`, `NOT_FOUND`: as for CreateJob.
     * </pre>
     */
    default void quoteJob(io.spotreel.orchestrator.v1.QuoteJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.QuoteJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getQuoteJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Follows a job until it is final.
     * The first message comes at once and has the whole job as it is; each later
     * one comes with a change and has the whole job again. Changes of progress are
     * sent at most 4 times a second; messages MAY be left out in favour of later
     * ones. At least every 10 s a message comes, unchanged if need be. The stream
     * ends with OK after the final state was sent, and only then.
     * A client whose stream breaks calls again with the last `sequence` it saw.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it was deleted.
     * </pre>
     */
    default void watchJob(io.spotreel.orchestrator.v1.WatchJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.WatchJobResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchJobMethod(), responseObserver);
    }

    /**
     * <pre>
     * Reads the output of a job, from an offset on.
     * On a job that SUCCEEDED the stored file is sent. On a job with
     * `DELIVERY_PROGRESSIVE` it may be called while the job runs, or even waits: it
     * then sends what there is and follows the file as it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees. The end of the stream alone does not mean that. A client whose
     * stream breaks calls again with the offset that it has safely stored.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (OUTPUT_NOT_READY): the job runs or waits and its
     *   output is not progressive. Watch it and call again. (JOB_FAILED,
     *   JOB_CANCELLED): it will never have an output.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind the end.
     * - `ABORTED` (OUTPUT_RESTARTED): the attempt whose output was being read was
     *   lost; another one writes the file anew. Throw away what you have and read
     *   from 0.
     * </pre>
     */
    default void readJobOutput(io.spotreel.orchestrator.v1.ReadJobOutputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ReadJobOutputResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReadJobOutputMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service JobService.
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public static abstract class JobServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return JobServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service JobService.
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public static final class JobServiceStub
      extends io.grpc.stub.AbstractAsyncStub<JobServiceStub> {
    private JobServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected JobServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new JobServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a job and puts it into the queue.
     * Everything that can be known without reading the inputs is checked before
     * the answer; what is found out later is in `Job.failure`.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     *   BadRequest names each. Wrong for ever: correct the request.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): valid, but this server does not do it
     *   yet. The metadata names the field.
     * - `NOT_FOUND` (ASSET_NOT_FOUND): an asset that the operation names does not
     *   exist. Upload it and try again.
     * - `NOT_FOUND` (JOB_NOT_FOUND): the same request made a job before, and it was
     *   deleted. Use a new `request_id` to make it again.
     * - `ALREADY_EXISTS` (REQUEST_ID_REUSED, JOB_EXISTS): the `request_id` was used
     *   for another request, or the `job_id` is taken.
     * - `RESOURCE_EXHAUSTED` (QUEUE_FULL): too many jobs wait. Try again later.
     * </pre>
     */
    public void createJob(io.spotreel.orchestrator.v1.CreateJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CreateJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gets a job.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it has expired.
     * </pre>
     */
    public void getJob(io.spotreel.orchestrator.v1.GetJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists jobs, the newest first unless `order_by` says otherwise.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter, the
     *   order or the page token is wrong.
     * </pre>
     */
    public void listJobs(io.spotreel.orchestrator.v1.ListJobsRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListJobsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListJobsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels a job.
     * A queued job is CANCELLED at once. A running one becomes CANCELLING, and
     * CANCELLED when its process is gone; watch the job to see it. A repeat does
     * nothing.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (JOB_FINISHED): it SUCCEEDED or FAILED before.
     * </pre>
     */
    public void cancelJob(io.spotreel.orchestrator.v1.CancelJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CancelJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Deletes a job that is final, and its output.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (JOB_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public void deleteJob(io.spotreel.orchestrator.v1.DeleteJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells what a job would cost and how long it would take, and creates nothing.
     * Errors:
     * - `INVALID_ARGUMENT`, `UNIMPLEMENTED`, `NOT_FOUND`: as for CreateJob.
     * </pre>
     */
    public void quoteJob(io.spotreel.orchestrator.v1.QuoteJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.QuoteJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getQuoteJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Follows a job until it is final.
     * The first message comes at once and has the whole job as it is; each later
     * one comes with a change and has the whole job again. Changes of progress are
     * sent at most 4 times a second; messages MAY be left out in favour of later
     * ones. At least every 10 s a message comes, unchanged if need be. The stream
     * ends with OK after the final state was sent, and only then.
     * A client whose stream breaks calls again with the last `sequence` it saw.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it was deleted.
     * </pre>
     */
    public void watchJob(io.spotreel.orchestrator.v1.WatchJobRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.WatchJobResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchJobMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Reads the output of a job, from an offset on.
     * On a job that SUCCEEDED the stored file is sent. On a job with
     * `DELIVERY_PROGRESSIVE` it may be called while the job runs, or even waits: it
     * then sends what there is and follows the file as it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees. The end of the stream alone does not mean that. A client whose
     * stream breaks calls again with the offset that it has safely stored.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (OUTPUT_NOT_READY): the job runs or waits and its
     *   output is not progressive. Watch it and call again. (JOB_FAILED,
     *   JOB_CANCELLED): it will never have an output.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind the end.
     * - `ABORTED` (OUTPUT_RESTARTED): the attempt whose output was being read was
     *   lost; another one writes the file anew. Throw away what you have and read
     *   from 0.
     * </pre>
     */
    public void readJobOutput(io.spotreel.orchestrator.v1.ReadJobOutputRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ReadJobOutputResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getReadJobOutputMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service JobService.
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public static final class JobServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<JobServiceBlockingV2Stub> {
    private JobServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected JobServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new JobServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a job and puts it into the queue.
     * Everything that can be known without reading the inputs is checked before
     * the answer; what is found out later is in `Job.failure`.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     *   BadRequest names each. Wrong for ever: correct the request.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): valid, but this server does not do it
     *   yet. The metadata names the field.
     * - `NOT_FOUND` (ASSET_NOT_FOUND): an asset that the operation names does not
     *   exist. Upload it and try again.
     * - `NOT_FOUND` (JOB_NOT_FOUND): the same request made a job before, and it was
     *   deleted. Use a new `request_id` to make it again.
     * - `ALREADY_EXISTS` (REQUEST_ID_REUSED, JOB_EXISTS): the `request_id` was used
     *   for another request, or the `job_id` is taken.
     * - `RESOURCE_EXHAUSTED` (QUEUE_FULL): too many jobs wait. Try again later.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.CreateJobResponse createJob(io.spotreel.orchestrator.v1.CreateJobRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets a job.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it has expired.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetJobResponse getJob(io.spotreel.orchestrator.v1.GetJobRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists jobs, the newest first unless `order_by` says otherwise.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter, the
     *   order or the page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListJobsResponse listJobs(io.spotreel.orchestrator.v1.ListJobsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListJobsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a job.
     * A queued job is CANCELLED at once. A running one becomes CANCELLING, and
     * CANCELLED when its process is gone; watch the job to see it. A repeat does
     * nothing.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (JOB_FINISHED): it SUCCEEDED or FAILED before.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.CancelJobResponse cancelJob(io.spotreel.orchestrator.v1.CancelJobRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a job that is final, and its output.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (JOB_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DeleteJobResponse deleteJob(io.spotreel.orchestrator.v1.DeleteJobRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what a job would cost and how long it would take, and creates nothing.
     * Errors:
     * - `INVALID_ARGUMENT`, `UNIMPLEMENTED`, `NOT_FOUND`: as for CreateJob.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.QuoteJobResponse quoteJob(io.spotreel.orchestrator.v1.QuoteJobRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getQuoteJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a job until it is final.
     * The first message comes at once and has the whole job as it is; each later
     * one comes with a change and has the whole job again. Changes of progress are
     * sent at most 4 times a second; messages MAY be left out in favour of later
     * ones. At least every 10 s a message comes, unchanged if need be. The stream
     * ends with OK after the final state was sent, and only then.
     * A client whose stream breaks calls again with the last `sequence` it saw.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it was deleted.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.spotreel.orchestrator.v1.WatchJobResponse>
        watchJob(io.spotreel.orchestrator.v1.WatchJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the output of a job, from an offset on.
     * On a job that SUCCEEDED the stored file is sent. On a job with
     * `DELIVERY_PROGRESSIVE` it may be called while the job runs, or even waits: it
     * then sends what there is and follows the file as it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees. The end of the stream alone does not mean that. A client whose
     * stream breaks calls again with the offset that it has safely stored.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (OUTPUT_NOT_READY): the job runs or waits and its
     *   output is not progressive. Watch it and call again. (JOB_FAILED,
     *   JOB_CANCELLED): it will never have an output.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind the end.
     * - `ABORTED` (OUTPUT_RESTARTED): the attempt whose output was being read was
     *   lost; another one writes the file anew. Throw away what you have and read
     *   from 0.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.spotreel.orchestrator.v1.ReadJobOutputResponse>
        readJobOutput(io.spotreel.orchestrator.v1.ReadJobOutputRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getReadJobOutputMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service JobService.
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public static final class JobServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<JobServiceBlockingStub> {
    private JobServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected JobServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new JobServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a job and puts it into the queue.
     * Everything that can be known without reading the inputs is checked before
     * the answer; what is found out later is in `Job.failure`.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     *   BadRequest names each. Wrong for ever: correct the request.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): valid, but this server does not do it
     *   yet. The metadata names the field.
     * - `NOT_FOUND` (ASSET_NOT_FOUND): an asset that the operation names does not
     *   exist. Upload it and try again.
     * - `NOT_FOUND` (JOB_NOT_FOUND): the same request made a job before, and it was
     *   deleted. Use a new `request_id` to make it again.
     * - `ALREADY_EXISTS` (REQUEST_ID_REUSED, JOB_EXISTS): the `request_id` was used
     *   for another request, or the `job_id` is taken.
     * - `RESOURCE_EXHAUSTED` (QUEUE_FULL): too many jobs wait. Try again later.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.CreateJobResponse createJob(io.spotreel.orchestrator.v1.CreateJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gets a job.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it has expired.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.GetJobResponse getJob(io.spotreel.orchestrator.v1.GetJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists jobs, the newest first unless `order_by` says otherwise.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter, the
     *   order or the page token is wrong.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.ListJobsResponse listJobs(io.spotreel.orchestrator.v1.ListJobsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListJobsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a job.
     * A queued job is CANCELLED at once. A running one becomes CANCELLING, and
     * CANCELLED when its process is gone; watch the job to see it. A repeat does
     * nothing.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (JOB_FINISHED): it SUCCEEDED or FAILED before.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.CancelJobResponse cancelJob(io.spotreel.orchestrator.v1.CancelJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a job that is final, and its output.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (JOB_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.DeleteJobResponse deleteJob(io.spotreel.orchestrator.v1.DeleteJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what a job would cost and how long it would take, and creates nothing.
     * Errors:
     * - `INVALID_ARGUMENT`, `UNIMPLEMENTED`, `NOT_FOUND`: as for CreateJob.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.QuoteJobResponse quoteJob(io.spotreel.orchestrator.v1.QuoteJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getQuoteJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a job until it is final.
     * The first message comes at once and has the whole job as it is; each later
     * one comes with a change and has the whole job again. Changes of progress are
     * sent at most 4 times a second; messages MAY be left out in favour of later
     * ones. At least every 10 s a message comes, unchanged if need be. The stream
     * ends with OK after the final state was sent, and only then.
     * A client whose stream breaks calls again with the last `sequence` it saw.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it was deleted.
     * </pre>
     */
    public java.util.Iterator<io.spotreel.orchestrator.v1.WatchJobResponse> watchJob(
        io.spotreel.orchestrator.v1.WatchJobRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchJobMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the output of a job, from an offset on.
     * On a job that SUCCEEDED the stored file is sent. On a job with
     * `DELIVERY_PROGRESSIVE` it may be called while the job runs, or even waits: it
     * then sends what there is and follows the file as it grows.
     * The output is complete when a message with `last` has come and its `sha256`
     * agrees. The end of the stream alone does not mean that. A client whose
     * stream breaks calls again with the offset that it has safely stored.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (OUTPUT_NOT_READY): the job runs or waits and its
     *   output is not progressive. Watch it and call again. (JOB_FAILED,
     *   JOB_CANCELLED): it will never have an output.
     * - `OUT_OF_RANGE` (OFFSET_BEYOND_END): `read_offset` lies behind the end.
     * - `ABORTED` (OUTPUT_RESTARTED): the attempt whose output was being read was
     *   lost; another one writes the file anew. Throw away what you have and read
     *   from 0.
     * </pre>
     */
    public java.util.Iterator<io.spotreel.orchestrator.v1.ReadJobOutputResponse> readJobOutput(
        io.spotreel.orchestrator.v1.ReadJobOutputRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getReadJobOutputMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service JobService.
   * <pre>
   * Takes jobs, tells how they are, and hands out what they made.
   * Every call may also end with `INVALID_ARGUMENT` (INVALID_ARGUMENT): a name is
   * not of the form that it should have, or a number is out of its range;
   * `UNAUTHENTICATED` (API_KEY_MISSING, API_KEY_INVALID): the server wants a key and
   * the metadata had none or a wrong one; `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS): wait for the time in RetryInfo;
   * `UNAVAILABLE` (SHUTTING_DOWN): try again soon. Every status that is not OK
   * carries `google.rpc.ErrorInfo` with the reason named here.
   * </pre>
   */
  public static final class JobServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<JobServiceFutureStub> {
    private JobServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected JobServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new JobServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a job and puts it into the queue.
     * Everything that can be known without reading the inputs is checked before
     * the answer; what is found out later is in `Job.failure`.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is missing or wrong.
     *   BadRequest names each. Wrong for ever: correct the request.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): valid, but this server does not do it
     *   yet. The metadata names the field.
     * - `NOT_FOUND` (ASSET_NOT_FOUND): an asset that the operation names does not
     *   exist. Upload it and try again.
     * - `NOT_FOUND` (JOB_NOT_FOUND): the same request made a job before, and it was
     *   deleted. Use a new `request_id` to make it again.
     * - `ALREADY_EXISTS` (REQUEST_ID_REUSED, JOB_EXISTS): the `request_id` was used
     *   for another request, or the `job_id` is taken.
     * - `RESOURCE_EXHAUSTED` (QUEUE_FULL): too many jobs wait. Try again later.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.CreateJobResponse> createJob(
        io.spotreel.orchestrator.v1.CreateJobRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateJobMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gets a job.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job, or it has expired.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.GetJobResponse> getJob(
        io.spotreel.orchestrator.v1.GetJobRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetJobMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists jobs, the newest first unless `order_by` says otherwise.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT, PAGE_TOKEN_INVALID): a filter, the
     *   order or the page token is wrong.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.ListJobsResponse> listJobs(
        io.spotreel.orchestrator.v1.ListJobsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListJobsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels a job.
     * A queued job is CANCELLED at once. A running one becomes CANCELLING, and
     * CANCELLED when its process is gone; watch the job to see it. A repeat does
     * nothing.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job.
     * - `FAILED_PRECONDITION` (JOB_FINISHED): it SUCCEEDED or FAILED before.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.CancelJobResponse> cancelJob(
        io.spotreel.orchestrator.v1.CancelJobRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelJobMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Deletes a job that is final, and its output.
     * Errors:
     * - `NOT_FOUND` (JOB_NOT_FOUND): there is no such job; after a repeat this
     *   means that it is deleted.
     * - `FAILED_PRECONDITION` (JOB_NOT_FINISHED): cancel it first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.DeleteJobResponse> deleteJob(
        io.spotreel.orchestrator.v1.DeleteJobRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteJobMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells what a job would cost and how long it would take, and creates nothing.
     * Errors:
     * - `INVALID_ARGUMENT`, `UNIMPLEMENTED`, `NOT_FOUND`: as for CreateJob.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.QuoteJobResponse> quoteJob(
        io.spotreel.orchestrator.v1.QuoteJobRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getQuoteJobMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_JOB = 0;
  private static final int METHODID_GET_JOB = 1;
  private static final int METHODID_LIST_JOBS = 2;
  private static final int METHODID_CANCEL_JOB = 3;
  private static final int METHODID_DELETE_JOB = 4;
  private static final int METHODID_QUOTE_JOB = 5;
  private static final int METHODID_WATCH_JOB = 6;
  private static final int METHODID_READ_JOB_OUTPUT = 7;

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
        case METHODID_CREATE_JOB:
          serviceImpl.createJob((io.spotreel.orchestrator.v1.CreateJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CreateJobResponse>) responseObserver);
          break;
        case METHODID_GET_JOB:
          serviceImpl.getJob((io.spotreel.orchestrator.v1.GetJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.GetJobResponse>) responseObserver);
          break;
        case METHODID_LIST_JOBS:
          serviceImpl.listJobs((io.spotreel.orchestrator.v1.ListJobsRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ListJobsResponse>) responseObserver);
          break;
        case METHODID_CANCEL_JOB:
          serviceImpl.cancelJob((io.spotreel.orchestrator.v1.CancelJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.CancelJobResponse>) responseObserver);
          break;
        case METHODID_DELETE_JOB:
          serviceImpl.deleteJob((io.spotreel.orchestrator.v1.DeleteJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.DeleteJobResponse>) responseObserver);
          break;
        case METHODID_QUOTE_JOB:
          serviceImpl.quoteJob((io.spotreel.orchestrator.v1.QuoteJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.QuoteJobResponse>) responseObserver);
          break;
        case METHODID_WATCH_JOB:
          serviceImpl.watchJob((io.spotreel.orchestrator.v1.WatchJobRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.WatchJobResponse>) responseObserver);
          break;
        case METHODID_READ_JOB_OUTPUT:
          serviceImpl.readJobOutput((io.spotreel.orchestrator.v1.ReadJobOutputRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.ReadJobOutputResponse>) responseObserver);
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
          getCreateJobMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.CreateJobRequest,
              io.spotreel.orchestrator.v1.CreateJobResponse>(
                service, METHODID_CREATE_JOB)))
        .addMethod(
          getGetJobMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.GetJobRequest,
              io.spotreel.orchestrator.v1.GetJobResponse>(
                service, METHODID_GET_JOB)))
        .addMethod(
          getListJobsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.ListJobsRequest,
              io.spotreel.orchestrator.v1.ListJobsResponse>(
                service, METHODID_LIST_JOBS)))
        .addMethod(
          getCancelJobMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.CancelJobRequest,
              io.spotreel.orchestrator.v1.CancelJobResponse>(
                service, METHODID_CANCEL_JOB)))
        .addMethod(
          getDeleteJobMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.DeleteJobRequest,
              io.spotreel.orchestrator.v1.DeleteJobResponse>(
                service, METHODID_DELETE_JOB)))
        .addMethod(
          getQuoteJobMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.QuoteJobRequest,
              io.spotreel.orchestrator.v1.QuoteJobResponse>(
                service, METHODID_QUOTE_JOB)))
        .addMethod(
          getWatchJobMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.WatchJobRequest,
              io.spotreel.orchestrator.v1.WatchJobResponse>(
                service, METHODID_WATCH_JOB)))
        .addMethod(
          getReadJobOutputMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.ReadJobOutputRequest,
              io.spotreel.orchestrator.v1.ReadJobOutputResponse>(
                service, METHODID_READ_JOB_OUTPUT)))
        .build();
  }

  private static abstract class JobServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    JobServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.spotreel.orchestrator.v1.JobServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("JobService");
    }
  }

  private static final class JobServiceFileDescriptorSupplier
      extends JobServiceBaseDescriptorSupplier {
    JobServiceFileDescriptorSupplier() {}
  }

  private static final class JobServiceMethodDescriptorSupplier
      extends JobServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    JobServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (JobServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new JobServiceFileDescriptorSupplier())
              .addMethod(getCreateJobMethod())
              .addMethod(getGetJobMethod())
              .addMethod(getListJobsMethod())
              .addMethod(getCancelJobMethod())
              .addMethod(getDeleteJobMethod())
              .addMethod(getQuoteJobMethod())
              .addMethod(getWatchJobMethod())
              .addMethod(getReadJobOutputMethod())
              .build();
        }
      }
    }
    return result;
  }
}
