package io.spotreel.orchestrator.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Shows what could be rented, and for how much.
 * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
 * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class OfferServiceGrpc {

  private OfferServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "spotreel.orchestrator.v1.OfferService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.SearchOffersRequest,
      io.spotreel.orchestrator.v1.SearchOffersResponse> getSearchOffersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SearchOffers",
      requestType = io.spotreel.orchestrator.v1.SearchOffersRequest.class,
      responseType = io.spotreel.orchestrator.v1.SearchOffersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.SearchOffersRequest,
      io.spotreel.orchestrator.v1.SearchOffersResponse> getSearchOffersMethod() {
    io.grpc.MethodDescriptor<io.spotreel.orchestrator.v1.SearchOffersRequest, io.spotreel.orchestrator.v1.SearchOffersResponse> getSearchOffersMethod;
    if ((getSearchOffersMethod = OfferServiceGrpc.getSearchOffersMethod) == null) {
      synchronized (OfferServiceGrpc.class) {
        if ((getSearchOffersMethod = OfferServiceGrpc.getSearchOffersMethod) == null) {
          OfferServiceGrpc.getSearchOffersMethod = getSearchOffersMethod =
              io.grpc.MethodDescriptor.<io.spotreel.orchestrator.v1.SearchOffersRequest, io.spotreel.orchestrator.v1.SearchOffersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SearchOffers"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.SearchOffersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.spotreel.orchestrator.v1.SearchOffersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OfferServiceMethodDescriptorSupplier("SearchOffers"))
              .build();
        }
      }
    }
    return getSearchOffersMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static OfferServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OfferServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OfferServiceStub>() {
        @java.lang.Override
        public OfferServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OfferServiceStub(channel, callOptions);
        }
      };
    return OfferServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static OfferServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OfferServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OfferServiceBlockingV2Stub>() {
        @java.lang.Override
        public OfferServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OfferServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return OfferServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static OfferServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OfferServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OfferServiceBlockingStub>() {
        @java.lang.Override
        public OfferServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OfferServiceBlockingStub(channel, callOptions);
        }
      };
    return OfferServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static OfferServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OfferServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OfferServiceFutureStub>() {
        @java.lang.Override
        public OfferServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OfferServiceFutureStub(channel, callOptions);
        }
      };
    return OfferServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Searches the marketplace and ranks what it has. Rents nothing.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this server has no marketplace.
     * - `UNAVAILABLE` (MARKETPLACE_UNAVAILABLE): the marketplace does not answer.
     *   Try again later.
     * </pre>
     */
    default void searchOffers(io.spotreel.orchestrator.v1.SearchOffersRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.SearchOffersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSearchOffersMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service OfferService.
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static abstract class OfferServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return OfferServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service OfferService.
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class OfferServiceStub
      extends io.grpc.stub.AbstractAsyncStub<OfferServiceStub> {
    private OfferServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OfferServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OfferServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Searches the marketplace and ranks what it has. Rents nothing.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this server has no marketplace.
     * - `UNAVAILABLE` (MARKETPLACE_UNAVAILABLE): the marketplace does not answer.
     *   Try again later.
     * </pre>
     */
    public void searchOffers(io.spotreel.orchestrator.v1.SearchOffersRequest request,
        io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.SearchOffersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSearchOffersMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service OfferService.
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class OfferServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<OfferServiceBlockingV2Stub> {
    private OfferServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OfferServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OfferServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Searches the marketplace and ranks what it has. Rents nothing.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this server has no marketplace.
     * - `UNAVAILABLE` (MARKETPLACE_UNAVAILABLE): the marketplace does not answer.
     *   Try again later.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.SearchOffersResponse searchOffers(io.spotreel.orchestrator.v1.SearchOffersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSearchOffersMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service OfferService.
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class OfferServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<OfferServiceBlockingStub> {
    private OfferServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OfferServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OfferServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Searches the marketplace and ranks what it has. Rents nothing.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this server has no marketplace.
     * - `UNAVAILABLE` (MARKETPLACE_UNAVAILABLE): the marketplace does not answer.
     *   Try again later.
     * </pre>
     */
    public io.spotreel.orchestrator.v1.SearchOffersResponse searchOffers(io.spotreel.orchestrator.v1.SearchOffersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSearchOffersMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service OfferService.
   * <pre>
   * Shows what could be rented, and for how much.
   * Every call may also end with `INVALID_ARGUMENT`, `UNAUTHENTICATED`,
   * `RESOURCE_EXHAUSTED` (TOO_MANY_REQUESTS) and `UNAVAILABLE`, as in JobService.
   * </pre>
   */
  public static final class OfferServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<OfferServiceFutureStub> {
    private OfferServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OfferServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OfferServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Searches the marketplace and ranks what it has. Rents nothing.
     * Errors:
     * - `INVALID_ARGUMENT` (INVALID_ARGUMENT): a field is wrong.
     * - `UNIMPLEMENTED` (NOT_IMPLEMENTED): this server has no marketplace.
     * - `UNAVAILABLE` (MARKETPLACE_UNAVAILABLE): the marketplace does not answer.
     *   Try again later.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.spotreel.orchestrator.v1.SearchOffersResponse> searchOffers(
        io.spotreel.orchestrator.v1.SearchOffersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSearchOffersMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_SEARCH_OFFERS = 0;

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
        case METHODID_SEARCH_OFFERS:
          serviceImpl.searchOffers((io.spotreel.orchestrator.v1.SearchOffersRequest) request,
              (io.grpc.stub.StreamObserver<io.spotreel.orchestrator.v1.SearchOffersResponse>) responseObserver);
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
          getSearchOffersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.spotreel.orchestrator.v1.SearchOffersRequest,
              io.spotreel.orchestrator.v1.SearchOffersResponse>(
                service, METHODID_SEARCH_OFFERS)))
        .build();
  }

  private static abstract class OfferServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    OfferServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.spotreel.orchestrator.v1.OfferServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("OfferService");
    }
  }

  private static final class OfferServiceFileDescriptorSupplier
      extends OfferServiceBaseDescriptorSupplier {
    OfferServiceFileDescriptorSupplier() {}
  }

  private static final class OfferServiceMethodDescriptorSupplier
      extends OfferServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    OfferServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (OfferServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new OfferServiceFileDescriptorSupplier())
              .addMethod(getSearchOffersMethod())
              .build();
        }
      }
    }
    return result;
  }
}
