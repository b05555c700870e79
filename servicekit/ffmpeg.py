"""Which FFmpeg to run."""

import os
import re
import shutil
from pathlib import Path

from servicekit.confined import Bounds, confined
from servicekit.errors import FailedPrecondition
from servicekit.process import query

_HOW_TO_GET_ONE = (
    "Install the package imageio-ffmpeg (`pip install 'spotreel[all]'`), or an FFmpeg with libx264 and libass, "
    "or set SPOTREEL_FFMPEG to the path of one."
)


def locate_ffmpeg(configured: Path | None = None) -> Path:
    """Returns the FFmpeg to use: the configured one, else a complete one on PATH, else imageio-ffmpeg's. Blocking.

    Raises FailedPrecondition (FFMPEG_NOT_FOUND) where the configured path is no FFmpeg, or where there is none.
    """
    if configured is not None:
        if not _is_ffmpeg(configured):
            raise _not_found(f"The configured FFmpeg {configured} cannot be run.", str(configured))
        return configured
    on_path = shutil.which("ffmpeg")
    if on_path is not None and _is_complete(Path(on_path)):
        return Path(on_path)
    bundled = _bundled()
    if bundled is not None:
        return bundled
    incomplete = f" {on_path} lacks libx264 or the subtitles filter." if on_path else ""
    raise _not_found(f"There is no FFmpeg that can encode H.264 and draw captions.{incomplete}", on_path or "")


def files_of(ffmpeg: Path) -> tuple[str, ...]:
    """Returns the files and folders that FFmpeg has to read to start: itself and the libraries it brings."""
    program = ffmpeg.resolve()
    libraries = [*os.environ.get("LD_LIBRARY_PATH", "").split(":"), str(program.parent.parent / "lib")]
    return (str(program), *(path for path in libraries if path))


def can_be_confined(ffmpeg: Path) -> bool:
    """Tells whether FFmpeg starts where it can open the system's files and its own only. Blocking.

    A wrapper that somebody wrote around it may read anything.
    """
    return "ffmpeg version" in query(confined([str(ffmpeg), "-version"], Bounds(readable=files_of(ffmpeg))))


def _is_ffmpeg(path: Path) -> bool:
    return "ffmpeg version" in _answer(path, "-version")


def _is_complete(path: Path) -> bool:
    return (
        re.search(r"^ \S+ libx264 ", _answer(path, "-encoders"), re.MULTILINE) is not None
        and re.search(r"^ \S+ subtitles ", _answer(path, "-filters"), re.MULTILINE) is not None
    )


def _answer(path: Path, question: str) -> str:
    try:
        return query([path, "-hide_banner", question] if question != "-version" else [path, question])
    except FailedPrecondition:
        return ""


def _bundled() -> Path | None:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - not needed where the image brings an FFmpeg of its own
    except ImportError:
        return None
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def _not_found(message: str, path: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"{message} {_HOW_TO_GET_ONE}", reason="FFMPEG_NOT_FOUND", subject="ffmpeg", metadata={"path": path}
    )
