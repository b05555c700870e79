/** A real gRPC server whose every method does what a test says. */
import { create, type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { AssetService, type UploadAssetRequest } from "../gen/spotreel/orchestrator/v1/asset_service_pb.js";
import { InstanceService } from "../gen/spotreel/orchestrator/v1/instance_service_pb.js";
import { JobService } from "../gen/spotreel/orchestrator/v1/job_service_pb.js";

/** What a call gets beside its request. */
export interface Call {
  header(name: string): string | undefined;
  /** Resolves when the client has gone away. */
  readonly gone: Promise<void>;
}

// Each method has a request of its own, which the test knows better than a type could say.
type Request = any;
type Answer = Record<string, unknown>;

/** How methods behave; those that are missing are UNIMPLEMENTED. */
export interface Behaviour {
  unary?: Record<string, (request: Request, call: Call) => Answer | Promise<Answer>>;
  stream?: Record<string, (request: Request, call: Call) => AsyncIterable<Answer>>;
  uploadAsset?: (messages: AsyncIterable<UploadAssetRequest>, call: Call) => Promise<Answer>;
}

/** Ends a call with a status as rich as the real server's. */
export class Refusal extends Error {
  readonly code: status;
  readonly metadata = new Metadata();

  constructor(
    code: keyof typeof status,
    reason: string,
    {
      retryDelayMs,
      violations = [],
    }: { retryDelayMs?: number; violations?: { field: string; description: string }[] } = {},
  ) {
    super(`Refused: ${reason}.`);
    this.code = status[code];
    const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, metadata: { from: "test" } }))];
    if (retryDelayMs !== undefined) {
      const retryDelay = { nanos: retryDelayMs * 1_000_000 };
      details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
    }
    if (violations.length > 0) {
      details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: violations })));
    }
    const rich = create(StatusSchema, { code: this.code, message: this.message, details });
    this.metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, rich)));
    this.metadata.set("x-request-id", "request-1");
  }
}

/** What a network does to a call, rather than a server: no reason is given. */
export function cut(): Error {
  return Object.assign(new Error("connection reset"), { code: status.UNAVAILABLE });
}

export class FakeServer implements AsyncDisposable {
  /** `host:port` */
  readonly address: string;
  /** What was asked, oldest first. */
  readonly requests: { method: string; request: Request }[];
  readonly #server: Server;

  private constructor(server: Server, port: number, requests: FakeServer["requests"]) {
    this.#server = server;
    this.address = `127.0.0.1:${port}`;
    this.requests = requests;
  }

  static async start(behaviour: Behaviour): Promise<FakeServer> {
    const server = new Server();
    const requests: FakeServer["requests"] = [];
    for (const service of [JobService, AssetService, InstanceService]) {
      server.addService(definitionOf(service), handlersOf(service, behaviour, requests));
    }
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return new FakeServer(server, port, requests);
  }

  /** The requests that a method has had. */
  asked(method: string): Request[] {
    return this.requests.filter((each) => each.method === method).map((each) => each.request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

function definitionOf(service: DescService) {
  return Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming",
        responseStream: method.methodKind === "server_streaming",
        requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
        requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
        responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
        responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
      },
    ]),
  );
}

function handlersOf(service: DescService, behaviour: Behaviour, requests: FakeServer["requests"]) {
  const handler = (method: DescMethod) => {
    const name = method.localName;
    const unimplemented = () => {
      throw new Refusal("UNIMPLEMENTED", "NOT_IMPLEMENTED");
    };
    const answer = (made: Answer) => create(method.output, made);
    switch (method.methodKind) {
      case "unary":
        return (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => {
          requests.push({ method: name, request: call.request });
          const act = behaviour.unary?.[name] ?? unimplemented;
          respond(async () => answer(await act(call.request, callOf(call))), done);
        };
      case "server_streaming":
        return async (call: ServerWritableStream<Message, Message>) => {
          requests.push({ method: name, request: call.request });
          const act = behaviour.stream?.[name] ?? unimplemented;
          try {
            for await (const made of act(call.request, callOf(call))) {
              call.write(answer(made));
            }
            call.end();
          } catch (error) {
            call.emit("error", error);
          }
        };
      default:
        return (call: ServerReadableStream<UploadAssetRequest, Message>, done: sendUnaryData<Message>) => {
          requests.push({ method: name, request: undefined });
          const act = behaviour.uploadAsset ?? unimplemented;
          respond(async () => answer(await act(call, callOf(call))), done);
        };
    }
  };
  return Object.fromEntries(service.methods.map((method) => [method.localName, handler(method)]));
}

function respond(work: () => Promise<Message>, done: sendUnaryData<Message>): void {
  work().then(
    (made) => done(null, made),
    (error) => done(error),
  );
}

function callOf(call: { metadata: Metadata; on(event: "cancelled", listener: () => void): unknown }): Call {
  return {
    header: (name) => call.metadata.get(name)[0]?.toString(),
    gone: new Promise((resolve) => call.on("cancelled", resolve)),
  };
}
