"""`make gallery`: writes docs/gallery.md and its pictures, each a frame of what the media engine really made.

An entry is one paragraph of the page: what it shows, and a function that makes its pictures in a studio. Add one to
`ENTRIES`.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.media.operations import (
    AssetSource,
    Border,
    Caption,
    CaptionAlignment,
    CaptionStyle,
    Easing,
    Fit,
    ImageToVideo,
    Operation,
    SpriteSheet,
    Thumbnails,
    Zoom,
)
from servicekit.media.outputs import FrameSize, OutputSpec, VideoEncoding
from servicekit.probe import MediaProber
from tools.scenery import draw
from worker.ffmpeg.runner import RunLimits
from worker.fonts.book import FontBook
from worker.hardware.probe import probe_capabilities
from worker.media.engine import MediaEngine

PAGE = Path(__file__).parents[1] / "docs" / "gallery.md"
FOLDER = PAGE.with_suffix("")
JAPANESE_FONT = Path(__file__).parent / "fonts" / "NotoSansCJKjp-sample.otf"
ANY = AssetSource(asset="assets/any")
SMALL = OutputSpec(video=VideoEncoding(size=FrameSize(width=384, height=216), quality=12))
SECOND = timedelta(seconds=1)

_MOST_BYTES, _MOST_BYTES_TOGETHER = 60_000, 600_000
_LIMITS = RunLimits(run_timeout=timedelta(minutes=2), stall_timeout=timedelta(minutes=1))


class Studio:
    """Makes films with the engine, and pictures of them for the page."""

    def __init__(self, *, ffmpeg: Path, engine: MediaEngine, folder: Path) -> None:
        """Takes a folder for inputs and films, which is deleted by whoever made it."""
        self._ffmpeg = ffmpeg
        self._engine = engine
        self.folder = folder
        self._films = 0

    async def film(self, operation: Operation, paths: Mapping[str, Path], output: OutputSpec = SMALL) -> Path:
        """Plans, runs and verifies an operation; returns the file. `paths` are the inputs by role."""
        self._films += 1
        plan = await self._engine.plan(operation, output, paths)
        workdir = self.folder / f"work-{self._films}"
        workdir.mkdir()
        path = self.folder / f"film-{self._films}{output.container.suffix}"
        with path.open("wb") as sink:
            result = await self._engine.run(
                plan, workdir=workdir, sink=_Sink(sink.fileno()), on_progress=lambda _: None, limits=_LIMITS
            )
        await self._engine.verify(plan, path, result)
        return path

    def picture(self, name: str, source: Path, *, at: float = 0.0) -> str:
        """Writes the frame of a film (or a picture) at that second as docs/gallery/`name`.png; returns the Markdown."""
        # A palette of its own makes a picture half as large, and no dithering makes it the same each time.
        graph = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none"
        seek = ["-ss", str(at)] if at else []
        command = ["-nostdin", "-loglevel", "error", "-y", *seek, "-i", str(source), "-frames:v", "1"]
        target = FOLDER / f"{name}.png"
        subprocess.run([self._ffmpeg, *command, "-update", "1", "-vf", graph, target], check=True)
        size = target.stat().st_size
        if size > _MOST_BYTES:
            raise ValueError(f"{target.name} has {size} bytes; pictures of the gallery have at most {_MOST_BYTES}")
        return f"![{name.replace('-', ' ')}](gallery/{target.name})"

    def ffmpeg(self, name: str, *arguments: str) -> Path:
        """Makes an input with FFmpeg's own sources; returns its path."""
        path = self.folder / name
        subprocess.run([self._ffmpeg, "-nostdin", "-loglevel", "error", "-y", *arguments, path], check=True)
        return path

    def scenery(self) -> Path:
        """A landscape, 2400x1600, as PNG."""
        path = self.folder / "scenery.png"
        return path if path.exists() else draw(path)


class _Sink:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


@dataclass(frozen=True, slots=True)
class Entry:
    """A paragraph of the page; `make` returns the pictures as Markdown, in their order."""

    title: str
    sentence: str
    make: Callable[[Studio], Awaitable[Sequence[str]]]


async def zoom(studio: Studio) -> Sequence[str]:
    """The first, the middle and the last frame of a zoom to the sun."""
    zoom = Zoom(end_scale=2.4, focus_x=0.7, focus_y=0.32, easing=Easing.EASE_IN_OUT)
    film = await studio.film(
        ImageToVideo(image=ANY, duration=2 * SECOND, frame_rate=25, zoom=zoom), {"image": studio.scenery()}
    )
    return [studio.picture(f"zoom-{name}", film, at=at) for name, at in (("start", 0), ("middle", 1), ("end", 1.96))]


async def pan(studio: Studio) -> Sequence[str]:
    """Both ends of a pan along the shore."""
    zoom = Zoom(start_scale=2, end_scale=2, focus_x=0.0, end_focus_x=1.0, focus_y=0.6)
    film = await studio.film(
        ImageToVideo(image=ANY, duration=2 * SECOND, frame_rate=25, zoom=zoom), {"image": studio.scenery()}
    )
    return [studio.picture(f"pan-{name}", film, at=at) for name, at in (("start", 0), ("end", 1.96))]


async def fits(studio: Studio) -> Sequence[str]:
    """An upright still in a wide frame, in the three ways."""
    upright = studio.ffmpeg(
        "upright.png", "-i", str(studio.scenery()), "-vf", "crop=ih*3/4:ih:iw*0.45:0", "-update", "1"
    )
    ways = {
        "cover": ImageToVideo(image=ANY, duration=SECOND / 5),
        "contain": ImageToVideo(image=ANY, duration=SECOND / 5, fit=Fit.CONTAIN, background_color="#1D3A5F"),
        "contain-blurred": ImageToVideo(image=ANY, duration=SECOND / 5, fit=Fit.CONTAIN, border=Border.BLUR),
    }
    return [
        studio.picture(f"fit-{name}", await studio.film(operation, {"image": upright}))
        for name, operation in ways.items()
    ]


async def _captioned(studio: Studio, name: str, subtitles: str, at: float = 0.5, **settings: Any) -> str:
    """A caption over the scenery; `settings` are those of `Caption`."""
    still = ImageToVideo(image=ANY, duration=2 * SECOND, frame_rate=5, zoom=Zoom(end_scale=1.0))
    paths = {"video": await studio.film(still, {"image": studio.scenery()}), "subtitles": studio.folder / "captions"}
    paths["subtitles"].write_text(subtitles, encoding="utf-8")
    if "fonts" in settings:
        paths["font-1"] = JAPANESE_FONT
    return studio.picture(name, await studio.film(Caption(video=ANY, subtitles=ANY, **settings), paths), at=at)


def _srt(text: str) -> str:
    return f"1\n00:00:00,000 --> 00:00:02,000\n{text}\n"


async def scripts(studio: Studio) -> Sequence[str]:
    """Captions in three scripts, the last with a font that came with the job."""
    size = CaptionStyle(font_size=80)
    japanese = CaptionStyle(font_size=80, font_family="Noto Sans CJK JP")
    return [
        await _captioned(
            studio, "captions-latin", _srt("Où le soleil se couche,\nle vent <i>s’est tu</i>."), style=size
        ),
        await _captioned(studio, "captions-arabic", _srt("غربت الشمس وراء البحر (2026)"), style=size),
        await _captioned(
            studio, "captions-japanese", _srt("海の向こうに日が沈み、\n風が止んだ。"), style=japanese, fonts=(ANY,)
        ),
    ]


async def styles(studio: Studio) -> Sequence[str]:
    """A box, a wide outline with capitals at the top, and no outline but a shadow."""
    boxed = CaptionStyle(font_size=80, back_color="#0B1D33D0", primary_color="#FFE9B0")
    outlined = CaptionStyle(
        font_size=90,
        bold=True,
        uppercase=True,
        outline_width=10,
        outline_color="#7A1E3A",
        alignment=CaptionAlignment.TOP_CENTER,
    )
    shadowed = CaptionStyle(font_size=80, outline_width=0, shadow=8, alignment=CaptionAlignment.MIDDLE_LEFT)
    text = _srt("The sun goes down behind the sea.")
    return [
        await _captioned(studio, f"captions-{name}", text, style=style)
        for name, style in (("box", boxed), ("outline", outlined), ("shadow", shadowed))
    ]


async def karaoke(studio: Studio) -> Sequence[str]:
    """Two moments of one caption of WebVTT with a timestamp before each word."""
    words = "<00:00.000>The <00:00.400>sun <00:00.800>goes <00:01.200>down <00:01.600>now"
    vtt = f"WEBVTT\n\n00:00.000 --> 00:02.000\n{words}\n"
    style = CaptionStyle(font_size=110, bold=True, highlight_color="#FFD200", outline_width=6)
    return [
        await _captioned(studio, f"captions-word-{number}", vtt, at, style=style)
        for number, at in enumerate((0.5, 1.3), start=1)
    ]


async def sprites(studio: Studio) -> Sequence[str]:
    """A sheet of a pan, a picture for each half second."""
    zoom = Zoom(start_scale=2, end_scale=2, focus_x=0.0, end_focus_x=1.0, focus_y=0.6)
    film = await studio.film(
        ImageToVideo(image=ANY, duration=6 * SECOND, frame_rate=10, zoom=zoom), {"image": studio.scenery()}
    )
    sheet = SpriteSheet(interval=SECOND / 2, width=96, columns=4, rows=3)
    archive = await studio.film(Thumbnails(video=ANY, kind=sheet), {"video": film}, OutputSpec())
    with zipfile.ZipFile(archive) as opened:
        opened.extract("sprites-001.jpg", studio.folder)
    return [studio.picture("sprites", studio.folder / "sprites-001.jpg")]


ENTRIES = [
    Entry(
        "Captions in other scripts",
        "French with italics, Arabic from right to left with its joined letters, and Japanese with a font that came "
        "with the job: `--font-file NotoSansCJKjp.otf --font 'Noto Sans CJK JP'`.",
        scripts,
    ),
    Entry(
        "Box, outline, shadow",
        "`--back-color '#0B1D33D0' --color '#FFE9B0'`; `--bold --uppercase --outline-width 10 --align top-center`; "
        "`--outline-width 0 --shadow 8 --align middle-left`.",
        styles,
    ),
    Entry(
        "The word that is spoken",
        "Two moments of a WebVTT caption with timestamps between its words: `--highlight-color '#FFD200'`.",
        karaoke,
    ),
    Entry(
        "A zoom",
        "The first, the middle and the last frame: `--zoom-to 2.4 --focus 0.7,0.32 --easing ease-in-out`.",
        zoom,
    ),
    Entry("A pan", "The first and the last frame: `--zoom-from 2 --zoom-to 2 --focus 0,0.6 --pan-to 1,0.6`.", pan),
    Entry(
        "An upright still in a wide frame",
        "It covers the frame; `--fit contain --background '#1D3A5F'`; `--fit contain --border blur`.",
        fits,
    ),
    Entry(
        "A sprite sheet",
        "A picture for each half second of a pan, for the preview of a seek bar; `sprites.vtt` beside it says which "
        "is where: `spotreel thumbnails film.mp4 -o sprites.zip --interval 0.5 --width 96 --columns 4 --rows 3`.",
        sprites,
    ),
]


async def main() -> None:
    """Makes every entry anew; what an older gallery had besides is deleted."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    ffmpeg, fonts, clock = locate_ffmpeg(), FontBook.load(), SystemClock()
    with tempfile.TemporaryDirectory(prefix="spotreel-gallery-") as name:
        folder = Path(name)
        capabilities = await probe_capabilities(ffmpeg, data_folder=folder, fonts=fonts, clock=clock, build="gallery")
        async with MediaProber() as prober:
            engine = MediaEngine(ffmpeg=ffmpeg, capabilities=capabilities, fonts=fonts, prober=prober, clock=clock)
            studio = Studio(ffmpeg=ffmpeg, engine=engine, folder=folder)
            parts = [
                f"## {entry.title}\n\n{entry.sentence}\n\n{' '.join(await entry.make(studio))}" for entry in ENTRIES
            ]
    introduction = "Written by `make gallery`. Each picture is a frame of what the media engine made of drawn material."
    PAGE.write_text("\n\n".join(["# Gallery", introduction, *parts]) + "\n")
    together = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    if together > _MOST_BYTES_TOGETHER:
        raise ValueError(f"the pictures have {together} bytes; together they have at most {_MOST_BYTES_TOGETHER}")
    sys.stdout.write(f"written: {PAGE}, with {together} bytes of pictures\n")


if __name__ == "__main__":
    asyncio.run(main())
