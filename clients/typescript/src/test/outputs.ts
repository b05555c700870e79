/** Outputs as a server hands them out. */
import { createHash } from "node:crypto";

import { crc32c } from "@node-rs/crc32";

export const CHUNK_BYTES = 1000;
export const OUTPUT: Buffer = Buffer.from(
  Array.from({ length: 10_500 }, (_, index) => (index * 7 + (index >> 8)) % 256),
);

/** The chunks of `output` from an offset on; the last message has none of the data. */
export function* chunksOf(offset: bigint, output = OUTPUT, attempt = 1) {
  const sizeBytes = BigInt(output.length);
  for (let at = Number(offset); at < output.length; at += CHUNK_BYTES) {
    const data = output.subarray(at, at + CHUNK_BYTES);
    yield { offset: BigInt(at), data, crc32c: crc32c(data), sizeBytes, attempt, last: false, sha256: Buffer.alloc(0) };
  }
  const sha256 = createHash("sha256").update(output).digest();
  yield { offset: sizeBytes, data: Buffer.alloc(0), crc32c: 0, sizeBytes, attempt, last: true, sha256 };
}

/** The first of them. */
export function firstOf(offset: bigint) {
  const [first] = chunksOf(offset);
  return { ...first };
}
