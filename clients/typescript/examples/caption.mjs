// Burns subtitles into a video, with a progress bar:
//
//     export SPOTREEL_SERVER=127.0.0.1:50051 SPOTREEL_API_KEY=…
//     node caption.mjs talk.mp4 talk.srt captioned.mp4
//
// Interrupted (ctrl-C), it cancels the job and waits until it has ended.
// @ts-check
import { Client, JobFailed, SpotreelError } from "@spotreel/client";

const WIDTH = 40;

/** @type {(video: string, subtitles: string, out: string) => Promise<void>} */
async function caption(video, subtitles, out) {
  const client = new Client(); // SPOTREEL_SERVER
  try {
    await client.caption(video, subtitles, { to: out, onProgress: showBar, signal: interrupted.signal });
  } finally {
    client.close();
    console.error();
  }
}

/** @param {import("@spotreel/client").Progress} progress */
function showBar({ step, fraction }) {
  const filled = Math.round((fraction ?? 0) * WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
  const percent = fraction === undefined ? "  …" : (fraction * 100).toFixed().padStart(3);
  process.stderr.write(`\r${step.padEnd(14)} ${bar} ${percent} %`);
}

/** @param {unknown} error */
function explain(error) {
  if (interrupted.signal.aborted) {
    return "Interrupted; the job was cancelled.";
  }
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
process.once("SIGINT", () => interrupted.abort());
try {
  await caption(video, subtitles, out);
  console.log(out);
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
