import { once } from "node:events";
import type { BigIntStats } from "node:fs";
import { createServer, type Server } from "node:net";

/** What this process has locked. */
const held = new Set<string>();

/**
 * Has a file for one download alone.
 *
 * Node.js has no flock. On Linux an abstract socket stands in for it, named after the file's device and inode: the
 * kernel gives a name to one socket at a time, no file belongs to it, and it is free again when its process has ended,
 * however that was. Elsewhere the lock holds within this process only.
 */
export class FileLock {
  private constructor(
    readonly key: string,
    readonly socket: Server | undefined,
  ) {}

  /** Returns undefined where somebody else has the file. */
  static async take({ dev, ino }: BigIntStats): Promise<FileLock | undefined> {
    const key = `${dev}:${ino}`;
    if (held.has(key)) {
      return undefined;
    }
    held.add(key);
    try {
      return new FileLock(key, process.platform === "linux" ? await listen(`\0spotreel/part/${key}`) : undefined);
    } catch (error) {
      held.delete(key);
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") {
        return undefined;
      }
      throw error;
    }
  }

  /** May be repeated. */
  release(): void {
    if (held.delete(this.key)) {
      this.socket?.close();
    }
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  // A lock keeps no process alive; and without `exclusive` the workers of a cluster would share one socket.
  server.unref().listen({ path, exclusive: true });
  await once(server, "listening");
  return server;
}
