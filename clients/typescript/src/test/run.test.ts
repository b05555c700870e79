import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";

import { Client, isFinal, JobCancelled, JobFailed, type Step } from "../index.js";
import { type Job, Job_State } from "../orchestrator/v1.js";
import { type Behaviour, cut, FakeServer, Refusal } from "./fake_server.js";
import { Folder } from "./folder.js";
import { chunksOf, OUTPUT } from "./outputs.js";

async function start(t: TestContext, behaviour: Behaviour) {
  const server = await FakeServer.start(behaviour);
  const client = new Client(server.address);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

const name = "jobs/1";
const queued = { job: { name, state: Job_State.QUEUED } };
const thumbnails = { operation: { case: "thumbnails", value: {} } } as const;

function ending(job: Record<string, unknown>): Behaviour {
  return {
    unary: { createJob: () => queued },
    stream: {
      async *watchJob() {
        yield { sequence: 1n, job: { name, ...job } };
      },
      async *readJobOutput({ readOffset }) {
        yield* chunksOf(readOffset);
      },
    },
  };
}

test("a piece of work is created, followed and brought home", async (t) => {
  const { client, server } = await start(t, ending({ state: Job_State.SUCCEEDED }));
  const to = (await Folder.for(t)).at("out");
  const steps: Step[] = [];
  const job = await client.run(
    { operation: thumbnails, labels: { team: "news" } },
    { to, onProgress: ({ step }) => steps.push(step) },
  );
  assert.equal(job.state, Job_State.SUCCEEDED);
  assert.deepEqual(await readFile(to), OUTPUT);
  assert.deepEqual([...new Set(steps)], ["waiting", "done", "downloading"]);
  assert.equal(steps.at(-1), "done");
  const [{ spec }] = server.asked("createJob");
  assert.deepEqual([spec.operation.operation.case, spec.labels], ["thumbnails", { team: "news" }]);
});

test("an operation alone is work enough", async (t) => {
  const { client, server } = await start(t, ending({ state: Job_State.SUCCEEDED }));
  await client.run(thumbnails);
  assert.equal(server.asked("createJob")[0].spec.operation.operation.case, "thumbnails");
});

test("nothing is uploaded for a job that the server would not take", async (t) => {
  const { client, server } = await start(t, {
    unary: {
      quoteJob() {
        throw new Refusal("UNIMPLEMENTED", "NOT_IMPLEMENTED");
      },
    },
  });
  const folder = await Folder.for(t);
  await assert.rejects(client.caption(folder.at("talk.mp4"), "https://example.com/talk.srt"), {
    code: "UNIMPLEMENTED",
  });
  assert.deepEqual(
    server.requests.map(({ method }) => method),
    ["quoteJob"],
  );
});

test("an output does not take the place of an input", async (t) => {
  const { client, server } = await start(t, {});
  const video = (await Folder.for(t)).at("talk.mp4");
  await writeFile(video, "film");
  await assert.rejects(client.caption(video, "talk.srt", { to: video, overwrite: true }), { reason: "FILE_IS_INPUT" });
  assert.deepEqual(server.requests, []);
});

test("a call that is repeated has the same request id", async (t) => {
  let calls = 0;
  const { client, server } = await start(t, {
    ...ending({ state: Job_State.SUCCEEDED }),
    unary: {
      createJob: () => {
        calls += 1;
        if (calls < 3) {
          throw cut();
        }
        return queued;
      },
    },
  });
  await client.run(thumbnails);
  const ids = server.asked("createJob").map(({ requestId }) => requestId);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
  assert.match(ids[0], /^[0-9a-f-]{36}$/);
});

test("work that fails is no call that fails", async (t) => {
  const failure = {
    reason: "INPUT_INVALID",
    message: "This is no film.",
    metadata: { input: "video" },
    ffmpegLogTail: "moov atom not found",
  };
  const { client } = await start(t, ending({ state: Job_State.FAILED, failure }));
  await assert.rejects(client.run(thumbnails), (error) => {
    assert.ok(error instanceof JobFailed);
    const { code, reason, message, metadata, ffmpegLogTail, job } = error;
    assert.deepEqual(
      { code, reason, message, metadata, ffmpegLogTail, job: job.name },
      { code: "JOB_FAILED", ...failure, job: name },
    );
    return true;
  });
});

test("work that somebody else cancels is said", async (t) => {
  const { client } = await start(t, ending({ state: Job_State.CANCELLED }));
  await assert.rejects(client.run(thumbnails), (error) => error instanceof JobCancelled && error.job.name === name);
});

/** A server whose job runs until it is cancelled. */
function endless({ created }: { created: Promise<void> }): Behaviour {
  const { promise: cancelled, resolve: cancel } = withResolvers();
  return {
    unary: {
      async createJob() {
        await created;
        return queued;
      },
      cancelJob() {
        cancel();
        return { job: { name, state: Job_State.CANCELLING } };
      },
    },
    stream: {
      async *watchJob(_request, call) {
        yield { sequence: 1n, job: { name, state: Job_State.RUNNING } };
        await Promise.race([cancelled, call.gone]);
        yield { sequence: 2n, job: { name, state: Job_State.CANCELLED } };
      },
    },
  };
}

function withResolvers() {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test("work that is called off is cancelled on the server, and its end is awaited", async (t) => {
  const { client, server } = await start(t, endless({ created: Promise.resolve() }));
  const off = new AbortController();
  const states: (Job_State | undefined)[] = [];
  const work = client.run(thumbnails, {
    signal: off.signal,
    onProgress({ job }) {
      states.push(job?.state);
      if (job?.state === Job_State.RUNNING) {
        off.abort();
      }
    },
  });
  await assert.rejects(work, { name: "AbortError" });
  assert.equal(server.asked("cancelJob").length, 1);
  assert.equal(states.at(-1), Job_State.CANCELLED);
});

test("work is cancelled also when it is called off before the server has answered", async (t) => {
  const { promise: created, resolve: create } = withResolvers();
  const off = new AbortController();
  const behaviour = endless({ created });
  const createJob = behaviour.unary!.createJob!;
  const { client, server } = await start(t, {
    ...behaviour,
    unary: {
      ...behaviour.unary,
      createJob(request, call) {
        off.abort(new Error("enough"));
        create();
        return createJob(request, call);
      },
    },
  });
  await assert.rejects(client.run(thumbnails, { signal: off.signal }), { message: "enough" });
  assert.equal(server.asked("cancelJob").length, 1);
});

test("work that is called off when it has just ended leaves things as they are", async (t) => {
  const behaviour = endless({ created: Promise.resolve() });
  const { client } = await start(t, {
    ...behaviour,
    unary: {
      ...behaviour.unary,
      cancelJob() {
        throw new Refusal("FAILED_PRECONDITION", "JOB_FINISHED");
      },
    },
  });
  const off = new AbortController();
  const work = client.run(thumbnails, {
    signal: off.signal,
    onProgress: ({ job }) => job?.state === Job_State.RUNNING && off.abort(),
  });
  await assert.rejects(work, { name: "AbortError" });
});

test("a server that is away for a moment is asked to cancel until it is back", async (t) => {
  const behaviour = endless({ created: Promise.resolve() });
  let calls = 0;
  const { client, server } = await start(t, {
    ...behaviour,
    unary: {
      ...behaviour.unary,
      cancelJob(request, call) {
        calls += 1;
        // More often than the service config tries.
        if (calls <= 6) {
          throw cut();
        }
        return behaviour.unary!.cancelJob!(request, call);
      },
    },
  });
  const off = new AbortController();
  let last: Job | undefined;
  const work = client.run(thumbnails, {
    signal: off.signal,
    onProgress({ job }) {
      last = job;
      if (job?.state === Job_State.RUNNING) {
        off.abort();
      }
    },
  });
  await assert.rejects(work, { name: "AbortError" });
  assert.equal(server.asked("cancelJob").length, 7);
  assert.ok(last && isFinal(last));
});

test("a job is cancelled also when the answer to its creation was lost", async (t) => {
  const behaviour = endless({ created: Promise.resolve() });
  const off = new AbortController();
  let calls = 0;
  const { client, server } = await start(t, {
    ...behaviour,
    unary: {
      ...behaviour.unary,
      createJob() {
        calls += 1;
        off.abort();
        if (calls <= 6) {
          throw cut();
        }
        return queued;
      },
    },
  });
  await assert.rejects(client.run(thumbnails, { signal: off.signal }), { name: "AbortError" });
  assert.equal(new Set(server.asked("createJob").map(({ requestId }) => requestId)).size, 1);
  assert.equal(server.asked("cancelJob").length, 1);
});

test("work that is called off while its target is checked does not start", async (t) => {
  const { client, server } = await start(t, endless({ created: Promise.resolve() }));
  const off = new AbortController();
  const work = client.run(thumbnails, { to: (await Folder.for(t)).at("out"), signal: off.signal });
  off.abort();
  await assert.rejects(work, { name: "AbortError" });
  assert.deepEqual(server.requests, []);
});

test("work that was called off before does not start", async (t) => {
  const { client, server } = await start(t, endless({ created: Promise.resolve() }));
  await assert.rejects(client.run(thumbnails, { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(server.requests, []);
});
