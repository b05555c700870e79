"""The driver of the Python client, see clients/conformance; with `--sync` that of the synchronous one."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from spotreel import AsyncClient, Client, Progress
from spotreel.errors import InvalidRequest, JobFailed, SpotreelClientError
from spotreel.orchestrator.v1.job_pb2 import Job, JobSpec
from spotreel.orchestrator.v1.job_service_pb2 import ReadJobOutputRequest
from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceStub

Request = dict[str, Any]
Result = dict[str, Any]


def main() -> None:
    """Do what one line of standard input asks for, and tell of it on standard output."""
    request = json.loads(sys.stdin.readline())
    try:
        result = synchronously(request) if "--sync" in sys.argv[1:] else asyncio.run(asynchronously(request))
    except SpotreelClientError as error:
        tell("error", **described(error))
    except (asyncio.CancelledError, KeyboardInterrupt):
        tell("cancelled")
    else:
        tell("result", **result)


async def asynchronously(request: Request) -> Result:
    """Uses `AsyncClient`; a word to cancel cancels the task."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
    async with AsyncClient(**settings_of(request)) as client:
        result: Result = await ACTIONS[request["action"]](client, request)
        return result


def synchronously(request: Request) -> Result:
    """Uses `Client`; a word to cancel is ctrl-C."""
    on_cancel(lambda: os.kill(os.getpid(), signal.SIGINT))
    with Client(**settings_of(request)) as client:
        action = ACTIONS[request["action"]](Awaited(client), request)
        # Nothing in it ever waits: the calls of `Awaited` have returned already.
        try:
            action.send(None)
        except StopIteration as returned:
            result: Result = returned.value
            return result
        raise AssertionError("a synchronous action has suspended")


class Awaited:
    """A synchronous client in the clothes of the other, so that both are driven by the same actions."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **settings: Any) -> Any:
            if name in {"list_jobs", "watch_job", "read_output"}:
                return _each(method(*arguments, **settings))
            return _returned(method, *arguments, **settings)

        return call


async def _returned(method: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
    return method(*arguments, **settings)


async def _each(items: Iterator[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def settings_of(request: Request) -> dict[str, Any]:
    """What the client is opened with."""
    names = {"timeout_seconds": "timeout", "patience_seconds": "patience", "heartbeat_seconds": "heartbeat_seconds"}
    settings = {mine: request[its] for its, mine in names.items() if its in request}
    settings |= {"server": request["server"], "api_key": request.get("api_key")}
    return settings | ({"tls_ca": Path(request["tls_ca"])} if "tls_ca" in request else {})


def on_cancel(cancel: Callable[[], object]) -> None:
    """Listens on the rest of standard input."""

    def listen() -> None:
        for line in sys.stdin:
            if json.loads(line).get("cancel"):
                cancel()

    threading.Thread(target=listen, daemon=True).start()


async def get_job(client: AsyncClient, request: Request) -> Result:
    return {"job": in_json(await client.get_job(request["name"]))}


async def create_job(client: AsyncClient, request: Request) -> Result:
    spec = json_format.ParseDict(request["spec"], JobSpec())
    return {"job": in_json(await client.create_job(spec, request_id=request["request_id"]))}


async def watch_job(client: AsyncClient, request: Request) -> Result:
    job = Job()
    async for job in client.watch_job(request["name"]):
        state = Job.State.Name(job.state) if job.state in Job.State.values() else job.state
        tell("job", state=state, name=job.name)
    return {"job": in_json(job)}


async def list_jobs(client: AsyncClient, request: Request) -> Result:
    jobs = client.list_jobs(labels=request["labels"], page_size=request["page_size"])
    return {"names": [job.name async for job in jobs]}


async def upload_asset(client: AsyncClient, request: Request) -> Result:
    return {"asset": in_json(await client.upload_asset(request["path"], on_progress=show))}


async def download_output(client: AsyncClient, request: Request) -> Result:
    overwrite = request.get("overwrite", False)
    file = await client.download_output(request["name"], request["to"], overwrite=overwrite, on_progress=show)
    return {"file": str(file)}


async def read_output(client: AsyncClient, request: Request) -> Result:
    digest, size = hashlib.sha256(), 0
    async for piece in client.read_output(request["name"]):
        digest.update(piece)
        size += len(piece)
    return {"size_bytes": size, "sha256": digest.hexdigest()}


async def run(client: AsyncClient, request: Request) -> Result:
    spec = json_format.ParseDict(request["spec"], JobSpec())
    settings = {name: request[name] for name in ("to", "overwrite", "request_id") if name in request}
    job = await client.run(spec, on_progress=show, **settings)
    return {"job": in_json(job), "file": request.get("to")}


async def caption(client: AsyncClient, request: Request) -> Result:
    job = await client.caption(request["video"], request["subtitles"], to=request["to"], on_progress=show)
    return {"job": in_json(job), "file": request["to"]}


async def bench_download(client: AsyncClient, request: Request) -> Result:
    started = time.perf_counter()
    file = await client.download_output(request["name"], request["to"])
    return timed(started, file)


async def bench_bare(client: AsyncClient, request: Request) -> Result:
    # An address that the client has checked, a channel as gRPC makes it, and no more.
    metadata = (("authorization", f"Bearer {request['api_key']}"),)
    started = time.perf_counter()
    options = [("grpc.max_receive_message_length", 8 << 20)]
    async with grpc.aio.insecure_channel(client.server, options=options) as channel:
        with Path(request["to"]).open("wb") as file:  # noqa: ASYNC230 - as a bare client would
            call = JobServiceStub(channel).ReadJobOutput(ReadJobOutputRequest(name=request["name"]), metadata=metadata)
            async for message in call:
                file.write(message.data)
    return timed(started, Path(request["to"]))


def timed(started: float, file: Path) -> Result:
    """What the benchmark asks for: seconds since `started`, and bytes."""
    return {"seconds": time.perf_counter() - started, "bytes": file.stat().st_size}


ACTIONS: dict[str, Callable[[Any, Request], Any]] = {
    action.__name__: action
    for action in (
        get_job, create_job, watch_job, list_jobs, upload_asset, download_output, read_output, run, caption,
        bench_download, bench_bare,
    )
}  # fmt: skip


def show(progress: Progress) -> None:
    """Reports how far the work is."""
    tell(
        "progress",
        step=progress.step.replace(" ", "_"),
        fraction=progress.fraction,
        job=progress.job.name if progress.job is not None else "",
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_total,
    )


def described(error: SpotreelClientError) -> Result:
    """An error as the protocol has it."""
    return {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "retry_delay_seconds": error.retry_delay,
        "request_id": error.request_id,
        "violations": [
            {"field": violation.field, "description": violation.description}
            for violation in (error.violations if isinstance(error, InvalidRequest) else ())
        ],
        "ffmpeg_log_tail": error.ffmpeg_log_tail if isinstance(error, JobFailed) else "",
    }


def in_json(message: Any) -> Result:
    return json_format.MessageToDict(message)


def tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
