"""A media engine on the real FFmpeg, inputs made by it, and a runner that drives plan, run and verify."""

import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.media.operations import AssetSource, Operation
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from servicekit.probe import MediaProber
from servicekit.process import query
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits
from worker.fonts.book import FontBook
from worker.hardware.probe import probe_capabilities
from worker.media.engine import MediaEngine
from worker.media.part import WHOLE, Part
from worker.media.plan import Plan
from worker.media.thumbnails import PicturesPlan

ANY = AssetSource(asset="assets/any")
LIMITS = RunLimits(run_timeout=timedelta(seconds=50), stall_timeout=timedelta(seconds=30))


class FileSink:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


@dataclass
class Made:
    """What came out of one job."""

    path: Path
    plan: Plan
    info: MediaInfo
    progress: list[Progress] = field(default_factory=list)


@dataclass
class Studio:
    """Makes inputs and outputs in one folder."""

    ffmpeg: Path
    engine: MediaEngine
    prober: MediaProber
    folder: Path

    def input(self, name: str, *arguments: str) -> Path:
        path = self.folder / name
        query([self.ffmpeg, "-nostdin", "-loglevel", "error", "-y", *arguments, path], timeout=40)
        assert path.stat().st_size
        return path

    def output(self, *arguments: str) -> bytes:
        """What FFmpeg writes to its standard output."""
        command = [str(self.ffmpeg), "-nostdin", "-loglevel", "error", *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=40).stdout

    def video(self, name: str = "in.mp4", *, size: str = "320x240", seconds: float = 1, sound: str = "") -> Path:
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"]
        if sound:
            source += ["-f", "lavfi", "-i", f"{sound}:d={seconds}", "-c:a", "aac"]
        return self.input(name, *source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

    def text(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    async def make(
        self, operation: Operation, output: OutputSpec, paths: Mapping[str, Path], part: Part = WHOLE
    ) -> Made:
        plan = await self.engine.plan(operation, output, paths, part)
        assert isinstance(plan, Plan)
        number = len(list(self.folder.glob("out*")))
        path, info, progress = await self.carry_out(plan, f"out{number or ''}{output.container.suffix}")
        return Made(path, plan, info, progress)

    async def carry_out(self, plan: Plan | PicturesPlan, name: str) -> tuple[Path, MediaInfo, list[Progress]]:
        workdir = self.folder / "work"
        workdir.mkdir(exist_ok=True)
        path = self.folder / name
        sink = FileSink(path)
        progress: list[Progress] = []
        try:
            result = await self.engine.run(plan, workdir=workdir, sink=sink, on_progress=progress.append, limits=LIMITS)
        finally:
            sink.close()
        assert result.output_bytes == path.stat().st_size
        return path, await self.engine.verify(plan, path, result), progress

    def still(self, name: str, *, size: str) -> Path:
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}", "-frames:v", "1"]
        return self.input(name, *source, "-c:v", "png", "-f", "image2pipe")

    def times(self, path: Path, *, absolute: bool = False) -> list[float]:
        """When each frame is shown, in seconds; from the start of the file unless `absolute`."""
        decode = [
            *(["-copyts"] if absolute else []),
            "-i",
            str(path),
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1:90000",
            "-f",
            "framemd5",
        ]
        listed = query([self.ffmpeg, "-nostdin", "-loglevel", "error", *decode, "-"])
        return [int(line.split(",")[2]) / 90_000 for line in listed.splitlines() if not line.startswith("#")]

    def frame(self, path: Path, at: float) -> bytes:
        """One decoded frame as grey pixels of its own size."""
        raw = self.folder / "frame.gray"
        picture = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray"]
        query([self.ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-ss", str(at), "-i", path, *picture, raw])
        return raw.read_bytes()


@pytest.fixture(scope="session")
def fonts() -> FontBook:
    return FontBook.load()


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept over the session, so that the encoders are tried once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
async def studio(tmp_path: Path, data_folder: Path, fonts: FontBook) -> AsyncIterator[Studio]:
    ffmpeg = locate_ffmpeg()
    clock = SystemClock()
    capabilities = await probe_capabilities(ffmpeg, data_folder=data_folder, fonts=fonts, clock=clock, build="test")
    # What the user's files are called must not matter anywhere.
    folder = tmp_path / "it's [a] b:c, ü %d \\x"
    folder.mkdir()
    async with MediaProber() as prober:
        engine = MediaEngine(ffmpeg=ffmpeg, capabilities=capabilities, fonts=fonts, prober=prober, clock=clock)
        yield Studio(ffmpeg, engine, prober, folder)


@pytest.fixture
def remuxed(studio: Studio) -> Callable[[Path], Path]:
    """The delivered form: the same streams, index in front."""
    return lambda path: studio.input("remuxed.mp4", "-i", str(path), "-c", "copy", "-movflags", "+faststart")
