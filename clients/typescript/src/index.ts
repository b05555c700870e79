export {
  type CallOptions,
  Client,
  type ClientOptions,
  type DownloadOptions,
  type ListOptions,
  type ProgressOptions,
  type RunOptions,
  type Work,
} from "./client.js";
export {
  type ErrorCode,
  type FieldViolation,
  JobCancelled,
  JobFailed,
  LocalFileError,
  SpotreelError,
} from "./errors.js";
export { isFinal, type OnProgress, type Progress, type Step } from "./progress.js";
