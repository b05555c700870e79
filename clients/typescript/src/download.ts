import { createHash } from "node:crypto";

import { crc32c } from "@node-rs/crc32";

import type { Connection } from "./connection.js";
import { SpotreelError } from "./errors.js";
import { JobService, type ReadJobOutputResponse } from "./gen/spotreel/orchestrator/v1/job_service_pb.js";
import { refuseTarget } from "./local_file.js";
import { PartialFile } from "./partial_file.js";
import { ResumingStream } from "./resuming_stream.js";
import { brokenStream, isTransient } from "./retry.js";

/** A job has at most 10 attempts; each may make its output anew. */
const MOST_RESTARTS = 10;
/** A chunk that is bad more often than this in a row was not damaged on the way. */
const MOST_BAD_CHUNKS = 4;

/** Reads one job's output from an offset on, chunk by chunk, each checked against its offset and CRC32C. */
class OutputReader {
  readonly stream: ResumingStream<ReadJobOutputResponse, ReadJobOutputResponse>;
  offset: number;
  readonly #name: string;
  #attempt = 0;
  #badChunks = 0;

  constructor(connection: Connection, name: string, offset: number, signal: AbortSignal | undefined) {
    this.#name = name;
    this.offset = offset;
    this.stream = new ResumingStream(
      connection,
      () => {
        const request = { name, readOffset: BigInt(this.offset), attempt: this.#attempt };
        return connection.serverStream(JobService.method.readJobOutput, request, signal);
      },
      (chunk) => this.#accept(chunk),
      signal,
    );
  }

  /** Takes whatever attempt there is, from the start. */
  rewind(): void {
    this.stream.drop();
    this.offset = 0;
    this.#attempt = 0;
  }

  #accept(chunk: ReadJobOutputResponse): ReadJobOutputResponse {
    if (chunk.data.length > 0) {
      if (chunk.offset !== BigInt(this.offset) || crc32c(chunk.data) !== chunk.crc32c) {
        this.#refuse();
      }
      this.#badChunks = 0;
      this.offset += chunk.data.length;
    }
    this.#attempt = chunk.attempt || this.#attempt;
    return chunk;
  }

  #refuse(): never {
    this.#badChunks += 1;
    const text = `The chunk of ${this.#name} at byte ${this.offset} does not agree with its checksum or its place`;
    if (this.#badChunks > MOST_BAD_CHUNKS) {
      throw new SpotreelError("DATA_LOSS", `${text}, ${this.#badChunks} times in a row.`, {
        reason: "CHUNK_CORRUPTED",
      });
    }
    throw brokenStream("CHUNK_CORRUPTED", `${text}.`);
  }
}

/** Yields the output of a job from `offset` on; see `Client.readOutput`. */
export async function* readOutput(
  connection: Connection,
  name: string,
  { offset = 0, signal }: { offset?: number; signal?: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new OutputReader(connection, name, offset, signal);
  const hash = createHash("sha256");
  try {
    for (;;) {
      const chunk = await reader.stream.read();
      if (chunk.data.length > 0) {
        hash.update(chunk.data);
        yield chunk.data;
      }
      if (chunk.last) {
        const whole = BigInt(reader.offset) === chunk.sizeBytes;
        if (!whole || (offset === 0 && !hash.digest().equals(chunk.sha256))) {
          throw corrupted(name);
        }
        return;
      }
    }
  } finally {
    reader.stream.drop();
  }
}

export interface OutputToFile {
  connection: Connection;
  name: string;
  target: string;
  overwrite: boolean;
  keepPartial: boolean;
  onBytes: (done: number, total: number) => void;
  signal: AbortSignal | undefined;
}

/** Writes the output of a job to `target`, which is replaced at once when all of it has come and was verified. */
export async function downloadOutput(work: OutputToFile): Promise<void> {
  const part = await PartialFile.open(work.target);
  try {
    await part.takeUp(work.signal);
    await receive(work, part);
    // Something may have appeared there meanwhile.
    await refuseTarget(work.target, work.overwrite);
    await part.finish();
  } catch (error) {
    const canGoOn = isTransient(error) || (error instanceof SpotreelError && error.code === "LOCAL_FILE");
    const isWanted = canGoOn && work.keepPartial && part.size > 0;
    // What was there before is not ours to throw away.
    await (part.found || isWanted ? part.close() : part.discard());
    throw error;
  }
}

async function receive({ connection, name, onBytes, signal }: OutputToFile, part: PartialFile): Promise<void> {
  const reader = new OutputReader(connection, name, part.size, signal);
  try {
    for (let tries = 0; tries < MOST_RESTARTS; tries++) {
      const last = await fill(reader.stream, part, onBytes).catch(unlessRestarted);
      if (last && part.holds(last.sizeBytes, last.sha256)) {
        return;
      }
      if (last && !part.found) {
        throw corrupted(name);
      }
      // What lay there may have been the beginning of something else.
      reader.rewind();
      await part.restart();
    }
  } finally {
    reader.stream.drop();
  }
  throw new SpotreelError("ABORTED", `The output of ${name} was made anew ${MOST_RESTARTS} times while it was read.`, {
    reason: "OUTPUT_RESTARTED",
  });
}

function unlessRestarted(error: unknown): undefined {
  if (!(error instanceof SpotreelError && (error.code === "ABORTED" || error.code === "OUT_OF_RANGE"))) {
    throw error;
  }
}

/** Writes each chunk while the next one is on its way; the file holds all that came when it returns or throws. */
async function fill(
  stream: OutputReader["stream"],
  part: PartialFile,
  onBytes: (done: number, total: number) => void,
): Promise<ReadJobOutputResponse> {
  let writing = Promise.resolve();
  try {
    for (;;) {
      const chunk = await stream.read();
      await writing;
      const received = part.size + chunk.data.length;
      if (chunk.data.length > 0) {
        writing = part.append(chunk.data);
        // A failure is met at the next await; until then it must not count as unhandled.
        writing.catch(() => {});
      }
      if (chunk.last) {
        await writing;
      }
      onBytes(received, Number(chunk.sizeBytes));
      if (chunk.last) {
        return chunk;
      }
    }
  } finally {
    await writing.catch(() => {});
  }
}

function corrupted(name: string): SpotreelError {
  return new SpotreelError("DATA_LOSS", `The output of ${name} does not agree with its size or SHA-256.`, {
    reason: "OUTPUT_CORRUPTED",
    metadata: { job: name },
  });
}
