import { type Job, Job_State, JobProgress_Stage } from "./gen/spotreel/orchestrator/v1/job_pb.js";

/**
 * What is being done: the first and the last two on this machine, those between on the server. `done` says that the
 * job is final, whatever became of it.
 */
export type Step =
  | "uploading"
  | "waiting"
  | "provisioning"
  | "pulling_image"
  | "fetching_input"
  | "encoding"
  | "transferring"
  | "verifying"
  | "cancelling"
  | "downloading"
  | "done";

/** A moment of the work. */
export interface Progress {
  readonly step: Step;
  /** 0 to 1 within the step; undefined where it cannot be known. */
  readonly fraction?: number;
  /** The job; undefined until it was created, and in uploads and downloads. */
  readonly job?: Job;
  /** The path of the file that is uploaded or downloaded. */
  readonly file?: string;
  /** Bytes of the file that have been moved. */
  readonly bytesDone: number;
  /** The size of the file; 0 where it is not known. */
  readonly bytesTotal: number;
}

/** Is told of each moment of the work. */
export type OnProgress = (progress: Progress) => void;

const STEPS: ReadonlyMap<JobProgress_Stage, Step> = new Map([
  [JobProgress_Stage.PROVISIONING, "provisioning"],
  [JobProgress_Stage.PULLING_IMAGE, "pulling_image"],
  [JobProgress_Stage.FETCHING_INPUT, "fetching_input"],
  [JobProgress_Stage.ENCODING, "encoding"],
  [JobProgress_Stage.TRANSFERRING, "transferring"],
  [JobProgress_Stage.VERIFYING, "verifying"],
]);
/** Whose length nobody knows before. */
const OPEN_ENDED: ReadonlySet<Step> = new Set<Step>(["waiting", "provisioning", "pulling_image"]);

/** Whether a job stays as it is; the states of a newer server do not. */
export function isFinal(job: Job): boolean {
  return [Job_State.SUCCEEDED, Job_State.FAILED, Job_State.CANCELLED].includes(job.state);
}

/** Makes what callers are shown out of what the server says; a stage of a newer server counts as waiting. */
export function progressOfJob(job: Job): Progress {
  const moment = { job, bytesDone: 0, bytesTotal: 0 };
  if (isFinal(job)) {
    return { ...moment, step: "done", fraction: job.state === Job_State.SUCCEEDED ? 1 : undefined };
  }
  if (job.state === Job_State.CANCELLING) {
    return { ...moment, step: "cancelling" };
  }
  const step = (job.progress && STEPS.get(job.progress.stage)) ?? "waiting";
  return { ...moment, step, fraction: OPEN_ENDED.has(step) ? undefined : job.progress?.fraction };
}

/** Makes what callers are shown of a file that is moved. */
export function progressOfBytes(
  step: "uploading" | "downloading",
  file: string,
  bytesDone: number,
  bytesTotal: number,
): Progress {
  return { step, file, bytesDone, bytesTotal, fraction: bytesTotal > 0 ? bytesDone / bytesTotal : undefined };
}
