import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { appendFile, mkdir, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";

import { Client, type ClientOptions, LocalFileError, type Progress } from "../index.js";
import { type Behaviour, cut, FakeServer, Refusal } from "./fake_server.js";
import { Folder } from "./folder.js";
import { CHUNK_BYTES, chunksOf, firstOf, OUTPUT } from "./outputs.js";

type ReadJobOutput = NonNullable<Behaviour["stream"]>[string];

interface Scene {
  server: FakeServer;
  client: Client;
  folder: Folder;
  /** What was asked: offset and attempt of each call. */
  asked(): [bigint, number][];
}

/** `reads` are how the calls of ReadJobOutput behave, in order; the last is how all later ones do. */
async function scene(t: TestContext, reads: ReadJobOutput[], options: ClientOptions = {}): Promise<Scene> {
  let calls = 0;
  const readJobOutput: ReadJobOutput = (request, call) => reads[Math.min(calls++, reads.length - 1)]!(request, call);
  const server = await FakeServer.start({ stream: { readJobOutput } });
  const client = new Client(server.address, options);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  const asked = () =>
    server.asked("readJobOutput").map(({ readOffset, attempt }): [bigint, number] => [readOffset, attempt]);
  return { server, client, folder: await Folder.for(t), asked };
}

const whole: ReadJobOutput = async function* ({ readOffset }) {
  yield* chunksOf(readOffset);
};

/** Sends `count` chunks, then `end`s. */
function some(count: number, end: () => Error | undefined): ReadJobOutput {
  return async function* ({ readOffset }) {
    let sent = 0;
    for (const chunk of chunksOf(readOffset)) {
      if (sent++ === count) {
        const error = end();
        if (error) {
          throw error;
        }
        return;
      }
      yield chunk;
    }
  };
}

const damaged: ReadJobOutput = async function* ({ readOffset }) {
  for (const chunk of chunksOf(readOffset)) {
    yield { ...chunk, crc32c: chunk.crc32c ^ 1 };
  }
};

test("a download goes on at the byte where it was cut, with the same attempt", async (t) => {
  const { client, folder, asked } = await scene(t, [some(3, cut), some(2, () => undefined), whole]);
  const seen: Progress[] = [];
  const to = await client.downloadOutput("jobs/1", folder.at("out"), { onProgress: (each) => seen.push(each) });
  assert.deepEqual(await readFile(to), OUTPUT);
  assert.deepEqual(asked(), [
    [0n, 0],
    [BigInt(3 * CHUNK_BYTES), 1],
    [BigInt(5 * CHUNK_BYTES), 1],
  ]);
  assert.deepEqual(await folder.names(), ["out"]);
  const last = seen.at(-1);
  assert.deepEqual([last?.step, last?.fraction, last?.bytesDone], ["downloading", 1, OUTPUT.length]);
});

test("a stream of bytes goes on where it was cut", async (t) => {
  const { client, asked } = await scene(t, [some(4, cut), whole]);
  const hash = createHash("sha256");
  for await (const data of client.readOutput("jobs/1")) {
    hash.update(data);
  }
  assert.deepEqual(hash.digest(), createHash("sha256").update(OUTPUT).digest());
  assert.equal(asked().length, 2);
});

test("a stream of bytes can be read from the middle on", async (t) => {
  const { client } = await scene(t, [whole]);
  const parts: Uint8Array[] = [];
  for await (const data of client.readOutput("jobs/1", { offset: 10_000 })) {
    parts.push(data);
  }
  assert.deepEqual(Buffer.concat(parts), OUTPUT.subarray(10_000));
});

test("leaving a stream of bytes ends its call", async (t) => {
  let gone: Promise<void> | undefined;
  const { client } = await scene(t, [
    async function* ({ readOffset }, call) {
      gone = call.gone;
      yield firstOf(readOffset);
      await gone;
    },
  ]);
  for await (const _data of client.readOutput("jobs/1")) {
    break;
  }
  await gone;
});

test("a damaged chunk is asked for again", async (t) => {
  const { client, folder, asked } = await scene(t, [some(2, cut), damaged, whole]);
  const to = await client.downloadOutput("jobs/1", folder.at("out"));
  assert.deepEqual(await readFile(to), OUTPUT);
  assert.deepEqual(
    asked().map(([offset]) => offset),
    [0n, 2000n, 2000n],
  );
});

test("a chunk in the wrong place is asked for again", async (t) => {
  const misplaced: ReadJobOutput = async function* () {
    yield* chunksOf(1000n);
  };
  const { client, folder } = await scene(t, [misplaced, whole]);
  assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", folder.at("out"))), OUTPUT);
});

test("a chunk that is always damaged is given up", async (t) => {
  const { client, folder, asked } = await scene(t, [some(2, cut), damaged]);
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out")), {
    code: "DATA_LOSS",
    reason: "CHUNK_CORRUPTED",
  });
  assert.equal(asked().length, 1 + 5);
  assert.deepEqual(await folder.names(), []);
});

test("an output that does not agree with its digest is given up", async (t) => {
  const wrong: ReadJobOutput = async function* ({ readOffset }) {
    for (const chunk of chunksOf(readOffset)) {
      yield { ...chunk, sha256: Buffer.alloc(32) };
    }
  };
  const { client, folder } = await scene(t, [wrong]);
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out")), { reason: "OUTPUT_CORRUPTED" });
  await assert.rejects(
    async () => {
      for await (const _data of client.readOutput("jobs/1")) {
        // Only the end matters.
      }
    },
    { reason: "OUTPUT_CORRUPTED" },
  );
  assert.deepEqual(await folder.names(), []);
});

test("an output that is made anew is read from the start", async (t) => {
  const other = Buffer.from(OUTPUT).reverse();
  const { client, folder, asked } = await scene(t, [
    some(5, () => new Refusal("ABORTED", "OUTPUT_RESTARTED")),
    async function* ({ readOffset }) {
      yield* chunksOf(readOffset, other, 2);
    },
  ]);
  assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", folder.at("out"))), other);
  assert.deepEqual(asked(), [
    [0n, 0],
    [0n, 0],
  ]);
});

test("an output that is made anew again and again is given up", async (t) => {
  const { client, folder, asked } = await scene(t, [some(1, () => new Refusal("ABORTED", "OUTPUT_RESTARTED"))]);
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out")), { reason: "OUTPUT_RESTARTED" });
  assert.equal(asked().length, 10);
  assert.deepEqual(await folder.names(), []);
});

test("what an earlier download has left is taken up", async (t) => {
  const { client, folder, asked } = await scene(t, [whole]);
  await writeFile(folder.at("out.part"), OUTPUT.subarray(0, 7000));
  assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", folder.at("out"))), OUTPUT);
  assert.deepEqual(asked(), [[7000n, 0]]);
  assert.deepEqual(await folder.names(), ["out"]);
});

for (const [what, left] of [
  ["something else", Buffer.alloc(7000)],
  ["something longer", Buffer.alloc(20_000)],
] as const) {
  test(`${what} under the name of a partial file is replaced`, async (t) => {
    const { client, folder, asked } = await scene(t, [
      async function* ({ readOffset }) {
        if (readOffset > OUTPUT.length) {
          throw new Refusal("OUT_OF_RANGE", "OFFSET_BEYOND_END");
        }
        yield* chunksOf(readOffset);
      },
    ]);
    await writeFile(folder.at("out.part"), left);
    assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", folder.at("out"))), OUTPUT);
    assert.deepEqual(
      asked().map(([offset]) => offset),
      [BigInt(left.length), 0n],
    );
  });
}

test("what has come stays when the server goes away", async (t) => {
  const gone: ReadJobOutput = async function* () {
    throw cut();
  };
  const { client, folder } = await scene(t, [some(3, cut), gone], { patienceMs: 150 });
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out")), { code: "UNAVAILABLE" });
  assert.deepEqual(await readFile(folder.at("out.part")), OUTPUT.subarray(0, 3000));
});

test("nothing stays where that is not wished", async (t) => {
  const gone: ReadJobOutput = async function* () {
    throw cut();
  };
  const { client, folder } = await scene(t, [some(3, cut), gone], { patienceMs: 150 });
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out"), { keepPartial: false }));
  assert.deepEqual(await folder.names(), []);
});

test("nothing stays of a download that was called off", async (t) => {
  const { client, folder } = await scene(t, [
    async function* ({ readOffset }, call) {
      yield firstOf(readOffset);
      await call.gone;
    },
  ]);
  const off = new AbortController();
  const reason = new Error("enough");
  const work = client.downloadOutput("jobs/1", folder.at("out"), {
    signal: off.signal,
    onProgress: () => off.abort(reason),
  });
  await assert.rejects(work, (error) => error === reason);
  assert.deepEqual(await folder.names(), []);
});

/** Sends `count` chunks, then nothing, until the client goes away. */
function stalled(count: number): ReadJobOutput {
  return async function* ({ readOffset }, call) {
    let sent = 0;
    for (const chunk of chunksOf(readOffset)) {
      if (sent++ === count) {
        await call.gone;
        return;
      }
      yield chunk;
    }
  };
}

/** Resolves when a download that `start`s has written the first of `stalled` chunks. */
function begun(start: (onProgress: (progress: Progress) => void) => Promise<unknown>) {
  return new Promise<{ work: Promise<unknown> }>((resolve, reject) => {
    const work = start(() => setTimeout(() => resolve({ work }), 50));
    work.catch(reject);
  });
}

test("what an earlier download has left survives whatever ends the next", async (t) => {
  const left = OUTPUT.subarray(0, 7000);
  const refused = (code: "NOT_FOUND" | "UNAUTHENTICATED"): ReadJobOutput =>
    async function* () {
      throw new Refusal(code, code);
    };
  const { client, folder } = await scene(t, [
    refused("NOT_FOUND"),
    refused("UNAUTHENTICATED"),
    damaged,
    damaged,
    damaged,
    damaged,
    damaged,
    stalled(1),
  ]);
  await writeFile(folder.at("out.part"), left);
  const to = folder.at("out");
  for (const code of ["NOT_FOUND", "UNAUTHENTICATED", "DATA_LOSS"]) {
    await assert.rejects(client.downloadOutput("jobs/1", to), { code });
    assert.deepEqual(await readFile(folder.at("out.part")), left);
  }
  const off = new AbortController();
  const onProgress = () => off.abort();
  await assert.rejects(client.downloadOutput("jobs/1", to, { signal: off.signal, onProgress }), { name: "AbortError" });
  assert.deepEqual((await readFile(folder.at("out.part"))).subarray(0, 7000), left);
});

test("reading what is left is called off", async (t) => {
  const { client, folder, server } = await scene(t, [whole]);
  await writeFile(folder.at("out.part"), "");
  await truncate(folder.at("out.part"), 8 * 2 ** 30);
  const start = performance.now();
  const signal = AbortSignal.timeout(50);
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out"), { signal }), { name: "TimeoutError" });
  assert.ok(performance.now() - start < 2000);
  assert.deepEqual(server.requests, []);
  assert.deepEqual(await folder.names(), ["out.part"]);
});

test("a second download to a target is refused while the first is at work", async (t) => {
  const { client, folder, server } = await scene(t, [stalled(3), whole]);
  const to = folder.at("out");
  const off = new AbortController();
  const { work } = await begun((onProgress) => client.downloadOutput("jobs/1", to, { signal: off.signal, onProgress }));
  const inUse = {
    reason: "FILE_IN_USE",
    message: `${to}.part is being written by another download.`,
    metadata: { path: `${to}.part` },
  };
  await assert.rejects(client.downloadOutput("jobs/2", to), inUse);
  await assert.rejects(client.run({}, { to }), inUse);
  assert.equal(server.requests.length, 1);
  off.abort();
  await assert.rejects(work, { name: "AbortError" });
  assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", to)), OUTPUT);
});

test("a file is free again when the process that downloads it was killed", {
  skip: process.platform !== "linux",
}, async (t) => {
  const { client, folder, server, asked } = await scene(t, [stalled(3), whole]);
  const to = folder.at("out");
  const program = `
    import { Client } from "@spotreel/client";
    const client = new Client("${server.address}");
    const onProgress = ({ bytesDone }) => bytesDone === 3000 && setTimeout(() => console.log("here"), 50);
    await client.downloadOutput("jobs/1", ${JSON.stringify(to)}, { onProgress });
  `;
  const args = ["--input-type=module", "--eval", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data", { signal: AbortSignal.timeout(20_000) });
  await assert.rejects(client.downloadOutput("jobs/1", to), { reason: "FILE_IN_USE" });
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  assert.deepEqual(await readFile(await client.downloadOutput("jobs/1", to)), OUTPUT);
  assert.deepEqual(
    asked().map(([offset]) => offset),
    [0n, 3000n],
  );
});

for (const [what, change] of [
  ["was given another name", (part: string) => rename(part, `${part}.mine`)],
  ["was written to", (part: string) => appendFile(part, "more")],
] as const) {
  test(`a partial file that ${what} meanwhile does not become the target`, async (t) => {
    let folder: Folder | undefined;
    const scenery = await scene(t, [
      async function* ({ readOffset }) {
        for (const chunk of chunksOf(readOffset)) {
          if (chunk.last) {
            await change(folder!.at("out.part"));
          }
          yield chunk;
        }
      },
    ]);
    folder = scenery.folder;
    await assert.rejects(scenery.client.downloadOutput("jobs/1", folder.at("out")), { reason: "FILE_CHANGED" });
    assert.ok(!(await folder.names()).includes("out"));
  });
}

test("a target that has appeared meanwhile is not replaced", async (t) => {
  const { client, folder } = await scene(t, [whole]);
  const to = folder.at("out");
  const onProgress = () => writeFileSync(to, "mine");
  await assert.rejects(client.downloadOutput("jobs/1", to, { onProgress }), { reason: "FILE_EXISTS" });
  assert.equal(await readFile(to, "utf8"), "mine");
  assert.deepEqual(await readFile(folder.at("out.part")), OUTPUT);
});

test("a target in the way is refused before anything is asked", async (t) => {
  const { client, folder, server } = await scene(t, [whole]);
  await writeFile(folder.at("mine"), "mine");
  await mkdir(folder.at("folder"));
  const refused = async (to: string, reason: string) => {
    const is = (error: unknown) => error instanceof LocalFileError && error.reason === reason;
    await assert.rejects(client.downloadOutput("jobs/1", to), is);
    await assert.rejects(client.run({}, { to }), is);
    await assert.rejects(client.caption("talk.mp4", "talk.srt", { to }), is);
  };
  await refused(folder.at("mine"), "FILE_EXISTS");
  await refused(folder.at("folder"), "FILE_IS_DIRECTORY");
  await refused(folder.at("nowhere/out"), "DIRECTORY_MISSING");
  await refused("/dev/null", "FILE_IS_SPECIAL");
  await refused("", "FILE_NAME_MISSING");
  await refused(folder.at("x".repeat(255)), "FILE_UNWRITABLE");
  await mkdir(folder.at("taken.part"));
  await refused(folder.at("taken"), "FILE_UNWRITABLE");
  assert.deepEqual(server.requests, []);
  await client.downloadOutput("jobs/1", folder.at("mine"), { overwrite: true });
  assert.deepEqual(await readFile(folder.at("mine")), OUTPUT);
});

test("finding out whether a target can be written leaves nothing behind", async (t) => {
  const { client, folder } = await scene(t, [whole]);
  await assert.rejects(client.run({}, { to: folder.at("out") }), { code: "UNIMPLEMENTED" });
  assert.deepEqual(await folder.names(), []);
  await writeFile(folder.at("out.part"), "left");
  await assert.rejects(client.run({}, { to: folder.at("out") }), { code: "UNIMPLEMENTED" });
  assert.equal(await readFile(folder.at("out.part"), "utf8"), "left");
});

test("a file that cannot be written is said", async (t) => {
  const { client, folder } = await scene(t, [whole]);
  const path = folder.at("out.part");
  await mkdir(path);
  await assert.rejects(client.downloadOutput("jobs/1", folder.at("out")), {
    code: "LOCAL_FILE",
    reason: "FILE_UNWRITABLE",
    message: `${path} cannot be written: illegal operation on a directory.`,
    metadata: { path },
  });
});
