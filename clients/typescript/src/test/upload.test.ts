import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

import { crc32c } from "@node-rs/crc32";

import { Client, type ClientOptions, type Progress } from "../index.js";
import { type Behaviour, cut, FakeServer, Refusal } from "./fake_server.js";
import { Folder } from "./folder.js";

const CONTENT = Buffer.alloc(5 * (1 << 20) + 77, "content ");
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const ASSET = { name: `assets/${SHA256}` };

type Upload = NonNullable<Behaviour["uploadAsset"]>;

interface Start {
  uploadId: string;
  writeOffset: bigint;
  fileName: string;
}

/** Keeps what comes, like the real server; `faults` is asked before each chunk is taken. */
class Storage {
  readonly starts: Start[] = [];
  content = Buffer.alloc(0);

  constructor(private readonly fault: (stream: number, received: number) => Error | undefined = () => undefined) {}

  readonly behaviour: Behaviour = {
    unary: {
      getAsset: () => {
        throw new Refusal("NOT_FOUND", "ASSET_NOT_FOUND");
      },
      getUpload: ({ uploadId }) => {
        assert.equal(uploadId, this.starts[0]?.uploadId);
        return { committedBytes: BigInt(this.content.length) };
      },
    },
    uploadAsset: async (messages) => {
      for await (const { message } of messages) {
        if (message.case === "start") {
          this.starts.push(message.value);
          assert.equal(message.value.writeOffset, BigInt(this.content.length));
        } else if (message.case === "data") {
          const error = this.fault(this.starts.length, this.content.length);
          if (error) {
            throw error;
          }
          const { offset, data } = message.value;
          assert.deepEqual([offset, message.value.crc32c], [BigInt(this.content.length), crc32c(data)]);
          this.content = Buffer.concat([this.content, data]);
        }
      }
      return { asset: ASSET };
    },
  };
}

async function scene(t: TestContext, behaviour: Behaviour, options: ClientOptions = {}) {
  const server = await FakeServer.start(behaviour);
  const client = new Client(server.address, options);
  const folder = await Folder.for(t);
  const path = folder.at("talk.mp4");
  await writeFile(path, CONTENT);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client, folder, path };
}

test("a file is uploaded in chunks", async (t) => {
  const storage = new Storage();
  const { client, path } = await scene(t, storage.behaviour);
  const done: number[] = [];
  const asset = await client.uploadAsset(path, { onProgress: ({ bytesDone }) => done.push(bytesDone) });
  assert.equal(asset.name, ASSET.name);
  assert.ok(storage.content.equals(CONTENT));
  assert.equal(storage.starts[0]?.fileName, "talk.mp4");
  assert.deepEqual([done.length, done.at(-1)], [6, CONTENT.length]);
});

test("content that the server has is not sent", async (t) => {
  const { client, path, server } = await scene(t, {
    unary: {
      getAsset({ name }) {
        assert.equal(name, ASSET.name);
        return { asset: ASSET };
      },
    },
  });
  const source = await client.source(path);
  assert.deepEqual(source.source, { case: "asset", value: ASSET.name });
  assert.equal(server.requests.length, 1);
});

test("addresses and names of assets are taken as they are", async (t) => {
  const { client, server } = await scene(t, {});
  const address = "https://example.com/talk.mp4";
  assert.deepEqual((await client.source(address)).source, { case: "uri", value: address });
  assert.deepEqual((await client.source(ASSET.name)).source, { case: "asset", value: ASSET.name });
  assert.deepEqual(server.requests, []);
});

test("an upload goes on where it was cut", async (t) => {
  const storage = new Storage((stream, received) => (stream === 1 && received >= 3 << 20 ? cut() : undefined));
  const { client, path } = await scene(t, storage.behaviour);
  await client.uploadAsset(path);
  assert.ok(storage.content.equals(CONTENT));
  assert.deepEqual(
    storage.starts.map(({ writeOffset }) => writeOffset),
    [0n, BigInt(3 << 20)],
  );
});

test("an upload that is complete after all is not sent again", async (t) => {
  const { client, path, server } = await scene(t, {
    unary: {
      getAsset() {
        throw new Refusal("NOT_FOUND", "ASSET_NOT_FOUND");
      },
      getUpload: () => ({ committedBytes: BigInt(CONTENT.length), asset: ASSET }),
    },
    uploadAsset: () => Promise.reject(cut()),
  });
  assert.equal((await client.uploadAsset(path)).name, ASSET.name);
  assert.equal(server.asked("uploadAsset").length, 1);
});

test("an answer that comes early is taken, again and again", async (t) => {
  const early: Upload = async (messages) => {
    for await (const { message } of messages) {
      assert.equal(message.case, "start");
      break;
    }
    return { asset: ASSET };
  };
  const storage = new Storage();
  const { client, path } = await scene(t, { ...storage.behaviour, uploadAsset: early });
  for (let count = 0; count < 20; count++) {
    const onProgress = ({ fraction }: Progress) => assert.notEqual(fraction, 1);
    assert.equal((await client.uploadAsset(path, { onProgress })).name, ASSET.name);
  }
});

test("a refusal that comes early is taken", async (t) => {
  const storage = new Storage((_stream, received) =>
    received > 0 ? new Refusal("RESOURCE_EXHAUSTED", "ASSET_TOO_LARGE") : undefined,
  );
  const { client, path } = await scene(t, storage.behaviour);
  await assert.rejects(client.uploadAsset(path), { code: "RESOURCE_EXHAUSTED", reason: "ASSET_TOO_LARGE" });
});

test("what was damaged on the way is sent again, three times", async (t) => {
  const damage = () => new Refusal("DATA_LOSS", "CHECKSUM_MISMATCH");
  const once = new Storage((stream) => (stream === 1 ? damage() : undefined));
  const first = await scene(t, once.behaviour);
  await first.client.uploadAsset(first.path);
  assert.ok(once.content.equals(CONTENT));
  const ever = new Storage(damage);
  const second = await scene(t, ever.behaviour);
  await assert.rejects(second.client.uploadAsset(second.path), { code: "DATA_LOSS", reason: "CHECKSUM_MISMATCH" });
  assert.equal(ever.starts.length, 4);
});

test("a file that changes meanwhile is not taken for what it was", async (t) => {
  const { behaviour } = new Storage();
  const { client, path } = await scene(t, {
    ...behaviour,
    async uploadAsset(messages) {
      await appendFile(path, "more");
      for await (const _message of messages) {
        // All is taken, but it is not the file any more.
      }
      return { asset: ASSET };
    },
  });
  await assert.rejects(client.uploadAsset(path), { code: "LOCAL_FILE", reason: "FILE_CHANGED" });
});

test("a file that cannot be read is said", async (t) => {
  const { client, folder, server } = await scene(t, {});
  await promisify(execFile)("mkfifo", [folder.at("pipe")]);
  for (const [path, why] of [
    [folder.at("nowhere.mp4"), "cannot be read: no such file or directory"],
    [folder.path, "is no file"],
    [folder.at("pipe"), "is no file"],
    ["/dev/zero", "is no file"],
  ] as const) {
    await assert.rejects(client.source(path), {
      code: "LOCAL_FILE",
      reason: "FILE_UNREADABLE",
      message: `${path} ${why}.`,
      metadata: { path },
    });
  }
  assert.deepEqual(server.requests, []);
});

test("an upload is called off", async (t) => {
  const storage = new Storage();
  const { client, path } = await scene(t, storage.behaviour);
  const off = new AbortController();
  const work = client.uploadAsset(path, { signal: off.signal, onProgress: () => off.abort() });
  await assert.rejects(work, { name: "AbortError" });
});

test("a server that goes away for longer than patience is said", async (t) => {
  const storage = new Storage(() => cut());
  const { client, path } = await scene(t, storage.behaviour, { patienceMs: 300 });
  await assert.rejects(client.uploadAsset(path), { code: "UNAVAILABLE" });
});
