"""Reading real media files, and what only looks like one."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from servicekit.errors import FailedPrecondition
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.probe import MediaProber, MediaUnreadable, StreamType

FfmpegRun = Callable[..., Path]


@pytest.fixture(scope="module")
def ffmpeg() -> Path:
    return locate_ffmpeg()


@pytest.fixture
def make(ffmpeg: Path, tmp_path: Path) -> FfmpegRun:
    """Writes a file with FFmpeg: its name, then the arguments before it."""

    def run(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        command = [str(ffmpeg), "-v", "error", "-nostdin", "-y", *arguments, f"file:{path}"]
        subprocess.run(command, check=True, cwd=tmp_path)
        return path

    return run


@pytest.fixture
async def prober() -> AsyncIterator[MediaProber]:
    async with MediaProber() as running:
        yield running


def pattern(seconds: int = 2, size: str = "320x180", rate: int = 30) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")


async def test_what_is_in_a_film(prober: MediaProber, make: FfmpegRun) -> None:
    name = "a film: it's 100%03d, [really] ünïcode.mp4"
    tone = ("-f", "lavfi", "-i", "sine=duration=2", "-ac", "6", "-ar", "48000", "-metadata:s:a", "language=fra")
    film = make(name, *pattern(), *tone, "-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-c:a", "aac")

    info = await prober.probe(film)
    await prober.check_decodable(film)

    assert "mp4" in info.format
    assert info.size_bytes == film.stat().st_size
    assert info.duration is not None
    assert info.duration.total_seconds() == pytest.approx(2, abs=0.1)
    assert info.video is not None
    assert info.audio is not None
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 320, 180)
    assert (info.video.frame_rate, info.video.frames, info.video.bit_depth) == (30.0, 60, 10)
    assert (info.audio.codec, info.audio.channels, info.audio.sample_rate_hz) == ("aac", 6, 48000)
    assert (info.audio.language, info.audio.channel_layout) == ("fra", "5.1")


async def test_rotation_is_counted_clockwise(prober: MediaProber, make: FfmpegRun) -> None:
    upright = make("upright.mp4", *pattern(), "-c:v", "libx264", "-pix_fmt", "yuv420p")
    turned = make("turned.mp4", "-display_rotation", "-90", "-i", str(upright), "-c", "copy")

    info = await prober.probe(turned)
    assert info.video is not None
    assert info.video.rotation_degrees == 90


async def test_stills_and_subtitles_are_media_too(prober: MediaProber, make: FfmpegRun, tmp_path: Path) -> None:
    for name in ("still%02d.png", "still.jpg", "still.webp"):
        still = make("made.png", *pattern(), "-frames:v", "1").rename(tmp_path / name)
        info = await prober.probe(still)
        assert info.video is not None
        assert (info.video.width, info.video.height) == (320, 180)
        await prober.check_decodable(still)

    captions = tmp_path / "captions.srt"
    captions.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n\n")
    assert (await prober.probe(captions)).streams[0].type is StreamType.SUBTITLE


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is only text\n" * 50, "no media file"),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
            "no media file",
        ),
        ("list.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist"),
    ],
)
async def test_what_is_no_media_file_is_told_so(
    prober: MediaProber, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaUnreadable, match=words) as caught:
        await prober.probe(path)
    assert re.match(r"The video is .*\.$", caught.value.words("The video"))
    assert name not in str(caught.value)


async def test_missing_files_directories_and_pipes_are_told_so(prober: MediaProber, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path / "none.mp4", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "pipe", "regular"),
    ):
        with pytest.raises(MediaUnreadable, match=words):
            await prober.probe(path)


async def test_a_film_that_was_cut_off_is_told_so(prober: MediaProber, make: FfmpegRun, tmp_path: Path) -> None:
    encode = (*pattern(6), "-c:v", "libx264", "-g", "30", "-pix_fmt", "yuv420p")
    for flags, ask, words in (
        ("0", prober.probe, "moov atom"),
        ("+faststart", prober.check_decodable, "cut off"),
    ):
        whole = make("whole.mp4", *encode, "-movflags", flags)
        await prober.check_decodable(whole)
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(MediaUnreadable, match=words):
            await ask(cut)


async def test_a_reader_that_dies_is_replaced(prober: MediaProber, make: FfmpegRun) -> None:
    film = make("film.mkv", *pattern(), "-c:v", "libx264")
    await prober.probe(film)
    assert prober._child is not None
    os.kill(prober._child.pid, signal.SIGSEGV)
    with pytest.raises(MediaUnreadable, match="ended the process that read it"):
        await prober.probe(film)
    assert (await prober.probe(film)).video is not None


async def test_a_reader_that_hangs_is_replaced(prober: MediaProber, make: FfmpegRun) -> None:
    film = make("film.mkv", *pattern(), "-c:v", "libx264")
    await prober.probe(film)
    assert prober._child is not None
    os.kill(prober._child.pid, signal.SIGSTOP)
    with pytest.raises(MediaUnreadable, match="longer than"):
        await prober.probe(film, timeout=0.2)
    again = [await prober.probe(film), await prober.probe(film)]
    assert again[0] == again[1]


async def test_a_cancelled_question_does_not_answer_the_next(prober: MediaProber, make: FfmpegRun) -> None:
    wide = make("wide.mkv", *pattern(size="640x180"), "-c:v", "libx264")
    tall = make("tall.mkv", *pattern(size="180x640"), "-c:v", "libx264")
    asking = asyncio.create_task(prober.probe(wide), name="ask")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    info = await prober.probe(tall)
    assert info.video is not None
    assert info.video.height == 640


def test_ffmpeg_is_found_complete_and_a_wrong_one_is_named(ffmpeg: Path) -> None:
    assert locate_ffmpeg(ffmpeg) == ffmpeg
    with pytest.raises(FailedPrecondition, match=r"imageio-ffmpeg") as caught:
        locate_ffmpeg(Path("/bin/ls"))
    assert caught.value.reason == "FFMPEG_NOT_FOUND"


def test_the_service_itself_does_not_load_the_decoders() -> None:
    code = "import sys, servicekit.probe; sys.exit('av' in sys.modules or 'grpc' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
