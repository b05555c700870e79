"""A real gRPC server that keeps jobs and assets in memory, does no work, and fails on demand."""

# ruff: noqa: N802 - the methods have the names of the contract

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn, Self

import google_crc32c
import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from spotreel.orchestrator.v1 import (
    asset_pb2,
    asset_service_pb2,
    asset_service_pb2_grpc,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
)

Job = job_pb2.Job
_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class Fault:
    """A named knob: fires `times` times, when `after` messages or bytes of the call have passed."""

    times: int = 0
    after: int = 0
    fired: int = 0

    def arm(self, *, times: int = 1, after: int = 0) -> None:
        self.times, self.after = times, after

    def fires(self, passed: int = 0) -> bool:
        if self.fired < self.times and passed >= self.after:
            self.fired += 1
            return True
        return False


@dataclass(frozen=True, slots=True)
class Faults:
    """All the ways in which this server can fail."""

    unavailable: Fault = field(default_factory=Fault)  # unary calls
    too_many_requests: Fault = field(default_factory=Fault)  # WatchJob, with RetryInfo
    cut_watch: Fault = field(default_factory=Fault)  # after messages
    end_watch_early: Fault = field(default_factory=Fault)  # after messages, with OK
    silent_watch: Fault = field(default_factory=Fault)  # after messages
    cut_download: Fault = field(default_factory=Fault)  # after bytes of the call
    corrupt_chunk: Fault = field(default_factory=Fault)  # after bytes of the call
    wrong_sha256: Fault = field(default_factory=Fault)
    restart_output: Fault = field(default_factory=Fault)  # after bytes of the call
    cut_upload: Fault = field(default_factory=Fault)  # after bytes of the call
    damage_upload: Fault = field(default_factory=Fault)  # after bytes of the call


@dataclass(slots=True, kw_only=True)
class SimulatedJob:
    """A job with the states it will go through; each watcher's message takes the next."""

    steps: list[Job]
    hangs: bool
    output: bytes
    position: int = 0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def current(self) -> Job:
        return self.steps[self.position]

    @property
    def sequence(self) -> int:
        return self.position + 1

    @property
    def is_final(self) -> bool:
        return self.current.state in {Job.STATE_SUCCEEDED, Job.STATE_FAILED, Job.STATE_CANCELLED}

    def end_with(self, *states: "Job.State.ValueType") -> None:
        for state in states:
            ended = Job()
            ended.CopyFrom(self.current)
            ended.state = state
            self.steps = [*self.steps[: self.position + 1], ended]
            self.position += 1


class SimulatedOrchestrator:
    """Use it with `async with`. `output` is what each job makes; `failure`, if set, is how each job ends."""

    def __init__(
        self, *, output: bytes = b"video" * 1000, api_key: str = "", port: int = 0, hangs: bool = False
    ) -> None:
        self.output = output
        self.hangs = hangs
        self.failure: job_pb2.JobFailure | None = None
        self.rejection: tuple[grpc.StatusCode, str, Sequence[Message]] | None = None
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.jobs: dict[str, SimulatedJob] = {}
        self.assets: dict[str, asset_pb2.Asset] = {}
        self.uploads: dict[str, bytearray] = {}
        self.upload_bytes_received = 0
        self.read_offsets: list[int] = []
        self.requests: dict[str, job_service_pb2.CreateJobRequest] = {}
        self.address = ""
        self.changed = asyncio.Event()
        self._api_key = api_key
        self._port = port
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        job_service_pb2_grpc.add_JobServiceServicer_to_server(_Jobs(self), self._server)
        asset_service_pb2_grpc.add_AssetServiceServicer_to_server(_Assets(self), self._server)
        health: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_serving)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),)
        )
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        self.address = f"127.0.0.1:{self._port}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        await self._server.stop(grace=None)

    @property
    def only_job(self) -> SimulatedJob:
        (job,) = self.jobs.values()
        return job

    def finish(self, name: str) -> None:
        """Adds a job that has SUCCEEDED."""
        self.jobs[name] = self.scripted(Job(name=name), hangs=False)
        self.jobs[name].position = len(self.jobs[name].steps) - 1

    def scripted(self, job: Job, *, hangs: bool) -> SimulatedJob:
        progress = job_pb2.JobProgress
        running = [
            progress(stage=progress.STAGE_FETCHING_INPUT, fraction=0.0),
            progress(
                stage=progress.STAGE_ENCODING,
                fraction=0.5,
                frames=60,
                frames_per_second=120.0,
                speed=4.8,
                eta=Duration(seconds=2),
                output_bytes=1000,
                encoder="libx264",
            ),
        ]
        steps = [_changed(job, state=Job.STATE_QUEUED)]
        steps += [_changed(job, state=Job.STATE_RUNNING, progress=each) for each in running]
        if not hangs:
            steps.append(self._end_of(steps[-1]))
        return SimulatedJob(steps=steps, hangs=hangs, output=self.output)

    def _end_of(self, job: Job) -> Job:
        if self.failure is not None:
            return _changed(job, state=Job.STATE_FAILED, failure=self.failure)
        output = job_pb2.JobOutput(
            size_bytes=len(self.output), sha256=hashlib.sha256(self.output).digest(), content_type="video/mp4"
        )
        return _changed(job, state=Job.STATE_SUCCEEDED, output=output)

    async def admit(self, method: str, context: "grpc.aio.ServicerContext[Any, Any]", *, unary: bool = True) -> None:
        self.calls[method] += 1
        self.changed.set()
        sent = dict(context.invocation_metadata() or ())
        if self._api_key and sent.get("authorization") != f"Bearer {self._api_key}":
            await refuse(context, grpc.StatusCode.UNAUTHENTICATED, "API_KEY_INVALID", "The API key is wrong.")
        if unary and self.faults.unavailable.fires():
            await refuse(context, grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", "Try again soon.")

    async def job(self, name: str, context: "grpc.aio.ServicerContext[Any, Any]") -> SimulatedJob:
        if name not in self.jobs:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", f"There is no job {name}.")
        return self.jobs[name]


class _Jobs(job_service_pb2_grpc.JobServiceServicer):
    def __init__(self, owner: SimulatedOrchestrator) -> None:
        self._owner = owner

    async def CreateJob(self, request: Any, context: Any) -> Any:
        await self._owner.admit("CreateJob", context)
        if self._owner.rejection is not None:
            code, message, details = self._owner.rejection
            await refuse(context, code, code.name, message, *details)
        known = next((name for name, old in self._owner.requests.items() if old == request), None)
        if known is None:
            known = f"jobs/{request.job_id or f'job-{len(self._owner.jobs) + 1:04d}'}"
            self._owner.requests[known] = request
            self._owner.jobs[known] = self._owner.scripted(Job(name=known, spec=request.spec), hangs=self._owner.hangs)
        return job_service_pb2.CreateJobResponse(job=self._owner.jobs[known].current)

    async def GetJob(self, request: Any, context: Any) -> Any:
        await self._owner.admit("GetJob", context)
        return job_service_pb2.GetJobResponse(job=(await self._owner.job(request.name, context)).current)

    async def ListJobs(self, request: Any, context: Any) -> Any:
        await self._owner.admit("ListJobs", context)
        jobs = [job.current for _name, job in sorted(self._owner.jobs.items(), reverse=True)]
        jobs = [job for job in jobs if not request.state_filter or job.state in request.state_filter]
        start, size = int(request.page_token or 0), request.page_size or 2
        more = str(start + size) if start + size < len(jobs) else ""
        return job_service_pb2.ListJobsResponse(jobs=jobs[start : start + size], next_page_token=more)

    async def CancelJob(self, request: Any, context: Any) -> Any:
        await self._owner.admit("CancelJob", context)
        job = await self._owner.job(request.name, context)
        if job.current.state in {Job.STATE_SUCCEEDED, Job.STATE_FAILED}:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "JOB_FINISHED", "It has ended.")
        if not job.is_final:
            job.end_with(Job.STATE_CANCELLING)
            job.cancelled.set()
        return job_service_pb2.CancelJobResponse(job=job.current)

    async def DeleteJob(self, request: Any, context: Any) -> Any:
        await self._owner.admit("DeleteJob", context)
        job = await self._owner.job(request.name, context)
        if not job.is_final:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "JOB_NOT_FINISHED", "Cancel it first.")
        del self._owner.jobs[request.name]
        return job_service_pb2.DeleteJobResponse()

    async def QuoteJob(self, request: Any, context: Any) -> Any:
        await self._owner.admit("QuoteJob", context)
        if self._owner.rejection is not None:
            code, message, details = self._owner.rejection
            await refuse(context, code, code.name, message, *details)
        return job_service_pb2.QuoteJobResponse(quote=job_pb2.JobQuote(explanation="Local work is free."))

    async def WatchJob(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self._owner.admit("WatchJob", context, unary=False)
        job = await self._owner.job(request.name, context)
        faults = self._owner.faults
        if faults.too_many_requests.fires():
            retry = error_details_pb2.RetryInfo(retry_delay=Duration(nanos=50_000_000))
            await refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS", "Wait.", retry)
        sent = 0
        while True:
            if faults.cut_watch.fires(sent):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
            if faults.end_watch_early.fires(sent):
                return
            if faults.silent_watch.fires(sent):
                await asyncio.Event().wait()
            if job.sequence > request.after_sequence or job.is_final:
                yield job_service_pb2.WatchJobResponse(sequence=job.sequence, job=job.current)
                sent += 1
            if job.is_final:
                return
            await self._advance(job)

    @staticmethod
    async def _advance(job: SimulatedJob) -> None:
        if job.position + 1 < len(job.steps):
            job.position += 1
        else:
            await job.cancelled.wait()
            job.end_with(Job.STATE_CANCELLED)

    async def ReadJobOutput(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self._owner.admit("ReadJobOutput", context, unary=False)
        job = await self._owner.job(request.name, context)
        if not job.is_final:
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "OUTPUT_NOT_READY", "Watch it.")
        self._owner.read_offsets.append(request.read_offset)
        faults, output = self._owner.faults, job.output
        if request.read_offset > len(output):
            await refuse(context, grpc.StatusCode.OUT_OF_RANGE, "OFFSET_BEYOND_END", "Behind the end.")
        offset, sent = request.read_offset, 0
        while True:
            if faults.cut_download.fires(sent):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
            if faults.restart_output.fires(sent):
                await refuse(context, grpc.StatusCode.ABORTED, "OUTPUT_RESTARTED", "Read from 0.")
            data = output[offset : offset + _CHUNK_BYTES]
            crc = google_crc32c.value(data)
            if data and faults.corrupt_chunk.fires(sent):
                data = bytes([data[0] ^ 1]) + data[1:]
            last = offset + len(data) == len(output)
            response = job_service_pb2.ReadJobOutputResponse(
                offset=offset, data=data, crc32c=crc, last=last, size_bytes=len(output), attempt=1
            )
            if last:
                digest = hashlib.sha256(output).digest()
                response.sha256 = bytes(32) if faults.wrong_sha256.fires() else digest
            yield response
            if last:
                return
            offset, sent = offset + len(data), sent + len(data)


class _Assets(asset_service_pb2_grpc.AssetServiceServicer):
    def __init__(self, owner: SimulatedOrchestrator) -> None:
        self._owner = owner

    async def UploadAsset(self, request_iterator: Any, context: Any) -> Any:
        await self._owner.admit("UploadAsset", context, unary=False)
        messages = aiter(request_iterator)
        start = (await anext(messages)).start
        content = self._owner.uploads.setdefault(start.upload_id, bytearray())
        if start.write_offset != len(content):
            await refuse(context, grpc.StatusCode.OUT_OF_RANGE, "OFFSET_MISMATCH", "Not there.")
        received = 0
        async for message in messages:
            if message.WhichOneof("message") == "finish":
                break
            if self._owner.faults.cut_upload.fires(received):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
            damaged = self._owner.faults.damage_upload.fires(received)
            if damaged or google_crc32c.value(message.data.data) != message.data.crc32c:
                await refuse(context, grpc.StatusCode.DATA_LOSS, "CHECKSUM_MISMATCH", "A bad chunk.")
            content += message.data.data
            received += len(message.data.data)
            self._owner.upload_bytes_received += len(message.data.data)
        digest = hashlib.sha256(content)
        if digest.digest() != start.sha256:
            await refuse(context, grpc.StatusCode.DATA_LOSS, "CHECKSUM_MISMATCH", "The whole is wrong.")
        asset = asset_pb2.Asset(
            name=f"assets/{digest.hexdigest()}",
            size_bytes=len(content),
            sha256=digest.digest(),
            file_name=start.file_name,
        )
        self._owner.assets[asset.name] = asset
        return asset_service_pb2.UploadAssetResponse(asset=asset)

    async def GetUpload(self, request: Any, context: Any) -> Any:
        await self._owner.admit("GetUpload", context)
        if request.upload_id not in self._owner.uploads:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND", "Start at 0.")
        return asset_service_pb2.GetUploadResponse(committed_bytes=len(self._owner.uploads[request.upload_id]))

    async def GetAsset(self, request: Any, context: Any) -> Any:
        await self._owner.admit("GetAsset", context)
        if request.name not in self._owner.assets:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND", "There is no such asset.")
        return asset_service_pb2.GetAssetResponse(asset=self._owner.assets[request.name])

    async def ListAssets(self, request: Any, context: Any) -> Any:
        await self._owner.admit("ListAssets", context)
        return asset_service_pb2.ListAssetsResponse(assets=self._owner.assets.values())

    async def DeleteAsset(self, request: Any, context: Any) -> Any:
        await self._owner.admit("DeleteAsset", context)
        self._owner.assets.pop(request.name, None)
        return asset_service_pb2.DeleteAssetResponse()


async def refuse(
    context: "grpc.aio.ServicerContext[Any, Any]",
    code: grpc.StatusCode,
    reason: str,
    message: str,
    *details: Message,
) -> NoReturn:
    """Ends a call with a status as rich as the real server's."""
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=reason, domain="spotreel", metadata={"from": "simulator"})
    for detail in (info, *details):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    trailers = (("grpc-status-details-bin", status.SerializeToString()), ("x-request-id", "request-1"))
    await context.abort(code, message, trailing_metadata=trailers)


async def _serving(_request: bytes, _context: object) -> bytes:
    return b"\x08\x01"


def _changed(job: Job, **changes: Any) -> Job:
    changed = Job()
    changed.CopyFrom(job)
    changed.MergeFrom(Job(**changes))
    return changed
