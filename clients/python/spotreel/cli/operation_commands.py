"""`caption`, `image-to-video`, `add-audio`, `transcode`, `concat`, `thumbnails`."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spotreel.cli.files import InputSource, WrongUsage, check_target, container_of, picture_kind_of
from spotreel.cli.options import Number, ServerOptions, output_options, server_options, target_options
from spotreel.cli.report import report_for
from spotreel.cli.work import Session, carry_out

if TYPE_CHECKING:
    from spotreel.client import AsyncClient, RunSettings
    from spotreel.media.v1.output_pb2 import OutputSpec
    from spotreel.orchestrator.v1.job_pb2 import Job

Command = TypeVar("Command", bound=Callable[..., object])
Ask = Callable[["AsyncClient", "RunSettings"], Awaitable["Job"]]
Values = dict[str, Any]

SOURCE = InputSource()
# The bounds are those of the protos; what depends on other fields is left to the server.
_HOUR, _DAY = 3600.0, 86_400.0
# What a google.protobuf.Duration holds: 10 000 years.
_LONGEST = 315_576_000_000.0
_GAIN = Number(-60, 30)


class _Pair(click.ParamType):  # type: ignore[type-arg]  # not generic before 8.4
    """Two numbers with a sign between them, such as `0.3,0.7` or `1920x1080`."""

    def __init__(self, kind: Number | click.IntRange, separator: str, name: str) -> None:
        self.name = name
        self._kind = kind
        self._separator = separator

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float | int, float | int]:
        first, _, second = str(value).partition(self._separator)
        if not (first and second):
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return self._kind(first, param, ctx), self._kind(second, param, ctx)


_timeout_option = click.option(
    "--timeout", type=Number(1, _DAY), metavar="SECONDS", help="The longest time one attempt may run. Default: 600."
)


def _work_options(command: Command) -> Command:
    for option in (
        _timeout_option,
        click.option("--crf", "--quality", "quality", type=click.IntRange(0, 51), help="0 (best) to 51. Default: 23."),
        click.option(
            "--bitrate",
            type=click.IntRange(10_000, 500_000_000),
            metavar="BPS",
            help="Average bits per second, instead of --quality.",
        ),
        click.option("--encoder", type=click.Choice(["any", "hardware", "software"]), help="Default: any."),
        click.option("--codec", type=click.Choice(["h264", "hevc", "av1", "copy"]), help="Default: h264."),
    ):
        command = option(command)
    return target_options(server_options(output_options(command)))


@click.command()
@click.argument("video", type=SOURCE)
@click.argument("subtitles", type=SOURCE)
@click.option("--mode", type=click.Choice(["burn-in", "soft"]), help="In the picture (default), or as a track.")
@click.option("--font", "font_family", help="Default: DejaVu Sans.")
@click.option("--font-size", type=click.IntRange(1, 500), help="In 1/1000 of the height of the picture. Default: 50.")
@click.option("--color", "primary_color", metavar="#RRGGBB[AA]", help="Of the letters. Default: #FFFFFF.")
@click.option("--outline-color", metavar="#RRGGBB[AA]", help="Default: #000000.")
@click.option("--outline-width", type=click.IntRange(0, 100), help="In 1/1000 of the height. Default: 3.")
@click.option("--back-color", metavar="#RRGGBB[AA]", help="Of a box behind the text. Default: no box.")
@click.option("--shadow", type=click.IntRange(0, 100), help="In 1/1000 of the height. Default: 0.")
@click.option("--bold", is_flag=True)
@click.option("--italic", is_flag=True)
@click.option("--uppercase", is_flag=True)
@click.option(
    "--align",
    "alignment",
    type=click.Choice(
        [f"{row}-{column}" for row in ("bottom", "middle", "top") for column in ("left", "center", "right")]
    ),
    help="Default: bottom-center.",
)
@click.option("--margin-vertical", type=click.IntRange(0, 500), help="In 1/1000 of the height. Default: 40.")
@click.option("--margin-horizontal", type=click.IntRange(0, 500), help="In 1/1000 of the height. Default: 40.")
@click.option("--max-line-chars", type=int, help="Break longer lines. Default: only where they leave the picture.")
@click.option(
    "--highlight-color",
    metavar="#RRGGBB[AA]",
    help="Of each word while it is spoken, where the subtitles say when. Default: no highlight.",
)
@click.option(
    "--font-file", "fonts", type=SOURCE, multiple=True, metavar="FILE", help="A font to draw with; may be repeated."
)
@click.option(
    "--missing-glyphs", type=click.Choice(["fail", "omit"]), help="What no font can draw: fail (default), or leave out."
)
@click.option("--language", metavar="ISO639-2", help="Of a track (--mode soft), three letters such as eng.")
@_work_options
def caption(video: str | Path, subtitles: str | Path, mode: str | None, **values: Any) -> None:
    """Put SUBTITLES (SRT, WebVTT, ASS) onto VIDEO."""
    style = _take(
        values,
        *("font_family", "font_size", "primary_color", "outline_color", "outline_width", "back_color", "shadow"),
        *("bold", "italic", "uppercase", "margin_vertical", "margin_horizontal", "max_line_chars", "highlight_color"),
    )
    fonts, missing, language = (values.pop(name) for name in ("fonts", "missing_glyphs", "language"))
    alignment = values.pop("alignment")

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        from spotreel.media.v1.operation_pb2 import Caption, CaptionStyle  # noqa: PLC0415 - loaded when it is needed

        if alignment:
            style["alignment"] = CaptionStyle.Alignment.Value(_enum("ALIGNMENT", alignment))
        return await client.caption(
            video,
            subtitles,
            mode=Caption.Mode.Value(_enum("MODE", mode)),
            style=CaptionStyle(**style) if style else None,
            language=language or "",
            fonts=fonts,
            missing_glyphs=Caption.MissingGlyphs.Value(_enum("MISSING_GLYPHS", missing)),
            **settings,
        )

    _carry_out(ask, values)


@click.command("image-to-video")
@click.argument("image", type=SOURCE)
@click.option("--duration", type=Number(0, _HOUR, min_open=True), metavar="SECONDS", help="Default: 5.")
@click.option("--fps", type=Number(1, 120), help="Frames in a second. Default: 24.")
@click.option("--zoom-from", "start_scale", type=Number(1, 10), help="Scale of the first frame. Default: 1.")
@click.option("--zoom-to", "end_scale", type=Number(1, 10), help="Scale of the last frame. Default: 1.324.")
@click.option(
    "--focus", type=_Pair(Number(0, 1), ",", "X,Y"), metavar="X,Y", help="Kept in view, each 0 to 1. Default: 0.5,0.5."
)
@click.option(
    "--pan-to",
    type=_Pair(Number(0, 1), ",", "X,Y"),
    metavar="X,Y",
    help="Where --focus has moved to at the end. Default: it stays.",
)
@click.option("--easing", type=click.Choice(["linear", "ease-in", "ease-out", "ease-in-out"]), help="Default: linear.")
@click.option(
    "--fit", type=click.Choice(["cover", "contain"]), help="Fill the frame (default), or show all of the still."
)
@click.option(
    "--border",
    type=click.Choice(["color", "blur"]),
    help="With --fit contain: --background around the still (default), or the still itself, blurred.",
)
@click.option(
    "--background",
    "background_color",
    metavar="#RRGGBB",
    help="Around the still and behind its transparent parts. Default: #000000.",
)
@click.option("--audio", type=SOURCE, metavar="FILE", help="Sound for the film.")
@click.option(
    "--size",
    type=_Pair(click.IntRange(0, 8192), "x", "WIDTHxHEIGHT"),
    metavar="WxH",
    help="Default: 1920x1080, or upright.",
)
@_work_options
def image_to_video(
    image: str | Path,
    *,
    duration: float | None,
    fps: float | None,
    focus: tuple[float, float] | None,
    pan_to: tuple[float, float] | None,
    easing: str | None,
    fit: str | None,
    border: str | None,
    background_color: str | None,
    audio: str | Path | None,
    **values: Any,
) -> None:
    """Make a film of the still IMAGE (JPEG, PNG, WebP, BMP, TIFF, GIF)."""
    zoom = _take(values, "start_scale", "end_scale")
    if focus:
        zoom |= {"focus_x": focus[0], "focus_y": focus[1]}
    if pan_to:
        zoom |= {"end_focus_x": pan_to[0], "end_focus_y": pan_to[1]}

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        from spotreel.media.v1.operation_pb2 import ImageToVideo, Zoom  # noqa: PLC0415 - loaded when it is needed

        if easing:
            zoom["easing"] = Zoom.Easing.Value(_enum("EASING", easing))
        return await client.image_to_video(
            image,
            audio=audio,
            duration=duration,
            frame_rate=fps,
            zoom=Zoom(**zoom) if zoom else None,
            fit=ImageToVideo.Fit.Value(_enum("FIT", fit)),
            border=ImageToVideo.Border.Value(_enum("BORDER", border)),
            background_color=background_color or "",
            **settings,
        )

    _carry_out(ask, values)


@click.command("add-audio")
@click.argument("video", type=SOURCE)
@click.argument("audio", type=SOURCE)
@click.option(
    "--mode", type=click.Choice(["replace", "mix"]), help="In place of the video's sound (default), or beside it."
)
@click.option("--length", type=click.Choice(["video", "shortest", "longest", "loop-audio"]), help="Default: video.")
@click.option(
    "--offset",
    "audio_offset",
    type=Number(-_DAY, _DAY),
    metavar="SECONDS",
    help="When the sound starts; may be negative.",
)
@click.option("--gain", "audio_gain_db", type=_GAIN, metavar="DB", help="Of the added sound.")
@click.option("--video-gain", "video_gain_db", type=_GAIN, metavar="DB", help="Of the video's sound, with --mode mix.")
@click.option("--fade-in", type=Number(0, _HOUR), metavar="SECONDS")
@click.option("--fade-out", type=Number(0, _HOUR), metavar="SECONDS")
@click.option(
    "--loudness", "loudness_lufs", type=Number(-70, -5), metavar="LUFS", help="Bring the output to this loudness."
)
@click.option(
    "--duck", "duck_video", is_flag=True, help="Lower the video's sound under the added one, with --mode mix."
)
@_work_options
def add_audio(video: str | Path, audio: str | Path, mode: str | None, length: str | None, **values: Any) -> None:
    """Put the sound of AUDIO to VIDEO; the picture is copied."""
    taken = _take(
        values,
        *("audio_offset", "audio_gain_db", "video_gain_db", "fade_in", "fade_out", "loudness_lufs", "duck_video"),
    )

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        from spotreel.media.v1.operation_pb2 import AddAudio  # noqa: PLC0415 - loaded when it is needed

        return await client.add_audio(
            video,
            audio,
            mode=AddAudio.Mode.Value(_enum("MODE", mode)),
            length=AddAudio.Length.Value(_enum("LENGTH", length)),
            **taken,
            **settings,
        )

    _carry_out(ask, values)


@click.command()
@click.argument("video", type=SOURCE)
@click.option("--from", "start_time", type=Number(0, _LONGEST), metavar="SECONDS", help="Default: the start.")
@click.option("--to", "end_time", type=Number(0, _LONGEST), metavar="SECONDS", help="Default: the end.")
@_work_options
def transcode(video: str | Path, start_time: float | None, end_time: float | None, **values: Any) -> None:
    """Encode VIDEO anew, or a part of it; what has the codec already is copied unless a --quality is given."""

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        return await client.transcode(video, start_time=start_time, end_time=end_time, **settings)

    _carry_out(ask, values)


@click.command()
@click.argument("videos", nargs=-1, required=True, type=SOURCE, metavar="VIDEO...")
@_work_options
def concat(videos: tuple[str | Path, ...], **values: Any) -> None:
    """Join VIDEOs one after the other, into the size and frame rate of the first."""

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        return await client.concat(videos, **settings)

    _carry_out(ask, values)


_OF_KIND = {"poster": ("at", "size"), "sprite_sheet": ("interval", "width", "columns", "rows")}


@click.command()
@click.argument("video", type=SOURCE)
@click.option("--at", type=Number(0, _LONGEST), metavar="SECONDS", help="Of a poster. Default: a clear picture.")
@click.option(
    "--size",
    type=_Pair(click.IntRange(0, 8192), "x", "WIDTHxHEIGHT"),
    metavar="WxH",
    help="Of a poster. Default: that of the video.",
)
@click.option(
    "--interval", type=Number(0.1, _HOUR), metavar="SECONDS", help="Between sprites. Default: a hundredth, 1 at least."
)
@click.option("--width", type=click.IntRange(32, 640), help="Of each sprite. Default: 160.")
@click.option("--columns", type=click.IntRange(1, 20), help="Sprites in a row of a sheet. Default: 10.")
@click.option("--rows", type=click.IntRange(1, 20), help="Rows of a sheet. Default: 10.")
@_timeout_option
@output_options
@server_options
@target_options
def thumbnails(video: str | Path, out: Path, **values: Any) -> None:
    """Make pictures of VIDEO: a poster (OUT ends in .jpg), or sprite sheets with WebVTT for seek bars (.zip)."""
    kind = picture_kind_of(out)
    given = {name: _take(values, *names) for name, names in _OF_KIND.items()}
    foreign = [f"--{name}" for other, options in given.items() if other != kind for name in options]
    if foreign:
        raise WrongUsage(
            f"{', '.join(foreign)} cannot be given for {out}: --at and --size are for a poster (.jpg), --interval, "
            "--width, --columns and --rows for sprite sheets (.zip).",
            reason="OPTION_OF_ANOTHER_KIND",
            metadata={"path": str(out)},
        )
    taken = given[kind]

    async def ask(client: "AsyncClient", settings: "RunSettings") -> "Job":
        from spotreel import operations  # noqa: PLC0415 - protobuf is imported when it is needed
        from spotreel.media.v1.output_pb2 import FrameSize  # noqa: PLC0415

        if kind == "sprite_sheet":
            return await client.thumbnails(video, operations.sprite_sheet(**taken), **settings)
        width, height = taken.get("size", (0, 0))
        size = FrameSize(width=width, height=height) if width or height else None
        return await client.thumbnails(video, operations.poster(time=taken.get("at"), size=size), **settings)

    _carry_out(ask, {"out": out, **values}, makes_video=False)


def _carry_out(ask: Ask, values: Values, *, makes_video: bool = True) -> None:
    """`values` are the options that all operations share; only those that make videos have any about their form."""
    out: Path = values.pop("out")
    container = container_of(out) if makes_video else ""
    check_target(out, overwrite=values["overwrite"])
    server = ServerOptions(**{name: values.pop(name) for name in ("server", "api_key_file", "tls", "tls_ca")})

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

        settings: RunSettings = {
            "to": out,
            "overwrite": values["overwrite"],
            # What an embedded orchestrator made is gone with it: there would be nothing to resume from.
            "keep_partial": server.server is not None,
            "on_progress": session.progress,
            "limits": _limits(values["timeout"]),
            "display_name": out.stem[:200],
        }
        if container:
            settings["output"] = _output_spec(container, values)
        job = await ask(client, settings)
        took, encoder = wording.run_seconds(job), job.progress.encoder or "unknown encoder"
        session.report.done(
            f"{out}  {wording.size(job.output.size_bytes)}  in {wording.seconds(took)}  {encoder}",
            job=job.name,
            output=str(out),
            size_bytes=job.output.size_bytes,
            sha256=job.output.sha256.hex(),
            encoder=job.progress.encoder,
            run_seconds=took,
            cost_usd_micros=job.cost.total_usd_micros,
        )

    carry_out(server, report_for(as_json=values["as_json"], verbose=values["verbose"]), work)


def _output_spec(container: str, values: Values) -> "OutputSpec":
    from spotreel.media.v1.output_pb2 import FrameSize, OutputSpec, VideoEncoding  # noqa: PLC0415 - when it is needed

    video: Values = {}
    if values["quality"] is not None:
        video["quality"] = values["quality"]
    if values["bitrate"] is not None and values["quality"] is not None:
        raise click.UsageError("--bitrate and --quality exclude each other.")
    if values["bitrate"] is not None:
        video["bitrate_bps"] = values["bitrate"]
    if values["codec"]:
        video["codec"] = VideoEncoding.Codec.Value(_enum("CODEC", values["codec"]))
    if values["encoder"]:
        policy = {"any": "ANY", "hardware": "HARDWARE_ONLY", "software": "SOFTWARE_ONLY"}[values["encoder"]]
        video["encoder_policy"] = VideoEncoding.EncoderPolicy.Value(f"ENCODER_POLICY_{policy}")
    if size := values.get("size"):
        video["size"] = FrameSize(width=size[0], height=size[1])
    # An empty VideoEncoding is left out: an operation that copies the picture refuses settings for it.
    return OutputSpec(container=OutputSpec.Container.Value(container), video=VideoEncoding(**video) if video else None)


def _limits(timeout: float | None) -> Any:
    from spotreel.operations import duration_of  # noqa: PLC0415 - protobuf is imported when it is needed
    from spotreel.orchestrator.v1.job_pb2 import JobLimits  # noqa: PLC0415

    return JobLimits(run_timeout=duration_of(timeout))


def _take(values: Values, *names: str) -> Values:
    """Moves the options that were given out of `values`; what was not given keeps the server's default."""
    taken = {name: values.pop(name) for name in names}
    return {name: value for name, value in taken.items() if value is not None and value is not False}


def _enum(prefix: str, choice: str | None) -> str:
    return f"{prefix}_{re.sub('-', '_', choice).upper() if choice else 'UNSPECIFIED'}"
