import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { rootCertificates } from "node:tls";

import { resolveEndpoint } from "../endpoint.js";
import { LocalFileError, type SpotreelError } from "../errors.js";
import { Folder } from "./folder.js";

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

for (const server of ["https://user:secret@host", "user:secret@host:1", "ftp://user:secret@host"]) {
  test(`${server} is refused, and the secret not shown`, () => {
    assert.throws(() => resolveEndpoint(server, {}), {
      reason: "SERVER_INVALID",
      message: "A server is named without a user: write host:port, or https://host:port.",
    });
  });
}

test("certificates that cannot be read are said", async (t) => {
  const folder = await Folder.for(t);
  const armoured = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
  await writeFile(folder.at("empty.pem"), "");
  await writeFile(folder.at("garbage.pem"), Buffer.from([0, 255, 7, 10]));
  await writeFile(folder.at("damaged.pem"), armoured("AAAA"));
  for (const [name, why] of [
    ["nowhere.pem", "no such file or directory"],
    ["empty.pem", "there is none in it"],
    ["garbage.pem", "there is none in it"],
    ["damaged.pem", "one of them is damaged"],
  ] as const) {
    const path = folder.at(name);
    assert.throws(
      () => resolveEndpoint("https://localhost", { tlsCa: path }),
      (error: LocalFileError) => {
        assert.ok(error instanceof LocalFileError);
        assert.equal(error.reason, "TLS_CA_UNREADABLE");
        assert.equal(error.message, `The certificates in ${path} cannot be read: ${why}.`);
        return true;
      },
    );
  }
});

test("certificates are taken, with what stands around them", async (t) => {
  const path = (await Folder.for(t)).at("ca.pem");
  const pem = `# of our own\n${rootCertificates.slice(0, 2).join("\n# and\n")}\n`;
  await writeFile(path, pem);
  assert.equal(resolveEndpoint("https://localhost", { tlsCa: path }).tlsCa?.toString(), pem);
});
