"""Jobs on a pretended GPU: the plan for it gives what is asked for, and a decoder that fails costs no job.

The pretended FFmpeg does on the CPU what it is told to do on the GPU; what a real GPU makes of it is for
`make bench-gpu` on a machine that has one.
"""

import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from servicekit.clock import SystemClock
from servicekit.media.operations import Caption, CaptionStyle, Transcode
from servicekit.media.outputs import Container, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.probe import MediaProber
from tests.e2e.media.conftest import ANY, Studio
from tests.simulators import fake_ffmpeg
from tests.simulators.nvidia.pretence import PretendedGpu, install
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Decoder
from worker.hardware.probe import probe_capabilities
from worker.hardware.warmup import warm_up
from worker.media.engine import MediaEngine
from worker.media.plan import Decoding, MediaFile, Plan

SMALLER = OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC, size=FrameSize(width=240)))
RECODE = Transcode(video=ANY)


async def on_gpu(studio: Studio, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu) -> MediaEngine:
    folder = studio.folder.parent / "gpu"
    folder.mkdir()
    installed = install(folder, gpu)
    monkeypatch.setenv("PATH", f"{installed.folder}:{os.environ['PATH']}")
    fonts, clock = FontBook.load(), SystemClock()
    found = await probe_capabilities(
        installed.ffmpeg, data_folder=folder, fonts=fonts, clock=clock, build="test", slots=1
    )
    found = await warm_up(installed.ffmpeg, found, cuda_cache=folder, clock=clock)
    return MediaEngine(ffmpeg=installed.ffmpeg, capabilities=found, fonts=fonts, prober=studio.prober, clock=clock)


@pytest.fixture
def gpu() -> PretendedGpu:
    return PretendedGpu.of_model("L4", driver_version="570.86.15")


def decoding(plan: Plan) -> Decoding:
    assert isinstance(plan.inputs[0], MediaFile)
    return plan.inputs[0].decoding


async def test_frames_that_stay_on_the_gpu(studio: Studio, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu) -> None:
    video = studio.video(sound="sine=frequency=440")
    there = replace(studio, engine=await on_gpu(studio, monkeypatch, gpu))
    made = await there.make(RECODE, SMALLER, {"video": video})
    assert (made.plan.encoder, decoding(made.plan)) == ("hevc_nvenc", Decoding.GPU_FRAMES)
    assert [(one.codec, one.width, one.height) for one in made.info.streams if one.width] == [("hevc", 240, 180)]


async def test_a_decoder_that_fails_costs_no_job(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu
) -> None:
    video = studio.video()
    there = replace(studio, engine=await on_gpu(studio, monkeypatch, replace(gpu, decode_fails=True)))
    with capture_logs() as logs:
        made = await there.make(RECODE, SMALLER, {"video": video})
    assert decoding(made.plan) is Decoding.GPU_FRAMES
    assert (made.info.streams[0].codec, made.info.streams[0].width) == ("hevc", 240)
    (told,) = [line for line in logs if line["event"] == "gpu_plan_failed"]
    assert told["diagnosis"] == "NO_ENGINE"


SRT = """1
00:00:00,200 --> 00:00:00,600
Hello {world} with, commas

2
00:00:00,600 --> 00:00:01,200
<b>Bold</b> and
a second line

3
00:00:01,480 --> 00:00:01,760
The last
"""
RED = CaptionStyle(primary_color="#FF2020", outline_color="#FFFFFF")


async def test_captions_as_images_look_as_libass_draws_them(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu
) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=2", "-pix_fmt", "yuv420p"]
    tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    paths = {
        "video": studio.input("in.mp4", *source, *tags, "-c:v", "libx264", "-preset", "ultrafast"),
        "subtitles": studio.text("a.srt", SRT),
    }
    there = replace(studio, engine=await on_gpu(studio, monkeypatch, gpu))
    output = OutputSpec(video=VideoEncoding(quality=0), container=Container.MKV)
    caption = Caption(video=ANY, subtitles=ANY, style=RED)
    made = await there.make(caption, output, paths)
    assert decoding(made.plan) is Decoding.GPU_FRAMES
    images = made.path.rename(studio.folder / "images.mkv")
    drawn = await studio.make(caption, output, paths)
    assert drawn.plan.cpu_video is None
    assert studio.times(images) == studio.times(drawn.path)
    # Each frame on its own: a caption that comes a frame late would vanish in the mean.
    assert min(similarity(studio, images, drawn.path)) >= 0.999
    # And captions are there: without them the frames differ.
    assert min(similarity(studio, images, paths["video"])) < 0.99


def similarity(studio: Studio, first: Path, second: Path) -> list[float]:
    """SSIM of each frame."""
    stats = studio.folder / "ssim.txt"
    inputs = ["-i", str(first), "-i", str(second)]
    graph = "[0:v]setpts=N/25/TB[a];[1:v]setpts=N/25/TB[b];[a][b]ssim=stats_file=ssim.txt"
    command = [str(studio.ffmpeg), "-nostdin", "-loglevel", "error", *inputs, "-lavfi", graph, "-f", "null", "-"]
    subprocess.run(command, check=True, cwd=studio.folder)
    return [float(line.split("All:")[1].split()[0]) for line in stats.read_text().splitlines()]


async def test_captions_that_cannot_be_seen_are_left_to_libass(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu
) -> None:
    paths = {"video": studio.video(), "subtitles": studio.text("a.srt", SRT)}
    there = replace(studio, engine=await on_gpu(studio, monkeypatch, gpu))
    unseen = CaptionStyle(primary_color="#FFFFFF00", outline_color="#00000000", back_color="#00000000")
    with capture_logs() as logs:
        made = await there.make(Caption(video=ANY, subtitles=ANY, style=unseen), OutputSpec(), paths)
    assert decoding(made.plan) is Decoding.GPU_FRAMES
    assert "where the captions are" in next(line["detail"] for line in logs if line["event"] == "gpu_plan_failed")


@pytest.fixture
async def scripted(studio: Studio, tmp_path: Path) -> AsyncIterator[tuple[Path, MediaEngine]]:
    """A scripted FFmpeg, and an engine that believes that it decodes on a GPU."""
    folder = tmp_path / "scripted"
    folder.mkdir()
    ffmpeg = fake_ffmpeg.install(folder, film=studio.video("film.mp4"), steps=[])
    fonts, clock = FontBook.load(), SystemClock()
    found = await probe_capabilities(ffmpeg, data_folder=folder, fonts=fonts, clock=clock, build="test", slots=1)
    found = replace(found, hardware_decoders=(Decoder(codec="h264", usable=True),))
    async with MediaProber() as prober:
        yield ffmpeg, MediaEngine(ffmpeg=ffmpeg, capabilities=found, fonts=fonts, prober=prober, clock=clock)


ODD = {"stderr": "[error] Impossible to convert between the formats"}
LOST = {"stderr": "[h264 @ 0x1] [error] cuvidMapVideoFrame() failed -> CUDA_ERROR_LAUNCH_FAILED: unspecified"}


@pytest.mark.parametrize(
    ("steps", "reason", "runs"),
    [
        ([LOST, {"exit": 1}], FailureReason.ENCODER_UNAVAILABLE, 2),
        (
            [{"stderr": "[error] Impossible to convert between the formats"}, {"exit": 1}],
            FailureReason.ENCODE_FAILED,
            2,
        ),
        # What was written may have been read: the task fails, and another attempt begins anew.
        ([{"emit": 1000}, LOST, {"exit": 1}], FailureReason.ENCODER_UNAVAILABLE, 1),
        # Not the decoder's.
        ([{"stderr": "No space left on device"}, {"exit": 1}], FailureReason.DISK_FULL, 1),
    ],
)
async def test_the_cpu_decodes_only_where_that_can_help(
    studio: Studio, scripted: tuple[Path, MediaEngine], steps: list[dict[str, object]], reason: FailureReason, runs: int
) -> None:
    ffmpeg, engine = scripted
    fake_ffmpeg.rewrite(ffmpeg, steps)
    # Long enough to be worth a GPU.
    video = studio.input(
        "long.mp4", *["-f", "lavfi", "-i", "color=size=1280x720:rate=25:duration=14"], "-c:v", "libx264", "-g", "999"
    )
    there = replace(studio, engine=engine)
    output = OutputSpec(video=VideoEncoding(size=FrameSize(width=160)))
    with pytest.raises(TaskFailed) as failed:
        await there.make(RECODE, output, {"video": video})
    assert failed.value.reason is reason
    assert len({note["pid"] for note in fake_ffmpeg.done(ffmpeg)}) == runs
