"""ReadJobOutput: finished, growing, restarted, cut short."""

import asyncio
import hashlib
from typing import Any

import google_crc32c
import pytest
from spotreel.orchestrator.v1 import job_service_pb2 as pb

from tests.service.orchestrator.conftest import Service, drain, refusal
from tests.service.orchestrator.test_jobs import create, job_id

PROGRESSIVE = {"delivery": "DELIVERY_PROGRESSIVE"}
CONTENT = bytes(range(256)) * 10_000


def read(service: Service, job: Any, **fields: int) -> Any:
    return service.jobs.ReadJobOutput(pb.ReadJobOutputRequest(name=job.name, **fields), timeout=20)


async def finished(service: Service, content: bytes = CONTENT, **fields: Any) -> Any:
    job = await create(service, **fields)
    await service.dispatch.start(job_id(job))
    await service.dispatch.succeed(job_id(job), content)
    return job


def joined(messages: list[Any], start: int = 0) -> bytes:
    """The bytes of messages, each checked against its place and checksum."""
    for message in messages:
        assert message.offset == start
        assert google_crc32c.value(message.data) == message.crc32c
        assert len(message.data) <= 1 << 20
        start += len(message.data)
    return b"".join(message.data for message in messages)


def assert_last(message: Any, content: bytes) -> None:
    assert message.last
    assert message.size_bytes == len(content)
    assert message.sha256 == hashlib.sha256(content).digest()
    assert message.content_type == "video/mp4"
    assert message.attempt == 1


@pytest.mark.parametrize("offset", [0, 1, 1 << 20, len(CONTENT) - 1, len(CONTENT)])
async def test_a_finished_output_is_read_from_any_offset(service: Service, offset: int) -> None:
    job = await finished(service)
    messages = await drain(read(service, job, read_offset=offset))
    assert joined(messages, offset) == CONTENT[offset:]
    assert [message.last for message in messages[:-1]] == [False] * (len(messages) - 1)
    assert_last(messages[-1], CONTENT)


async def test_a_limit_ends_the_stream_and_only_the_end_is_the_last(service: Service) -> None:
    job = await finished(service)
    part = await drain(read(service, job, read_offset=5, read_limit=7))
    assert joined(part, 5) == CONTENT[5:12]
    assert not part[-1].last
    end = await drain(read(service, job, read_offset=len(CONTENT) - 3, read_limit=99))
    assert_last(end[-1], CONTENT)


async def test_what_cannot_be_read_is_refused(service: Service) -> None:
    job = await finished(service)
    for fields, pair in (
        ({"read_offset": len(CONTENT) + 1}, ("OUT_OF_RANGE", "OFFSET_BEYOND_END")),
        ({"attempt": 2}, ("ABORTED", "OUTPUT_RESTARTED")),
        ({"read_offset": -1}, ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ({"read_limit": -1}, ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
    ):
        assert (await refusal(drain(read(service, job, **fields)))).pair == pair


async def test_an_output_that_is_not_there_says_why(service: Service) -> None:
    job = await create(service)
    assert (await refusal(drain(read(service, job)))).pair == ("FAILED_PRECONDITION", "OUTPUT_NOT_READY")
    await service.dispatch.start(job_id(job))
    assert (await refusal(drain(read(service, job)))).pair == ("FAILED_PRECONDITION", "OUTPUT_NOT_READY")
    await service.dispatch.fail(job_id(job), retryable=False)
    assert (await refusal(drain(read(service, job)))).pair == ("FAILED_PRECONDITION", "JOB_FAILED")
    other = await create(service)
    await service.jobs.CancelJob(pb.CancelJobRequest(name=other.name))
    assert (await refusal(drain(read(service, other)))).pair == ("FAILED_PRECONDITION", "JOB_CANCELLED")


async def test_a_lost_blob_is_data_loss(service: Service) -> None:
    job = await finished(service)
    (service.folder / "blobs" / "outputs" / job_id(job) / "1.mp4").unlink()
    assert (await refusal(drain(read(service, job)))).pair == ("DATA_LOSS", "BLOB_MISSING")


async def test_a_progressive_output_is_followed_from_the_queue_into_storage(service: Service) -> None:
    job = await create(service, output=PROGRESSIVE)
    stream = read(service, job)
    first = asyncio.ensure_future(stream.read())
    await service.dispatch.start(job_id(job))
    file = await service.dispatch.spool(job_id(job), CONTENT[:1000])
    messages = [await first]
    assert messages[0].data == CONTENT[:1000]
    await service.dispatch.spool(job_id(job), CONTENT[1000:5000])
    messages.append(await stream.read())
    await service.dispatch.spool(job_id(job), CONTENT[5000:])
    file.finish()
    late = read(service, job, read_offset=4000, attempt=1)
    await service.dispatch.succeed(job_id(job), CONTENT)
    messages += await drain(stream)
    assert joined(messages) == CONTENT
    assert_last(messages[-1], CONTENT)
    assert joined(await drain(late), 4000) == CONTENT[4000:]


async def test_a_reader_does_not_notice_that_its_attempt_is_taken_up_again(service: Service) -> None:
    job = await create(service, output=PROGRESSIVE)
    await service.dispatch.start(job_id(job))
    await service.dispatch.spool(job_id(job), CONTENT[:1000])
    stream = read(service, job)
    messages = [await stream.read()]
    await service.dispatch.break_off(job_id(job))
    file = await service.dispatch.spool(job_id(job), CONTENT[1000:])
    file.finish()
    await service.dispatch.succeed(job_id(job), CONTENT)
    messages += await drain(stream)
    assert joined(messages) == CONTENT
    assert_last(messages[-1], CONTENT)


async def test_a_lost_attempt_restarts_its_readers(service: Service) -> None:
    job = await create(service, output=PROGRESSIVE)
    await service.dispatch.start(job_id(job))
    await service.dispatch.spool(job_id(job), CONTENT[:1000])
    stream = read(service, job)
    assert (await stream.read()).attempt == 1
    await service.dispatch.fail(job_id(job), retryable=True)
    assert (await refusal(drain(stream))).pair == ("ABORTED", "OUTPUT_RESTARTED")
    await service.dispatch.start(job_id(job))
    await service.dispatch.spool(job_id(job), CONTENT[:10])
    assert (await refusal(drain(read(service, job, read_offset=1000, attempt=1)))).reason == "OUTPUT_RESTARTED"
    assert (await read(service, job).read()).attempt == 2


async def test_a_follower_hears_of_the_jobs_end(service: Service) -> None:
    job = await create(service, output=PROGRESSIVE)
    stream = read(service, job)
    waiting = asyncio.ensure_future(stream.read())
    await service.dispatch.start(job_id(job))
    await service.dispatch.fail(job_id(job), retryable=False)
    assert (await refusal(waiting)).pair == ("FAILED_PRECONDITION", "JOB_FAILED")


async def test_an_offset_behind_the_end_of_a_growing_output(service: Service) -> None:
    job = await create(service, output=PROGRESSIVE)
    await service.dispatch.start(job_id(job))
    file = await service.dispatch.spool(job_id(job), b"12345")
    stream = read(service, job, read_offset=6)
    waiting = asyncio.ensure_future(stream.read())
    file.finish()
    assert (await refusal(waiting)).pair == ("OUT_OF_RANGE", "OFFSET_BEYOND_END")
    (limited,) = await drain(read(service, job, read_offset=1, read_limit=3))
    assert (limited.data, limited.last) == (b"234", False)
