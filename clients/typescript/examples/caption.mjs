// Burns subtitles into a video, with a progress bar:
//
//     export SPOTREEL_SERVER=127.0.0.1:50051 SPOTREEL_API_KEY=…
//     node caption.mjs talk.mp4 talk.srt captioned.mp4
//
// Interrupted (ctrl-C), it cancels the job and waits until it has ended, at most 30 s; once more, and it ends at once.
// Its exit status is 0 when all is done, 1 after a failure, 130 when it was interrupted.
// @ts-check
import { Client, JobFailed, SpotreelError } from "@spotreel/client";
import { Job_State } from "@spotreel/client/orchestrator/v1";

const WIDTH = 40;
/** @type {import("@spotreel/client/orchestrator/v1").Job | undefined} */
let last;

/** @type {(video: string, subtitles: string, out: string) => Promise<void>} */
async function caption(video, subtitles, out) {
  const client = new Client(); // SPOTREEL_SERVER
  try {
    await client.caption(video, subtitles, { to: out, onProgress: show, signal: interrupted.signal });
  } finally {
    client.close();
    console.error();
  }
}

/** @param {import("@spotreel/client").Progress} progress */
function show({ step, fraction, job }) {
  last = job ?? last;
  const filled = Math.round((fraction ?? 0) * WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
  const percent = fraction === undefined ? "  …" : (fraction * 100).toFixed().padStart(3);
  process.stderr.write(`\r${step.padEnd(14)} ${bar} ${percent} %`);
}

/** What became of the job: where the server was away, it may go on. */
function interruption() {
  if (last === undefined) {
    return "Interrupted.";
  }
  if (last.state === Job_State.CANCELLED) {
    return "Interrupted; the job was cancelled.";
  }
  const state = Job_State[last.state] ?? last.state;
  return `Interrupted; ${last.name} was last seen ${state}: \`spotreel jobs cancel ${last.name}\`.`;
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof JobFailed) {
    return `${error.message}\n${error.ffmpegLogTail}`.trimEnd();
  }
  return error instanceof SpotreelError ? error.message : String(error);
}

const [video, subtitles, out] = process.argv.slice(2);
if (!video || !subtitles || !out) {
  console.error("usage: caption.mjs VIDEO SUBTITLES OUT");
  process.exit(2);
}
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort()); // The second ends the program, as it does where nobody listens.
try {
  await caption(video, subtitles, out);
  console.log(out);
} catch (error) {
  const calledOff = interrupted.signal.aborted && error === interrupted.signal.reason;
  console.error(calledOff ? interruption() : explain(error));
  process.exitCode = calledOff ? 130 : 1;
}
