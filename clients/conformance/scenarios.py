"""The one list of what every client must do. Each scenario asserts that its fault has fired."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from spotreel.orchestrator.v1.job_pb2 import Job
from spotreel.progress import Step

from clients.conformance.driver import Driver, Event, Unacceptable
from clients.conformance.stage import LABELLED, SAMPLES, UPLOAD_BYTES, Stage, film_of, in_json
from clients.conformance.tampering import Break, Broken, DamagedChunk, NewerServer, Silence, TamperingProxy, WrongDigest

_STEPS = frozenset(step.replace(" ", "_") for step in Step)

Play = Callable[[Stage], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`title` says what the client must do; `play` raises Unacceptable (or AssertionError) where it does not."""

    name: str
    title: str
    play: Play


SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str) -> Callable[[Play], Play]:
    """Puts a function on the list under its own name."""

    def put(play: Play) -> Play:
        name = play.__name__
        SCENARIOS[name] = Scenario(name, title, play)
        return play

    return put


@scenario("captions a local file: uploads, follows, downloads")
async def success(stage: Stage) -> None:
    to = stage.folder / "captioned.mp4"
    outcome = await stage.ask("caption", video=stage.video, subtitles=SAMPLES / "bigbuckbunny.srt", to=to)
    job = outcome.result()["job"]
    expect(job["state"] == "STATE_SUCCEEDED", f"the job is {job['state']}")
    async with stage.onlooker() as client:
        kept = await client.get_job(job["name"])
    same_content(to, kept)
    expect("downloading" in outcome.steps, f"the steps were {outcome.steps}")
    expect(outcome.events[-1]["step"] == "done", f"the last step was {outcome.events[-1]['step']}")
    for event in outcome.events:
        expect(event["step"] in _STEPS, f"there is no step {event['step']}")
        expect(event["fraction"] is None or 0 <= event["fraction"] <= 1, f"the fraction was {event['fraction']}")


@scenario("reports each wrong field of a request, and writes nothing")
async def bad_argument(stage: Stage) -> None:
    spec = {"operation": {"imageToVideo": {"duration": "-3s"}}}
    error = (await stage.ask("run", spec=spec, to=stage.folder / "out.mp4")).error(
        "INVALID_ARGUMENT", "INVALID_ARGUMENT"
    )
    fields = {violation["field"] for violation in error["violations"]}
    expect(
        fields == {f"spec.operation.image_to_video.{name}" for name in ("image", "duration")},
        f"the fields were {fields}",
    )
    expect(error["request_id"] != "", "there is no request id")
    nothing_left(stage)


@scenario("reports what does not exist, with the server's reason and metadata")
async def unknown_job(stage: Stage) -> None:
    error = (await stage.ask("get_job", name="jobs/nowhere")).error("NOT_FOUND", "JOB_NOT_FOUND")
    expect("jobs/nowhere" in error["metadata"].values(), f"the metadata were {error['metadata']}")
    expect(error["retry_delay_seconds"] is None, "it advises to try again")


@scenario("reports a wrong key, and never shows it")
async def wrong_key(stage: Stage) -> None:
    key = f"wrong-{uuid4().hex}"
    outcome = await stage.ask("get_job", name=stage.done.name, api_key=key)
    outcome.error("UNAUTHENTICATED", "API_KEY_INVALID")
    expect(key not in outcome.words, "the key was shown")


@scenario("tells a job that failed from a call that failed")
async def job_failed(stage: Stage) -> None:
    text = stage.folder / "text.mp4"
    text.write_text("This is no film.")
    to = stage.folder / "out.mp4"
    outcome = await stage.ask("caption", video=text, subtitles=SAMPLES / "bigbuckbunny.srt", to=to)
    error = outcome.error("JOB_FAILED", "INPUT_INVALID")
    expect(error["message"] != "", "there is no message")
    expect(outcome.steps[-1] == "done", f"the steps were {outcome.steps}")
    expect(not to.exists(), "there is an output")


@scenario("refuses a target that exists before anything is sent")
async def file_exists(stage: Stage) -> None:
    to = stage.folder / "out.mp4"
    to.write_text("mine")
    async with stage.lossy() as proxy:
        spec = in_json(film_of(stage.still, seconds=1))
        outcome = await stage.ask("run", server=proxy.address, spec=spec, to=to)
        expect(proxy.connections == 0, "it has spoken to the server")
    outcome.error("LOCAL_FILE", "FILE_EXISTS")
    expect(to.read_text() == "mine", "the file was touched")


@scenario("lists over pages, by label")
async def pages(stage: Stage) -> None:
    names = (await stage.ask("list_jobs", page_size=2, labels={"kind": "listed"})).result()["names"]
    expect(len(names) == len(set(names)) == LABELLED, f"it has listed {names}")
    expect(names == sorted(names, reverse=True), "the newest is not first")


@scenario("reads an output as a stream, and asks again for a chunk that was damaged")
async def read_output(stage: Stage) -> None:
    damage = DamagedChunk()
    async with TamperingProxy(stage.service.address, damage) as proxy:
        read = (await stage.ask("read_output", server=proxy.address, name=stage.done.name)).result()
    fired(damage.fired, "damage")
    expect(read["size_bytes"] == stage.done.output.size_bytes, f"it has read {read['size_bytes']} bytes")
    expect(read["sha256"] == stage.done.output.sha256.hex(), "it has read something else")


@scenario("tells once of a job that has ended")
async def watch_final(stage: Stage) -> None:
    outcome = await stage.ask("watch_job", name=stage.done.name)
    states = [event["state"] for event in outcome.events]
    expect(states == ["STATE_SUCCEEDED"], f"the states were {states}")
    expect(outcome.result()["job"]["name"] == stage.done.name, "it is another job")


@scenario("trusts the certificates it is told to, and none else")
async def tls(stage: Stage) -> None:
    server = f"https://{stage.full.address}"
    trusting = await stage.ask(
        "get_job", server=server, api_key=stage.full.api_key, tls_ca=stage.certificate, name="jobs/nowhere"
    )
    trusting.error("NOT_FOUND", "JOB_NOT_FOUND")
    wary = await stage.ask("get_job", server=server, api_key=stage.full.api_key, name="jobs/nowhere")
    error = wary.error("UNAVAILABLE", "UNAVAILABLE")
    expect(stage.full.address in error["message"], f"the message was {error['message']}")
    misled = await stage.ask(
        "get_job", server=server, api_key=stage.full.api_key, tls_ca=stage.stranger, name="jobs/nowhere"
    )
    misled.error("UNAVAILABLE", "UNAVAILABLE")


@scenario("passes on when to try again")
async def queue_full(stage: Stage) -> None:
    outcome = await stage.ask(
        "create_job",
        server=f"https://{stage.full.address}",
        api_key=stage.full.api_key,
        tls_ca=stage.certificate,
        spec={"operation": {"transcode": {"video": {"uri": "https://example.com/another.mp4"}}}},
        request_id=str(uuid4()),
    )
    error = outcome.error("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    expect((error["retry_delay_seconds"] or 0) > 0, "it does not say when")


@scenario("says who does not answer")
async def unreachable(stage: Stage) -> None:
    async with stage.lossy() as proxy:
        nobody = proxy.address
    error = (await stage.ask("get_job", server=nobody, name=stage.done.name)).error("UNAVAILABLE", "UNAVAILABLE")
    expect(error["message"].startswith(f"{nobody} does not answer"), f"the message was {error['message']}")


@scenario("gives a call up at its deadline")
async def deadline(stage: Stage) -> None:
    async with stage.lossy() as proxy:
        proxy.stall_times = 10
        started = time.monotonic()
        outcome = await stage.ask("get_job", server=proxy.address, timeout_seconds=1, name=stage.done.name)
        expect(time.monotonic() - started < 5, "it has waited for much longer than a second")
        fired(proxy.stalls, "silence")
    error = outcome.error("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    expect(error["message"].startswith(f"{proxy.address} does not answer"), f"the message was {error['message']}")


@scenario("creates one job although the first answer is lost")
async def answer_lost(stage: Stage) -> None:
    label = uuid4().hex
    spec = in_json(film_of(stage.still, seconds=1, labels={"run": label}))
    loss = Break("CreateJob")
    async with TamperingProxy(stage.service.address, loss) as proxy:
        outcome = await stage.ask("run", server=proxy.address, spec=spec)
    fired(loss.fired, "loss of an answer")
    name = outcome.result()["job"]["name"]
    async with stage.onlooker() as client:
        jobs = [job.name async for job in client.list_jobs(labels={"run": label})]
    expect(jobs == [name], f"the jobs are {jobs}")


@scenario("goes on when the server is killed and started again in the middle of a watch")
async def server_restarted(stage: Stage) -> None:
    label = uuid4().hex
    to = stage.folder / "film.mp4"
    spec = in_json(film_of(stage.still, seconds=40, labels={"run": label}))
    before = stage.service.pid
    killed = asyncio.Event()

    def watch(event: Event) -> None:
        if event["step"] == "encoding" and not killed.is_set():
            killed.set()
            stage.service.kill()
            stage.service.start()

    outcome = await stage.ask("run", spec=spec, to=to, on_event=watch)
    fired(stage.service.pid != before, "restart")
    job = outcome.result()["job"]
    async with stage.onlooker() as client:
        jobs = [job async for job in client.list_jobs(labels={"run": label})]
    expect([one.name for one in jobs] == [job["name"]], f"the jobs are {[one.name for one in jobs]}")
    same_content(to, jobs[0])


@scenario("takes a watch up behind the last change it has seen")
async def watch_cut(stage: Stage) -> None:
    cut, label = Break("WatchJob", before=2), uuid4().hex
    spec = in_json(film_of(stage.still, seconds=40, labels={"run": label}))
    async with TamperingProxy(stage.service.address, cut) as proxy:
        outcome = await stage.ask("run", server=proxy.address, spec=spec)
    fired(cut.fired, "cut")
    outcome.result()
    expect(cut.sequences[:2] == [0, cut.last], f"it has asked for what comes behind {cut.sequences}, not {cut.last}")


@scenario("calls again when a watch has fallen silent")
async def watch_silent(stage: Stage) -> None:
    silence = Silence("WatchJob", before=0)
    async with TamperingProxy(stage.service.address, silence) as proxy:
        outcome = await stage.ask("watch_job", server=proxy.address, heartbeat_seconds=0.3, name=stage.done.name)
    fired(silence.fired, "silence")
    expect(outcome.result()["job"]["name"] == stage.done.name, "it is another job")


@scenario("calls again when a download has fallen silent")
async def download_silent(stage: Stage) -> None:
    to, silence = stage.folder / "film.mp4", Silence("ReadJobOutput", before=3)
    async with TamperingProxy(stage.service.address, silence) as proxy:
        outcome = await stage.ask(
            "download_output", server=proxy.address, heartbeat_seconds=0.3, name=stage.done.name, to=to
        )
    fired(silence.fired, "silence")
    outcome.result()
    same_content(to, stage.done)


@scenario("goes on with a download where the connection was cut")
async def download_cut(stage: Stage) -> None:
    to = stage.folder / "film.mp4"
    async with stage.lossy() as proxy:
        proxy.cut_times, proxy.after_bytes = 1, stage.done.output.size_bytes * 7 // 8
        outcome = await stage.ask("download_output", server=proxy.address, name=stage.done.name, to=to)
        fired(proxy.cuts, "cut")
        resumed(proxy.bytes_down, stage.done.output.size_bytes)
    outcome.result()
    same_content(to, stage.done)


@scenario("takes up what a killed download has left")
async def download_killed(stage: Stage) -> None:
    to, size = stage.folder / "film.mp4", stage.done.output.size_bytes
    async with stage.lossy() as proxy:
        proxy.stall_times, proxy.after_bytes = 1, size // 2
        async with stage.driver("download_output", server=proxy.address, name=stage.done.name, to=to) as driver:
            await moving(driver, beyond=size // 4)
            await driver.kill()
        expect(not to.exists(), "half a film has the name of a whole one")
    async with stage.lossy() as proxy:
        outcome = await stage.ask("download_output", server=proxy.address, name=stage.done.name, to=to)
        # What was on its way to the disk when the process was killed may be missing.
        expect(proxy.bytes_down < size * 7 // 8, f"{proxy.bytes_down} bytes of {size} came again")
    outcome.result()
    same_content(to, stage.done)
    nothing_left(stage, but="film.mp4")


@scenario("asks again for a chunk that was damaged")
async def chunk_damaged(stage: Stage) -> None:
    to, damage = stage.folder / "film.mp4", DamagedChunk()
    async with TamperingProxy(stage.service.address, damage) as proxy:
        outcome = await stage.ask("download_output", server=proxy.address, name=stage.done.name, to=to)
    fired(damage.fired, "damage")
    outcome.result()
    same_content(to, stage.done)
    expect(damage.asked == [0, damage.at], f"it has asked from {damage.asked} on, not from {damage.at}")


@scenario("gives a whole that is not what the server states no name")
async def output_corrupted(stage: Stage) -> None:
    wrong = WrongDigest()
    async with TamperingProxy(stage.service.address, wrong) as proxy:
        to = stage.folder / "film.mp4"
        outcome = await stage.ask("download_output", server=proxy.address, name=stage.done.name, to=to)
    fired(wrong.fired, "wrong digest")
    outcome.error("DATA_LOSS", "OUTPUT_CORRUPTED")
    nothing_left(stage)


@scenario("starts over when the output is made anew")
async def output_restarted(stage: Stage) -> None:
    anew = Break("ReadJobOutput", before=3, error=Broken(grpc.StatusCode.ABORTED, "OUTPUT_RESTARTED"))
    to = stage.folder / "film.mp4"
    async with TamperingProxy(stage.service.address, anew) as proxy:
        outcome = await stage.ask("download_output", server=proxy.address, name=stage.done.name, to=to)
    fired(anew.fired, "new start")
    outcome.result()
    same_content(to, stage.done)


@scenario("waits as long as a server asks that has answered before, for more than 5 s too")
async def patience(stage: Stage) -> None:
    busy = Break(
        "ReadJobOutput", error=Broken(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS", retry_seconds=6)
    )
    to, started = stage.folder / "film.mp4", time.monotonic()
    async with TamperingProxy(stage.service.address, busy) as proxy:
        spec = in_json(film_of(stage.still, seconds=1))
        outcome = await stage.ask("run", server=proxy.address, spec=spec, to=to)
    fired(busy.fired, "refusal")
    outcome.result()
    expect(time.monotonic() - started > 6, "it has not waited")


@scenario("writes what a link points to")
async def link(stage: Stage) -> None:
    (stage.folder / "elsewhere").mkdir()
    target, to = stage.folder / "elsewhere" / "film.mp4", stage.folder / "film.mp4"
    target.write_text("old")
    to.symlink_to(target)
    (await stage.ask("download_output", name=stage.done.name, to=to, overwrite=True)).result()
    expect(to.is_symlink(), "the link was replaced")
    same_content(target, stage.done)


@scenario("lets one download write one file")
async def two_at_once(stage: Stage) -> None:
    to, size = stage.folder / "film.mp4", stage.done.output.size_bytes
    async with stage.lossy() as proxy:
        proxy.stall_times, proxy.after_bytes = 1, size // 2
        async with stage.driver("download_output", server=proxy.address, name=stage.done.name, to=to) as driver:
            await moving(driver)
            second = await stage.ask("download_output", name=stage.done.name, to=to, overwrite=True)
            second.error("LOCAL_FILE", "FILE_IN_USE")
            await driver.kill()
        expect(not to.exists(), "there is a file, which nobody can have written whole")
    (await stage.ask("download_output", name=stage.done.name, to=to)).result()
    same_content(to, stage.done)


@scenario("goes on with an upload where the connection was cut")
async def upload_cut(stage: Stage) -> None:
    noise = stage.noise()
    async with stage.lossy() as proxy:
        proxy.upload_cut_times, proxy.upload_after_bytes = 1, UPLOAD_BYTES * 7 // 8
        outcome = await stage.ask("upload_asset", server=proxy.address, path=noise)
        fired(proxy.upload_cuts, "cut")
        resumed(proxy.bytes_up, UPLOAD_BYTES)
    expect(outcome.result()["asset"]["name"] == f"assets/{digest_of(noise)}", "it is another asset")


@scenario("sends nothing that the server has already")
async def upload_known(stage: Stage) -> None:
    noise = stage.noise()
    async with stage.onlooker() as client:
        await client.upload_asset(noise)
    async with stage.lossy() as proxy:
        outcome = await stage.ask("upload_asset", server=proxy.address, path=noise)
        expect(proxy.bytes_up < 64 * 1024, f"it has sent {proxy.bytes_up} bytes")
    expect(outcome.result()["asset"]["name"] == f"assets/{digest_of(noise)}", "it is another asset")


@scenario("cancels the job when the work is called off, and leaves no file")
async def cancel(stage: Stage) -> None:
    label = uuid4().hex
    spec = in_json(film_of(stage.still, seconds=3600, labels={"run": label}))
    async with stage.driver("run", spec=spec, to=stage.folder / "film.mp4") as driver:
        cancelling: list[asyncio.Task[None]] = []

        def watch(event: Event) -> None:
            if event["step"] == "encoding" and not cancelling:
                cancelling.append(asyncio.create_task(driver.cancel(), name="cancel"))

        outcome = await driver.outcome(watch)
    outcome.cancelled()
    fired(len(cancelling), "cancellation")
    async with stage.onlooker() as client:
        states = [job.state async for job in client.list_jobs(labels={"run": label})]
    expect(states == [Job.STATE_CANCELLED], f"the states are {states}")
    nothing_left(stage)


@scenario("cancels the job although the server is away when the work is called off")
async def cancel_while_away(stage: Stage) -> None:
    label = uuid4().hex
    spec = in_json(film_of(stage.still, seconds=3600, labels={"run": label}))
    before = stage.service.pid
    async with stage.driver("run", spec=spec, to=stage.folder / "film.mp4") as driver:
        async for event in driver.events():
            if event.get("step") == "encoding":
                break
        stage.service.kill()
        await driver.cancel()
        stage.service.start()
        outcome = await driver.outcome()
    fired(stage.service.pid != before, "restart")
    outcome.cancelled()
    async with stage.onlooker() as client:
        states = [job.state async for job in client.list_jobs(labels={"run": label})]
    expect(states == [Job.STATE_CANCELLED], f"the states are {states}")
    nothing_left(stage)


@scenario("calls off a download that does not move, and leaves no file")
async def cancel_download(stage: Stage) -> None:
    silence = Silence("ReadJobOutput", before=3)
    async with TamperingProxy(stage.service.address, silence) as proxy:
        to = stage.folder / "film.mp4"
        async with stage.driver("download_output", server=proxy.address, name=stage.done.name, to=to) as driver:
            async with asyncio.timeout(60):
                await silence.begun.wait()
            await driver.cancel()
            outcome = await driver.outcome()
    fired(silence.fired, "silence")
    outcome.cancelled()
    nothing_left(stage)


@scenario("calls off an upload")
async def cancel_upload(stage: Stage) -> None:
    noise = stage.noise()
    async with stage.lossy() as proxy:
        # A slow way, so that the upload is not over before it is called off.
        proxy.delay_seconds = 0.03
        async with stage.driver("upload_asset", server=proxy.address, path=noise) as driver:
            await moving(driver)
            await driver.cancel()
            outcome = await driver.outcome()
        expect(proxy.bytes_up < UPLOAD_BYTES, "it was all sent")
    outcome.cancelled()


@scenario("gets along with fields and enum values of a newer server")
async def newer_server(stage: Stage) -> None:
    newer, to = NewerServer(), stage.folder / "film.mp4"
    spec = in_json(film_of(stage.still, seconds=20))
    async with TamperingProxy(stage.service.address, newer) as proxy:
        outcome = await stage.ask("run", server=proxy.address, spec=spec, to=to)
    fired(newer.enum_values, "value of an enum")
    fired(newer.fields, "field")
    expect(outcome.result()["job"]["state"] == "STATE_SUCCEEDED", "the job has not succeeded")
    expect("waiting" in outcome.steps, f"an unknown stage is not shown as waiting: {outcome.steps}")
    expect(set(outcome.steps) <= _STEPS, f"the steps were {outcome.steps}")
    async with stage.onlooker() as client:
        same_content(to, await client.get_job(outcome.result()["job"]["name"]))


async def moving(driver: Driver, beyond: int = 0) -> None:
    """Returns when more bytes than that have moved."""
    async for event in driver.events():
        if event.get("bytes_done", 0) > beyond:
            return
    raise Unacceptable("the driver ended before that")


def expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - as in an assertion
    """Raises Unacceptable with what was seen instead."""
    if not condition:
        raise Unacceptable(otherwise)


def fired(times: int, fault: str) -> None:
    """A scenario whose fault did not happen has shown nothing."""
    assert times, f"the fault has not fired: {fault}"


def resumed(passed: int, size: int) -> None:
    """A cut at 7/8 loses what was on its way, up to some MiB; a quarter at least was safe and is not moved again."""
    expect(size <= passed < size * 13 // 8, f"{passed} bytes were moved for {size}: it has not gone on where it stood")


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_content(path: Path, job: Job) -> None:
    """The file is the output of the job, and nothing of its making is left."""
    expect(path.exists(), f"there is no {path.name}")
    expect(digest_of(path) == job.output.sha256.hex(), f"{path.name} is not what the server has")
    expect(not path.with_name(path.name + ".part").exists(), "the partial file is still there")


def nothing_left(stage: Stage, but: str = "") -> None:
    """The folder has nothing that the client has made."""
    names = {path.name for path in stage.folder.iterdir()} - {but}
    expect(not names, f"{', '.join(names)} was left")
