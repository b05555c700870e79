import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** An empty folder for one test. */
export class Folder {
  private constructor(readonly path: string) {}

  static async for(t: TestContext): Promise<Folder> {
    const path = await mkdtemp(join(tmpdir(), "spotreel-"));
    t.after(() => rm(path, { recursive: true }));
    return new Folder(path);
  }

  /** The path of a file in it. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** The names of the files in it. */
  names(): Promise<string[]> {
    return readdir(this.path);
  }
}
