import type { Connection, IncomingStream } from "./connection.js";
import { brokenStream, persist } from "./retry.js";

/** How often the servers send something at least. */
export const HEARTBEAT_MS = 10_000;
/** So many in a row mean that nobody is there. */
const MISSED_HEARTBEATS = 3;
/** A server that has never answered is more likely a wrong address than away, and people should hear of it soon. */
const FIRST_PATIENCE_MS = 5000;

/**
 * Reads one logical stream over as many calls as it takes.
 *
 * `start` makes a call that goes on behind everything that `accept` has taken. `accept` makes of a message what `read`
 * returns, or throws a broken stream where it is bad; the call is then dropped and another one made.
 */
export class ResumingStream<Message, Taken> {
  readonly #connection: Connection;
  readonly #start: () => IncomingStream<Message>;
  readonly #accept: (message: Message) => Taken;
  readonly #signal: AbortSignal | undefined;
  #call: IncomingStream<Message> | undefined;

  constructor(
    connection: Connection,
    start: () => IncomingStream<Message>,
    accept: (message: Message) => Taken,
    signal?: AbortSignal,
  ) {
    this.#connection = connection;
    this.#start = start;
    this.#accept = accept;
    this.#signal = signal;
  }

  /** Returns what the next message is taken as; the caller knows from that when to stop. */
  async read(): Promise<Taken> {
    const { heard, patienceMs } = this.#connection;
    const taken = await persist(() => this.#readOnce(), {
      patienceMs: heard ? patienceMs : Math.min(patienceMs, FIRST_PATIENCE_MS),
      pause: (ms) => this.#connection.pause(ms, this.#signal),
    });
    this.#connection.heard = true;
    return taken;
  }

  /** Ends the call that is open; the next read starts another. */
  drop(): void {
    this.#call?.cancel();
    this.#call = undefined;
  }

  async #readOnce(): Promise<Taken> {
    this.#signal?.throwIfAborted();
    this.#call ??= this.#start();
    const call = this.#call;
    const silenceMs = MISSED_HEARTBEATS * this.#connection.heartbeatMs;
    let silent = false;
    const timer = setTimeout(() => {
      silent = true;
      call.cancel();
    }, silenceMs);
    const { server } = this.#connection;
    try {
      const message = await call.read();
      if (message === undefined) {
        throw brokenStream("STREAM_CUT", `${server} ended the stream early.`);
      }
      return this.#accept(message);
    } catch (error) {
      this.drop();
      throw silent ? brokenStream("STREAM_SILENT", `${server} has been silent for ${silenceMs / 1000} s.`) : error;
    } finally {
      clearTimeout(timer);
    }
  }
}
