import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";

import { LocalFileError } from "./errors.js";

const READ_BYTES = 1 << 20;
const NO_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** `<target>.part` with the SHA-256 of what it holds; it takes its target's place when it is whole. */
export class PartialFile {
  readonly target: string;
  readonly path: string;
  /** The bytes that are there. */
  size = 0;
  #hash = createHash("sha256");
  #file: FileHandle | undefined;

  constructor(target: string) {
    this.target = target;
    this.path = `${target}.part`;
  }

  /** Opens the file, or makes it, and reads what an earlier download has left. */
  async open(): Promise<void> {
    await this.#attempt(async () => {
      const file = await open(this.path, "a+");
      this.#file = file;
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES, this.size);
        if (bytesRead === 0) {
          return;
        }
        this.#hash.update(buffer.subarray(0, bytesRead));
        this.size += bytesRead;
      }
    });
  }

  /** Adds bytes at the end. */
  async append(data: Uint8Array): Promise<void> {
    await this.#attempt(async () => {
      const writing = this.#opened.appendFile(data);
      // While another thread writes.
      this.#hash.update(data);
      await writing;
      this.size += data.length;
    });
  }

  /** Throws away what is there. */
  async restart(): Promise<void> {
    await this.#attempt(() => this.#opened.truncate(0));
    this.#hash = createHash("sha256");
    this.size = 0;
  }

  /** Whether it holds what has this size and SHA-256. */
  holds(size: bigint, sha256: Uint8Array): boolean {
    return BigInt(this.size) === size && this.#hash.copy().digest().equals(sha256);
  }

  /** Puts the file in its target's place, at once. */
  async finish(): Promise<void> {
    await this.#attempt(async () => {
      await this.close();
      await rename(this.path, this.target);
    });
  }

  /** Closes the file and leaves it; may be repeated. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Closes the file and removes it; may be repeated, and never hides why. */
  async discard(): Promise<void> {
    await this.close().catch(() => {});
    await rm(this.path, { force: true }).catch(() => {});
  }

  get #opened(): FileHandle {
    if (this.#file === undefined) {
      throw new Error("the file is not open");
    }
    return this.#file;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const full = NO_SPACE.has((error as NodeJS.ErrnoException).code ?? "");
      throw new LocalFileError(
        full ? "DISK_FULL" : "FILE_UNWRITABLE",
        `${this.path} cannot be written: ${full ? "no space is left" : (error as Error).message}.`,
        this.path,
        error,
      );
    }
  }
}
