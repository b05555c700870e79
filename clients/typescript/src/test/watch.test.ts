import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { Client, type ClientOptions, type Progress } from "../index.js";
import { Job_State, JobProgress_Stage } from "../orchestrator/v1.js";
import { type Behaviour, cut, FakeServer, Refusal } from "./fake_server.js";

type WatchJob = NonNullable<Behaviour["stream"]>[string];

/** `watches` are how the calls of WatchJob behave, in order; the last is how all later ones do. */
async function scene(t: TestContext, watches: WatchJob[], options: ClientOptions = {}) {
  let calls = 0;
  const watchJob: WatchJob = (request, call) => watches[Math.min(calls++, watches.length - 1)]!(request, call);
  const server = await FakeServer.start({ stream: { watchJob } });
  const client = new Client(server.address, options);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

function message(sequence: number, state: number) {
  return { sequence: BigInt(sequence), job: { name: "jobs/1", state } };
}

async function statesOf(client: Client): Promise<number[]> {
  const states = [];
  for await (const job of client.watchJob("jobs/1")) {
    states.push(job.state);
  }
  return states;
}

const ended: WatchJob = async function* () {
  yield message(9, Job_State.SUCCEEDED);
};

test("a watch goes on behind the last change that was seen, and shows no heartbeat", async (t) => {
  const { client, server } = await scene(t, [
    async function* () {
      yield message(1, Job_State.QUEUED);
      yield message(1, Job_State.QUEUED);
      yield message(4, Job_State.RUNNING);
      throw cut();
    },
    async function* () {
      yield message(4, Job_State.RUNNING);
    },
    ended,
  ]);
  assert.deepEqual(await statesOf(client), [Job_State.QUEUED, Job_State.RUNNING, Job_State.SUCCEEDED]);
  assert.deepEqual(
    server.asked("watchJob").map(({ afterSequence }) => afterSequence),
    [0n, 4n, 4n],
  );
});

test("a final state is shown also when its sequence was seen", async (t) => {
  const { client } = await scene(t, [
    async function* () {
      yield message(4, Job_State.RUNNING);
      yield message(4, Job_State.CANCELLED);
    },
  ]);
  assert.deepEqual(await statesOf(client), [Job_State.RUNNING, Job_State.CANCELLED]);
});

test("states and stages of a newer server are not final, and count as waiting", async (t) => {
  const { client } = await scene(t, [
    async function* () {
      yield message(1, 77);
      yield { sequence: 2n, job: { state: Job_State.RUNNING, progress: { stage: 88, fraction: 0.5 } } };
      const stage = JobProgress_Stage.ENCODING;
      yield { sequence: 3n, job: { state: Job_State.RUNNING, progress: { stage, fraction: 0.5 } } };
      yield message(4, Job_State.CANCELLING);
      yield message(5, Job_State.FAILED);
    },
  ]);
  const seen: Progress[] = [];
  const job = await client.waitJob("jobs/1", { onProgress: (each) => seen.push(each) });
  assert.equal(job.state, Job_State.FAILED);
  assert.deepEqual(
    seen.map(({ step, fraction }) => [step, fraction]),
    [
      ["waiting", undefined],
      ["waiting", undefined],
      ["encoding", 0.5],
      ["cancelling", undefined],
      ["done", undefined],
    ],
  );
});

test("a server that has fallen silent is asked again", async (t) => {
  const silent: WatchJob = async function* (_request, call) {
    yield message(1, Job_State.RUNNING);
    await call.gone;
  };
  const { client, server } = await scene(t, [silent, ended], { heartbeatMs: 20 });
  assert.deepEqual(await statesOf(client), [Job_State.RUNNING, Job_State.SUCCEEDED]);
  assert.equal(server.asked("watchJob").length, 2);
});

test("silence for longer than patience is said", async (t) => {
  const silent: WatchJob = async function* (_request, call) {
    await call.gone;
  };
  const { client } = await scene(t, [silent], { heartbeatMs: 20, patienceMs: 200 });
  await assert.rejects(statesOf(client), { code: "UNAVAILABLE", reason: "STREAM_SILENT" });
});

test("a server that asks for time gets it", async (t) => {
  const busy: WatchJob = async function* () {
    throw new Refusal("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", { retryDelayMs: 400 });
  };
  const { client } = await scene(t, [busy, ended]);
  const start = performance.now();
  assert.deepEqual(await statesOf(client), [Job_State.SUCCEEDED]);
  assert.ok(performance.now() - start >= 395);
});

test("time that is longer than patience is not waited for", async (t) => {
  const busy: WatchJob = async function* () {
    throw new Refusal("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", { retryDelayMs: 900 });
  };
  const { client, server } = await scene(t, [busy], { patienceMs: 800 });
  await assert.rejects(statesOf(client), { code: "RESOURCE_EXHAUSTED", retryDelayMs: 900 });
  assert.equal(server.asked("watchJob").length, 1);
});

test("patience starts anew with each change", async (t) => {
  let sequence = 0;
  // Each call brings one change; all pauses together are longer than patience.
  const stumbling: WatchJob = async function* () {
    sequence += 1;
    yield message(sequence, sequence === 6 ? Job_State.SUCCEEDED : Job_State.RUNNING);
    throw cut();
  };
  const { client } = await scene(t, [stumbling], { patienceMs: 300 });
  assert.equal((await statesOf(client)).length, 6);
});

test("a server that has answered before is given the whole patience", async (t) => {
  const start = performance.now();
  // More than the 5 s of a server that has never answered.
  const away: WatchJob = async function* () {
    if (performance.now() - start < 5500) {
      throw cut();
    }
    yield message(1, Job_State.SUCCEEDED);
  };
  const server = await FakeServer.start({ unary: { getJob: () => ({ job: {} }) }, stream: { watchJob: away } });
  const client = new Client(server.address);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  await client.getJob("jobs/1");
  assert.deepEqual(await statesOf(client), [Job_State.SUCCEEDED]);
});

test("what is wrong for ever is said at once", async (t) => {
  const { client, server } = await scene(t, [
    async function* () {
      throw new Refusal("NOT_FOUND", "JOB_NOT_FOUND");
    },
  ]);
  await assert.rejects(statesOf(client), { code: "NOT_FOUND", reason: "JOB_NOT_FOUND", requestId: "request-1" });
  assert.equal(server.asked("watchJob").length, 1);
});

test("leaving a watch ends its call", async (t) => {
  let gone: Promise<void> | undefined;
  const { client } = await scene(t, [
    async function* (_request, call) {
      gone = call.gone;
      yield message(1, Job_State.RUNNING);
      await gone;
    },
  ]);
  for await (const _job of client.watchJob("jobs/1")) {
    break;
  }
  await gone;
});

test("a watch is called off in the middle of a pause", async (t) => {
  const off = new AbortController();
  const { client } = await scene(t, [
    async function* () {
      setImmediate(() => off.abort());
      throw new Refusal("UNAVAILABLE", "SHUTTING_DOWN", { retryDelayMs: 999 });
    },
  ]);
  const start = performance.now();
  await assert.rejects(client.waitJob("jobs/1", { signal: off.signal }), { name: "AbortError" });
  assert.ok(performance.now() - start < 900);
});
