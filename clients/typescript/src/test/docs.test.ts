/** The page and the example compile, and run against a server. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Job_State } from "../orchestrator/v1.js";
import { type Behaviour, FakeServer, Refusal } from "./fake_server.js";
import { Folder } from "./folder.js";
import { chunksOf, OUTPUT } from "./outputs.js";

const run = promisify(execFile);
const PACKAGE = new URL("../../", import.meta.url);
const TSC = fileURLToPath(new URL("node_modules/.bin/tsc", PACKAGE));
/** Within the package, so that its name can be imported as users do. */
const BUILD = new URL("dist/docs/", PACKAGE);

/** A server where all goes well. */
const server: Behaviour = {
  unary: {
    quoteJob: () => ({ quote: {} }),
    createJob: () => ({ job: { name: "jobs/1", state: Job_State.QUEUED } }),
    listInstances: () => ({ instances: [{ name: "instances/1" }] }),
    listJobs: () => ({ jobs: [{ name: "jobs/1" }] }),
    getAsset() {
      throw new Refusal("NOT_FOUND", "ASSET_NOT_FOUND");
    },
  },
  stream: {
    async *watchJob() {
      yield { sequence: 1n, job: { name: "jobs/1", state: Job_State.SUCCEEDED, output: { sizeBytes: 5n } } };
    },
    async *readJobOutput({ readOffset }) {
      yield* chunksOf(readOffset);
    },
  },
  async uploadAsset(messages) {
    for await (const _message of messages) {
      // Its content is not looked at.
    }
    return { asset: { name: `assets/${createHash("sha256").digest("hex")}` } };
  },
};

/** Starts a server and makes a folder that has what the page and the example speak of. */
async function stage(t: TestContext, behaviour = server) {
  const running = await FakeServer.start(behaviour);
  t.after(() => running[Symbol.asyncDispose]());
  const folder = await Folder.for(t);
  await writeFile(folder.at("talk.mp4"), "film");
  await writeFile(folder.at("talk.srt"), "words");
  const options = {
    cwd: folder.path,
    env: { ...process.env, SPOTREEL_SERVER: running.address, SPOTREEL_API_KEY: "key" },
    timeout: 20_000,
  };
  return {
    folder,
    node: (file: URL, ...args: string[]) => run(process.execPath, [fileURLToPath(file), ...args], options),
    /** Interrupts it once it has shown `step`; returns its status, or the signal that ended it, and what it said. */
    async interrupted(file: URL, { step, times }: { step: string; times: number }) {
      const child = spawn(process.execPath, [fileURLToPath(file), "talk.mp4", "talk.srt", "out.mp4"], options);
      const exit = once(child, "exit");
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (data) => {
        stdout += data;
      });
      let sent = 0;
      child.stderr.on("data", (data) => {
        stderr += data;
        if (sent < times && stderr.includes(sent === 0 ? step : "cancelling")) {
          sent += 1;
          child.kill("SIGINT");
        }
      });
      const [code, signal] = await exit;
      return { ended: code ?? signal, stdout, words: stderr.trim().split("\n").at(-1) };
    },
  };
}

async function blocksOf(page: URL): Promise<string[]> {
  const text = await readFile(page, "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

/** A whole program of a block; most go on with the client of the first. */
function programOf(block: string): string {
  if (block.includes("new Client(")) {
    return block;
  }
  return `import { Client as Opened } from "@spotreel/client";\nconst client = new Opened();\n${block}client.close();\n`;
}

test("the pages and the example compile and run", async (t) => {
  const blocks = [
    ...(await blocksOf(new URL("README.md", PACKAGE))),
    ...(await blocksOf(new URL("../../docs/clients/typescript.md", PACKAGE))),
  ];
  assert.equal(blocks.length, 10);
  await rm(BUILD, { recursive: true, force: true });
  await mkdir(BUILD);
  await Promise.all(blocks.map((block, index) => writeFile(new URL(`block${index}.ts`, BUILD), programOf(block))));
  await copyFile(new URL("examples/caption.mjs", PACKAGE), new URL("caption.mjs", BUILD));
  const compilerOptions = { rootDir: ".", outDir: "js", declaration: false, allowJs: true, checkJs: true };
  const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*.ts", "*.mjs"] };
  await writeFile(new URL("tsconfig.json", BUILD), JSON.stringify(config));
  await run(TSC, ["-p", fileURLToPath(BUILD)]).catch(({ stdout }) => assert.fail(stdout));

  const { folder, node } = await stage(t);
  for (const index of blocks.keys()) {
    await t.test(`block ${index}`, async () => {
      await node(new URL(`js/block${index}.js`, BUILD));
    });
  }
  for (const name of ["readme.mp4", "captioned.mp4", "part.mp4", "interruptible.mp4", "again.mp4"]) {
    assert.deepEqual(await readFile(folder.at(name)), OUTPUT);
  }

  const { stdout, stderr } = await node(new URL("js/caption.mjs", BUILD), "talk.mp4", "talk.srt", "example.mp4");
  assert.equal(stdout, "example.mp4\n");
  assert.match(stderr, /downloading +█{40} 100 %/);
  assert.deepEqual(await readFile(folder.at("example.mp4")), OUTPUT);
  const { code, stderr: words } = await node(
    new URL("js/caption.mjs", BUILD),
    "nowhere.mp4",
    "talk.srt",
    "x.mp4",
  ).catch((failure) => failure);
  assert.equal(code, 1);
  assert.match(words, /nowhere\.mp4 cannot be read/);
});

/** A server whose job runs until it is cancelled, and then ends, or does not. */
function running({ ends }: { ends: boolean }): Behaviour {
  let cancel = () => {};
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  return {
    ...server,
    unary: {
      ...server.unary,
      createJob: () => ({ job: { name: "jobs/1", state: Job_State.RUNNING } }),
      cancelJob() {
        cancel();
        return { job: { name: "jobs/1", state: Job_State.CANCELLING } };
      },
    },
    stream: {
      async *watchJob(_request, call) {
        yield { sequence: 1n, job: { name: "jobs/1", state: Job_State.RUNNING } };
        await Promise.race([cancelled, call.gone]);
        if (!ends) {
          await call.gone;
        }
        yield { sequence: 2n, job: { name: "jobs/1", state: Job_State.CANCELLED } };
      },
    },
  };
}

test("the example is interrupted", async (t) => {
  const example = new URL("js/caption.mjs", BUILD);
  const first = await stage(t, running({ ends: true }));
  assert.deepEqual(await first.interrupted(example, { step: "waiting", times: 1 }), {
    ended: 130,
    stdout: "",
    words: "Interrupted; the job was cancelled.",
  });
  const refused: Behaviour["unary"] = {
    cancelJob() {
      throw new Refusal("PERMISSION_DENIED", "PERMISSION_DENIED");
    },
  };
  const behaviour = running({ ends: false });
  const second = await stage(t, { ...behaviour, unary: { ...behaviour.unary, ...refused } });
  assert.deepEqual(await second.interrupted(example, { step: "waiting", times: 1 }), {
    ended: 130,
    stdout: "",
    words: "Interrupted; jobs/1 was last seen RUNNING: `spotreel jobs cancel jobs/1`.",
  });
  const third = await stage(t, behaviour);
  const { ended } = await third.interrupted(example, { step: "waiting", times: 2 });
  assert.equal(ended, "SIGINT");
});
