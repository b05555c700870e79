import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";

import { type ErrorCode, SpotreelError } from "./errors.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";

/** Makes our error of a failed call to `server`, out of its status and the rich details in its trailers. */
export function errorOfStatus(failure: ServiceError, server: string): SpotreelError {
  const code = (status[failure.code] ?? "UNKNOWN") as ErrorCode;
  const details = packedDetails(failure.metadata?.get("grpc-status-details-bin")[0]);
  const info = find(details, ErrorInfoSchema);
  const delay = find(details, RetryInfoSchema)?.retryDelay;
  return new SpotreelError(code, info ? failure.details : unexplained(code, failure.details, server), {
    reason: info?.reason ?? code,
    metadata: info?.metadata,
    retryDelayMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    requestId: String(failure.metadata?.get("x-request-id")[0] ?? ""),
    violations: find(details, BadRequestSchema)?.fieldViolations.map(({ field, description }) => ({
      field,
      description,
    })),
  });
}

/** Without ErrorInfo the words are those of the library, not of the server: no answer came at all. */
function unexplained(code: ErrorCode, words: string, server: string): string {
  if (code !== "UNAVAILABLE" && code !== "DEADLINE_EXCEEDED") {
    return words || code;
  }
  const cause = words
    .replace(/^.*Last error: (Error: )?/s, "")
    .replace(/\s*Resolution note:.*$/s, "")
    // How OpenSSL prints an error: address:error:number:library:function:reason:file:line:
    .replace(/(?:[\dA-F]+:)?error:[\dA-F]+:([^:]*):[^:]*:([^:]*).*$/s, "$1: $2")
    .replace(/\.$/, "");
  return `${server} does not answer: ${cause || code}.`;
}

function packedDetails(raw: string | Buffer | undefined): Any[] {
  if (!(raw instanceof Buffer)) {
    return [];
  }
  try {
    return fromBinary(StatusSchema, raw).details;
  } catch {
    // What a proxy has cut short explains nothing; the code and the message are there in any case.
    return [];
  }
}

function find<Desc extends DescMessage>(details: Any[], schema: Desc): MessageShape<Desc> | undefined {
  for (const packed of details) {
    const found = anyUnpack(packed, schema);
    if (found) {
      return found;
    }
  }
  return undefined;
}
