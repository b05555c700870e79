"""Outputs that are not what they should be, each damaged on purpose, and fragments that have to play as they come."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.layout import boxes, index_is_in_front
from servicekit.media.operations import Caption
from servicekit.media.outputs import Container, OutputSpec
from tests.e2e.media.conftest import ANY, Made, Studio
from worker.errors import FailureReason, TaskFailed
from worker.media.plan import ExpectedOutput
from worker.media.verify import verify_output

SRT = "1\n00:00:00,000 --> 00:00:00,800\nHello\n"


async def captioned(studio: Studio, container: Container = Container.MP4, seconds: float = 5) -> Made:
    source = studio.video(seconds=seconds, sound="sine=440")
    inputs = {"video": source, "subtitles": studio.text("a.srt", SRT)}
    return await studio.make(Caption(video=ANY, subtitles=ANY), OutputSpec(container=container), inputs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda expected: replace(expected, video_codec="hevc"), "the video codec is h264, not hevc"),
        (lambda expected: replace(expected, width=322), "the picture is 320x240, not 322x240"),
        (lambda expected: replace(expected, audio_codecs=()), "the sound tracks are"),
        (lambda expected: replace(expected, duration=expected.duration * 1.1), "it lasts 5"),
        (lambda expected: replace(expected, duration=expected.duration * 0.9), "it lasts 5"),
    ],
)
async def test_an_output_of_another_kind_is_refused(
    studio: Studio, change: Callable[[ExpectedOutput], ExpectedOutput], words: str
) -> None:
    made = await captioned(studio)
    await verify_output(made.path, made.plan.expected, studio.prober)
    with pytest.raises(TaskFailed, match=words) as failed:
        await verify_output(made.path, change(made.plan.expected), studio.prober)
    assert failed.value.reason is FailureReason.OUTPUT_INVALID


@pytest.mark.parametrize("place", ["first frame", "last frames"])
async def test_an_output_whose_ends_cannot_be_decoded_is_refused(studio: Studio, place: str) -> None:
    made = await captioned(studio)
    content = bytearray(made.path.read_bytes())
    data = [(start, end) for kind, start, end in boxes(made.path) if kind == "mdat"]
    # Of the last key frame on, everything; at the start all pictures that could stand in for the first.
    for start, end in data if place == "first frame" else data[-1:]:
        content[start + 8 : end] = bytes(end - start - 8)
    damaged = studio.file("damaged.mp4", bytes(content))
    with pytest.raises(TaskFailed, match=place) as failed:
        await verify_output(damaged, made.plan.expected, studio.prober)
    assert failed.value.reason is FailureReason.OUTPUT_INVALID


async def test_the_growing_output_plays_up_to_the_end_of_each_fragment(studio: Studio) -> None:
    made = await captioned(studio)
    content = made.path.read_bytes()
    ends = [end for kind, _, end in boxes(made.path) if kind == "mdat"]
    assert len(ends) >= 3
    lengths = []
    for end in ends:
        info = await studio.prober.check_decodable(studio.file("prefix.mp4", content[:end]))
        assert info.duration is not None
        lengths.append(info.duration)
    assert lengths == sorted(lengths)
    assert lengths[-1] == pytest.approx(timedelta(seconds=5), abs=timedelta(seconds=0.05))


@pytest.mark.parametrize("container", [Container.MP4, Container.MKV])
def test_where_the_index_is(studio: Studio, container: Container) -> None:
    front = {Container.MP4: ["-movflags", "+faststart"], Container.MKV: ["-cues_to_front", "1"]}[container]
    source = studio.video(seconds=1)
    suffix = container.suffix
    assert index_is_in_front(studio.input(f"front{suffix}", "-i", str(source), "-c", "copy", *front))
    assert not index_is_in_front(studio.input(f"behind{suffix}", "-i", str(source), "-c", "copy"))


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\xff\xff\xff\xff\xff" * 9, b"\0" * 99])
def test_what_is_no_such_file_has_no_index(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not index_is_in_front(path)
