"""Inputs for the benchmarks, made with FFmpeg's own sources."""

import subprocess
from pathlib import Path


def full_hd(ffmpeg: Path, path: Path, *, seconds: int = 20) -> Path:
    """1080p, 30 frames a second, H.264 and AAC, with motion and detail everywhere."""
    _run(
        ffmpeg,
        *["-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate=30:duration={seconds}"],
        *["-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}"],
        *["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)],
    )
    return path


def sound(ffmpeg: Path, path: Path, *, seconds: int = 20) -> Path:
    """A tone, as WAV."""
    _run(ffmpeg, "-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}", str(path))
    return path


def heavy(ffmpeg: Path, path: Path, *, size_bytes: int) -> Path:
    """A video of at least that size, as noise that nothing compresses, repeated without encoding it again."""
    piece = path.with_name("piece.mp4")
    _run(
        ffmpeg,
        *["-f", "lavfi", "-i", "nullsrc=size=1280x720:rate=30:duration=2,noise=alls=100:allf=t+u,format=yuv420p"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "30", str(piece)],
    )
    repeats = -(-size_bytes // piece.stat().st_size)
    _run(ffmpeg, "-stream_loop", str(repeats), "-i", str(piece), "-c", "copy", str(path))
    piece.unlink()
    return path


def subtitles(path: Path, *, seconds: int = 20) -> Path:
    """A two-line caption for nine tenths of every two seconds."""
    cues = [
        f"{n + 1}\n00:00:{2 * n:02},000 --> 00:00:{2 * n + 1:02},800\nCaption number {n + 1}\nwith a second line\n"
        for n in range(seconds // 2)
    ]
    path.write_text("\n".join(cues))
    return path


def _run(ffmpeg: Path, *arguments: str) -> None:
    subprocess.run([ffmpeg, "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)
