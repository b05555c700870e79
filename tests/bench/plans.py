"""The plans' command lines against those that somebody would write by hand for the same output.

CPU time is compared, since the wall time of two runs on shared cores differs by more than the two per cent in question.
"""

import asyncio
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.clock import SystemClock
from servicekit.media.operations import AddAudio, Caption, CaptionMode, Operation, Transcode, UriSource
from servicekit.media.outputs import EncoderPolicy, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.probe import MediaProber
from tests.bench import media
from tests.bench.finding import Bench, Finding, numbers
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits
from worker.fonts.book import FontBook
from worker.media.engine import MediaEngine

_ANY = UriSource(uri="https://example.invalid/")
_ENCODE = OutputSpec(video=VideoEncoding(quality=23, encoder_policy=EncoderPolicy.SOFTWARE_ONLY))
_COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
_LIMITS = RunLimits(run_timeout=timedelta(minutes=10), stall_timeout=timedelta(minutes=2))
_BY_HAND = ["-c:v", "libx264", "-preset", "faster", "-crf", "23", "-pix_fmt", "yuv420p"]
_X264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
_HDR = "format=yuv420p10le,setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
_TONE_MAP = (
    "zscale=transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=bt709,tonemap=hable:desat=0,"
    "zscale=transfer=bt709:matrix=bt709:range=limited"
)
_SECONDS = 6


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of input, how it is made, and what is done to it: by us, and by hand."""

    name: str
    made_with: Sequence[str]
    suffix: str = ".mp4"
    size: str = "1280x720"
    rate: str = "30"
    by_hand: Sequence[str] = ("-c:a", "copy")
    output: OutputSpec = _ENCODE
    captions: bool = False


_AAC = ["-c:a", "aac"]
_KINDS = (
    _Kind(name="H.264 in MP4", made_with=[*_X264, *_AAC]),
    _Kind(
        name="captions",
        made_with=[*_X264, *_AAC],
        by_hand=["-vf", "subtitles=captions.srt", "-c:a", "copy"],
        captions=True,
    ),
    _Kind(
        name="10-bit HEVC",
        made_with=["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *_AAC],
    ),
    _Kind(
        name="HDR",
        size="640x360",
        made_with=["-vf", _HDR, "-c:v", "libx265", "-preset", "ultrafast", *_AAC],
        by_hand=["-vf", _TONE_MAP, "-c:a", "copy"],
    ),
    _Kind(name="rotated", suffix=".mov", made_with=[*_X264, *_AAC]),
    _Kind(
        name="interlaced transport stream",
        suffix=".ts",
        rate="60",
        made_with=["-vf", "interlace", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-b:v", "8M", *_AAC],
        by_hand=["-vf", "bwdif=mode=send_frame", "-c:a", "copy"],
    ),
    _Kind(
        name="variable frame rate",
        suffix=".mkv",
        made_with=["-vf", "select=mod(n\\,3)", "-fps_mode", "vfr", *_X264, *_AAC],
        by_hand=["-fps_mode", "vfr", "-c:a", "copy"],
    ),
    _Kind(
        name="scaled down from 1440p",
        size="2560x1440",
        made_with=[*_X264, *_AAC],
        output=OutputSpec(
            video=VideoEncoding(quality=23, encoder_policy=EncoderPolicy.SOFTWARE_ONLY, size=FrameSize(width=1280))
        ),
        by_hand=["-vf", "scale=1280:720", "-c:a", "copy"],
    ),
    _Kind(
        name="VP9 and Opus in WebM",
        suffix=".webm",
        made_with=["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "4M", "-c:a", "libopus"],
        by_hand=["-c:a", "aac"],
    ),
    _Kind(
        name="two sound tracks",
        suffix=".mkv",
        made_with=["-map", "0:v", "-map", "1:a", "-map", "1:a", *_X264, "-c:a", "libopus"],
        by_hand=["-map", "0:v", "-map", "0:a", "-c:a", "aac"],
    ),
)


async def plans(bench: Bench) -> Finding:
    """Ten kinds of input, encoded by our plan and by a command that somebody would write by hand."""
    ratios: dict[str, float] = {}
    async with MediaProber() as prober:
        for kind in _KINDS:
            ratios[kind.name] = await _ratio(bench, _engine(bench, prober), kind)
    worst = max(ratios, key=lambda name: ratios[name])
    return Finding(
        title="CPU time of a plan against a command written by hand, ten kinds of input",
        figure=f"{statistics.median(ratios.values()):.3f}× (most: {ratios[worst]:.3f}×, {worst})",
        target="≤ 1.02× each",
        met=max(ratios.values()) <= 1.02,
        detail=", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()),
    )


async def caption_cost(bench: Bench) -> Finding:
    """Captions burnt in on the CPU against the same encode without them plus what libass takes for itself."""
    video = media.full_hd(bench.ffmpeg, bench.folder / "plain.mp4", seconds=10)
    text = media.subtitles(bench.folder / "plain.srt", seconds=10)
    captioned: list[float] = []
    plain: list[float] = []
    drawing: list[float] = []
    async with MediaProber() as prober:
        engine = _engine(bench, prober)
        inputs = {"video": video, "subtitles": text}

        async def encode(operation: Operation) -> None:
            await _made(engine, operation, _ENCODE, inputs, bench.folder)

        async def decode(*filters: str) -> None:
            await asyncio.to_thread(_ffmpeg, bench, "-i", str(video), "-an", *filters, "-f", "null", "-")

        for _ in range(bench.rounds):
            captioned.append(await _cpu(lambda: encode(Caption(video=_ANY, subtitles=_ANY))))
            plain.append(await _cpu(lambda: encode(Transcode(video=_ANY))))
            drawing.append(await _cpu(lambda: decode("-vf", "subtitles=plain.srt")) - await _cpu(decode))
    ratio = min(captioned) / (min(plain) + min(drawing))
    return Finding(
        title="CPU time of captions on the CPU against the encode without them plus what libass takes, 10 s of 1080p",
        figure=f"{ratio:.3f}×",
        target="≤ 1.05×",
        met=ratio <= 1.05,
        detail=f"with {numbers(captioned)} s, without {numbers(plain)} s, libass {numbers(drawing)} s",
    )


async def copies(bench: Bench) -> Finding:
    """What needs no encode against the encode that it would be."""
    video = media.full_hd(bench.ffmpeg, bench.folder / "video.mp4")
    inputs = {"video": video}
    tone = media.sound(bench.ffmpeg, bench.folder / "tone.wav")
    text = media.subtitles(bench.folder / "captions.srt")
    jobs: dict[str, tuple[Operation, OutputSpec, dict[str, Path]]] = {
        "transcode": (Transcode(video=_ANY), OutputSpec(), inputs),
        "sound": (AddAudio(video=_ANY, audio=_ANY), _COPY, {**inputs, "audio": tone}),
        "subtitle track": (
            Caption(video=_ANY, subtitles=_ANY, mode=CaptionMode.SOFT),
            _COPY,
            {**inputs, "subtitles": text},
        ),
    }
    async with MediaProber() as prober:
        engine = _engine(bench, prober)
        encode = [
            await _timed(lambda: _made(engine, Transcode(video=_ANY), _ENCODE, inputs, bench.folder))
            for _ in range(bench.rounds)
        ]
        copied = {
            name: [await _timed(lambda: _made(engine, *job, bench.folder)) for _ in range(bench.rounds)]  # noqa: B023
            for name, job in jobs.items()
        }
    times = {name: statistics.median(found) for name, found in copied.items()}
    least = statistics.median(encode) / max(times.values())
    return Finding(
        title="What can be copied against its encode, 20 s of 1080p, wall time from file to checked file",
        figure=f"{least:.0f}× faster, the slowest of {len(jobs)}",
        target="≥ 20×",
        met=least >= 20,
        detail=f"encode {numbers(encode)} s, " + ", ".join(f"{name} {time:.2f} s" for name, time in times.items()),
    )


async def at_once(bench: Bench) -> Finding:
    """Small jobs at once on one machine against the same one after the other."""
    video = media.full_hd(bench.ffmpeg, bench.folder / "small.mp4", seconds=4)
    text = media.subtitles(bench.folder / "small.srt", seconds=4)
    inputs = {"video": video, "subtitles": text}
    operation = Caption(video=_ANY, subtitles=_ANY)
    ratios: dict[int, list[float]] = {2: [], 4: []}
    async with MediaProber() as prober:
        engine = _engine(bench, prober)

        async def one(number: int) -> None:
            folder = bench.folder / str(number)
            folder.mkdir(exist_ok=True)
            await _made(engine, operation, _ENCODE, inputs, folder)

        async def in_turn(count: int) -> None:
            for number in range(count):
                await one(number)

        async def together(count: int) -> None:
            await asyncio.gather(*(one(number) for number in range(count)))

        for _ in range(bench.rounds):
            for count, found in ratios.items():
                alone = await _timed(lambda: in_turn(count))  # noqa: B023 - awaited at once
                found.append(await _timed(lambda: together(count)) / alone)  # noqa: B023
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    two, four = (statistics.median(ratios[count]) for count in (2, 4))
    return Finding(
        title="Two and four small jobs (4 s of 1080p with captions) at once, total time against one after the other",
        figure=f"{two:.2f}×, {four:.2f}×; {most:.0f} MiB at most for each process",
        target="stated; memory of each ≤ 1 GiB",
        met=most <= 1024,
        detail=f"two {numbers(ratios[2])}, four {numbers(ratios[4])}; {os.cpu_count()} cores",
    )


ALL = {"plans": plans, "caption-cost": caption_cost, "copies": copies, "at-once": at_once}


def _engine(bench: Bench, prober: MediaProber) -> MediaEngine:
    return MediaEngine(
        ffmpeg=bench.ffmpeg,
        capabilities=bench.capabilities,
        fonts=FontBook.load(),
        prober=prober,
        clock=SystemClock(),
    )


async def _ratio(bench: Bench, engine: MediaEngine, kind: _Kind) -> float:
    source = bench.folder / f"{kind.name}{kind.suffix}"
    pattern = f"testsrc2=size={kind.size}:rate={kind.rate}:duration={_SECONDS}"
    tone = f"sine=330:d={_SECONDS}"
    _ffmpeg(bench, "-f", "lavfi", "-i", pattern, "-f", "lavfi", "-i", tone, *kind.made_with, str(source))
    if kind.name == "rotated":
        turned = source.with_stem("turned")
        _ffmpeg(bench, "-display_rotation", "90", "-i", str(source), "-c", "copy", str(turned))
        source = turned
    text = media.subtitles(bench.folder / "captions.srt", seconds=_SECONDS)
    inputs = {"video": source, "subtitles": text} if kind.captions else {"video": source}
    operation = Caption(video=_ANY, subtitles=_ANY) if kind.captions else Transcode(video=_ANY)
    hand = ["-i", str(source), *_BY_HAND, *kind.by_hand, "-movflags", "+faststart", str(bench.folder / "hand.mp4")]

    async def by_plan() -> None:
        plan = await engine.plan(operation, kind.output, inputs)
        await engine.run(plan, workdir=bench.folder, sink=_File(bench.folder), on_progress=_nobody, limits=_LIMITS)

    async def by_hand() -> None:
        await asyncio.to_thread(_ffmpeg, bench, *hand)

    pairs = [(await _cpu(by_plan), await _cpu(by_hand)) for _ in range(bench.rounds)]
    # Whatever else runs on the cores only ever adds to the CPU time, so that the least says most.
    return min(ours for ours, _ in pairs) / min(theirs for _, theirs in pairs)


async def _made(
    engine: MediaEngine, operation: Operation, output: OutputSpec, inputs: dict[str, Path], folder: Path
) -> None:
    plan = await engine.plan(operation, output, inputs)
    sink = _File(folder)
    result = await engine.run(plan, workdir=folder, sink=sink, on_progress=_nobody, limits=_LIMITS)
    await engine.verify(plan, sink.path, result)


class _File:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "output"
        self._file = self.path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        self._file.write(data)


def _nobody(progress: Progress) -> None:
    """Nobody watches a benchmark."""


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _cpu(work: Callable[[], Awaitable[None]]) -> float:
    """Seconds of CPU time of the processes that the work started and ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ffmpeg(bench: Bench, *arguments: str) -> None:
    options = ["-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([str(bench.ffmpeg), *options, *arguments], check=True, cwd=bench.folder)
