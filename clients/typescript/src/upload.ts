import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename } from "node:path";

import { crc32c } from "@node-rs/crc32";

import type { Connection, OutgoingStream } from "./connection.js";
import { LocalFileError, SpotreelError } from "./errors.js";
import type { Asset } from "./gen/spotreel/orchestrator/v1/asset_pb.js";
import {
  AssetService,
  type UploadAssetRequestSchema,
  type UploadAssetResponse,
} from "./gen/spotreel/orchestrator/v1/asset_service_pb.js";
import { whyOf } from "./local_file.js";
import { brokenStream, isTransient, persist } from "./retry.js";

const CHUNK_BYTES = 1 << 20;
/** A message that cannot be sent for this long: the other side is gone, or its disk hangs. */
const WRITE_TIMEOUT_MS = 30_000;
const MOST_DAMAGED = 3;

type UploadStream = OutgoingStream<typeof UploadAssetRequestSchema, UploadAssetResponse>;
type OnBytes = (done: number, total: number) => void;

/** Returns the asset with the content of `path`; sends the content only where the server lacks it. */
export async function uploadAsset(
  connection: Connection,
  path: string,
  { onBytes, signal }: { onBytes: OnBytes; signal: AbortSignal | undefined },
): Promise<Asset> {
  const content = await Content.of(path, signal);
  const known = await connection
    .unary(AssetService.method.getAsset, { name: `assets/${content.sha256.toString("hex")}` }, signal)
    .catch(unlessNotFound);
  return known?.asset ?? new Upload(connection, content, onBytes, signal).run();
}

/** A local file as it was when its digest was taken. */
class Content {
  private constructor(
    readonly path: string,
    readonly size: number,
    readonly modifiedNs: bigint,
    readonly sha256: Buffer,
  ) {}

  static async of(path: string, signal: AbortSignal | undefined): Promise<Content> {
    // To open a pipe would wait for whoever writes to it.
    if (!(await reading(path, () => stat(path))).isFile()) {
      throw new LocalFileError("FILE_UNREADABLE", `${path} is no file.`, path);
    }
    const file = await reading(path, () => open(path));
    try {
      const before = await reading(path, () => file.stat({ bigint: true }));
      const hash = createHash("sha256");
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await reading(path, () => file.read(buffer, 0, CHUNK_BYTES, null));
        if (bytesRead === 0) {
          return new Content(path, Number(before.size), before.mtimeNs, hash.digest());
        }
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  async checkUnchanged(): Promise<void> {
    const now = await reading(this.path, () => stat(this.path, { bigint: true }));
    if (Number(now.size) !== this.size || now.mtimeNs !== this.modifiedNs) {
      throw new LocalFileError(
        "FILE_CHANGED",
        `${this.path} was changed while it was uploaded; wait until it is complete and try again.`,
        this.path,
      );
    }
  }
}

/** One upload under one id, over as many streams as it takes. */
class Upload {
  readonly #connection: Connection;
  readonly #content: Content;
  readonly #onBytes: OnBytes;
  readonly #signal: AbortSignal | undefined;
  readonly #uploadId = randomUUID();
  #started = false;
  #damaged = 0;
  #sent = 0;

  constructor(connection: Connection, content: Content, onBytes: OnBytes, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#content = content;
    this.#onBytes = onBytes;
    this.#signal = signal;
  }

  async run(): Promise<Asset> {
    for (;;) {
      const sentBefore = this.#sent;
      try {
        return await persist(() => this.#tryOnce(), {
          patienceMs: this.#connection.patienceMs,
          pause: (ms) => this.#connection.pause(ms, this.#signal),
        });
      } catch (error) {
        // Patience counts from the last progress, not from the start of a long upload.
        if (!isTransient(error) || this.#sent <= sentBefore) {
          throw error;
        }
      }
    }
  }

  async #tryOnce(): Promise<Asset> {
    const upload = this.#started ? await this.#progress() : undefined;
    if (upload?.asset) {
      return upload.asset;
    }
    try {
      return await this.#send(Number(upload?.committedBytes ?? 0));
    } catch (error) {
      if (!(error instanceof SpotreelError && isDamage(error))) {
        throw error;
      }
      await this.#content.checkUnchanged();
      this.#damaged += 1;
      if (this.#damaged > MOST_DAMAGED) {
        throw error;
      }
      throw brokenStream(error.reason, error.message);
    }
  }

  #progress() {
    const request = { uploadId: this.#uploadId };
    return this.#connection.unary(AssetService.method.getUpload, request, this.#signal).catch(unlessNotFound);
  }

  async #send(offset: number): Promise<Asset> {
    const stream = this.#connection.clientStream(AssetService.method.uploadAsset, this.#signal);
    this.#started = true;
    try {
      await this.#writeAll(stream, offset);
      // The server verifies the whole before it answers, which takes a while for many GiB.
      const { asset } = await stream.finish();
      if (asset === undefined) {
        throw brokenStream("STREAM_CUT", `${this.#connection.server} ended the upload without an asset.`);
      }
      return asset;
    } finally {
      stream.cancel();
    }
  }

  /** Writes until all is sent, or the server has answered: with an error, or with the asset that it has already. */
  async #writeAll(stream: UploadStream, offset: number): Promise<void> {
    const { path, size, sha256 } = this.#content;
    const start = {
      uploadId: this.#uploadId,
      sha256,
      sizeBytes: BigInt(size),
      writeOffset: BigInt(offset),
      fileName: basename(path).slice(0, 255),
    };
    const file = await reading(path, () => open(path));
    try {
      let wanted = await this.#write(stream, { message: { case: "start", value: start } });
      while (wanted && offset < size) {
        const data = await this.#readChunk(file, offset);
        const value = { offset: BigInt(offset), data, crc32c: crc32c(data) };
        wanted = await this.#write(stream, { message: { case: "data", value } });
        if (wanted) {
          offset += data.length;
          this.#sent = Math.max(this.#sent, offset);
          this.#onBytes(offset, size);
        }
      }
      if (wanted) {
        await this.#content.checkUnchanged();
        await this.#write(stream, { message: { case: "finish", value: {} } });
      }
    } finally {
      await file.close();
    }
  }

  async #readChunk(file: FileHandle, offset: number): Promise<Uint8Array> {
    const { path, size } = this.#content;
    const wanted = Math.min(CHUNK_BYTES, size - offset);
    const { bytesRead, buffer } = await reading(path, () => file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset));
    if (bytesRead === 0) {
      await this.#content.checkUnchanged();
    }
    return buffer.subarray(0, bytesRead);
  }

  async #write(stream: UploadStream, message: Parameters<UploadStream["write"]>[0]): Promise<boolean> {
    let stuck = false;
    const timer = setTimeout(() => {
      stuck = true;
      stream.cancel();
    }, WRITE_TIMEOUT_MS);
    try {
      const wanted = await stream.write(message);
      if (stuck) {
        const seconds = WRITE_TIMEOUT_MS / 1000;
        throw brokenStream("STREAM_SILENT", `${this.#connection.server} has not taken a chunk for ${seconds} s.`);
      }
      return wanted;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the server got is not what was sent, or not where it stands: it may agree when it is asked again. */
function isDamage(error: SpotreelError): boolean {
  return error.code === "DATA_LOSS" || error.code === "OUT_OF_RANGE" || error.code === "ABORTED";
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof SpotreelError && error.code === "NOT_FOUND")) {
    throw error;
  }
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new LocalFileError("FILE_UNREADABLE", `${path} cannot be read: ${whyOf(error)}.`, path, error);
  }
}
