/** Does one thing with the client for the conformance script; `clients/conformance/README.md` says how it is asked. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";

import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { credentials, Client as GrpcClient, Metadata } from "@grpc/grpc-js";

import { AssetSchema } from "../gen/spotreel/orchestrator/v1/asset_pb.js";
import { type Job, Job_StateSchema, JobSchema, JobSpecSchema } from "../gen/spotreel/orchestrator/v1/job_pb.js";
import {
  type ReadJobOutputRequest,
  ReadJobOutputRequestSchema,
  type ReadJobOutputResponse,
  ReadJobOutputResponseSchema,
} from "../gen/spotreel/orchestrator/v1/job_service_pb.js";
import { Client, JobFailed, type Progress, SpotreelError } from "../index.js";

interface Request {
  server: string;
  api_key?: string;
  tls_ca?: string;
  timeout_seconds?: number;
  patience_seconds?: number;
  heartbeat_seconds?: number;
  action: string;
  name: string;
  spec: JsonValue;
  request_id?: string;
  page_size?: number;
  labels?: Record<string, string>;
  path: string;
  to: string;
  overwrite?: boolean;
  video: string;
  subtitles: string;
}

type Result = Record<string, unknown>;

const ACTIONS: Record<string, (client: Client, request: Request, signal: AbortSignal) => Promise<Result>> = {
  async get_job(client, { name }, signal) {
    return { job: json(JobSchema, await client.getJob(name, { signal })) };
  },

  async create_job(client, { spec, request_id: requestId }, signal) {
    return { job: json(JobSchema, await client.createJob(fromJson(JobSpecSchema, spec), { requestId, signal })) };
  },

  async watch_job(client, { name }, signal) {
    let last: Job | undefined;
    for await (const job of client.watchJob(name, { signal })) {
      say({ event: "job", state: Job_StateSchema.value[job.state]?.name ?? job.state, name: job.name });
      last = job;
    }
    return { job: last && json(JobSchema, last) };
  },

  async list_jobs(client, { page_size: pageSize, labels }, signal) {
    const names = [];
    for await (const job of client.listJobs({ pageSize, labels, signal })) {
      names.push(job.name);
    }
    return { names };
  },

  async upload_asset(client, { path }, signal) {
    return { asset: json(AssetSchema, await client.uploadAsset(path, { onProgress: sayProgress, signal })) };
  },

  async download_output(client, { name, to, overwrite }, signal) {
    return { file: await client.downloadOutput(name, to, { overwrite, onProgress: sayProgress, signal }) };
  },

  async read_output(client, { name }, signal) {
    const hash = createHash("sha256");
    let size = 0;
    for await (const data of client.readOutput(name, { signal })) {
      hash.update(data);
      size += data.length;
    }
    return { size_bytes: size, sha256: hash.digest("hex") };
  },

  async run(client, { spec, to, overwrite, request_id: requestId }, signal) {
    const options = { to, overwrite, requestId, onProgress: sayProgress, signal };
    return { job: json(JobSchema, await client.run(fromJson(JobSpecSchema, spec), options)), file: to };
  },

  async caption(client, { video, subtitles, to }, signal) {
    const job = await client.caption(video, subtitles, { to, onProgress: sayProgress, signal });
    return { job: json(JobSchema, job), file: to };
  },

  async bench_download(client, { name, to }, signal) {
    return timed(to, () => client.downloadOutput(name, to, { signal }));
  },

  bench_bare(_client, { server, api_key: apiKey, name, to }) {
    return timed(to, () => readBare(server, apiKey, name, to));
  },
};

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const calling = new AbortController();
  // All lines may come in one piece: a listener that is there only after the first would miss the others.
  const first = new Promise<string>((resolve) => {
    lines.once("line", (line) => {
      resolve(line);
      lines.on("line", () => calling.abort());
    });
  });
  const request = JSON.parse(await first) as Request;
  try {
    say(await outcome(request, calling.signal));
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}

async function outcome(request: Request, signal: AbortSignal): Promise<Result> {
  const action = ACTIONS[request.action];
  if (action === undefined) {
    throw new Error(`there is no action ${request.action}`);
  }
  let client: Client | undefined;
  try {
    client = new Client(request.server, {
      apiKey: request.api_key,
      tlsCa: request.tls_ca,
      timeoutMs: milliseconds(request.timeout_seconds),
      patienceMs: milliseconds(request.patience_seconds),
      heartbeatMs: milliseconds(request.heartbeat_seconds),
    });
    return { event: "result", ...(await action(client, request, signal)) };
  } catch (error) {
    if (error instanceof SpotreelError) {
      return errorEvent(error);
    }
    if (signal.aborted && error === signal.reason) {
      return { event: "cancelled" };
    }
    throw error;
  } finally {
    client?.close();
  }
}

function errorEvent(error: SpotreelError): Result {
  return {
    event: "error",
    code: error.code,
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
    retry_delay_seconds: error.retryDelayMs === undefined ? null : error.retryDelayMs / 1000,
    request_id: error.requestId,
    violations: error.violations,
    ffmpeg_log_tail: error instanceof JobFailed ? error.ffmpegLogTail : "",
  };
}

function sayProgress({ step, fraction, job, bytesDone, bytesTotal }: Progress): void {
  say({
    event: "progress",
    step,
    fraction: fraction ?? null,
    job: job?.name ?? "",
    bytes_done: bytesDone,
    bytes_total: bytesTotal,
  });
}

function say(event: Result): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function json<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return toJson(schema, message);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

async function timed(to: string, transfer: () => Promise<unknown>): Promise<Result> {
  const start = performance.now();
  await transfer();
  return { seconds: (performance.now() - start) / 1000, bytes: (await stat(to)).size };
}

/** What a program without our client would do: the same library and messages, no checks, no going on. */
async function readBare(server: string, apiKey: string | undefined, name: string, to: string): Promise<void> {
  const client = new GrpcClient(server, credentials.createInsecure(), {
    "grpc.max_receive_message_length": 8 << 20,
    "grpc-node.flow_control_window": 4 << 20,
  });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${apiKey}`);
  const call = client.makeServerStreamRequest<ReadJobOutputRequest, ReadJobOutputResponse>(
    "/spotreel.orchestrator.v1.JobService/ReadJobOutput",
    (message) => Buffer.from(toBinary(ReadJobOutputRequestSchema, message)),
    (bytes) => fromBinary(ReadJobOutputResponseSchema, bytes),
    fromJson(ReadJobOutputRequestSchema, { name }),
    metadata,
  );
  const file = createWriteStream(to);
  for await (const { data } of call as AsyncIterable<ReadJobOutputResponse>) {
    if (!file.write(data)) {
      await once(file, "drain");
    }
  }
  await finished(file.end());
  client.close();
}

await main();
