"""What goes to the GPU, and what does not: each rule a row."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from servicekit.media.operations import Concat, Operation, Transcode, sources
from servicekit.media.outputs import EncoderPolicy, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import StreamInfo
from tests.unit.worker.media.test_planner import (
    ANY,
    AUDIO,
    CAPTION,
    COPY,
    SOUND,
    SRT,
    VIDEO,
    command,
    machine,
    media,
    plan,
)
from worker.errors import TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities, Decoder
from worker.hardware.diagnosis import Diagnosis
from worker.media.gpu import nvdec_takes, without_gpu
from worker.media.plan import Decoding, DrawStrips, EncodeVideo, MediaFile, OverlayStrips, Plan, ProbedInput, StripBox
from worker.media.planner import make_plan

MINUTE = timedelta(minutes=1)
LONG = replace(VIDEO, duration=MINUTE)
DOWN = "-hwaccel cuda -i"
STAYS = "-hwaccel cuda -hwaccel_device gpu -hwaccel_output_format cuda -i"
HEVC = VideoEncoding(codec=VideoCodec.HEVC)
AV1 = OutputSpec(video=VideoEncoding(codec=VideoCodec.AV1))
SMALLER = OutputSpec(video=VideoEncoding(size=FrameSize(width=640)))
SQUARE = OutputSpec(video=VideoEncoding(size=FrameSize(width=640, height=640)))
SLOWER = OutputSpec(video=VideoEncoding(frame_rate=12))


def with_gpu(
    *,
    nvenc: bool = True,
    decodes: tuple[str, ...] = ("h264", "hevc", "vp9"),
    filters: tuple[str, ...] = ("scale_cuda",),
) -> Capabilities:
    decoders = (*(Decoder(codec=codec, usable=True) for codec in decodes), NO_AV1)
    return replace(
        machine(nvenc=nvenc), hardware_decoders=decoders, filters=(*filters, "zscale", "tonemap", "overlay_cuda")
    )


NO_AV1 = Decoder(codec="av1", usable=False, diagnosis=Diagnosis.NO_ENGINE)
NVENC = with_gpu()
H100 = with_gpu(nvenc=False)
NO_OVERLAY = replace(NVENC, filters=("scale_cuda",))
RECODE = Transcode(video=ANY)


def planned(
    fonts: FontBook,
    operation: Operation = RECODE,
    output: OutputSpec | None = None,
    *,
    stream: StreamInfo = LONG,
    capabilities: Capabilities = NVENC,
) -> Plan:
    # A transcode without a codec of its own may be a copy.
    wanted = output or OutputSpec(video=HEVC)
    return plan(operation, wanted, fonts=fonts, video=media(stream, AUDIO), capabilities=capabilities)


def decoding(made: Plan) -> Decoding:
    assert isinstance(made.inputs[0], MediaFile)
    return made.inputs[0].decoding


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (OutputSpec(video=HEVC), f"{STAYS} file:/nowhere/it's [a] b:c/video -map 0:0 -vf null "),
        (SMALLER, "-vf scale_cuda=w=640:h=360:interp_algo=bicubic,setsar=1 "),
        (SLOWER, "-vf fps=12 "),
    ],
)
def test_frames_stay_on_the_gpu_where_all_filters_are_there(fonts: FontBook, output: OutputSpec, words: str) -> None:
    made = planned(fonts, output=output)
    assert decoding(made) is Decoding.GPU_FRAMES
    assert words in command(made)
    assert "format=" not in command(made).replace("output_format", "")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, Decoding.GPU_FRAMES),
        # Black bars are drawn on the CPU.
        ({"output": SQUARE}, Decoding.GPU),
        # The filter was seen not to work.
        ({"output": SMALLER, "capabilities": with_gpu(filters=())}, Decoding.GPU),
        # FFmpeg turns pictures on the CPU.
        ({"stream": replace(LONG, rotation_degrees=90)}, Decoding.GPU),
        ({"stream": replace(LONG, interlaced=True)}, Decoding.GPU),
        # Captions that stand still are images; those that overlap are drawn on the CPU.
        ({"operation": CAPTION}, Decoding.GPU_FRAMES),
        ({"operation": CAPTION, "output": SMALLER}, Decoding.GPU_FRAMES),
        ({"operation": CAPTION, "capabilities": NO_OVERLAY}, Decoding.GPU),
        ({"operation": CAPTION, "capabilities": H100}, Decoding.GPU),
        # Nobody takes the frames.
        ({"capabilities": H100}, Decoding.GPU),
        ({"output": OutputSpec(video=replace(HEVC, encoder_policy=EncoderPolicy.SOFTWARE_ONLY))}, Decoding.GPU),
        # NVDEC has no such engine here, or does not take the picture.
        ({"stream": replace(LONG, codec="av1")}, Decoding.CPU),
        ({"stream": replace(LONG, codec="mpeg2video")}, Decoding.CPU),
        ({"capabilities": with_gpu(decodes=())}, Decoding.CPU),
        ({"stream": replace(LONG, pixel_format="yuv420p10le", bit_depth=10)}, Decoding.CPU),
        ({"stream": replace(LONG, pixel_format="yuv422p")}, Decoding.CPU),
        ({"stream": replace(LONG, pixel_format="yuv444p")}, Decoding.CPU),
        ({"stream": replace(LONG, pixel_format="yuvj420p")}, Decoding.CPU),
        ({"stream": replace(LONG, width=1279)}, Decoding.CPU),
        ({"stream": replace(LONG, width=5120, height=2880)}, Decoding.CPU),
        ({"stream": replace(LONG, codec="hevc", width=5120, height=2880), "output": AV1}, Decoding.GPU_FRAMES),
        ({"stream": replace(LONG, width=192, height=128)}, Decoding.CPU),
        # Two seconds of 720p are decoded before a GPU is open; where NVENC opens it anyway, it may as well decode.
        ({"stream": replace(LONG, duration=timedelta(seconds=2)), "capabilities": H100}, Decoding.CPU),
        ({"stream": replace(LONG, duration=timedelta(seconds=2))}, Decoding.GPU_FRAMES),
        ({"stream": replace(LONG, duration=timedelta(seconds=14)), "capabilities": H100}, Decoding.GPU),
    ],
)
def test_where_a_video_is_decoded(fonts: FontBook, changes: dict[str, Any], where: Decoding) -> None:
    arguments: dict[str, Any] = {"output": OutputSpec(video=HEVC), **changes}
    assert decoding(planned(fonts, **arguments)) is where


def test_what_is_downloaded_goes_through_the_filters_of_the_cpu(fonts: FontBook) -> None:
    made = planned(fonts, CAPTION, SMALLER, capabilities=H100)
    assert f"{DOWN} file:" in command(made)
    assert "-vf scale=640:360:flags=bicubic,setsar=1,ass=" in command(made)
    assert "format=yuv420p" in command(made)
    assert made.encoder == "libx264"


OVERLAPPING = SRT + b"\n2\n00:00:00,500 --> 00:00:02,000\nYou\n"


def test_captions_that_overlap_are_drawn_on_the_cpu(fonts: FontBook) -> None:
    inputs = {
        "video": ProbedInput(path=Path("/a"), media=media(LONG)),
        "subtitles": ProbedInput(path=Path("/b"), content=OVERLAPPING),
    }
    made = make_plan(CAPTION, OutputSpec(), inputs, NVENC, fonts=fonts)
    assert decoding(made) is Decoding.GPU
    assert made.preparations == ()


@pytest.mark.parametrize(
    ("color_matrix", "matrix"), [("bt709", "bt709"), ("smpte170m", "bt601"), ("", "bt601"), ("bt2020nc", "bt601")]
)
def test_captions_are_drawn_once_and_laid_over_the_frames_where_they_are(
    fonts: FontBook, color_matrix: str, matrix: str
) -> None:
    stream = replace(LONG, color_matrix=color_matrix)
    made = planned(fonts, CAPTION, SMALLER, stream=stream)
    (drawn,) = made.preparations
    assert isinstance(drawn, DrawStrips)
    assert (drawn.width, drawn.height, drawn.displayed_width, drawn.displayed_height) == (640, 360, 640, 360)
    assert "Hello" in drawn.script
    box = StripBox(left=20, top=300, width=600, height=40)
    assert isinstance(made.video, EncodeVideo)
    (only,) = made.video.pictures
    filters = tuple(replace(one, box=box) if isinstance(one, OverlayStrips) else one for one in only.filters)
    made = replace(made, video=replace(made.video, pictures=(replace(only, filters=filters),)))
    assert (
        "-vf scale_cuda=w=640:h=360:interp_algo=bicubic,setsar=1,scale_cuda=format=yuv420p[pictures];"
        f"movie=filename=strips.ffconcat:format_name=concat,scale=out_color_matrix={matrix}:out_range=tv,"
        "format=yuva420p,hwupload[strips];[pictures][strips]overlay_cuda=x=20:y=300 " in command(made)
    )


def test_a_length_that_nobody_knows_is_long(fonts: FontBook) -> None:
    endless = replace(LONG, duration=None)
    info = replace(media(endless), duration=None)
    made = plan(RECODE, OutputSpec(video=HEVC), fonts=fonts, video=info, capabilities=H100)
    assert decoding(made) is Decoding.GPU


def test_a_copy_decodes_nothing(fonts: FontBook) -> None:
    made = planned(fonts, SOUND, COPY)
    assert decoding(made) is Decoding.CPU
    assert made.cpu_video is None


def test_each_of_several_inputs_is_decoded_where_it_can_be(fonts: FontBook) -> None:
    operation = Concat(videos=(ANY, ANY))
    other = replace(LONG, pixel_format="yuv422p")
    probed = [
        ProbedInput(path=Path("/a"), media=media(LONG, AUDIO)),
        ProbedInput(path=Path("/b"), media=media(other, AUDIO)),
    ]
    inputs = {role: one for (role, _), one in zip(sources(operation), probed, strict=True)}
    made = make_plan(operation, OutputSpec(), inputs, NVENC, fonts=fonts)
    assert [entry.decoding for entry in made.inputs if isinstance(entry, MediaFile)] == [Decoding.GPU, Decoding.CPU]


def test_only_hardware_on_a_gpu_without_nvenc_is_refused_with_the_diagnosis(fonts: FontBook) -> None:
    only = OutputSpec(video=replace(HEVC, encoder_policy=EncoderPolicy.HARDWARE_ONLY))
    with pytest.raises(TaskFailed, match="hevc_nvenc: no chip") as failed:
        planned(fonts, output=only, capabilities=H100)
    assert failed.value.metadata["diagnosis"] == "NO_ENGINE"


@pytest.mark.parametrize(("output", "capabilities"), [(SMALLER, NVENC), (SMALLER, H100), (SQUARE, NVENC)])
@pytest.mark.parametrize("operation", [RECODE, CAPTION])
def test_without_the_gpus_decoder_it_is_the_plan_that_would_have_been(
    fonts: FontBook, operation: Operation, output: OutputSpec, capabilities: Capabilities
) -> None:
    made = planned(fonts, operation, output, capabilities=capabilities)
    bare = planned(fonts, operation, output, capabilities=replace(capabilities, hardware_decoders=()))
    assert made != bare
    assert without_gpu(made) == bare
    assert without_gpu(bare) is bare


def test_nvdec_is_asked_for_what_it_was_seen_to_decode() -> None:
    assert nvdec_takes(LONG, NVENC)
    assert not nvdec_takes(replace(LONG, codec="av1"), NVENC)
