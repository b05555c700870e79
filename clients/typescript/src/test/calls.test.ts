import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { Client, type ClientOptions, SpotreelError } from "../index.js";
import { InstanceService, Job_State } from "../orchestrator/v1.js";
import { type Behaviour, cut, FakeServer, Refusal } from "./fake_server.js";
import { firstOf } from "./outputs.js";

const API_KEY = "a-key-that-nobody-shows";

async function start(t: TestContext, behaviour: Behaviour, options: ClientOptions = {}) {
  const server = await FakeServer.start(behaviour);
  const client = new Client(server.address, options);
  t.after(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

test("the key goes with every call, and is never shown", async (t) => {
  const keys: (string | undefined)[] = [];
  const { client } = await start(
    t,
    {
      unary: {
        getJob(_request, call) {
          keys.push(call.header("authorization"));
          throw new Refusal("UNAUTHENTICATED", "API_KEY_INVALID");
        },
      },
      stream: {
        async *watchJob(_request, call) {
          keys.push(call.header("authorization"));
          throw new Refusal("UNAUTHENTICATED", "API_KEY_INVALID");
        },
      },
    },
    { apiKey: API_KEY },
  );
  for (const work of [() => client.getJob("jobs/1"), () => client.waitJob("jobs/1")]) {
    await assert.rejects(work, (error: SpotreelError) => {
      assert.equal(error.code, "UNAUTHENTICATED");
      assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(API_KEY));
      return true;
    });
  }
  assert.deepEqual(keys, [`Bearer ${API_KEY}`, `Bearer ${API_KEY}`]);
  assert.ok(!inspect(client, { depth: null, showHidden: true }).includes(API_KEY));
  assert.ok(!JSON.stringify(client).includes(API_KEY));
});

test("an error has all that the server says", async (t) => {
  const violations = [{ field: "spec.operation", description: "is missing" }];
  const { client } = await start(t, {
    unary: {
      createJob() {
        throw new Refusal("INVALID_ARGUMENT", "INVALID_ARGUMENT", { violations, retryDelayMs: 1 });
      },
    },
  });
  await assert.rejects(client.createJob({}), (error) => {
    assert.ok(error instanceof SpotreelError);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.equal(error.message, "Refused: INVALID_ARGUMENT.");
    assert.deepEqual(error.metadata, { from: "test" });
    assert.deepEqual(error.violations, violations);
    assert.equal(error.retryDelayMs, 1);
    assert.equal(error.requestId, "request-1");
    return true;
  });
});

test("a call is tried again while the server is not there", async (t) => {
  let calls = 0;
  const { client } = await start(t, {
    unary: {
      getJob({ name }) {
        calls += 1;
        if (calls < 4) {
          throw cut();
        }
        return { job: { name } };
      },
    },
  });
  assert.equal((await client.getJob("jobs/1")).name, "jobs/1");
});

test("a server that is not there is named", async () => {
  const server = await FakeServer.start({});
  await server[Symbol.asyncDispose]();
  const client = new Client(server.address);
  const message = `${server.address} does not answer: connect ECONNREFUSED ${server.address}.`;
  await assert.rejects(client.getJob("jobs/1"), { code: "UNAVAILABLE", reason: "UNAVAILABLE", message });
  await client[Symbol.asyncDispose]();
});

test("a call ends in time", async (t) => {
  const { client, server } = await start(
    t,
    {
      unary: {
        async getJob(_request, call) {
          await call.gone;
          return {};
        },
      },
    },
    { timeoutMs: 50 },
  );
  await assert.rejects(client.getJob("jobs/1"), (error: SpotreelError) => {
    assert.equal(error.code, "DEADLINE_EXCEEDED");
    assert.ok(error.message.startsWith(`${server.address} does not answer`));
    return true;
  });
});

test("a call is called off", async (t) => {
  const off = new AbortController();
  const { client } = await start(t, {
    unary: {
      async getJob(_request, call) {
        off.abort(new Error("enough"));
        await call.gone;
        return {};
      },
    },
  });
  await assert.rejects(client.getJob("jobs/1", { signal: off.signal }), { message: "enough" });
});

test("all pages are listed, as they are needed", async (t) => {
  const { client, server } = await start(t, {
    unary: {
      listJobs({ pageToken }) {
        const page = Number(pageToken || 0);
        return {
          jobs: [{ name: `jobs/${page}-a` }, { name: `jobs/${page}-b` }],
          nextPageToken: page < 2 ? String(page + 1) : "",
        };
      },
    },
  });
  const names = [];
  for await (const job of client.listJobs({ states: [Job_State.RUNNING], labels: { team: "news" }, pageSize: 2 })) {
    names.push(job.name);
  }
  assert.equal(names.length, 6);
  assert.deepEqual(
    server.asked("listJobs").map(({ stateFilter, labelFilter, pageSize }) => ({ stateFilter, labelFilter, pageSize })),
    Array(3).fill({ stateFilter: [Job_State.RUNNING], labelFilter: { team: "news" }, pageSize: 2 }),
  );
  for await (const _job of client.listJobs()) {
    break;
  }
  assert.equal(server.asked("listJobs").length, 4);
});

test("jobs are cancelled, deleted and quoted", async (t) => {
  const { client, server } = await start(t, {
    unary: {
      cancelJob: ({ name }) => ({ job: { name, state: Job_State.CANCELLING } }),
      deleteJob: () => ({}),
      quoteJob: () => ({ quote: { expectedUsdMicros: 5n } }),
    },
  });
  assert.equal((await client.cancelJob("jobs/1")).state, Job_State.CANCELLING);
  await client.deleteJob("jobs/1");
  assert.equal((await client.quoteJob({})).expectedUsdMicros, 5n);
  assert.deepEqual(
    server.requests.map(({ method }) => method),
    ["cancelJob", "deleteJob", "quoteJob"],
  );
});

test("methods of the other services are called", async (t) => {
  const off = new AbortController();
  const { client, server } = await start(t, {
    unary: {
      listInstances: () => ({ instances: [{ name: "instances/1" }] }),
      async getInstance(_request, call) {
        off.abort(new Error("enough"));
        await call.gone;
        return {};
      },
    },
  });
  const { listInstances, getInstance } = InstanceService.method;
  const { instances } = await client.call(listInstances, { pageSize: 7 });
  assert.deepEqual(
    instances.map(({ name }) => name),
    ["instances/1"],
  );
  assert.equal(server.asked("listInstances")[0].pageSize, 7);
  await assert.rejects(client.call(getInstance, {}, { signal: off.signal }), { message: "enough" });
});

test("an error of TLS is one line, without addresses", async (t) => {
  // It speaks no TLS.
  const server = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  server.listen(0);
  await once(server, "listening");
  const address = `localhost:${(server.address() as AddressInfo).port}`;
  const client = new Client(`https://${address}`, { timeoutMs: 5000 });
  t.after(() => {
    client.close();
    server.close();
  });
  const message = `${address} does not answer: SSL routines: wrong version number.`;
  await assert.rejects(client.getJob("jobs/1"), { message });
});

test("closing ends what is open, and what comes later", async (t) => {
  const { client } = await start(t, {
    stream: {
      async *watchJob(_request, call) {
        yield { sequence: 1n, job: { state: Job_State.RUNNING } };
        await call.gone;
      },
    },
  });
  const closed = { code: "FAILED_PRECONDITION", reason: "CLIENT_CLOSED" };
  await assert.rejects(client.waitJob("jobs/1", { onProgress: () => client.close() }), closed);
  await assert.rejects(client.getJob("jobs/1"), closed);
  await assert.rejects(client.waitJob("jobs/1"), closed);
});

test("a client that is closed keeps no process alive", async (t) => {
  const { server } = await start(t, {
    unary: { getJob: () => ({ job: {} }) },
    stream: {
      async *watchJob() {
        throw new Refusal("UNAVAILABLE", "SHUTTING_DOWN", { retryDelayMs: 999 });
      },
      async *readJobOutput(_request, call) {
        yield firstOf(0n);
        await call.gone;
      },
    },
  });
  const program = `
    import { Client } from "@spotreel/client";
    const client = new Client("${server.address}");
    await client.getJob("jobs/1");
    const pausing = client.waitJob("jobs/1").catch((error) => error.reason);
    for await (const data of client.readOutput("jobs/1")) {
      setImmediate(() => client.close());
      break;
    }
    if ((await pausing) !== "CLIENT_CLOSED") {
      process.exitCode = 1;
    }
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  t.after(() => child.kill());
  const [status] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) });
  assert.equal(status, 0);
});
