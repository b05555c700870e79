"""Damaged files through plan, run and verify: `python -m tests.robustness.worker.fuzz [--count N] [--seed S]`.

Each file is a real one, made by FFmpeg, with one or several kinds of damage. Whatever it is, it ends in a success or in
a TaskFailed, within its time, and leaves no process and no file behind. Another end is printed with the number that
brings it back.
"""

import argparse
import asyncio
import os
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.media.operations import AddAudio, AssetSource, Caption, ImageToVideo, Operation
from servicekit.media.outputs import OutputSpec, VideoCodec, VideoEncoding
from servicekit.probe import MediaProber
from servicekit.process import query
from worker.errors import TaskFailed
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits
from worker.fonts.book import FontBook
from worker.hardware.probe import probe_capabilities
from worker.media.engine import MediaEngine

ANY = AssetSource(asset="assets/any")
LIMITS = RunLimits(run_timeout=timedelta(seconds=20), stall_timeout=timedelta(seconds=10))
# Beyond the limit of the run: what looking at the file and verifying may take.
DEADLINE_SECONDS = 90.0

_PICTURE = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=0.6"]
_SOUND = ["-f", "lavfi", "-i", "sine=d=0.6"]
_X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
_FILMS = {
    "a.mp4": [*_X264, "-c:a", "aac"],
    "b.mkv": [*_X264, "-c:a", "aac"],
    "c.webm": ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"],
    "d.mov": ["-c:v", "mjpeg", "-c:a", "pcm_s16le"],
    "e.avi": ["-c:v", "mpeg4", "-c:a", "mp2"],
    "f.ts": [*_X264, "-c:a", "aac"],
}
_TEXTS = {
    "s.srt": "1\n00:00:00,000 --> 00:00:00,500\nHello\n\n2\n00:00:00,500 --> 00:00:00,600\n<i>World</i>\n",
    "t.vtt": "WEBVTT\n\n00:00.000 --> 00:00.500\nHello <00:00.200>world\n",
    "u.ass": "[Script Info]\n[Events]\nFormat: L, Start, End, Style, Name, L, R, V, E, Text\n"
    "Dialogue: 0,0:00:00.00,0:00:00.50,D,,0,0,0,,{\\k9}Hi\n",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """The engine, the whole files by name, and a folder that is empty between cases."""

    engine: MediaEngine
    files: Mapping[str, bytes]
    folder: Path


@asynccontextmanager
async def ground(root: Path) -> AsyncIterator[Ground]:
    """Makes the files and the engine in a folder of the caller's."""
    ffmpeg, fonts, clock = locate_ffmpeg(), FontBook.load(), SystemClock()
    data, folder = root / "data", root / "cases"
    data.mkdir()
    folder.mkdir()
    found = await probe_capabilities(ffmpeg, data_folder=data, fonts=fonts, clock=clock, build="fuzz")
    async with MediaProber() as prober:
        engine = MediaEngine(ffmpeg=ffmpeg, capabilities=found, fonts=fonts, prober=prober, clock=clock)
        yield Ground(engine, await asyncio.to_thread(_whole_files, ffmpeg, data), folder)


async def one_case(ground: Ground, number: int) -> str:
    """Returns how the case of that number ends: a kind of file and the reason, or `done`. Raises AssertionError."""
    with tempfile.TemporaryDirectory(dir=ground.folder) as folder:
        return await _one_case(replace(ground, folder=Path(folder)), number)


async def _one_case(ground: Ground, number: int) -> str:
    chance = random.Random(number)
    name = chance.choice(sorted(ground.files))
    content = damaged(ground.files, name, chance)
    operation, output, inputs = _job(ground, name, content)
    before, descriptors = set(_children()), _descriptors()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            end = await _made(ground, operation, output, inputs)
    except TaskFailed as failure:
        end = failure.reason.value
    left = [path for path in ground.folder.iterdir() if path.name not in {"out", *inputs}]
    assert not left, f"files left: {left}"
    # The reader of media may have been replaced by another.
    assert len(set(_children()) | before) <= len(before) + 1, "processes left"
    assert _descriptors() <= descriptors + 2, "descriptors left"
    return f"{Path(name).suffix} {end}"


async def _made(ground: Ground, operation: Operation, output: OutputSpec, inputs: Mapping[str, Path]) -> str:
    plan = await ground.engine.plan(operation, output, inputs)
    path = ground.folder / "out"
    with tempfile.TemporaryDirectory(dir=ground.folder) as work, path.open("wb", buffering=0) as file:
        result = await ground.engine.run(
            plan, workdir=Path(work), sink=_Sink(file.write), on_progress=_ignore, limits=LIMITS
        )
    await ground.engine.verify(plan, path, result)
    return "done"


def damaged(files: Mapping[str, bytes], name: str, chance: random.Random) -> bytes:
    """Returns a file with one to three kinds of damage."""
    content = bytearray(files[name])
    for _ in range(chance.choice((1, 1, 2, 3))):
        if content:
            chance.choice(_DAMAGES)(content, chance)
    if chance.random() < 0.05:
        content += files[chance.choice(sorted(files))]
    return bytes(content)


def _truncate(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 10, 200))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _blank(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content))
    size = min(chance.choice((8, 200, 5000)), len(content) - start)
    content[start : start + size] = bytes([chance.choice((0, 255))]) * size


def _swap(content: bytearray, chance: random.Random) -> None:
    size = max(len(content) // 8, 1)
    first, second = sorted(chance.randrange(len(content)) for _ in range(2))
    content[first : first + size], content[second : second + size] = (
        content[second : second + size],
        content[first : first + size],
    )


def _lengthen(content: bytearray, chance: random.Random) -> None:
    """A number of four bytes near the start, where headers are, becomes an extreme one."""
    at = chance.randrange(min(len(content), 2000))
    extreme = chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000, 0x0000FFFF))
    content[at : at + 4] = struct.pack(chance.choice((">I", "<I")), extreme)


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_truncate, _flip, _blank, _swap, _lengthen)


def _job(ground: Ground, name: str, content: bytes) -> tuple[Operation, OutputSpec, Mapping[str, Path]]:
    def put(role: str, data: bytes) -> Path:
        path = ground.folder / role
        path.write_bytes(data)
        return path

    copied = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
    if name in _TEXTS:
        inputs = {"video": put("video", ground.files["a.mp4"]), "subtitles": put("subtitles", content)}
        return Caption(video=ANY, subtitles=ANY), OutputSpec(), inputs
    if name in _FILMS and len(content) % 2:
        inputs = {"video": put("video", content), "subtitles": put("subtitles", _TEXTS["s.srt"].encode())}
        return Caption(video=ANY, subtitles=ANY), OutputSpec(), inputs
    if name in _FILMS:
        return AddAudio(video=ANY, audio=ANY), copied, {"video": put("video", content), "audio": put("audio", content)}
    if name.startswith("sound"):
        inputs = {"video": put("video", ground.files["a.mp4"]), "audio": put("audio", content)}
        return AddAudio(video=ANY, audio=ANY), copied, inputs
    still = ImageToVideo(image=ANY, duration=timedelta(seconds=0.2))
    return still, OutputSpec(video=VideoEncoding()), {"image": put("image", content)}


def _whole_files(ffmpeg: Path, folder: Path) -> Mapping[str, bytes]:
    jobs = {
        **{name: [*_PICTURE, *_SOUND, *options] for name, options in _FILMS.items()},
        **{f"still.{kind}": [*_PICTURE, "-frames:v", "1"] for kind in ("png", "jpg", "webp")},
        "sound.mp3": _SOUND,
        "sound.wav": _SOUND,
    }
    for name, arguments in jobs.items():
        query([ffmpeg, "-nostdin", "-loglevel", "error", "-y", *arguments, folder / name], timeout=40)
    return {name: (folder / name).read_bytes() for name in jobs} | {
        name: text.encode() for name, text in _TEXTS.items()
    }


class _Sink:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def write(self, data: bytes) -> None:
        self._write(data)


def _ignore(progress: Progress) -> None:
    """Nobody looks."""


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


async def _run(count: int, seed: int) -> int:
    ends: Counter[str] = Counter()
    broken = 0
    with tempfile.TemporaryDirectory() as root:
        async with ground(Path(root)) as place:
            for number in range(seed, seed + count):
                try:
                    ends[await one_case(place, number)] += 1
                except Exception as error:  # noqa: BLE001 - that is what is looked for
                    broken += 1
                    _say(f"case {number}: {type(error).__name__}: {error}")
    for end, times in sorted(ends.items()):
        _say(f"{times:5} {end}")
    _say(f"{count} cases from seed {seed}, {broken} of them ended as none may")
    return 1 if broken else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this program talks to who called it


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(asyncio.run(_run(options.count, options.seed)))
