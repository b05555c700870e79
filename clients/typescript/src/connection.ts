import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";

import type { Endpoint } from "./endpoint.js";
import { SpotreelError } from "./errors.js";
import { serviceConfig } from "./gen/service_config.js";
import { errorOfStatus } from "./status.js";

/** A chunk of output is at most 1 MiB; a job with its log tail far less. */
const MAX_MESSAGE_BYTES = 8 << 20;
/** What may be on its way at once. Node's 64 KiB would allow 1 MB/s where a round trip takes 60 ms. */
const WINDOW_BYTES = 4 << 20;
/** How many messages wait to be read. Node's 16 would be 16 MiB of chunks, which come again where one was damaged. */
const MESSAGES_AHEAD = 2;

export interface ConnectionOptions {
  /** Bounds unary calls, in milliseconds; undefined: as the service config says. */
  timeoutMs: number | undefined;
  /** For how many milliseconds a broken stream is taken up again without progress. */
  patienceMs: number;
  /** How often a quiet server speaks, in milliseconds. */
  heartbeatMs: number;
}

/** What can be ended from outside: a call or a pause. */
interface Cancellable {
  cancel(): void;
}

/** An open channel to one server, which speaks our messages and throws our errors. */
export class Connection {
  /** What the server is called in messages: `host:port`. */
  readonly server: string;
  readonly patienceMs: number;
  readonly heartbeatMs: number;
  /** Whether the server has ever answered. */
  heard = false;
  readonly #timeoutMs: number | undefined;
  readonly #grpc: GrpcClient;
  readonly #metadata = new Metadata();
  readonly #open = new Set<Cancellable>();
  #closed = false;

  /** Opens nothing yet: that happens with the first call. */
  constructor(endpoint: Endpoint, { timeoutMs, patienceMs, heartbeatMs }: ConnectionOptions) {
    this.server = endpoint.target;
    this.#timeoutMs = timeoutMs;
    this.patienceMs = patienceMs;
    this.heartbeatMs = heartbeatMs;
    this.#grpc = openChannel(endpoint);
    if (endpoint.apiKey !== undefined) {
      this.#metadata.set("authorization", `Bearer ${endpoint.apiKey}`);
    }
  }

  /** Makes a unary call; time-outs and retries are those of the service config. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.#admit(signal);
      const options: CallOptions = this.#timeoutMs === undefined ? {} : { deadline: Date.now() + this.#timeoutMs };
      const call = this.#grpc.makeUnaryRequest(
        ...this.#named(method),
        create(method.input, request),
        this.#metadata,
        options,
        (error, response) => {
          release();
          if (response !== undefined) {
            this.heard = true;
            resolve(response);
          } else {
            reject(signal?.aborted ? signal.reason : this.#failure(error));
          }
        },
      );
      const release = this.#hold(call, signal);
    });
  }

  /** Makes a call that the server answers with many messages. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): IncomingStream<MessageShape<O>> {
    this.#admit(signal);
    const call = this.#grpc.makeServerStreamRequest(
      ...this.#named(method),
      create(method.input, request),
      this.#metadata,
      {},
    );
    call.once("status", this.#hold(call, signal));
    return new IncomingStream(call, (error) => (signal?.aborted ? signal.reason : this.#failure(error)));
  }

  /** Makes a call with many messages that the server answers with one. */
  clientStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodClientStreaming<I, O>,
    signal?: AbortSignal,
  ): OutgoingStream<I, MessageShape<O>> {
    this.#admit(signal);
    return new OutgoingStream(method.input, (answer) => {
      const call = this.#grpc.makeClientStreamRequest(...this.#named(method), this.#metadata, {}, (error, response) => {
        release();
        answer(signal?.aborted ? signal.reason : error && this.#failure(error), response);
      });
      const release = this.#hold(call, signal);
      return call;
    });
  }

  /** Waits; ends early when the connection is closed, and throws the signal's reason when that is aborted. */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    this.#admit(signal);
    await new Promise<void>((resolve) => {
      const pause = {
        cancel: () => {
          clearTimeout(timer);
          release();
          resolve();
        },
      };
      const timer = setTimeout(pause.cancel, ms);
      const release = this.#hold(pause, signal);
    });
    signal?.throwIfAborted();
  }

  /** Ends all that is open. */
  close(): void {
    this.#closed = true;
    for (const each of [...this.#open]) {
      each.cancel();
    }
    this.#grpc.close();
  }

  #admit(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closed) {
      throw clientClosed();
    }
  }

  /** Has `work` ended with the connection or by the signal, until the function that is returned is called. */
  #hold(work: Cancellable, signal: AbortSignal | undefined): () => void {
    const cancel = () => work.cancel();
    this.#open.add(work);
    signal?.addEventListener("abort", cancel, { once: true });
    return () => {
      this.#open.delete(work);
      signal?.removeEventListener("abort", cancel);
    };
  }

  #named<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
  ): [string, (message: MessageShape<I>) => Buffer, (bytes: Buffer) => MessageShape<O>] {
    return [
      `/${method.parent.typeName}/${method.name}`,
      serializerOf(method.input),
      (bytes) => fromBinary(method.output, bytes),
    ];
  }

  #failure(error: unknown): SpotreelError {
    return this.#closed ? clientClosed() : errorOfStatus(error as ServiceError, this.server);
  }
}

/** The messages that a server sends. */
export class IncomingStream<Message> {
  readonly #call: ClientReadableStream<Message>;
  readonly #messages: AsyncIterator<Message>;
  readonly #failure: (error: unknown) => unknown;
  /** Asks for the next message, once; undefined while that has been done. */
  #fetch: (() => void) | undefined;

  constructor(call: ClientReadableStream<Message>, failure: (error: unknown) => unknown) {
    // Nobody may be reading when it ends.
    this.#call = call.on("error", () => {});
    this.#messages = call[Symbol.asyncIterator]();
    // The library makes the stream and takes no options for it.
    const fetch = call._read.bind(call);
    call._read = (size) => {
      this.#fetch = () => fetch(size);
      this.#refill();
    };
    this.#failure = failure;
  }

  /** Returns the next message, or undefined at an end with OK. */
  async read(): Promise<Message | undefined> {
    try {
      const next = await this.#messages.next();
      this.#refill();
      return next.done ? undefined : next.value;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  cancel(): void {
    this.#call.cancel();
  }

  #refill(): void {
    if (this.#call.readableLength < MESSAGES_AHEAD) {
      const fetch = this.#fetch;
      this.#fetch = undefined;
      fetch?.();
    }
  }
}

/** The messages that go to a server, and its answer, which may come before the last of them. */
export class OutgoingStream<I extends DescMessage, Response> {
  readonly #input: I;
  readonly #call: ClientWritableStream<MessageShape<I>>;
  readonly #response: Promise<Response>;
  #answered = false;
  #wake: (() => void) | undefined;

  constructor(
    input: I,
    start: (answer: (error: unknown, response?: Response) => void) => ClientWritableStream<MessageShape<I>>,
  ) {
    let answer: (error: unknown, response?: Response) => void = () => {};
    this.#response = new Promise((resolve, reject) => {
      answer = (error, response) => (response === undefined ? reject(error) : resolve(response));
    });
    // It is awaited when all has been written, which may be long after it failed.
    this.#response.catch(() => {});
    this.#input = input;
    this.#call = start((error, response) => {
      answer(error, response);
      this.#answered = true;
      this.#wake?.();
    });
    this.#call.on("error", () => {});
  }

  /** Sends a message. Returns false when the server has answered already: nothing more need be sent. */
  async write(message: MessageInitShape<I>): Promise<boolean> {
    if (!this.#answered) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#call.write(create(this.#input, message), () => resolve());
      });
    }
    return !this.#answered;
  }

  /** Says that all has been written, unless that is of no interest any more, and returns the answer. */
  finish(): Promise<Response> {
    if (!this.#answered) {
      this.#call.end();
    }
    return this.#response;
  }

  cancel(): void {
    this.#call.cancel();
  }
}

function openChannel({ target, tls, tlsCa }: Endpoint): GrpcClient {
  return new GrpcClient(target, tls ? credentials.createSsl(tlsCa ?? null) : credentials.createInsecure(), {
    "grpc.service_config": JSON.stringify(serviceConfig),
    "grpc.service_config_disable_resolution": 1,
    // The default of 1 s would spend all tries of a call before the second attempt to connect.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 5000,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc-node.flow_control_window": WINDOW_BYTES,
    "grpc.primary_user_agent": "spotreel-typescript",
    // Clients of one process would share a connection otherwise, and with it its failures.
    "grpc.use_local_subchannel_pool": 1,
  });
}

function serializerOf<Desc extends DescMessage>(schema: Desc): (message: MessageShape<Desc>) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function clientClosed(): SpotreelError {
  return new SpotreelError("FAILED_PRECONDITION", "The client was closed.", { reason: "CLIENT_CLOSED" });
}
