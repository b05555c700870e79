"""Subtitles as a track beside the picture, in the append-only form and in the delivered one."""

import re
from pathlib import Path

import pytest

from orchestrator.dispatch.delivery import remux_arguments
from servicekit.media.operations import Caption, CaptionMode
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import MediaInfo
from servicekit.process import query
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed

COPY = VideoEncoding(codec=VideoCodec.COPY)
# Longer than a fragment between the cues, cues that follow each other and that overlap, text that looks like tags.
SRT = (
    "1\n00:00:00,500 --> 00:00:01,000\n<i>Ça</i> va & 1 < 2\n\n2\n00:00:01,000 --> 00:00:02,000\nsecond\n\n"
    "3\n00:00:01,500 --> 00:00:02,000\nover\n\n4\n00:00:07,137 --> 00:00:07,500\nlate\n\n"
    "5\n00:00:09,000 --> 00:00:09,500\nbehind the end\n"
)


def soft(language: str = "") -> Caption:
    return Caption(video=ANY, subtitles=ANY, mode=CaptionMode.SOFT, language=language)


def output(container: Container) -> OutputSpec:
    return OutputSpec(container=container, video=COPY, audio=AudioEncoding(codec=AudioCodec.COPY))


def shown(studio: Studio, path: Path) -> list[tuple[str, str]]:
    """What a reader of SubRip sees of the track: the time range and the text of each cue, without fonts."""
    listed = query([studio.ffmpeg, "-nostdin", "-loglevel", "error", "-i", path, "-map", "0:s", "-f", "srt", "-"])
    blocks = (block.splitlines() for block in re.split(r"\n\n(?=\d+\n\d)", listed.strip()))
    return [(lines[1], re.sub(r"</?font[^>]*>", "", "\n".join(line for line in lines[2:] if line))) for lines in blocks]


def tracks(info: MediaInfo) -> list[tuple[str, str]]:
    return [(stream.codec, stream.language) for stream in info.streams if stream.type == "subtitle"]


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        (Container.MP4, "mov_text"),
        (Container.MOV, "mov_text"),
        (Container.MKV, "subrip"),
        (Container.WEBM, "webvtt"),
    ],
)
async def test_a_track_with_its_language_beside_the_copied_picture(
    studio: Studio, container: Container, codec: str
) -> None:
    webm = container is Container.WEBM
    encoders = ["libvpx", "-deadline", "realtime"] if webm else ["libx264", "-preset", "ultrafast"]
    source = studio.input(
        "in.webm" if webm else "in.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=8", "-f", "lavfi", "-i", "sine=d=8"],
        *["-c:v", *encoders, "-pix_fmt", "yuv420p", "-c:a", "libopus" if webm else "aac"],
    )
    paths = {"video": source, "subtitles": studio.text("a.srt", SRT)}
    made = await studio.make(soft("ger"), output(container), paths)
    delivered = studio.folder / f"delivered{container.suffix}"
    query([studio.ffmpeg, *remux_arguments([made.path], delivered, container)])

    assert made.plan.encoder == "copy"
    assert len(made.info.streams) == 3
    for path in (made.path, delivered):
        assert tracks(await studio.prober.check_decodable(path)) == [(codec, "ger")]
        cues = shown(studio, path)
        assert cues[0] == ("00:00:00,500 --> 00:00:01,000", cues[0][1])
        assert cues[0][1].replace("&amp;", "&").replace("&lt;", "<") == "<i>Ça</i> va & 1 < 2"
        assert cues[-1] == ("00:00:07,137 --> 00:00:07,500", "late")
        # Players of timed text show one caption at a time, so both stand in one while they overlap.
        together = [text for time, text in cues if "01,500 -->" in time]
        assert together == (["second\nover"] if codec == "mov_text" else ["over"])


async def test_many_cues_in_a_row_keep_their_times_over_a_remux(studio: Studio) -> None:
    """Blank samples that the muxer puts in without need would shift each following cue a little more."""
    starts = [0.04 + 0.137 * n for n in range(40)]
    srt = "".join(
        f"{n}\n00:00:{start:06.3f} --> 00:00:{start + 0.137:06.3f}\n{n}\n\n" for n, start in enumerate(starts)
    )
    source = studio.input(
        "in.mkv",
        *["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=30000/1001:duration=6", "-f", "lavfi", "-i", "sine=d=6"],
        *["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"],
    )
    paths = {"video": source, "subtitles": studio.text("a.srt", srt)}
    made = await studio.make(soft(), output(Container.MP4), paths)
    delivered = studio.folder / "delivered.mp4"
    query([studio.ffmpeg, *remux_arguments([made.path], delivered, Container.MP4)])
    times = [time.split(" --> ")[0].replace(",", ".") for time, _ in shown(studio, delivered)]
    assert [float(time[6:]) for time in times] == pytest.approx(starts, abs=0.002)


async def test_a_named_codec_encodes_the_picture_beside_the_track(studio: Studio) -> None:
    paths = {"video": studio.video(seconds=2), "subtitles": studio.text("a.srt", SRT)}
    made = await studio.make(soft(), OutputSpec(), paths)
    assert made.plan.encoder == "libx264"
    assert tracks(made.info) == [("mov_text", "")]


async def test_a_picture_that_the_container_does_not_take_is_refused(studio: Studio) -> None:
    paths = {"video": studio.video(), "subtitles": studio.text("a.srt", SRT)}
    spec = OutputSpec(container=Container.WEBM, video=COPY, audio=AudioEncoding(codec=AudioCodec.OPUS))
    with pytest.raises(TaskFailed, match="Video in h264 cannot be copied into WEBM; name a codec") as failed:
        await studio.make(soft(), spec, paths)
    assert failed.value.reason is FailureReason.INPUT_INVALID
