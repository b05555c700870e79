import assert from "node:assert/strict";
import { test } from "node:test";

import { resolveEndpoint } from "../endpoint.js";
import { LocalFileError, type SpotreelError } from "../errors.js";

for (const name of ["SPOTREEL_SERVER", "SPOTREEL_API_KEY", "SPOTREEL_TLS_CA"]) {
  delete process.env[name];
}

const TARGETS: [server: string, target: string, tls: boolean][] = [
  ["video.example.com", "video.example.com:443", true],
  ["video.example.com:8443", "video.example.com:8443", true],
  ["http://video.example.com", "video.example.com:50051", false],
  ["https://video.example.com/", "video.example.com:443", true],
  ["10.0.0.7:50051", "10.0.0.7:50051", true],
  ["localhost", "localhost:50051", false],
  ["127.0.0.1:1234", "127.0.0.1:1234", false],
  ["127.8.8.8", "127.8.8.8:50051", false],
  ["https://localhost", "localhost:443", true],
  ["::1", "[::1]:50051", false],
  ["[::1]:77", "[::1]:77", false],
  ["0:0::1", "[0:0::1]:50051", false],
  ["[2001:db8::2]", "[2001:db8::2]:443", true],
];

for (const [server, target, tls] of TARGETS) {
  test(`${server} is ${target}, ${tls ? "with" : "without"} TLS`, () => {
    const endpoint = resolveEndpoint(server, {});
    assert.deepEqual([endpoint.target, endpoint.tls], [target, tls]);
  });
}

for (const server of [
  "ftp://video.example.com",
  "unix:/run/spotreel",
  "https://",
  "://",
  ":50051",
  "host:65536",
  "host:",
  "host:0x10",
  "ho st",
  "user@host",
  "host/path",
  "[::1",
  "[host]:1",
  "1::2::3",
]) {
  test(`${server} is refused`, () => {
    assert.throws(() => resolveEndpoint(server, {}), { code: "INVALID_ARGUMENT", reason: "SERVER_INVALID" });
  });
}

test("what is not given comes from the environment", (t) => {
  t.after(() => {
    delete process.env.SPOTREEL_SERVER;
    delete process.env.SPOTREEL_API_KEY;
  });
  assert.throws(() => resolveEndpoint(undefined, {}), { reason: "SERVER_MISSING" });
  process.env.SPOTREEL_SERVER = "localhost:7";
  process.env.SPOTREEL_API_KEY = "from the environment";
  assert.equal(resolveEndpoint(undefined, {}).target, "localhost:7");
  assert.equal(resolveEndpoint("localhost:8", {}).target, "localhost:8");
  assert.equal(resolveEndpoint(undefined, {}).apiKey, "from the environment");
  assert.equal(resolveEndpoint(undefined, { apiKey: "given" }).apiKey, "given");
});

test("a key that no header can carry is refused, and not shown", () => {
  assert.throws(
    () => resolveEndpoint("localhost", { apiKey: "schlüssel\n" }),
    (error: SpotreelError) => error.reason === "API_KEY_MALFORMED" && !error.message.includes("schl"),
  );
});

test("certificates that cannot be read are said", () => {
  const resolve = () => resolveEndpoint("https://localhost", { tlsCa: "/nowhere/ca.pem" });
  assert.throws(resolve, (error) => error instanceof LocalFileError && error.reason === "TLS_CA_UNREADABLE");
});
