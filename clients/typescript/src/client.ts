import { randomUUID } from "node:crypto";

import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";

import { Connection } from "./connection.js";
import { downloadOutput, readOutput } from "./download.js";
import { resolveEndpoint } from "./endpoint.js";
import { JobCancelled, JobFailed, SpotreelError } from "./errors.js";
import { type Operation, OperationSchema } from "./gen/spotreel/media/v1/operation_pb.js";
import { type MediaSource, MediaSourceSchema } from "./gen/spotreel/media/v1/source_pb.js";
import type { Asset } from "./gen/spotreel/orchestrator/v1/asset_pb.js";
import { type Job, Job_State, type JobQuote, type JobSpecSchema } from "./gen/spotreel/orchestrator/v1/job_pb.js";
import { JobService, type WatchJobResponse } from "./gen/spotreel/orchestrator/v1/job_service_pb.js";
import { exists, refuseOwnInput, refuseTarget } from "./local_file.js";
import { PartialFile } from "./partial_file.js";
import { isFinal, type OnProgress, progressOfBytes, progressOfJob } from "./progress.js";
import { HEARTBEAT_MS, ResumingStream } from "./resuming_stream.js";
import { persist } from "./retry.js";
import { uploadAsset } from "./upload.js";

/** What the end of a cancelled job may take: FFmpeg's grace and a round trip or two. */
const CANCEL_TIMEOUT_MS = 30_000;
/** Stands for a file that is not uploaded yet; no server ever fetches it. */
const PLACEHOLDER = sourceOf("uri", "https://example.invalid/");

/** How to reach a server, and how patiently. */
export interface ClientOptions {
  /** Default: SPOTREEL_API_KEY; without either no key is sent. */
  apiKey?: string;
  /** A PEM file of certificates to trust. Default: SPOTREEL_TLS_CA; without either those that Node.js comes with. */
  tlsCa?: string;
  /** Bounds each unary call, in milliseconds. Default: as the service config says, which also bounds what is given. */
  timeoutMs?: number;
  /** For how many milliseconds a broken stream is taken up again without any progress. Default: 60 000. */
  patienceMs?: number;
  /** How often a quiet server speaks, in milliseconds; after three misses a stream is broken. Default: 10 000. */
  heartbeatMs?: number;
}

/** What every call takes. */
export interface CallOptions {
  /** Calls the work off: it is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface ProgressOptions extends CallOptions {
  /** Is told of each moment of the work. What it throws ends the work. */
  onProgress?: OnProgress;
}

export interface DownloadOptions extends ProgressOptions {
  /** Whether it may replace a file. Default: no. */
  overwrite?: boolean;
  /** Whether an interrupted download may leave `<to>.part` for the next to go on with. Default: yes. */
  keepPartial?: boolean;
}

export interface RunOptions extends DownloadOptions {
  /** Where the output is written. Default: nowhere. */
  to?: string;
  /** A UUID that makes it safe to run the same work again: it is the same job then. Default: made anew. */
  requestId?: string;
}

export interface ListOptions extends CallOptions {
  /** Only jobs in one of these states. Default: all. */
  states?: Job_State[];
  /** Only jobs that have all of these labels; an empty value means that any will do. Default: all. */
  labels?: Record<string, string>;
  /** `create_time desc` (the default) or `create_time asc`. */
  orderBy?: string;
  /** How many jobs come in one answer of the server, at most 500. Default: as the server likes. */
  pageSize?: number;
}

type JobSpecInit = MessageInitShape<typeof JobSpecSchema>;

/** What is to be done: an operation alone, or a whole JobSpec with what is said of the output, limits and labels. */
export type Work = JobSpecInit | MessageInitShape<typeof OperationSchema>;

/**
 * Speaks to one server. It connects with the first call; `close` ends all that is open.
 *
 * All methods throw `SpotreelError`, or the reason of the signal that called them off. Calls are tried again and streams
 * taken up where they broke, where that is safe; a job is created once, however often the call is repeated.
 */
export class Client {
  /** Where the server is: `host:port`. */
  readonly server: string;
  readonly #connection: Connection;

  /**
   * @param server `host:port`, `http://…` or `https://…`. TLS is used unless the server is this machine or `http://`
   *   is said. Default: SPOTREEL_SERVER.
   * @throws SpotreelError SERVER_MISSING, SERVER_INVALID, API_KEY_MALFORMED; LocalFileError TLS_CA_UNREADABLE.
   */
  constructor(server?: string, options: ClientOptions = {}) {
    const endpoint = resolveEndpoint(server, options);
    const { timeoutMs, patienceMs = 60_000, heartbeatMs = HEARTBEAT_MS } = options;
    this.server = endpoint.target;
    this.#connection = new Connection(endpoint, { timeoutMs, patienceMs, heartbeatMs });
  }

  /** Ends all calls (FAILED_PRECONDITION, CLIENT_CLOSED) and the connection; jobs go on. */
  close(): void {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Makes a unary call that has no method of its own here, such as `InstanceService.method.listInstances`. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { signal }: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.#connection.unary(method, request, signal);
  }

  /** Creates a job, and does not wait for it. */
  async createJob(
    spec: JobSpecInit,
    { requestId = randomUUID(), jobId, signal }: { requestId?: string; jobId?: string } & CallOptions = {},
  ): Promise<Job> {
    const response = await this.#connection.unary(JobService.method.createJob, { spec, requestId, jobId }, signal);
    return present(response.job);
  }

  /** Gets the job called `jobs/…`. */
  async getJob(name: string, { signal }: CallOptions = {}): Promise<Job> {
    return present((await this.#connection.unary(JobService.method.getJob, { name }, signal)).job);
  }

  /** Yields jobs, the newest first; pages come as needed. */
  async *listJobs(options: ListOptions = {}): AsyncGenerator<Job, void, undefined> {
    const { states, labels, orderBy, pageSize, signal } = options;
    let pageToken = "";
    do {
      const request = { stateFilter: states, labelFilter: labels, orderBy, pageSize, pageToken };
      const page = await this.#connection.unary(JobService.method.listJobs, request, signal);
      yield* page.jobs;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Asks a job to end and returns it, CANCELLING or CANCELLED. FAILED_PRECONDITION where it has ended otherwise. */
  async cancelJob(name: string, { signal }: CallOptions = {}): Promise<Job> {
    return present((await this.#connection.unary(JobService.method.cancelJob, { name }, signal)).job);
  }

  /** Deletes a job that is final, and its output. FAILED_PRECONDITION where it is not final. */
  async deleteJob(name: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#connection.unary(JobService.method.deleteJob, { name }, signal);
  }

  /** Asks what a job would cost, and whether the server would take it. */
  async quoteJob(spec: JobSpecInit, { signal }: CallOptions = {}): Promise<JobQuote> {
    return present((await this.#connection.unary(JobService.method.quoteJob, { spec }, signal)).quote);
  }

  /** Yields the job as it is and with each change, until it is final; goes on over breaks of the connection. */
  async *watchJob(name: string, { signal }: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    let sequence = 0n;
    const stream = new ResumingStream(
      this.#connection,
      () => this.#connection.serverStream(JobService.method.watchJob, { name, afterSequence: sequence }, signal),
      // The whole job comes each time, so that nothing can be missing.
      (message: WatchJobResponse) => message,
      signal,
    );
    try {
      for (;;) {
        const message = await stream.read();
        const job = present(message.job);
        if (message.sequence !== sequence || isFinal(job)) {
          sequence = message.sequence;
          yield job;
        }
        if (isFinal(job)) {
          return;
        }
      }
    } finally {
      stream.drop();
    }
  }

  /** Waits until a job is final and returns it, whatever became of it. */
  async waitJob(name: string, { onProgress, signal }: ProgressOptions = {}): Promise<Job> {
    for await (const job of this.watchJob(name, { signal })) {
      onProgress?.(progressOfJob(job));
      if (isFinal(job)) {
        return job;
      }
    }
    throw new Error("a watch ends with a final state");
  }

  /**
   * Yields the output of a job from `offset` on. What came is final only when the iteration ends without an error:
   * ABORTED (OUTPUT_RESTARTED) where another attempt makes the output anew, DATA_LOSS where the whole does not agree
   * with its size or, read from 0, with its SHA-256.
   */
  readOutput(
    name: string,
    options: { offset?: number } & CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return readOutput(this.#connection, name, options);
  }

  /**
   * Writes the output of a job to the file `to`, and returns that; only a complete, verified file ever gets the name.
   *
   * Until then it grows in `<to>.part`. That file stays where going on later makes sense (the server went away, the
   * disk is full) and is taken up by the next download; in all other cases it is removed. What an earlier download has
   * left stays, unless it was the beginning of something else. Throws LocalFileError FILE_IN_USE where another download
   * to `to` is at work.
   */
  async downloadOutput(name: string, to: string, options: DownloadOptions = {}): Promise<string> {
    const { overwrite = false, keepPartial = true, onProgress, signal } = options;
    await refuseTarget(to, overwrite);
    await downloadOutput({
      connection: this.#connection,
      name,
      target: to,
      overwrite,
      keepPartial,
      onBytes: (done, total) => onProgress?.(progressOfBytes("downloading", to, done, total)),
      signal,
    });
    return to;
  }

  /** Uploads a file, unless the server has its content already, and returns the asset. */
  uploadAsset(path: string, { onProgress, signal }: ProgressOptions = {}): Promise<Asset> {
    const onBytes = (done: number, total: number) => onProgress?.(progressOfBytes("uploading", path, done, total));
    return uploadAsset(this.#connection, path, { onBytes, signal });
  }

  /** Makes what operations take: http(s) URLs and names of assets (`assets/…`) as they are, files uploaded. */
  async source(source: string, options: ProgressOptions = {}): Promise<MediaSource> {
    return (await asItIs(source)) ?? sourceOf("asset", (await this.uploadAsset(source, options)).name);
  }

  /**
   * Burns subtitles into a video: uploads what is local (see `source`), once the server has said that it would take the
   * job, then does as `run`.
   *
   * For other operations, and for settings, make an operation of sources and `run` it.
   */
  async caption(video: string, subtitles: string, options: RunOptions = {}): Promise<Job> {
    const { to, overwrite = false, signal } = options;
    if (to !== undefined) {
      await refuseUnusable(to, overwrite);
      await refuseOwnInput(to, [video, subtitles]);
    }
    const known = [await asItIs(video), await asItIs(subtitles)] as const;
    if (known.includes(undefined)) {
      const draft = captionOf(known[0] ?? PLACEHOLDER, known[1] ?? PLACEHOLDER);
      await this.quoteJob({ operation: draft }, { signal });
    }
    return this.run(captionOf(await this.source(video, options), await this.source(subtitles, options)), options);
  }

  /**
   * Creates a job, follows it to its end, downloads its output to `to` (if given) and returns the job.
   *
   * When the signal is aborted meanwhile, the job is cancelled too, and its end awaited, for at most 30 s; whether it
   * has ended is in the last progress that was reported. Throws JobFailed, JobCancelled, and LocalFileError before
   * anything starts where nothing could be put at `to`.
   */
  async run(work: Work, options: RunOptions = {}): Promise<Job> {
    const { to, requestId = randomUUID(), overwrite = false, onProgress, signal } = options;
    signal?.throwIfAborted();
    if (to !== undefined) {
      await refuseUnusable(to, overwrite);
    }
    const job = await this.#follow(specOf(work), requestId, { onProgress, signal });
    if (to !== undefined) {
      await this.downloadOutput(job.name, to, options);
    }
    onProgress?.(progressOfJob(job));
    return job;
  }

  async #follow(spec: JobSpecInit, requestId: string, { onProgress, signal }: ProgressOptions): Promise<Job> {
    signal?.throwIfAborted();
    const create = (options?: CallOptions) => this.createJob(spec, { requestId, ...options });
    const creation = create();
    try {
      const created = await unlessAborted(creation, signal);
      onProgress?.(progressOfJob(created));
      return succeeded(await this.waitJob(created.name, { onProgress, signal }));
    } catch (error) {
      if (signal?.aborted) {
        // The server may have the job although its answer is not here yet; nothing must go on that nobody awaits.
        await this.#callOff(creation, create, onProgress);
      }
      throw error;
    }
  }

  async #callOff(
    creation: Promise<Job>,
    create: (options: CallOptions) => Promise<Job>,
    onProgress: OnProgress | undefined,
  ): Promise<void> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), CANCEL_TIMEOUT_MS);
    const { signal } = deadline;
    // A server that is away for a moment would go on with the job when it is back.
    const insist = <T>(step: () => Promise<T>) =>
      persist(step, { patienceMs: CANCEL_TIMEOUT_MS, pause: (ms) => this.#connection.pause(ms, signal) });
    let creating: Promise<Job> | undefined = creation;
    try {
      const { name } = await insist(() => {
        // Where its answer was lost, the same request gives the same job.
        const awaited = creating ?? create({ signal });
        creating = undefined;
        return unlessAborted(awaited, signal);
      });
      const asked = await insist(() => this.cancelJob(name, { signal }));
      onProgress?.(progressOfJob(asked));
      await insist(() => this.waitJob(name, { onProgress, signal }));
    } catch (error) {
      // The job had ended, or could not be asked to. A caller that wants to be sure has seen its state.
      if (!(error instanceof SpotreelError || signal.aborted)) {
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Throws LocalFileError where an output could not be written to `to`. */
async function refuseUnusable(to: string, overwrite: boolean): Promise<void> {
  await refuseTarget(to, overwrite);
  await PartialFile.probe(to);
}

/** Makes what operations take; undefined for a file, which has to be uploaded first. */
async function asItIs(source: string): Promise<MediaSource | undefined> {
  if (/^https?:\/\//i.test(source)) {
    return sourceOf("uri", source);
  }
  return source.startsWith("assets/") && !(await exists(source)) ? sourceOf("asset", source) : undefined;
}

function sourceOf(kind: "uri" | "asset", value: string): MediaSource {
  return create(MediaSourceSchema, { source: { case: kind, value } });
}

function captionOf(video: MediaSource, subtitles: MediaSource): Operation {
  return create(OperationSchema, { operation: { case: "caption", value: { video, subtitles } } });
}

function specOf(work: Work): JobSpecInit {
  // In an Operation the field `operation` says which; in a JobSpec it is an Operation.
  const isOperation = work.operation !== undefined && "case" in work.operation;
  return isOperation ? { operation: work as MessageInitShape<typeof OperationSchema> } : (work as JobSpecInit);
}

function succeeded(job: Job): Job {
  if (job.state === Job_State.FAILED) {
    throw new JobFailed(job);
  }
  if (job.state === Job_State.CANCELLED) {
    throw new JobCancelled(job);
  }
  return job;
}

/** A server that leaves out what it must send is no server of ours. */
function present<T>(field: T | undefined): T {
  if (field === undefined) {
    throw new SpotreelError("INTERNAL", "The server has left out what was asked for.", { reason: "INTERNAL" });
  }
  return field;
}

/** Waits for `work`, but no longer than until `signal` is aborted; the work goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  return new Promise<T>((resolvePromise, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolvePromise, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) {
      abort();
    }
  });
}
