"""JobService as its clients see it: creating, looking, cancelling, deleting, watching."""

import asyncio
import uuid
from typing import Any

import pytest
from google.protobuf import json_format
from spotreel.media.v1.output_pb2 import VideoEncoding
from spotreel.orchestrator.v1 import job_pb2
from spotreel.orchestrator.v1 import job_service_pb2 as pb

from tests.service.orchestrator.conftest import Service, drain, refusal

State = job_pb2.Job.State
CAPTION = {
    "caption": {"video": {"uri": "https://example.com/v.mp4"}, "subtitles": {"uri": "https://example.com/s.srt"}}
}
NOWHERE = "assets/" + "0" * 64


def spec(**fields: Any) -> job_pb2.JobSpec:
    return json_format.ParseDict({"operation": CAPTION} | fields, job_pb2.JobSpec())


async def create(service: Service, *, request_id: str = "", job_id: str = "", **fields: Any) -> job_pb2.Job:
    request = pb.CreateJobRequest(spec=spec(**fields), request_id=request_id, job_id=job_id)
    return (await service.jobs.CreateJob(request)).job


def job_id(job: job_pb2.Job) -> str:
    return job.name.removeprefix("jobs/")


async def test_a_new_job_is_queued_with_every_default_spelled_out_but_that_of_the_quality(service: Service) -> None:
    job = await create(service, labels={"team": "a"})
    assert job.state == State.STATE_QUEUED
    assert job.spec.limits.run_timeout.seconds == 600
    assert job.spec.limits.max_attempts == 3
    assert job.spec.output.video.codec == VideoEncoding.CODEC_H264
    # To ask for a quality is to ask for an encode, also of what could be copied.
    assert job.spec.output.video.WhichOneof("rate_control") is None
    assert (await service.jobs.GetJob(pb.GetJobRequest(name=job.name))).job == job
    assert service.dispatch.wakes == 1


async def test_every_wrong_field_is_named_at_once(service: Service) -> None:
    call = create(
        service,
        display_name="x" * 201,
        priority=101,
        labels={"Wrong Key": ""},
        limits={"runTimeout": "90000s", "maxAttempts": 11, "maxCostUsdMicros": "-1"},
        output={"video": {"quality": 99}},
    )
    refused = await refusal(call)
    assert refused.pair == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert set(refused.fields) == {
        "spec.display_name",
        "spec.priority",
        "spec.labels",
        "spec.limits.run_timeout",
        "spec.limits.max_attempts",
        "spec.limits.max_cost_usd_micros",
        "spec.output.video.quality",
    }


@pytest.mark.parametrize(
    ("fields", "ids", "named"),
    [
        ({"operation": {}}, {}, "spec.operation"),
        ({"output": {"container": 77}}, {}, "spec.output.container"),
        ({"placement": 9}, {}, "spec.placement"),
        ({"limits": {"runTimeout": "-3s"}}, {}, "spec.limits.run_timeout"),
        ({"limits": {"runTimeout": "7200s"}}, {}, "spec.limits.run_timeout"),
        ({"limits": {"queueTimeout": "0s"}}, {}, "spec.limits.queue_timeout"),
        ({"limits": {"maxInputBytes": str(5 << 30)}}, {}, "spec.limits.max_input_bytes"),
        ({}, {"request_id": "1"}, "request_id"),
        ({}, {"job_id": "No"}, "job_id"),
    ],
)
async def test_a_wrong_field_is_refused(service: Service, fields: Any, ids: Any, named: str) -> None:
    refused = await refusal(create(service, **ids, **fields))
    assert refused.pair == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert refused.fields == [named]
    assert service.dispatch.wakes == 0


async def test_an_asset_must_exist(service: Service) -> None:
    operation = {"caption": CAPTION["caption"] | {"video": {"asset": NOWHERE}}}
    for call in (
        create(service, operation=operation),
        service.jobs.QuoteJob(pb.QuoteJobRequest(spec=spec(operation=operation))),
    ):
        assert (await refusal(call)).pair == ("NOT_FOUND", "ASSET_NOT_FOUND")


async def test_a_repeat_gives_the_same_job_and_another_request_is_refused(service: Service) -> None:
    request_id = str(uuid.uuid4())
    job = await create(service, request_id=request_id, labels={"a": "1", "b": "2"})
    again = await create(service, request_id=request_id.upper(), labels={"b": "2", "a": "1"})
    assert again.name == job.name
    assert service.dispatch.wakes == 1
    refused = await refusal(create(service, request_id=request_id, priority=1))
    assert refused.pair == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    await create(service, job_id="mine-1")
    assert (await refusal(create(service, job_id="mine-1"))).pair == ("ALREADY_EXISTS", "JOB_EXISTS")


async def test_a_full_queue_takes_no_more(service: Service) -> None:
    jobs = [await create(service) for _ in range(3)]
    refused = await refusal(create(service))
    assert refused.pair == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    assert refused.metadata == {"max_queued_jobs": "3"}
    await service.dispatch.start(job_id(jobs[0]))
    await create(service)


async def test_a_quote_invents_nothing(service: Service) -> None:
    quote = (await service.jobs.QuoteJob(pb.QuoteJobRequest(spec=spec()))).quote
    assert (quote.expected_usd_micros, quote.maximum_usd_micros) == (0, 0)
    assert not quote.HasField("expected_duration")
    assert "cost nothing" in quote.explanation
    assert (await service.jobs.ListJobs(pb.ListJobsRequest())).jobs == []


@pytest.mark.parametrize("name", ["jobs/none", "jobs/01m84xgf6snfk7g3310ej219ga"])
async def test_what_does_not_exist_is_not_found(service: Service, name: str) -> None:
    for call in (
        service.jobs.GetJob(pb.GetJobRequest(name=name)),
        service.jobs.CancelJob(pb.CancelJobRequest(name=name)),
        service.jobs.DeleteJob(pb.DeleteJobRequest(name=name)),
        drain(service.jobs.WatchJob(pb.WatchJobRequest(name=name))),
        drain(service.jobs.ReadJobOutput(pb.ReadJobOutputRequest(name=name))),
    ):
        assert (await refusal(call)).pair == ("NOT_FOUND", "JOB_NOT_FOUND")


@pytest.mark.parametrize("name", ["", "jobs/", "job1", "assets/abc", "jobs/../x", "jobs/a/b"])
async def test_what_is_no_name_is_told(service: Service, name: str) -> None:
    refused = await refusal(service.jobs.GetJob(pb.GetJobRequest(name=name)))
    assert refused.pair == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert refused.fields == ["name"]


async def test_pages_filters_and_orders(service: Service) -> None:
    first, second, third = [await create(service, labels={"n": str(number)}) for number in range(3)]
    page = await service.jobs.ListJobs(pb.ListJobsRequest(page_size=2))
    assert [job.name for job in page.jobs] == [third.name, second.name]
    rest = await service.jobs.ListJobs(pb.ListJobsRequest(page_size=2, page_token=page.next_page_token))
    assert [job.name for job in rest.jobs] == [first.name]
    assert rest.next_page_token == ""
    await service.jobs.CancelJob(pb.CancelJobRequest(name=second.name))
    found = await service.jobs.ListJobs(
        pb.ListJobsRequest(state_filter=[State.STATE_QUEUED], label_filter={"n": ""}, order_by="create_time asc")
    )
    assert [job.name for job in found.jobs] == [first.name, third.name]


async def test_wrong_lists_are_refused(service: Service) -> None:
    for _ in range(2):
        await create(service)
    token = (await service.jobs.ListJobs(pb.ListJobsRequest(page_size=1))).next_page_token
    for request, reason in (
        (pb.ListJobsRequest(page_token="nonsense"), "PAGE_TOKEN_INVALID"),
        (pb.ListJobsRequest(page_token=token, order_by="create_time asc"), "PAGE_TOKEN_INVALID"),
        (pb.ListJobsRequest(page_token=token, label_filter={"a": "b"}), "PAGE_TOKEN_INVALID"),
        (pb.ListJobsRequest(order_by="size"), "INVALID_ARGUMENT"),
        (pb.ListJobsRequest(page_size=-1), "INVALID_ARGUMENT"),
        (pb.ListJobsRequest(state_filter=[State.STATE_UNSPECIFIED]), "INVALID_ARGUMENT"),
        (pb.ListJobsRequest(state_filter=[99]), "INVALID_ARGUMENT"),  # type: ignore[list-item]  # what a client may send
    ):
        assert (await refusal(service.jobs.ListJobs(request))).pair == ("INVALID_ARGUMENT", reason)


async def test_cancelling(service: Service) -> None:
    queued, running = await create(service), await create(service)
    await service.dispatch.start(job_id(running))
    for _ in range(2):
        answer = await service.jobs.CancelJob(pb.CancelJobRequest(name=queued.name))
        assert answer.job.state == State.STATE_CANCELLED
        answer = await service.jobs.CancelJob(pb.CancelJobRequest(name=running.name))
        assert answer.job.state == State.STATE_CANCELLING
    assert set(service.dispatch.cancels) == {job_id(running)}
    await service.dispatch.confirm_cancel(job_id(running))
    messages = await drain(service.jobs.WatchJob(pb.WatchJobRequest(name=running.name)))
    assert [message.job.state for message in messages] == [State.STATE_CANCELLED]


async def test_what_is_finished_cannot_be_cancelled(service: Service) -> None:
    job = await create(service)
    await service.dispatch.start(job_id(job))
    await service.dispatch.succeed(job_id(job), b"output")
    refused = await refusal(service.jobs.CancelJob(pb.CancelJobRequest(name=job.name)))
    assert refused.pair == ("FAILED_PRECONDITION", "JOB_FINISHED")


async def test_deleting_takes_the_output_too(service: Service) -> None:
    job = await create(service)
    call = service.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name))
    assert (await refusal(call)).pair == ("FAILED_PRECONDITION", "JOB_NOT_FINISHED")
    await service.dispatch.start(job_id(job))
    output = await service.dispatch.succeed(job_id(job), b"output")
    assert (service.folder / "blobs" / output.blob).exists()
    await service.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name))
    assert not (service.folder / "blobs" / output.blob).exists()
    refused = await refusal(service.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name)))
    assert refused.pair == ("NOT_FOUND", "JOB_NOT_FOUND")


async def test_a_watch_shows_a_life_from_queue_to_output(service: Service) -> None:
    job = await create(service)
    stream = service.jobs.WatchJob(pb.WatchJobRequest(name=job.name), timeout=20)
    messages: list[Any] = [await stream.read()]
    await service.dispatch.start(job_id(job))
    messages.append(await stream.read())
    service.dispatch.progress(job_id(job), 0.5)
    messages.append(await stream.read())
    live = (await service.jobs.GetJob(pb.GetJobRequest(name=job.name))).job
    await service.dispatch.succeed(job_id(job), b"output")
    messages += await drain(stream)

    assert [message.job.state for message in messages] == [
        State.STATE_QUEUED,
        State.STATE_RUNNING,
        State.STATE_RUNNING,
        State.STATE_SUCCEEDED,
    ]
    sequences = [message.sequence for message in messages]
    assert sequences == sorted(set(sequences))
    assert (messages[2].job.progress.fraction, messages[2].job.progress.encoder) == (0.5, "libx264")
    assert live.progress == messages[2].job.progress
    last = messages[-1].job
    assert (last.output.size_bytes, last.output.file_name) == (6, "video.mp4")
    assert [one.codec for one in last.output.media_info.streams] == ["h264", "aac"]
    assert last.HasField("expire_time")
    assert last.cost.final


async def message_of(stream: Any) -> Any:
    return await stream.read()


async def test_a_watch_resumes_where_it_broke(service: Service) -> None:
    job = await create(service)
    first = service.jobs.WatchJob(pb.WatchJobRequest(name=job.name), timeout=20)
    seen = (await message_of(first)).sequence
    first.cancel()
    again = service.jobs.WatchJob(pb.WatchJobRequest(name=job.name, after_sequence=seen), timeout=20)
    waiting = asyncio.ensure_future(message_of(again))
    await service.dispatch.start(job_id(job))
    message = await waiting
    assert message.sequence > seen
    assert message.job.state == State.STATE_RUNNING
    await service.dispatch.fail(job_id(job), retryable=False)
    (last,) = await drain(again)
    assert (last.job.state, last.job.failure.reason) == (State.STATE_FAILED, "INSTANCE_LOST")
    (repeat,) = await drain(service.jobs.WatchJob(pb.WatchJobRequest(name=job.name, after_sequence=last.sequence)))
    assert repeat.job == last.job
    refused = await refusal(drain(service.jobs.WatchJob(pb.WatchJobRequest(name=job.name, after_sequence=-1))))
    assert refused.fields == ["after_sequence"]


async def test_a_lost_machine_shows_as_another_attempt(service: Service) -> None:
    job = await create(service)
    await service.dispatch.start(job_id(job))
    service.dispatch.progress(job_id(job), 0.9)
    await service.dispatch.fail(job_id(job), retryable=True)
    waiting = (await service.jobs.GetJob(pb.GetJobRequest(name=job.name))).job
    assert (waiting.state, waiting.progress.fraction) == (State.STATE_QUEUED, 0)
    await service.dispatch.start(job_id(job))
    running = (await service.jobs.GetJob(pb.GetJobRequest(name=job.name))).job
    assert [attempt.number for attempt in running.attempts] == [1, 2]
    assert running.attempts[0].failure.reason == "INSTANCE_LOST"
