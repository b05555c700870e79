"""A film of a still, its frames alone, against the usual FFmpeg filters for it: speed, PSNR and tremor.

The ideal that both are measured against is computed here: each pixel of a frame is the mean of 3x3 samples of the
still, cubic between its pixels. It shares no code with what makes our frames.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from servicekit.media.operations import Fit, Zoom
from tests.bench.finding import Bench, Finding, numbers
from worker.media.motion import ZoomJob

Image = NDArray[np.uint8]
Grey = NDArray[np.float32]
Frame = tuple[Image, Image, Image]

WIDTH, HEIGHT, FRAMES = 1920, 1080, 120
END_SCALE = 1.324
SAMPLES = 3
# Small enough that the rounding of its edge to eight bits does not weigh more than its place.
_DOT_PIXELS = 15


@dataclass(frozen=True, slots=True)
class View:
    """What a frame shows of a still, in the still's pixels."""

    left: float
    top: float
    width: float
    height: float


def draw_still(path: Path, *, width: int = 3000, height: int = 2000) -> Path:
    """Write a picture with detail of every size, as photographs have: noise, discs and thin lines."""
    random = np.random.default_rng(1)
    picture = np.full((height, width, 3), 128, np.float32)
    for octave in range(9):
        size = (max(height >> (8 - octave), 2), max(width >> (8 - octave), 2), 3)
        noise = random.standard_normal(size).astype(np.float32)
        picture += np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)) * (30 * 0.72**octave)
    for number in range(60):
        (x, end_x), (y, end_y) = random.integers(0, width, 2).tolist(), random.integers(0, height, 2).tolist()
        color = random.integers(0, 255, 3).tolist()
        radius = int(random.integers(height // 400 + 1, height // 16))
        cv2.circle(picture, (x, y), radius, color, 3 if number % 2 else -1, cv2.LINE_AA)
        cv2.line(picture, (x, y), (end_x, end_y), (240, 240, 240), 2, cv2.LINE_AA)
    cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8))
    return path


def draw_dot(path: Path, *, width: int = 3000, height: int = 2000) -> Path:
    """Write a soft bright dot on black, away from the middle, so that a zoom moves it both ways."""
    x, y = np.arange(width) - 0.81 * width, np.arange(height)[:, np.newaxis] - 0.23 * height
    dot = 255 * np.exp(-(x**2 + y**2) / (2 * _DOT_PIXELS**2))
    cv2.imwrite(str(path), np.repeat(np.round(dot)[:, :, np.newaxis], 3, axis=2).astype(np.uint8))
    return path


def luma_of(path: Path) -> Grey:
    """The luma of a still, BT.709 in limited range, not rounded."""
    picture = np.asarray(cv2.imread(str(path)), np.float32)
    return np.asarray(16 + picture @ np.array([0.0722, 0.7152, 0.2126], np.float32) * (219 / 255), np.float32)


def ideal(luma: Grey, view: View, width: int, height: int) -> Grey:
    """The frame that shows this view, as exact as can be."""
    rows = _sampling(height, view.top, view.height, luma.shape[0])
    columns = _sampling(width, view.left, view.width, luma.shape[1])
    return np.asarray(rows @ luma @ columns.T)


def _sampling(count: int, start: float, length: float, size: int) -> Grey:
    """One row of weights over `size` source pixels for each of `count` pixels of a frame (Catmull-Rom)."""
    weights = np.zeros((count, size), np.float32)
    pixels = np.arange(count)
    for sample in range(SAMPLES):
        position = start + (pixels + (sample + 0.5) / SAMPLES) * length / count - 0.5
        first = np.floor(position).astype(int)
        for neighbour in range(-1, 3):
            distance = np.abs(position - (first + neighbour))
            near = 1.5 * distance**3 - 2.5 * distance**2 + 1
            far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
            share = np.where(distance < 1, near, np.where(distance < 2, far, 0)) / SAMPLES
            np.add.at(weights, (pixels, np.clip(first + neighbour, 0, size - 1)), share)
    return weights


def covering_view(number: int, frames: int, size: tuple[int, int], frame: tuple[int, int], end_scale: float) -> View:
    """What frame `number` of a zoom about the middle shows where the still covers the frame."""
    scale = 1 + (end_scale - 1) * number / (frames - 1)
    factor = min(size[0] / frame[0], size[1] / frame[1]) / scale
    width, height = frame[0] * factor, frame[1] * factor
    return View((size[0] - width) / 2, (size[1] - height) / 2, width, height)


def stretched_view(number: int, frames: int, size: tuple[int, int], frame: tuple[int, int], end_scale: float) -> View:
    """The same for the usual command, which stretches the whole of the still to the frame."""
    del frame  # its shape does not count
    scale = 1 + (end_scale - 1) * number / (frames - 1)
    width, height = size[0] / scale, size[1] / scale
    return View((size[0] - width) / 2, (size[1] - height) / 2, width, height)


def psnr(frame: Image, wanted: Grey) -> float:
    """In decibels of 255."""
    return float(10 * np.log10(255**2 / np.mean((frame.astype(np.float32) - wanted) ** 2)))


def tremor(frames: Iterator[Frame]) -> float:
    """The largest second difference of the dot's place, in pixels per frame².

    It moves evenly in a linear zoom about a point, so that whatever is not zero is trembling.
    """
    places = []
    for luma, _, _ in frames:
        light = np.maximum(luma.astype(np.float64) - 16, 0)
        total = light.sum()
        across = (light.sum(axis=0) * np.arange(luma.shape[1])).sum() / total
        places.append((across, (light.sum(axis=1) * np.arange(luma.shape[0])).sum() / total))
    return float(np.abs(np.diff(np.array(places), n=2, axis=0)).max())


def our_job(
    image: Path, *, width: int = WIDTH, height: int = HEIGHT, frames: int = FRAMES, end_scale: float = END_SCALE
) -> ZoomJob:
    """The zoom that is measured."""
    zoom = Zoom(end_scale=end_scale)
    return ZoomJob(image=str(image), width=width, height=height, frames=frames, fit=Fit.COVER, zoom=zoom)


def our_command(job: ZoomJob) -> list[str]:
    """The program that makes our frames, as the engine starts it."""
    return [sys.executable, "-P", "-m", "worker.media.zoom", job.to_json()]


def usual_filters(
    *, width: int = WIDTH, height: int = HEIGHT, frames: int = FRAMES, end_scale: float = END_SCALE
) -> str:
    """The usual filters for a zoom to the middle, with the best known remedy against trembling: a large source."""
    zoom = f"z='1+{end_scale - 1:.6f}*on/{frames - 1}':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)'"
    # Both steps as they are written everywhere; 6720x3840 is 3.5 times 1080p.
    return (
        f"scale={width * 7 // 2}:{height * 32 // 9}:flags=lanczos,zoompan={zoom}:d={frames}:s={width}x{height}:fps=24"
    )


def usual_command(ffmpeg: Path, image: Path, filters: str, output: Sequence[str]) -> list[str]:
    """The usual command. Only where its pictures are compared does it convert to our colours, which takes it longer."""
    compared = "-" in output and "null" not in output
    colours = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p" if compared else "format=yuv420p"
    start = [str(ffmpeg), "-nostdin", "-loglevel", "error", "-i", str(image)]
    return [*start, "-vf", f"{filters},{colours}", *output]


def frames_of(command: Sequence[str], width: int, height: int) -> Iterator[Frame]:
    """The frames that a command writes as yuv420p to its standard output."""
    luma, half = width * height, (height // 2, width // 2)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while data := process.stdout.read(luma * 3 // 2):
            planes = np.frombuffer(data, np.uint8)
            blue, red = planes[luma:].reshape(2, *half)
            yield planes[:luma].reshape(height, width), blue, red
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def our_frames(job: ZoomJob) -> Iterator[Frame]:
    """The frames of our program."""
    return frames_of(our_command(job), job.width, job.height)


def run_producer(job: ZoomJob) -> "subprocess.CompletedProcess[bytes]":
    """Run our program to its end, whatever that is."""
    return subprocess.run(our_command(job), capture_output=True, check=False)


def qualities(frames: Iterator[Frame], luma: Grey, view: Callable[[int], View], numbers: Sequence[int]) -> list[float]:
    """The PSNR of some of the frames."""
    return [
        psnr(frame[0], ideal(luma, view(number), frame[0].shape[1], frame[0].shape[0]))
        for number, frame in enumerate(frames)
        if number in numbers
    ]


async def stills(bench: Bench) -> Finding:
    """120 frames of 1080p from a still of 3000x2000, ours and the usual way in turns."""
    return await asyncio.to_thread(_measure, bench)


def _measure(bench: Bench) -> Finding:
    still, dot = draw_still(bench.folder / "still.png"), draw_dot(bench.folder / "dot.png")
    usual = usual_filters()
    raw, nothing = ["-f", "rawvideo", "-"], ["-f", "null", "-"]
    size, frame = (3000, 2000), (WIDTH, HEIGHT)
    # The first frame of the usual way is not moved by a part of a pixel yet; it says nothing about a film.
    picked = (1, 30, 59, 90, 119)
    luma = luma_of(still)
    ours_db = qualities(
        our_frames(our_job(still)), luma, lambda n: covering_view(n, FRAMES, size, frame, END_SCALE), picked
    )
    usual_db = qualities(
        frames_of(usual_command(bench.ffmpeg, still, usual, raw), WIDTH, HEIGHT),
        luma,
        lambda n: stretched_view(n, FRAMES, size, frame, END_SCALE),
        picked,
    )
    our_tremor = tremor(our_frames(our_job(dot)))
    usual_tremor = tremor(frames_of(usual_command(bench.ffmpeg, dot, usual, raw), WIDTH, HEIGHT))
    pairs = [
        (_seconds(our_command(our_job(still))), _seconds(usual_command(bench.ffmpeg, still, usual, nothing)))
        for _ in range(bench.rounds + 1)
    ][1:]
    faster = statistics.median(theirs / ours for ours, theirs in pairs)
    better = min(ours - theirs for ours, theirs in zip(ours_db, usual_db, strict=True))
    ours, theirs = zip(*pairs, strict=True)
    return Finding(
        title="Film of a still, 120 frames of 1080p from 3000×2000, frames alone, against `scale=6720:3840,zoompan`",
        figure=f"{faster:.1f}× as fast, {better:.1f} dB better, tremor {our_tremor:.3f} px/frame²",
        target="≥ 3×, ≥ 4 dB, ≤ 0.05 px/frame²",
        met=faster >= 3 and better >= 4 and our_tremor <= 0.05,
        detail=f"ours {numbers(ours)} s, usual {numbers(theirs)} s; PSNR of frames {', '.join(map(str, picked))}: "
        f"ours {_decibels(ours_db)}, usual {_decibels(usual_db)}; tremor of the usual way {usual_tremor:.2f}",
    )


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _decibels(values: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values) + " dB"


ALL = {"stills": stills}
