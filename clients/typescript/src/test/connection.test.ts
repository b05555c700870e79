import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import type { ClientReadableStream } from "@grpc/grpc-js";

import { IncomingStream } from "../connection.js";

test("few messages are fetched before they are read, and none is lost", async () => {
  let fetched = 0;
  const call = new Readable({
    objectMode: true,
    read() {
      setImmediate(() => this.push(fetched < 20 ? ++fetched : null));
    },
  });
  const stream = new IncomingStream(call as unknown as ClientReadableStream<number>, (error) => error);
  for (let expected = 1; expected <= 20; expected++) {
    assert.equal(await stream.read(), expected);
    await pause(5);
    assert.ok(fetched <= expected + 2);
  }
  assert.equal(await stream.read(), undefined);
});
