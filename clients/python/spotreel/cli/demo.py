"""`demo`: the three operations on a real sample, from the first byte to the last."""

import importlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spotreel.cli.files import WrongUsage
from spotreel.cli.options import ServerOptions, output_options, server_options
from spotreel.cli.report import report_for
from spotreel.cli.sound import write_chord
from spotreel.cli.work import Session, carry_out

if TYPE_CHECKING:
    from spotreel.client import AsyncClient, RunSettings
    from spotreel.orchestrator.v1.job_pb2 import Job

_SECONDS = 5.3
# In the middle of the second caption of the sample.
_FRAME_AT_SECONDS = 2.7


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """One job of the demo and the file it makes."""

    title: str
    file_name: str
    ask: Callable[["AsyncClient", "RunSettings"], Awaitable["Job"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """What became of a scene; `seconds` counts everything, from the upload to the verified file."""

    title: str
    path: Path
    job: "Job"
    seconds: float

    @property
    def media_seconds(self) -> float:
        return self.job.output.media_info.duration.ToNanoseconds() / 1e9

    @property
    def speed(self) -> float:
        return self.media_seconds / self.seconds


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/demo"),
    show_default=True,
    metavar="DIR",
)
@server_options
@output_options
def demo(out: Path, **values: Any) -> None:
    """Caption a video, make a film of a still and put sound to a video, with the sample that comes along."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(f"{out} cannot be made: {error.strerror}.", reason="OUTPUT_UNWRITABLE") from error
    server = ServerOptions(**{name: values.pop(name) for name in ("server", "api_key_file", "tls", "tls_ca")})

    async def work(client: "AsyncClient", session: Session) -> None:
        with tempfile.TemporaryDirectory(prefix="spotreel-demo-") as folder:
            sound = Path(folder, "chord.wav")
            write_chord(sound, seconds=_SECONDS)
            takes = [await _take(client, session, out, scene) for scene in _scenes(sound)]
        frame = out / "captioned-frame.png"
        _write_frame(takes[0].path, frame)
        session.report.done(
            f"{len(takes)} jobs done; the files are in {out}.", jobs=[_values(take) for take in takes], frame=str(frame)
        )
        if not values["as_json"]:
            _show(takes, frame)

    carry_out(server, report_for(as_json=values["as_json"], verbose=values["verbose"]), work)


def _scenes(sound: Path) -> list[_Scene]:
    samples = Path(str(resources.files("spotreel").joinpath("samples")))
    video, subtitles, still = (samples / f"bigbuckbunny.{ending}" for ending in ("mp4", "srt", "jpg"))
    return [
        _Scene(
            title="captions burnt in",
            file_name="captioned.mp4",
            ask=lambda client, settings: client.caption(video, subtitles, **settings),
        ),
        _Scene(
            title="film of a still",
            file_name="zoom.mp4",
            ask=lambda client, settings: client.image_to_video(still, duration=5, **settings),
        ),
        _Scene(
            title="new sound, picture copied",
            file_name="with-audio.mp4",
            ask=lambda client, settings: client.add_audio(video, sound, **settings),
        ),
    ]


async def _take(client: "AsyncClient", session: Session, out: Path, scene: _Scene) -> _Take:
    session.report.note(f"{scene.file_name}: {scene.title}")
    started = time.monotonic()
    path = out / scene.file_name
    job = await scene.ask(
        client, {"to": path, "overwrite": True, "keep_partial": False, "on_progress": session.progress}
    )
    return _Take(title=scene.title, path=path, job=job, seconds=time.monotonic() - started)


def _write_frame(video: Path, target: Path) -> None:
    """Decodes in this process with PyAV, so that the demo also shows that the file plays outside of FFmpeg."""
    try:
        # By name: it is there only with the extras, and a demo on a distant server does without the picture.
        av = importlib.import_module("av")
    except ImportError:
        return
    with av.open(str(video)) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= _FRAME_AT_SECONDS)
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
        frame.width,
        frame.height,
        "rgb24",
        frame.time_base,
    )
    packets = [*encoder.encode(frame.reformat(format="rgb24")), *encoder.encode(None)]
    target.write_bytes(b"".join(bytes(packet) for packet in packets))


def _values(take: _Take) -> dict[str, Any]:
    return {
        "job": take.job.name,
        "title": take.title,
        "output": str(take.path),
        "seconds": round(take.seconds, 3),
        "encoder": take.job.progress.encoder,
        "size_bytes": take.job.output.size_bytes,
        "sha256": take.job.output.sha256.hex(),
        "speed": round(take.speed, 2),
    }


def _show(takes: list[_Take], frame: Path) -> None:
    from rich.console import Console  # noqa: PLC0415 - drawn only for people
    from rich.table import Table  # noqa: PLC0415

    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

    table = Table("job", "file", "time", "encoder", "size", "speed")
    for take in takes:
        table.add_row(
            take.title,
            take.path.name,
            wording.seconds(take.seconds),
            take.job.progress.encoder,
            wording.size(take.job.output.size_bytes),
            f"{take.speed:.1f}×",
        )
    console = Console(highlight=False)
    console.print(table)
    if frame.exists():
        console.print(f"A captioned frame: {frame.name}", soft_wrap=True)
