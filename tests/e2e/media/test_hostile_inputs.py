"""Inputs that name local files or other hosts: nothing of them is opened, whatever they are given as."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from servicekit.media.operations import AddAudio, Caption, ImageToVideo, Operation
from servicekit.media.outputs import Container, OutputSpec, VideoCodec, VideoEncoding
from servicekit.process import ChildProcess
from tests.e2e.media.conftest import ANY, Studio
from tests.e2e.media.hostile import scripts, with_external_data
from tests.simulators.file_server import FileServer, Served
from worker.errors import FailureReason, TaskFailed

SRT = "1\n00:00:00,000 --> 00:00:00,800\nHello\n"
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
Inputs = Callable[[Studio, Path], Mapping[str, Path]]
ROLES: dict[str, tuple[Operation, OutputSpec, Inputs]] = {
    "video": (
        Caption(video=ANY, subtitles=ANY),
        OutputSpec(),
        lambda studio, path: {"video": path, "subtitles": studio.text("a.srt", SRT)},
    ),
    "subtitles": (
        Caption(video=ANY, subtitles=ANY),
        OutputSpec(),
        lambda studio, path: {"video": studio.folder / "good.mp4", "subtitles": path},
    ),
    "audio": (
        AddAudio(video=ANY, audio=ANY),
        COPY,
        lambda studio, path: {"video": studio.folder / "good.mp4", "audio": path},
    ),
    "copied video": (
        AddAudio(video=ANY, audio=ANY),
        COPY,
        lambda studio, path: {"video": path, "audio": studio.folder / "good.mp4"},
    ),
    "image": (ImageToVideo(image=ANY), OutputSpec(), lambda studio, path: {"image": path}),
}
# What an FFmpeg that nobody restrains makes of them.
FOLLOWED = ["ffconcat", "hls", "hls over http", "hls with a key", "dash"]


@pytest.fixture
def secret(studio: Studio, tmp_path: Path) -> Path:
    """A film with sound, which every player of playlists could play; `good.mp4` is the same."""
    sources = ["-f", "lavfi", "-i", "mandelbrot=s=64x64:r=25", "-f", "lavfi", "-i", "sine=440"]
    good = studio.input("good.mp4", *sources, "-t", "1", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
    return Path(shutil.copy(good, tmp_path / "secret.mp4"))


@pytest.fixture
async def other_host(secret: Path) -> AsyncIterator[FileServer]:
    async with FileServer(Served(content=secret.read_bytes())) as server:
        yield server


@pytest.mark.parametrize("role", ROLES)
async def test_a_playlist_reads_no_other_file_and_asks_no_host(
    studio: Studio, secret: Path, other_host: FileServer, role: str
) -> None:
    operation, output, inputs = ROLES[role]
    for name, content in scripts(secret, other_host.url()).items():
        given = inputs(studio, studio.file("given", content))
        with pytest.raises(TaskFailed) as failed:
            await studio.make(operation, output, given)
        assert failed.value.reason in (FailureReason.INPUT_INVALID, FailureReason.SUBTITLES_INVALID), name
        assert secret.name not in str(failed.value), name
    assert not other_host.requests


@pytest.mark.parametrize("name", FOLLOWED)
async def test_the_same_playlists_are_followed_by_an_ffmpeg_that_nobody_restrains(
    studio: Studio, secret: Path, other_host: FileServer, name: str
) -> None:
    """Or the test above would show nothing."""
    # By its name it is taken for what it is.
    given = studio.file("given.m3u8", scripts(secret, other_host.url())[name])
    permit = ["-protocol_whitelist", "file,http,tcp,crypto,data"]
    permit += ["-safe", "0"] if "concat" in name else ["-allowed_extensions", "ALL"] if "hls" in name else []
    command = [str(studio.ffmpeg), "-nostdin", "-v", "verbose", *permit, "-i", f"file:{given}", "-f", "null", "-"]
    async with ChildProcess(command) as process:
        await process.wait()
        assert other_host.requests or any(secret.name in line and "Opening" in line for line in process.stderr_lines)


@pytest.mark.parametrize("role", ["video", "audio", "copied video"])
async def test_samples_in_another_file_are_not_fetched(studio: Studio, secret: Path, role: str) -> None:
    plain = studio.video("plain.mp4", size="64x64").read_bytes()
    given = studio.file("given.mp4", with_external_data(plain, secret))
    allowed = ["-enable_drefs", "1", "-use_absolute_path", "1"]
    async with ChildProcess([str(studio.ffmpeg), "-nostdin", *allowed, "-i", f"file:{given}"]) as process:
        await process.wait()
        assert any("Opening" in line and secret.name in line for line in process.stderr_lines)

    operation, output, inputs = ROLES[role]
    with pytest.raises(TaskFailed) as failed:
        await studio.make(operation, output, inputs(studio, given))
    assert failed.value.reason in (FailureReason.INPUT_INVALID, FailureReason.OUTPUT_INVALID)


async def test_a_matroska_file_that_names_others_opens_none(
    studio: Studio, secret: Path, other_host: FileServer
) -> None:
    """Its attachments are called like addresses, and so is everything else that it can name."""
    url = other_host.url()
    named = ["-metadata", f"title={url}", "-metadata", f"PREV_FILENAME={secret}", "-metadata", f"NEXT_FILENAME={url}"]
    attached = studio.text("attached.m3u8", f"#EXTM3U\n#EXTINF:1,\n{url}\n")
    attach = ["-attach", str(attached), "-metadata:s:t", "mimetype=application/vnd.apple.mpegurl"]
    given = studio.input(
        "given.mkv",
        "-i",
        str(studio.video(seconds=1)),
        "-c",
        "copy",
        *named,
        *attach,
        "-metadata:s:t",
        f"filename={url}",
    )
    operation, output, inputs = ROLES["video"]
    made = await studio.make(operation, output, inputs(studio, given))
    assert made.info.video is not None
    assert not other_host.requests


async def test_more_than_any_studio_makes_is_refused_with_the_bound(studio: Studio) -> None:
    sound = ["-f", "lavfi", "-i", "anullsrc=r=8000:d=0.1"]
    many = studio.input("many.mka", *sound, *(["-map", "0:a"] * 101), "-c:a", "pcm_s16le")
    wide = studio.input("wide.mkv", "-f", "lavfi", "-i", "color=s=16400x16:d=0.04", "-c:v", "ffv1")
    operation, output, inputs = ROLES["audio"]
    studio.video("good.mp4", size="64x64")
    for path, words in ((many, "101 streams; more than 100"), (wide, "16400x16 pixels; more than 16384 on a side")):
        with pytest.raises(TaskFailed, match=words) as failed:
            await studio.make(operation, output, inputs(studio, path))
        assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_a_picture_that_grows_beyond_its_header_is_not_decoded(studio: Studio) -> None:
    """The header of the film is honest about its first picture only."""
    small = studio.input("small.h264", "-f", "lavfi", "-i", "color=s=64x64:d=0.2", "-c:v", "libx264")
    huge = studio.input(
        "huge.h264", "-f", "lavfi", "-i", "color=s=16384x8192:r=1:d=1", "-c:v", "libx264", "-preset", "ultrafast"
    )
    given = studio.file("given.h264", small.read_bytes() + huge.read_bytes())
    operation, _, inputs = ROLES["video"]
    made = await studio.make(operation, OutputSpec(container=Container.MKV), inputs(studio, given))
    assert made.info.video is not None
    assert (made.info.video.width, made.info.video.height) == (64, 64)
    assert made.progress[-1].frames == 5
