import type { status } from "@grpc/grpc-js";

import type { Job } from "./gen/spotreel/orchestrator/v1/job_pb.js";

/** The canonical codes of gRPC, and three for what is no failed call. */
export type ErrorCode = Exclude<keyof typeof status, "OK"> | "JOB_FAILED" | "JOB_CANCELLED" | "LOCAL_FILE";

/** One field of a request, such as `spec.output.video.quality`, and what is wrong with it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What an error has beside its code and message. */
interface Details {
  reason: string;
  metadata?: Readonly<Record<string, string>>;
  retryDelayMs?: number;
  requestId?: string;
  violations?: readonly FieldViolation[];
  cause?: unknown;
}

/** Something could not be done. */
export class SpotreelError extends Error {
  override readonly name: string = "SpotreelError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** Why, for programs, in UPPER_SNAKE; the name of the code where the server gave no reason. */
  readonly reason: string;
  /** The values that the message names. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How long the server asks to wait before another try, in milliseconds; undefined where it does not say. */
  readonly retryDelayMs: number | undefined;
  /** Finds the call in the server's log; empty where no server was involved. */
  readonly requestId: string;
  /** The fields that are wrong, with INVALID_ARGUMENT. */
  readonly violations: readonly FieldViolation[];

  constructor(code: ErrorCode, message: string, details: Details) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = details.reason;
    this.metadata = details.metadata ?? {};
    this.retryDelayMs = details.retryDelayMs;
    this.requestId = details.requestId ?? "";
    this.violations = details.violations ?? [];
  }
}

/** A file on this machine cannot be read or written; `metadata.path` says which. */
export class LocalFileError extends SpotreelError {
  override readonly name = "LocalFileError";

  constructor(reason: string, message: string, path: string, cause?: unknown) {
    super("LOCAL_FILE", message, { reason, metadata: { path }, cause });
  }
}

/** The job ended as FAILED: the calls were fine, the work was not. */
export class JobFailed extends SpotreelError {
  override readonly name = "JobFailed";
  readonly job: Job;
  /** FFmpeg's last words where FFmpeg failed, else empty. */
  readonly ffmpegLogTail: string;

  constructor(job: Job) {
    super("JOB_FAILED", job.failure?.message || `${job.name} failed.`, {
      reason: job.failure?.reason || "INTERNAL",
      metadata: job.failure?.metadata,
    });
    this.job = job;
    this.ffmpegLogTail = job.failure?.ffmpegLogTail ?? "";
  }
}

/** The job ended as CANCELLED, by this client or by another. */
export class JobCancelled extends SpotreelError {
  override readonly name = "JobCancelled";
  readonly job: Job;

  constructor(job: Job) {
    super("JOB_CANCELLED", `${job.name} was cancelled.`, { reason: "JOB_CANCELLED", metadata: { job: job.name } });
    this.job = job;
  }
}
