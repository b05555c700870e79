"""One scenario per row of docs/errors.md, under the id of the row."""

import asyncio
import hashlib
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from uuid import uuid4

import grpc.aio
from spotreel.errors import JobFailed, SpotreelClientError
from spotreel.media.v1.operation_pb2 import Caption, ImageToVideo, Operation, Transcode
from spotreel.media.v1.output_pb2 import FrameSize, OutputSpec, VideoEncoding
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.orchestrator.v1.asset_service_pb2 import UploadAssetRequest
from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceStub
from spotreel.orchestrator.v1.job_pb2 import JobLimits, JobSpec
from spotreel.status import error_of

from tests.e2e.errors_page.lab import SRT, Lab, Seen, ended, seen
from tests.simulators.file_server import Faults, FileServer, Served

Scenario = Callable[[Lab], Awaitable[Seen]]
SCENARIOS: dict[str, Scenario] = {}

_UNKNOWN_ASSET = MediaSource(asset="assets/" + "0" * 64)


def scenario(run: Scenario) -> Scenario:
    """Register a scenario under its name with hyphens."""
    SCENARIOS[run.__name__.replace("_", "-")] = run
    return run


# --- input files ----------------------------------------------------------------------------------------------


@scenario
async def input_text_as_mp4(lab: Lab) -> Seen:
    return await lab.caption(lab.text("notes.mp4", "These are only words.\n" * 50))


@scenario
async def input_truncated(lab: Lab) -> Seen:
    whole = lab.video().read_bytes()
    return await lab.caption(lab.text("half.mp4", whole[: len(whole) // 2]))


@scenario
async def input_no_video(lab: Lab) -> Seen:
    return await lab.caption(lab.make("sound.m4a", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"))


@scenario
async def input_no_sound(lab: Lab) -> Seen:
    async with lab.client() as client:
        return await seen(client.add_audio(lab.video(), lab.video("mute.mp4", sound="")))


@scenario
async def input_not_an_image(lab: Lab) -> Seen:
    async with lab.client() as client:
        return await seen(client.image_to_video(lab.text("picture.png", "no picture")))


@scenario
async def input_no_audio(lab: Lab) -> Seen:
    return await lab.caption(lab.video(sound=""))


@scenario
async def input_odd_size(lab: Lab) -> Seen:
    return await lab.caption(lab.video("odd.mp4", "-pix_fmt", "yuv444p", size="321x241"))


@scenario
async def input_rotated(lab: Lab) -> Seen:
    flat = lab.video()
    return await lab.caption(lab.make("turned.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy"))


@scenario
async def input_variable_rate(lab: Lab) -> Seen:
    odd_times = ["-vf", "setpts=N/10/TB+0.03*mod(N\\,3)/TB", "-fps_mode", "vfr", "-pix_fmt", "yuv420p"]
    return await lab.caption(lab.video("variable.mp4", *odd_times))


@scenario
async def input_ten_bit(lab: Lab) -> Seen:
    return await lab.caption(lab.video("deep.mp4", "-pix_fmt", "yuv420p10le"))


@scenario
async def input_surround(lab: Lab) -> Seen:
    return await lab.caption(lab.video(sound="anullsrc=channel_layout=5.1:d=1"))


@scenario
async def input_name_quotes(lab: Lab) -> Seen:
    return await lab.caption(lab.video("""it's: [a] "test",; ü 视频.mp4"""), lab.text("it's [b] \\ 字幕.srt"))


@scenario
async def subtitles_empty(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content="\n\n\n"))


@scenario
async def subtitles_broken(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content=random.Random(1).randbytes(2000)))


@scenario
async def subtitles_latin_1(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content=SRT.replace("Hello", "Où ça, Müller").encode("cp1252")))


@scenario
async def subtitles_utf_16(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content=SRT.encode("utf-16")))


@scenario
async def subtitles_crlf(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content=("\ufeff" + SRT.rstrip()).replace("\n", "\r\n")))


@scenario
async def subtitles_overlap(lab: Lab) -> Seen:
    second = SRT.replace("1\n", "2\n", 1).replace("00:00:00,100", "00:00:00,000")
    return await lab.caption(lab.video(), lab.text(content=f"{SRT}\n{second}"))


@scenario
async def subtitles_no_glyph(lab: Lab) -> Seen:
    return await lab.caption(lab.video(), lab.text(content=SRT.replace("Hello", "𓀀𓀁")))


# --- inputs at an address -------------------------------------------------------------------------------------


async def _fetched(lab: Lab, faults: Faults, *, acts: str, limits: JobLimits | None = None) -> Seen:
    content = await asyncio.to_thread(lab.video().read_bytes)
    async with FileServer(Served(content=content, faults=faults)) as server:
        if faults.redirect_to == "itself":
            faults.redirect_to = server.url("again.mp4")
        result = await lab.caption(server.url(), limits=limits)
        assert server.acted.get(acts), f"the fault {acts} has not acted"
        return result


@scenario
async def url_404(lab: Lab) -> Seen:
    return await _fetched(lab, Faults(status=404), acts="status")


@scenario
async def url_slow(lab: Lab) -> Seen:
    return await _fetched(lab, Faults(silent_after=100), acts="silent_after", limits=JobLimits(max_attempts=1))


@scenario
async def url_cut_off_once(lab: Lab) -> Seen:
    return await _fetched(lab, Faults(cut_after=1000, cut_times=1), acts="cut_after")


@scenario
async def url_circle(lab: Lab) -> Seen:
    return await _fetched(lab, Faults(redirect_to="itself"), acts="redirect_to")


@scenario
async def url_too_large(lab: Lab) -> Seen:
    content = await asyncio.to_thread(lab.video().read_bytes)
    async with FileServer(Served(content=content)) as server:
        return await lab.caption(server.url(), limits=JobLimits(max_input_bytes=1000))


@scenario
async def url_private(lab: Lab) -> Seen:
    return await lab.caption("http://10.0.0.1/video.mp4")


@scenario
async def url_metadata(lab: Lab) -> Seen:
    return await lab.caption("http://169.254.169.254/latest/meta-data/")


@scenario
async def url_redirect_private(lab: Lab) -> Seen:
    return await _fetched(lab, Faults(redirect_to="http://192.168.0.1/video.mp4"), acts="redirect_to")


# --- calls ----------------------------------------------------------------------------------------------------


def _operation() -> Operation:
    """Valid but for its assets, which do not exist."""
    return Operation(caption=Caption(video=_UNKNOWN_ASSET, subtitles=_UNKNOWN_ASSET))


async def _created(lab: Lab, spec: JobSpec) -> Seen:
    async with lab.client() as client:
        return await lab.seen(client.create_job(spec))


@scenario
async def call_no_operation(lab: Lab) -> Seen:
    return await _created(lab, JobSpec())


@scenario
async def call_unknown_enum(lab: Lab) -> Seen:
    output = OutputSpec.FromString(b"\x08\x63")  # container = 99
    return await _created(lab, JobSpec(operation=_operation(), output=output))


@scenario
async def call_negative_duration(lab: Lab) -> Seen:
    still = ImageToVideo(image=_UNKNOWN_ASSET)
    still.duration.seconds = -1
    return await _created(lab, JobSpec(operation=Operation(image_to_video=still)))


@scenario
async def call_zero_size(lab: Lab) -> Seen:
    output = OutputSpec(video=VideoEncoding(size=FrameSize()))
    return await _created(lab, JobSpec(operation=_operation(), output=output))


@scenario
async def call_quality(lab: Lab) -> Seen:
    return await _created(lab, JobSpec(operation=_operation(), output=OutputSpec(video=VideoEncoding(quality=99))))


@scenario
async def call_two_of_a_oneof(lab: Lab) -> Seen:
    async with lab.client() as client:
        video, text = await client.source(lab.video()), await client.source(lab.text())
        first = Operation(transcode=Transcode(video=_UNKNOWN_ASSET)).SerializeToString()
        second = Operation(caption=Caption(video=video, subtitles=text)).SerializeToString()
        return await lab.seen(client.run(Operation.FromString(first + second)))


@scenario
async def call_unknown_asset(lab: Lab) -> Seen:
    return await _created(lab, JobSpec(operation=_operation()))


@scenario
async def call_unknown_job(lab: Lab) -> Seen:
    async with lab.client() as client:
        return await lab.seen(client.get_job("jobs/nothing-here"))


@scenario
async def call_request_id_reused(lab: Lab) -> Seen:
    async with lab.client() as client:
        video, text = await client.source(lab.video()), await client.source(lab.text())
        spec = JobSpec(operation=Operation(caption=Caption(video=video, subtitles=text)))
        request_id = str(uuid4())
        job = await client.create_job(spec, request_id=request_id)
        assert (await client.create_job(spec, request_id=request_id)).name == job.name
        await client.cancel_job(job.name)
        spec.display_name = "another"
        return await lab.seen(client.create_job(spec, request_id=request_id))


@scenario
async def call_output_not_ready(lab: Lab) -> Seen:
    silent = Served(content=b"x" * 10_000, faults=Faults(silent_after=10))
    async with FileServer(silent) as server, lab.client() as client:
        source = MediaSource(uri=server.url())
        job = await client.create_job(JobSpec(operation=Operation(caption=Caption(video=source, subtitles=source))))
        result = await lab.seen(_first_bytes(lab, job.name))
        await client.cancel_job(job.name)
        await client.wait_job(job.name)
        return result


async def _first_bytes(lab: Lab, name: str, offset: int = 0) -> bytes:
    async with lab.client() as client, aclosing(client.read_output(name, offset=offset)) as chunks:
        async for chunk in chunks:
            return chunk
    return b""


@scenario
async def call_output_failed(lab: Lab) -> Seen:
    async with lab.client() as client:
        try:
            await client.caption(lab.text("no.mp4", "no video"), lab.text())
        except JobFailed as failed:
            return await lab.seen(_first_bytes(lab, failed.job.name))
    raise AssertionError("the job should have failed")


@scenario
async def call_offset_behind_end(lab: Lab) -> Seen:
    async with lab.client() as client:
        job = await client.add_audio(lab.video(), lab.video("sound.mp4"))
        return await lab.seen(_first_bytes(lab, job.name, job.output.size_bytes + 1))


@scenario
async def call_cancel_finished(lab: Lab) -> Seen:
    async with lab.client() as client:
        job = await client.add_audio(lab.video(), lab.video("sound.mp4"))
        return await lab.seen(client.cancel_job(job.name))


@scenario
async def call_empty_asset(lab: Lab) -> Seen:
    start = UploadAssetRequest.Start(upload_id=str(uuid4()), sha256=hashlib.sha256(b"").digest(), size_bytes=0)
    metadata = (("x-api-key", lab.api_key),)
    async with grpc.aio.insecure_channel(lab.address) as channel:
        upload = AssetServiceStub(channel).UploadAsset(iter([UploadAssetRequest(start=start)]), metadata=metadata)
        try:
            await upload
        except grpc.aio.AioRpcError as error:
            return await lab.seen(_failing(error_of(error, server=lab.address)))
    raise AssertionError("an empty upload should be refused")


async def _failing(error: SpotreelClientError) -> None:
    raise error


@scenario
async def call_wrong_key(lab: Lab) -> Seen:
    async with lab.client(api_key="not-the-key") as client:
        return await lab.seen(client.get_job("jobs/nothing-here"))


@scenario
async def call_no_key(lab: Lab) -> Seen:
    async with lab.client(api_key="") as client:
        return await lab.seen(client.get_job("jobs/nothing-here"))


@scenario
async def call_hung_up(lab: Lab) -> Seen:
    async with lab.client() as client:
        job = await client.add_audio(lab.video(), lab.video("sound.mp4"))
        assert await _first_bytes(lab, job.name)
        path = await client.download_output(job.name, lab.folder / "again.mp4")
        assert hashlib.sha256(path.read_bytes()).digest() == job.output.sha256
        return Seen("SUCCEEDED", f"{path.stat().st_size} bytes")


# --- no space left --------------------------------------------------------------------------------------------


@scenario
async def disk_full_upload(lab: Lab) -> Seen:
    async with _small_disk(lab, 200_000) as small, small.client() as client:
        return await small.seen(client.caption(lab.text("large.mp4", random.Random(2).randbytes(400_000)), lab.text()))


@scenario
async def disk_full_output(lab: Lab) -> Seen:
    noise = ["-f", "lavfi", "-i", "color=gray:size=1280x720:rate=10:duration=1", "-vf", "noise=alls=60:allf=t"]
    video = lab.make("noise.mp4", *noise, "-c:v", "libx264", "-crf", "45", "-pix_fmt", "yuv420p")
    # Room for the input and the ledger, and not for a film of noise without loss.
    async with _small_disk(lab, 1_500_000) as small, small.client() as client:
        captions = Caption(video=await client.source(video), subtitles=await client.source(lab.text()))
        output = OutputSpec(video=VideoEncoding(quality=0))
        limits = JobLimits(max_attempts=1)
        return await seen(client.run(JobSpec(operation=Operation(caption=captions), output=output, limits=limits)))


def _small_disk(lab: Lab, size: int) -> AbstractAsyncContextManager[Lab]:
    # A full disk is waited for; here nobody will make room.
    return lab.alone(largest_file=size, patience=1.0)


# --- starting a server ----------------------------------------------------------------------------------------


async def serve(lab: Lab, *arguments: str, **environment: str) -> Seen:
    """Start a server that does not start, on data of its own unless told otherwise."""
    settings = {"SPOTREEL_DATA_DIR": str(lab.folder / "data"), "SPOTREEL_API_KEY": "", **environment}
    return await ended(["-m", "orchestrator", "--listen", "127.0.0.1:0", *arguments], settings, cwd=lab.folder)


@scenario
async def serve_port_taken(lab: Lab) -> Seen:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return await serve(lab, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")


@scenario
async def serve_ledger_not_writable(lab: Lab) -> Seen:
    # A file where the folder should be: not even root can write below it.
    blocked = lab.text("a-file", "in the way")
    return await serve(lab, SPOTREEL_DATA_DIR=str(blocked / "data"))


@scenario
async def serve_ledger_in_use(lab: Lab) -> Seen:
    return await serve(lab, SPOTREEL_DATA_DIR=str(lab.data))


@scenario
async def serve_ledger_no_database(lab: Lab) -> Seen:
    data = lab.folder / "data"
    data.mkdir()
    (data / "ledger.sqlite").write_bytes(b"this is no database " * 100)
    return await serve(lab)


@scenario
async def serve_open_to_all(lab: Lab) -> Seen:
    return await serve(lab, "--listen", "0.0.0.0:0")


@scenario
async def serve_wrong_setting(lab: Lab) -> Seen:
    return await serve(lab, SPOTREEL_LOCAL_WORKERS="many")


# --- the command line -----------------------------------------------------------------------------------------


@scenario
async def cli_missing_file(lab: Lab) -> Seen:
    return await lab.command("caption", "nowhere.mp4", str(lab.text()), "-o", "out.mp4")


@scenario
async def cli_directory(lab: Lab) -> Seen:
    return await lab.command("caption", ".", str(lab.text()), "-o", "out.mp4")


@scenario
async def cli_empty_file(lab: Lab) -> Seen:
    return await lab.command("caption", str(lab.text("empty.mp4", b"")), str(lab.text()), "-o", "out.mp4")


@scenario
async def cli_output_exists(lab: Lab) -> Seen:
    return await lab.command("caption", str(lab.video()), str(lab.text()), "-o", str(lab.text("out.mp4", b"mine")))


@scenario
async def cli_output_suffix(lab: Lab) -> Seen:
    return await lab.command("caption", str(lab.video()), str(lab.text()), "-o", "out.avi")


@scenario
async def cli_no_server(lab: Lab) -> Seen:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    return await lab.command("jobs", "list", environment={"SPOTREEL_SERVER": address})


@scenario
async def cli_job_failed(lab: Lab) -> Seen:
    return await lab.command("caption", str(lab.text("no.mp4", "no video")), str(lab.text()), "-o", "out.mp4")
