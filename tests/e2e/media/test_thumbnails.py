"""Pictures of a video: the right moment, the right size, and sheets that hold what their index says."""

import re
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.operations import Poster, SpriteSheet, Thumbnails
from servicekit.media.outputs import FrameSize, OutputSpec
from servicekit.media_info import MediaInfo, MediaUnreadable
from servicekit.pictures import check_pictures
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed
from worker.media.sampling import Way
from worker.media.thumbnails import PicturesPlan, PosterPlan, SpritesPlan

# Frame n has the luma 20 + 2n: neighbours differ by what JPEG and scaling never change.
COUNTED = "color=black:size=64x48:rate=25:duration=4,format=yuv420p,geq=lum='20+2*N':cb=128:cr=128"
X264 = ("-c:v", "libx264", "-qp", "2", "-bf", "3", "-pix_fmt", "yuv420p")
SECOND = timedelta(seconds=1)


def counted(studio: Studio, name: str = "counted.mp4", *options: str) -> Path:
    return studio.input(name, "-f", "lavfi", "-i", COUNTED, *X264, *(options or ("-g", "30")))


@dataclass
class Taken:
    """What came out."""

    path: Path
    plan: PicturesPlan
    info: MediaInfo


async def planned(studio: Studio, kind: Poster | SpriteSheet, video: Path) -> PicturesPlan:
    plan = await studio.engine.plan(Thumbnails(video=ANY, kind=kind), OutputSpec(), {"video": video})
    assert isinstance(plan, PosterPlan | SpritesPlan)
    return plan


async def carried_out(studio: Studio, plan: PicturesPlan) -> Taken:
    path, info, _ = await studio.carry_out(plan, f"out{plan.form.suffix}")
    return Taken(path, plan, info)


async def take(studio: Studio, kind: Poster | SpriteSheet, video: Path) -> Taken:
    return await carried_out(studio, await planned(studio, kind, video))


def number(gray: int) -> int:
    """The number of a frame by its grey in full range."""
    return round(((gray * 219 / 255 + 16) - 20) / 2)


def middle(studio: Studio, made: Taken) -> int:
    size = made.info.streams[0]
    return studio.frame(made.path, 0)[size.width * (size.height // 2) + size.width // 2]


def unpacked(studio: Studio, path: Path) -> Path:
    folder = studio.folder / "sheets"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def shown(studio: Studio, made: Taken) -> list[tuple[float, float, int]]:
    """From when to when which frame stands for the video, read off the sheets at the places that the index names."""
    folder = unpacked(studio, made.path)
    pattern = r"(\d+):(\d+):([\d.]+) --> (\d+):(\d+):([\d.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)"
    found = []
    sheets: dict[str, tuple[bytes, int]] = {}
    for match in re.finditer(pattern, (folder / "sprites.vtt").read_text()):
        times = [float(part) for part in match.groups()[:6]]
        x, y, width, height = map(int, match.groups()[7:])
        if match[7] not in sheets:
            header = (folder / match[7]).read_bytes()
            start = header.index(b"\xff\xc0")
            sheets[match[7]] = studio.frame(folder / match[7], 0), int.from_bytes(header[start + 7 : start + 9], "big")
        pixels, stride = sheets[match[7]]
        gray = pixels[(y + height // 2) * stride + x + width // 2]
        start_time, end = (times[n] * 3600 + times[n + 1] * 60 + times[n + 2] for n in (0, 3))
        found.append((start_time, end, number(gray)))
    return found


@pytest.mark.parametrize("seconds", [0, 0.041, 1.199, 1.2, 2.5, 3.97])
@pytest.mark.parametrize("name", ["counted.mp4", "counted.ts", "counted.flv", "counted.h264"])
async def test_a_poster_shows_the_frame_of_its_time(studio: Studio, name: str, seconds: float) -> None:
    made = await take(studio, Poster(time=timedelta(seconds=seconds)), counted(studio, name))
    assert number(middle(studio, made)) == int(seconds * 25 + 1e-6)
    assert (made.info.streams[0].width, made.info.streams[0].height) == (64, 48)
    assert made.info.duration is None


async def test_a_time_beyond_the_end_names_the_length(studio: Studio) -> None:
    with pytest.raises(TaskFailed, match=r"no picture at 4 s: the video is 4.000 s long") as failed:
        await take(studio, Poster(time=4 * SECOND), counted(studio))
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_the_poster_is_neither_black_nor_blank_nor_the_blurred_one(studio: Studio) -> None:
    """Black, white, blurred and clear for a second each, all of them near a tenth of the 21 s."""
    parts = (
        "color=black:s=320x240:r=10:d=1[a];color=white:s=320x240:r=10:d=1[b];"
        "testsrc2=s=320x240:r=10:d=1,boxblur=20[c];testsrc2=s=320x240:r=10:d=1[d];color=gray:s=320x240:r=10:d=17[e];"
        "[a][b][c][d][e]concat=n=5,format=yuv420p"
    )
    video = studio.input("parts.mp4", "-f", "lavfi", "-i", parts, "-c:v", "libx264", "-preset", "ultrafast")
    made = await take(studio, Poster(), video)
    clear = studio.frame(video, 3.5)
    picture = studio.frame(made.path, 0)
    assert sum(abs(one - other) for one, other in zip(picture, clear, strict=True)) / len(clear) < 12


async def test_a_poster_is_found_anywhere_if_it_must(studio: Studio) -> None:
    parts = "color=black:s=320x240:r=10:d=9[a];testsrc2=s=320x240:r=10:d=1[b];[a][b]concat=n=2,format=yuv420p"
    video = studio.input("late.mp4", "-f", "lavfi", "-i", parts, "-c:v", "libx264", "-preset", "ultrafast")
    made = await take(studio, Poster(), video)
    assert max(studio.frame(made.path, 0)) > 100


async def test_a_black_video_has_a_black_poster(studio: Studio) -> None:
    video = studio.input("black.mp4", "-f", "lavfi", "-i", "color=black:s=64x48:r=10:d=1", "-c:v", "libx264")
    made = await take(studio, Poster(), video)
    assert max(studio.frame(made.path, 0)) < 10


@pytest.mark.parametrize(
    ("filters", "size", "expected"),
    [
        ("crop=321:241", FrameSize(), (321, 241)),
        ("crop=320:240,setsar=2", FrameSize(), (640, 240)),
        ("crop=320:240", FrameSize(width=160), (160, 120)),
        ("crop=320:240", FrameSize(width=200, height=200), (200, 200)),
    ],
)
async def test_the_size_of_a_poster(studio: Studio, filters: str, size: FrameSize, expected: tuple[int, int]) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=s=400x300:r=10:d=1", "-vf", f"format=yuv444p,{filters}"]
    video = studio.input("sized.mkv", *source, "-c:v", "ffv1")
    made = await take(studio, Poster(time=SECOND / 2, size=size), video)
    stream = made.info.streams[0]
    assert (stream.width, stream.height, stream.sample_aspect_ratio) == (*expected, 1.0)


async def test_a_video_on_its_side_is_turned_upright(studio: Studio) -> None:
    """The left half is white, and is above when it was turned."""
    flat = studio.input(
        "flat.mp4", "-f", "lavfi", "-i", "color=black:s=64x48:r=10:d=1,drawbox=w=32:t=fill:c=white", *X264
    )
    video = studio.input("turned.mp4", "-display_rotation", "-90", "-i", str(flat), "-c", "copy")
    made = await take(studio, Poster(time=SECOND / 2), video)
    stream = made.info.streams[0]
    pixels = studio.frame(made.path, 0)
    assert (stream.width, stream.height) == (48, 64)
    assert (pixels[48 * 5 + 24] > 200, pixels[48 * 58 + 24] < 50) == (True, True)


@pytest.mark.parametrize(
    ("options", "way", "interval"),
    [
        # One key frame at the start: every frame has to be decoded, or the right one sought.
        (("-g", "250"), Way.EVERY_FRAME, SECOND / 2),
        (("-g", "5"), Way.KEY_FRAMES, SECOND / 2),
        # Key frames at distances that differ, all of them shorter than the interval.
        (("-force_key_frames", "0.2,0.28,1.0,1.4,2.2,2.24,3.0,3.9"), Way.KEY_FRAMES, SECOND),
        (("-force_key_frames", "0.2,1.0,3.9"), Way.EVERY_FRAME, SECOND),
    ],
)
async def test_each_sprite_was_shown_in_its_time(
    studio: Studio, options: tuple[str, ...], way: Way, interval: timedelta
) -> None:
    video = counted(studio, "keyed.mkv", *options)
    made = await take(studio, SpriteSheet(interval=interval, width=64, columns=3, rows=2), video)
    assert isinstance(made.plan, SpritesPlan)
    assert made.plan.sampling.way is way
    pictures = shown(studio, made)
    assert [start for start, _, _ in pictures] == [n * interval.total_seconds() for n in range(4 * SECOND // interval)]
    assert pictures[-1][1] == 4.0
    for start, end, frame in pictures:
        assert start < (frame + 1) / 25 - 1e-6
        assert frame / 25 < end


@pytest.mark.parametrize("way", list(Way))
async def test_every_way_leads_to_pictures_of_the_right_time(studio: Studio, way: Way) -> None:
    video = counted(studio, "ways.mp4", "-g", "10")
    plan = await planned(studio, SpriteSheet(interval=SECOND, width=64), video)
    assert isinstance(plan, SpritesPlan)
    made = await carried_out(studio, replace(plan, sampling=replace(plan.sampling, way=way)))
    pictures = shown(studio, made)
    assert len(pictures) == 4
    for start, end, frame in pictures:
        assert start < (frame + 1) / 25 - 1e-6
        assert frame / 25 < end


async def test_the_last_sheet_is_as_large_as_what_is_left(studio: Studio) -> None:
    video = counted(studio)
    made = await take(studio, SpriteSheet(interval=SECOND / 4, width=32, columns=4, rows=3), video)
    folder = unpacked(studio, made.path)
    assert sorted(path.name for path in folder.iterdir()) == ["sprites-001.jpg", "sprites-002.jpg", "sprites.vtt"]
    sizes = [(await studio.prober.probe(folder / f"sprites-00{n}.jpg")).streams[0] for n in (1, 2)]
    assert [(one.width, one.height) for one in sizes] == [(128, 72), (128, 24)]
    assert (made.info.format, made.info.streams, made.info.size_bytes) == ("zip", (), made.path.stat().st_size)


@pytest.mark.parametrize("name", ["one.mp4", "one.mkv", "one.h264"])
async def test_a_video_of_one_frame(studio: Studio, name: str) -> None:
    video = counted(studio, name, "-frames:v", "1")
    assert [frame for _, _, frame in shown(studio, await take(studio, SpriteSheet(), video))] == [0]
    assert number(middle(studio, await take(studio, Poster(), video))) == 0


async def test_the_same_video_gives_the_same_bytes(studio: Studio) -> None:
    video = counted(studio)
    first = (await take(studio, SpriteSheet(interval=SECOND), video)).path.read_bytes()
    assert (await take(studio, SpriteSheet(interval=SECOND), video)).path.read_bytes() == first


async def test_sound_with_a_cover_is_no_video(studio: Studio) -> None:
    cover = studio.input("cover.png", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.04", "-update", "1")
    sound = studio.input(
        "song.m4a",
        *("-f", "lavfi", "-i", "sine=d=1", "-f", "png_pipe", "-i", str(cover), "-map", "0", "-map", "1", "-c:a", "aac"),
        *("-c:v", "mjpeg", "-disposition:v:0", "attached_pic"),
    )
    with pytest.raises(TaskFailed, match="has no video stream") as failed:
        await take(studio, Poster(), sound)
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_a_high_dynamic_range_is_brought_down(studio: Studio) -> None:
    """White of 100 nits is code 509 of 1023 in PQ, of which nobody would make more than 129 of 255 unasked."""
    tags = "hevc_metadata=transfer_characteristics=16:colour_primaries=9:matrix_coefficients=9"
    video = studio.input(
        "hdr.mp4",
        *("-f", "lavfi", "-i", "color=black:s=64x64:r=10:d=0.5,format=yuv420p10le,geq=lum=509:cb=512:cr=512"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-bsf:v", tags),
    )
    made = await take(studio, Poster(time=timedelta()), video)
    assert isinstance(made.plan, PosterPlan)
    assert 145 < middle(studio, made) < 200


async def test_an_archive_that_is_not_as_promised_is_refused(studio: Studio) -> None:
    made = await take(studio, SpriteSheet(interval=SECOND), counted(studio))
    content = made.path.read_bytes()
    damaged = studio.file("damaged.zip", content.replace(b"xywh=160,0,", b"xywh=990,0,", 1))
    cut = studio.file("cut.zip", content[: len(content) // 2])
    for path in (damaged, cut, counted(studio)):
        with pytest.raises(MediaUnreadable):
            await check_pictures(path, made.plan.form, studio.prober)
