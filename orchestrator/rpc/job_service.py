"""JobService: translate, call, translate."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

from collections.abc import AsyncIterator
from contextlib import aclosing

from spotreel.orchestrator.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc

from orchestrator.convert import jobs as convert
from orchestrator.jobs.admission import Admission
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import JobState
from orchestrator.jobs.output import JobOutputs, OutputPart
from orchestrator.jobs.registry import JobFilter, JobRegistry
from orchestrator.rpc.names import read_name, read_states
from servicekit.checksums import crc32c
from servicekit.errors import InvalidArgument
from servicekit.media.validation import Problems
from servicekit.rpc.stages import Context

_ORDERS = {"": False, "create_time desc": False, "create_time asc": True, "create_time": True}


class JobService(job_service_pb2_grpc.JobServiceServicer):
    """Answers the calls of JobService."""

    def __init__(self, *, admission: Admission, registry: JobRegistry, feed: JobFeed, outputs: JobOutputs) -> None:
        self._admission = admission
        self._registry = registry
        self._feed = feed
        self._outputs = outputs

    async def CreateJob(
        self, request: job_service_pb2.CreateJobRequest, context: Context
    ) -> job_service_pb2.CreateJobResponse:
        job = await self._admission.create(
            convert.spec_from_proto(request.spec),
            request_id=request.request_id,
            job_id=request.job_id,
            fingerprint=convert.fingerprint(request),
        )
        return job_service_pb2.CreateJobResponse(job=convert.job_to_proto(self._feed.latest(job)))

    async def GetJob(self, request: job_service_pb2.GetJobRequest, context: Context) -> job_service_pb2.GetJobResponse:
        job = await self._registry.get(_job_id(request.name))
        return job_service_pb2.GetJobResponse(job=convert.job_to_proto(job))

    async def ListJobs(
        self, request: job_service_pb2.ListJobsRequest, context: Context
    ) -> job_service_pb2.ListJobsResponse:
        wanted = JobFilter(
            states=read_states(request.state_filter, job_pb2.Job.State.DESCRIPTOR, JobState),
            labels=dict(request.label_filter),
            ascending=_is_ascending(request.order_by),
        )
        jobs, token = await self._registry.list(wanted, size=request.page_size, token=request.page_token)
        return job_service_pb2.ListJobsResponse(jobs=[convert.job_to_proto(job) for job in jobs], next_page_token=token)

    async def CancelJob(
        self, request: job_service_pb2.CancelJobRequest, context: Context
    ) -> job_service_pb2.CancelJobResponse:
        job = await self._registry.cancel(_job_id(request.name))
        return job_service_pb2.CancelJobResponse(job=convert.job_to_proto(job))

    async def DeleteJob(
        self, request: job_service_pb2.DeleteJobRequest, context: Context
    ) -> job_service_pb2.DeleteJobResponse:
        await self._registry.delete(_job_id(request.name))
        return job_service_pb2.DeleteJobResponse()

    async def QuoteJob(
        self, request: job_service_pb2.QuoteJobRequest, context: Context
    ) -> job_service_pb2.QuoteJobResponse:
        quote = await self._admission.quote(convert.spec_from_proto(request.spec))
        return job_service_pb2.QuoteJobResponse(quote=convert.quote_to_proto(quote))

    async def WatchJob(
        self, request: job_service_pb2.WatchJobRequest, context: Context
    ) -> AsyncIterator[job_service_pb2.WatchJobResponse]:
        _refuse_negative("after_sequence", request.after_sequence)
        async with aclosing(self._feed.follow(_job_id(request.name), request.after_sequence)) as changes:
            async for sequence, job in changes:
                yield job_service_pb2.WatchJobResponse(sequence=sequence, job=convert.job_to_proto(job))

    async def ReadJobOutput(
        self, request: job_service_pb2.ReadJobOutputRequest, context: Context
    ) -> AsyncIterator[job_service_pb2.ReadJobOutputResponse]:
        reading = self._outputs.read(
            _job_id(request.name),
            offset=request.read_offset,
            limit=request.read_limit,
            attempt=request.attempt,
        )
        async with aclosing(reading) as parts:
            async for part in parts:
                yield _part_to_proto(part)


def _job_id(name: str) -> str:
    return read_name(name, "jobs")


def _is_ascending(order_by: str) -> bool:
    if order_by not in _ORDERS:
        raise InvalidArgument(
            f"order_by must be 'create_time desc' or 'create_time asc', not {order_by[:80]!r}.",
            metadata={"field": "order_by"},
        )
    return _ORDERS[order_by]


def _refuse_negative(field: str, value: int) -> None:
    if value < 0:
        problems = Problems()
        problems.add(field, f"must not be negative, but is {value}")
        problems.raise_if_any()


def _part_to_proto(part: OutputPart) -> job_service_pb2.ReadJobOutputResponse:
    whole = part.whole
    return job_service_pb2.ReadJobOutputResponse(
        offset=part.offset,
        data=part.data,
        crc32c=crc32c(part.data),
        last=whole is not None,
        size_bytes=0 if whole is None else whole.size_bytes,
        sha256=b"" if whole is None else whole.sha256,
        content_type=part.content_type,
        attempt=part.attempt,
    )
