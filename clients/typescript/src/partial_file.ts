import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { type FileHandle, open, realpath, rename, rm } from "node:fs/promises";

import { LocalFileError } from "./errors.js";
import { FileLock } from "./file_lock.js";
import { isSame, look, whyOf } from "./local_file.js";

const READ_BYTES = 1 << 20;
const NO_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * `<target>.part` with the SHA-256 of what it holds; it takes its target's place when it is whole.
 *
 * While it is open, no other download can open it.
 */
export class PartialFile {
  readonly target: string;
  readonly path: string;
  /** The bytes that are there, once `takeUp` has read them. */
  size = 0;
  /** Whether an earlier download has left something that this one goes on with. */
  found: boolean;
  readonly #file: FileHandle;
  readonly #identity: BigIntStats;
  readonly #lock: FileLock;
  #hash = createHash("sha256");

  private constructor(target: string, file: FileHandle, identity: BigIntStats, lock: FileLock) {
    this.target = target;
    this.path = partOf(target);
    this.#file = file;
    this.#identity = identity;
    this.#lock = lock;
    this.found = identity.size > 0n;
  }

  /** Opens the file, or makes it. Throws LocalFileError FILE_IN_USE where another download has it. */
  static async open(named: string): Promise<PartialFile> {
    // What a link points to is what is written; where it points to nothing, it is replaced.
    const target = await realpath(named).catch(() => named);
    const path = partOf(target);
    for (;;) {
      const file = await writing(path, () => open(path, "a+"));
      let lock: FileLock | undefined;
      try {
        const identity = await writing(path, () => file.stat({ bigint: true }));
        if (!identity.isFile()) {
          throw new LocalFileError("FILE_UNWRITABLE", `${path} cannot be written: it is no regular file.`, path);
        }
        lock = await writing(path, () => FileLock.take(identity));
        if (lock === undefined) {
          throw new LocalFileError("FILE_IN_USE", `${path} is being written by another download.`, path);
        }
        // Its download may have ended, and given it another name, between our opening and our locking.
        if (isSame(await look(path), identity)) {
          return new PartialFile(target, file, identity, lock);
        }
      } catch (error) {
        await file.close();
        throw error;
      }
      lock.release();
      await file.close();
    }
  }

  /** Throws LocalFileError where the file could not be opened; leaves everything as it was. */
  static async probe(target: string): Promise<void> {
    const part = await PartialFile.open(target);
    await (part.found ? part.close() : part.discard());
  }

  /** Reads what an earlier download has left. */
  async takeUp(signal: AbortSignal | undefined): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await writing(this.path, () => this.#file.read(buffer, 0, READ_BYTES, this.size));
      if (bytesRead === 0) {
        return;
      }
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.size += bytesRead;
    }
  }

  /** Adds bytes at the end. */
  async append(data: Uint8Array): Promise<void> {
    await writing(this.path, async () => {
      const appending = this.#file.appendFile(data);
      // While another thread writes.
      this.#hash.update(data);
      await appending;
      this.size += data.length;
    });
  }

  /** Throws away what is there. */
  async restart(): Promise<void> {
    await writing(this.path, () => this.#file.truncate(0));
    this.#hash = createHash("sha256");
    this.size = 0;
    this.found = false;
  }

  /** Whether it holds what has this size and SHA-256. */
  holds(size: bigint, sha256: Uint8Array): boolean {
    return BigInt(this.size) === size && this.#hash.copy().digest().equals(sha256);
  }

  /** Puts the file in its target's place, at once. Throws LocalFileError FILE_CHANGED where it is not what was written. */
  async finish(): Promise<void> {
    await writing(this.path, async () => {
      const { size } = await this.#file.stat();
      if (size !== this.size || !(await this.#isOurs())) {
        const message = `${this.path} was changed by somebody else while it was written.`;
        throw new LocalFileError("FILE_CHANGED", message, this.path);
      }
      await this.#file.close();
      await rename(this.path, this.target);
    });
    this.#lock.release();
  }

  /** Closes the file and leaves it; never hides why. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
    this.#lock.release();
  }

  /** Closes the file and removes it; never hides why. */
  async discard(): Promise<void> {
    if (await this.#isOurs()) {
      await rm(this.path, { force: true }).catch(() => {});
    }
    await this.close();
  }

  /** Whether the name still belongs to the file that is open. */
  async #isOurs(): Promise<boolean> {
    return isSame(await look(this.path), this.#identity);
  }
}

function partOf(target: string): string {
  return `${target}.part`;
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LocalFileError) {
      throw error;
    }
    const full = NO_SPACE.has((error as NodeJS.ErrnoException).code ?? "");
    throw new LocalFileError(
      full ? "DISK_FULL" : "FILE_UNWRITABLE",
      `${path} cannot be written: ${full ? "no space is left" : whyOf(error)}.`,
      path,
      error,
    );
  }
}
