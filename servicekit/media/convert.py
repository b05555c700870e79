"""Between `spotreel.media.v1` messages and the domain types: what is left out becomes its default here, once.

Reading a message notes what cannot be read (unknown enum values, an empty oneof, a duration beyond all bounds) in
`Problems` under the path of the field; the rules for values that can be read are in `validation`.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar, cast

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from spotreel.media.v1 import media_info_pb2, operation_pb2, output_pb2, source_pb2

from servicekit.media.operations import (
    AddAudio,
    AssetSource,
    AudioLength,
    AudioMode,
    Border,
    Caption,
    CaptionAlignment,
    CaptionMode,
    CaptionStyle,
    Concat,
    Easing,
    Fit,
    ImageToVideo,
    MediaSource,
    MissingGlyphs,
    Operation,
    Poster,
    SpriteSheet,
    Thumbnails,
    Transcode,
    UriSource,
    Zoom,
)
from servicekit.media.outputs import (
    AudioCodec,
    AudioEncoding,
    Container,
    Delivery,
    Effort,
    EncoderPolicy,
    FrameSize,
    OutputSpec,
    VideoCodec,
    VideoEncoding,
)
from servicekit.media.validation import Problems
from servicekit.probe import MediaInfo

# 10 000 years, as google/protobuf/duration.proto says.
_MAX_DURATION_SECONDS = 315_576_000_000
_NANOS_PER_SECOND = 1_000_000_000

E = TypeVar("E", bound=StrEnum)


def operation_from_proto(message: operation_pb2.Operation, problems: Problems, *, path: str) -> Operation | None:
    """Read an operation; None, and a problem noted, when none that is known is set."""
    kind = message.WhichOneof("operation")
    readers: dict[str, Callable[[], Operation]] = {
        "caption": lambda: _read_caption(message.caption, problems, f"{path}.caption"),
        "image_to_video": lambda: _read_still(message.image_to_video, problems, f"{path}.image_to_video"),
        "add_audio": lambda: _read_sound(message.add_audio, problems, f"{path}.add_audio"),
        "transcode": lambda: _read_part(message.transcode, problems, f"{path}.transcode"),
        "concat": lambda: _read_concat(message.concat, problems, f"{path}.concat"),
        "thumbnails": lambda: _read_thumbnails(message.thumbnails, problems, f"{path}.thumbnails"),
    }
    if kind is None:
        problems.add(path, f"is required: set exactly one of {', '.join(readers)}")
        return None
    return readers[kind]()


def output_from_proto(
    message: output_pb2.OutputSpec, operation: Operation | None, problems: Problems, *, path: str
) -> OutputSpec:
    """Read an output; its default codecs depend on the operation and on the container."""
    container = enum_from_proto(message, "container", Container.MP4, problems, path)
    return OutputSpec(
        container=container,
        video=_read_video(message.video, _default_video_codec(operation), problems, f"{path}.video"),
        audio=_read_audio(message.audio, container, problems, f"{path}.audio"),
        delivery=enum_from_proto(message, "delivery", Delivery.FASTSTART, problems, path),
    )


def operation_to_proto(operation: Operation) -> operation_pb2.Operation:
    """Write an operation with every default spelled out."""
    match operation:
        case Caption():
            return operation_pb2.Operation(caption=_write_caption(operation))
        case ImageToVideo():
            return operation_pb2.Operation(image_to_video=_write_still(operation))
        case AddAudio():
            return operation_pb2.Operation(add_audio=_write_sound(operation))
        case Transcode():
            part = operation_pb2.Transcode(
                video=_write_source(operation.video), start_time=duration_to_proto(operation.start_time)
            )
            if operation.end_time is not None:
                part.end_time.FromTimedelta(operation.end_time)
            return operation_pb2.Operation(transcode=part)
        case Concat():
            videos = [_write_source(source) for source in operation.videos]
            return operation_pb2.Operation(concat=operation_pb2.Concat(videos=videos))
        case Thumbnails():
            return operation_pb2.Operation(thumbnails=_write_thumbnails(operation))


def output_to_proto(output: OutputSpec) -> output_pb2.OutputSpec:
    """Write an output with every default spelled out."""
    message = output_pb2.OutputSpec(
        video=output_pb2.VideoEncoding(frame_rate=output.video.frame_rate),
        audio=output_pb2.AudioEncoding(
            bitrate_bps=output.audio.bitrate_bps,
            channels=output.audio.channels,
            sample_rate_hz=output.audio.sample_rate_hz,
        ),
    )
    enum_to_proto(message, "container", output.container)
    enum_to_proto(message, "delivery", output.delivery)
    enum_to_proto(message.audio, "codec", output.audio.codec)
    video = message.video
    enum_to_proto(video, "codec", output.video.codec)
    enum_to_proto(video, "effort", output.video.effort)
    enum_to_proto(video, "encoder_policy", output.video.encoder_policy)
    if output.video.bitrate_bps is not None:
        video.bitrate_bps = output.video.bitrate_bps
    elif output.video.quality is not None:
        video.quality = output.video.quality
    if output.video.size != FrameSize():
        video.size.width, video.size.height = output.video.size.width, output.video.size.height
    return message


def media_info_to_proto(info: MediaInfo) -> media_info_pb2.MediaInfo:
    """Write what a probe found."""
    message = media_info_pb2.MediaInfo(
        format=info.format, size_bytes=info.size_bytes, bit_rate_bps=info.bit_rate_bps or 0
    )
    if info.duration is not None:
        message.duration.FromTimedelta(info.duration)
    types = media_info_pb2.MediaInfo.Stream.Type
    for stream in info.streams:
        written = message.streams.add(
            codec=stream.codec,
            width=stream.width or 0,
            height=stream.height or 0,
            frame_rate=stream.frame_rate or 0.0,
            pixel_format=stream.pixel_format or "",
            channels=stream.channels or 0,
            sample_rate_hz=stream.sample_rate_hz or 0,
            language=stream.language or "",
        )
        name = f"TYPE_{stream.type.upper()}"
        written.type = types.Value(name) if name in types.keys() else types.TYPE_DATA  # noqa: SIM118  # no mapping
    return message


def enum_from_proto(message: Message, field: str, default: E, problems: Problems, path: str) -> E:
    """Read an enum field by name; 0 is the default, a number that is not known is noted as a problem."""
    descriptor = _enum_type(message, field)
    number = getattr(message, field)
    if number == 0:
        return default
    value = descriptor.values_by_number.get(number)
    if value is None:
        known = ", ".join(one.name for one in descriptor.values if one.number)
        problems.add(f"{path}.{field}" if path else field, f"{number} is not known; use one of {known}")
        return default
    return type(default)(value.name.removeprefix(_enum_prefix(message, field)))


def enum_to_proto(message: Message, field: str, value: StrEnum) -> None:
    """Write an enum field by name."""
    name = _enum_prefix(message, field) + value.value
    setattr(message, field, _enum_type(message, field).values_by_name[name].number)


def _enum_type(message: Message, field: str) -> EnumDescriptor:
    descriptor = message.DESCRIPTOR.fields_by_name[field].enum_type
    assert descriptor is not None, f"{field} is no enum"
    return cast("EnumDescriptor", descriptor)


def _enum_prefix(message: Message, field: str) -> str:
    return _enum_type(message, field).values_by_number[0].name.removesuffix("UNSPECIFIED")


def duration_to_proto(value: timedelta) -> Duration:
    """Write a Duration."""
    message = Duration()
    message.FromTimedelta(value)
    return message


def duration_from_proto(message: Message, field: str, default: timedelta, problems: Problems, path: str) -> timedelta:
    """Read a Duration field; absent is the default, one that cannot be is noted as a problem."""
    if not message.HasField(field):
        return default
    value: Duration = getattr(message, field)
    if not _is_valid(value):
        problems.add(f"{path}.{field}" if path else field, "is not a valid duration")
        return default
    # Python knows no nanoseconds; what FFmpeg is told has microseconds too.
    return value.ToTimedelta()


def _is_valid(value: Duration) -> bool:
    """Tells whether a Duration keeps the rules of google/protobuf/duration.proto, which reading one does not check."""
    one_sign = value.seconds * value.nanos >= 0
    return abs(value.seconds) <= _MAX_DURATION_SECONDS and abs(value.nanos) < _NANOS_PER_SECOND and one_sign


def _default_video_codec(operation: Operation | None) -> VideoCodec:
    copies = isinstance(operation, AddAudio) or (isinstance(operation, Caption) and operation.mode is CaptionMode.SOFT)
    return VideoCodec.COPY if copies else VideoCodec.H264


def _read_source(message: Message, field: str, problems: Problems, path: str) -> MediaSource:
    return _read_one_source(getattr(message, field), problems, f"{path}.{field}")


def _read_sources(message: Message, field: str, problems: Problems, path: str) -> tuple[MediaSource, ...]:
    entries = enumerate(getattr(message, field))
    return tuple(_read_one_source(source, problems, f"{path}.{field}[{number}]") for number, source in entries)


def _read_one_source(source: source_pb2.MediaSource, problems: Problems, path: str) -> MediaSource:
    match source.WhichOneof("source"):
        case "uri":
            return UriSource(uri=source.uri)
        case "asset":
            return AssetSource(asset=source.asset)
        case _:
            problems.add(path, "is required: set uri or asset")
            # Well-formed, so that nothing is noted twice about a field that is missing.
            return AssetSource(asset=f"assets/{'0' * 64}")


def _read_caption(message: operation_pb2.Caption, problems: Problems, path: str) -> Caption:
    return Caption(
        video=_read_source(message, "video", problems, path),
        subtitles=_read_source(message, "subtitles", problems, path),
        mode=enum_from_proto(message, "mode", CaptionMode.BURN_IN, problems, path),
        style=_read_style(message.style, problems, f"{path}.style"),
        language=message.language,
        fonts=_read_sources(message, "fonts", problems, path),
        missing_glyphs=enum_from_proto(message, "missing_glyphs", MissingGlyphs.FAIL, problems, path),
    )


def _read_style(message: operation_pb2.CaptionStyle, problems: Problems, path: str) -> CaptionStyle:
    base = CaptionStyle()
    return CaptionStyle(
        font_family=message.font_family or base.font_family,
        font_size=message.font_size if message.HasField("font_size") else base.font_size,
        primary_color=message.primary_color or base.primary_color,
        outline_color=message.outline_color or base.outline_color,
        back_color=message.back_color,
        outline_width=message.outline_width if message.HasField("outline_width") else base.outline_width,
        shadow=message.shadow if message.HasField("shadow") else base.shadow,
        bold=message.bold,
        italic=message.italic,
        alignment=enum_from_proto(message, "alignment", base.alignment, problems, path),
        margin_vertical=message.margin_vertical if message.HasField("margin_vertical") else base.margin_vertical,
        margin_horizontal=(
            message.margin_horizontal if message.HasField("margin_horizontal") else base.margin_horizontal
        ),
        uppercase=message.uppercase,
        max_line_chars=message.max_line_chars,
        highlight_color=message.highlight_color,
    )


def _read_still(message: operation_pb2.ImageToVideo, problems: Problems, path: str) -> ImageToVideo:
    base = ImageToVideo(image=_read_source(message, "image", problems, path))
    return ImageToVideo(
        image=base.image,
        duration=duration_from_proto(message, "duration", base.duration, problems, path),
        frame_rate=message.frame_rate if message.HasField("frame_rate") else base.frame_rate,
        zoom=_read_zoom(message.zoom, problems, f"{path}.zoom"),
        fit=enum_from_proto(message, "fit", Fit.COVER, problems, path),
        audio=_read_source(message, "audio", problems, path) if message.HasField("audio") else None,
        border=enum_from_proto(message, "border", Border.COLOR, problems, path),
        background_color=message.background_color or base.background_color,
    )


def _read_zoom(message: operation_pb2.Zoom, problems: Problems, path: str) -> Zoom:
    base = Zoom()
    return Zoom(
        start_scale=message.start_scale if message.HasField("start_scale") else base.start_scale,
        end_scale=message.end_scale if message.HasField("end_scale") else base.end_scale,
        focus_x=message.focus_x if message.HasField("focus_x") else base.focus_x,
        focus_y=message.focus_y if message.HasField("focus_y") else base.focus_y,
        easing=enum_from_proto(message, "easing", Easing.LINEAR, problems, path),
        end_focus_x=message.end_focus_x if message.HasField("end_focus_x") else None,
        end_focus_y=message.end_focus_y if message.HasField("end_focus_y") else None,
    )


def _read_sound(message: operation_pb2.AddAudio, problems: Problems, path: str) -> AddAudio:
    nothing = timedelta()
    return AddAudio(
        video=_read_source(message, "video", problems, path),
        audio=_read_source(message, "audio", problems, path),
        mode=enum_from_proto(message, "mode", AudioMode.REPLACE, problems, path),
        video_gain_db=message.video_gain_db,
        audio_gain_db=message.audio_gain_db,
        audio_offset=duration_from_proto(message, "audio_offset", nothing, problems, path),
        length=enum_from_proto(message, "length", AudioLength.VIDEO, problems, path),
        fade_in=duration_from_proto(message, "fade_in", nothing, problems, path),
        fade_out=duration_from_proto(message, "fade_out", nothing, problems, path),
        loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
        duck_video=message.duck_video,
    )


def _read_part(message: operation_pb2.Transcode, problems: Problems, path: str) -> Transcode:
    end = duration_from_proto(message, "end_time", timedelta(), problems, path)
    return Transcode(
        video=_read_source(message, "video", problems, path),
        start_time=duration_from_proto(message, "start_time", timedelta(), problems, path),
        end_time=end if message.HasField("end_time") else None,
    )


def _read_concat(message: operation_pb2.Concat, problems: Problems, path: str) -> Concat:
    return Concat(videos=_read_sources(message, "videos", problems, path))


def _read_thumbnails(message: operation_pb2.Thumbnails, problems: Problems, path: str) -> Thumbnails:
    kind: Poster | SpriteSheet = Poster()
    match message.WhichOneof("kind"):
        case "poster":
            kind = _read_poster(message.poster, problems, f"{path}.poster")
        case "sprite_sheet":
            kind = _read_sprites(message.sprite_sheet, problems, f"{path}.sprite_sheet")
        case _:
            problems.add(path, "needs exactly one of poster, sprite_sheet")
    return Thumbnails(video=_read_source(message, "video", problems, path), kind=kind)


def _read_poster(message: operation_pb2.Poster, problems: Problems, path: str) -> Poster:
    time = duration_from_proto(message, "time", timedelta(), problems, path)
    return Poster(
        time=time if message.HasField("time") else None,
        size=FrameSize(width=message.size.width, height=message.size.height),
    )


def _read_sprites(message: operation_pb2.SpriteSheet, problems: Problems, path: str) -> SpriteSheet:
    base = SpriteSheet()
    interval = duration_from_proto(message, "interval", timedelta(), problems, path)
    return SpriteSheet(
        interval=interval if message.HasField("interval") else None,
        width=message.width or base.width,
        columns=message.columns or base.columns,
        rows=message.rows or base.rows,
    )


def _read_video(
    message: output_pb2.VideoEncoding, default_codec: VideoCodec, problems: Problems, path: str
) -> VideoEncoding:
    if message.HasField("size") and not (message.size.width or message.size.height):
        problems.add(f"{path}.size", "needs a width or a height")
    return VideoEncoding(
        codec=enum_from_proto(message, "codec", default_codec, problems, path),
        quality=message.quality if message.WhichOneof("rate_control") == "quality" else None,
        bitrate_bps=message.bitrate_bps if message.WhichOneof("rate_control") == "bitrate_bps" else None,
        effort=enum_from_proto(message, "effort", Effort.BALANCED, problems, path),
        size=FrameSize(width=message.size.width, height=message.size.height),
        frame_rate=message.frame_rate,
        encoder_policy=enum_from_proto(message, "encoder_policy", EncoderPolicy.ANY, problems, path),
    )


def _read_audio(
    message: output_pb2.AudioEncoding, container: Container, problems: Problems, path: str
) -> AudioEncoding:
    default = AudioCodec.OPUS if container is Container.WEBM else AudioCodec.AAC
    return AudioEncoding(
        codec=enum_from_proto(message, "codec", default, problems, path),
        bitrate_bps=message.bitrate_bps,
        channels=message.channels,
        sample_rate_hz=message.sample_rate_hz,
    )


def _write_source(source: MediaSource) -> source_pb2.MediaSource:
    if isinstance(source, UriSource):
        return source_pb2.MediaSource(uri=source.uri)
    return source_pb2.MediaSource(asset=source.asset)


def _write_caption(caption: Caption) -> operation_pb2.Caption:
    style = caption.style
    message = operation_pb2.Caption(
        video=_write_source(caption.video),
        subtitles=_write_source(caption.subtitles),
        style=operation_pb2.CaptionStyle(
            font_family=style.font_family,
            font_size=style.font_size,
            primary_color=style.primary_color,
            outline_color=style.outline_color,
            back_color=style.back_color,
            outline_width=style.outline_width,
            shadow=style.shadow,
            bold=style.bold,
            italic=style.italic,
            margin_vertical=style.margin_vertical,
            margin_horizontal=style.margin_horizontal,
            uppercase=style.uppercase,
            max_line_chars=style.max_line_chars,
            highlight_color=style.highlight_color,
        ),
        language=caption.language,
        fonts=[_write_source(font) for font in caption.fonts],
    )
    enum_to_proto(message, "mode", caption.mode)
    enum_to_proto(message, "missing_glyphs", caption.missing_glyphs)
    enum_to_proto(message.style, "alignment", CaptionAlignment(style.alignment))
    return message


def _write_still(still: ImageToVideo) -> operation_pb2.ImageToVideo:
    zoom = still.zoom
    message = operation_pb2.ImageToVideo(
        image=_write_source(still.image),
        duration=duration_to_proto(still.duration),
        frame_rate=still.frame_rate,
        zoom=operation_pb2.Zoom(
            start_scale=zoom.start_scale,
            end_scale=zoom.end_scale,
            focus_x=zoom.focus_x,
            focus_y=zoom.focus_y,
            end_focus_x=zoom.end_focus_x,
            end_focus_y=zoom.end_focus_y,
        ),
        background_color=still.background_color,
    )
    enum_to_proto(message.zoom, "easing", zoom.easing)
    enum_to_proto(message, "fit", still.fit)
    enum_to_proto(message, "border", still.border)
    if still.audio is not None:
        message.audio.CopyFrom(_write_source(still.audio))
    return message


def _write_sound(sound: AddAudio) -> operation_pb2.AddAudio:
    message = operation_pb2.AddAudio(
        video=_write_source(sound.video),
        audio=_write_source(sound.audio),
        video_gain_db=sound.video_gain_db,
        audio_gain_db=sound.audio_gain_db,
        audio_offset=duration_to_proto(sound.audio_offset),
        fade_in=duration_to_proto(sound.fade_in),
        fade_out=duration_to_proto(sound.fade_out),
        loudness_lufs=sound.loudness_lufs,
        duck_video=sound.duck_video,
    )
    enum_to_proto(message, "mode", sound.mode)
    enum_to_proto(message, "length", sound.length)
    return message


def _write_thumbnails(thumbnails: Thumbnails) -> operation_pb2.Thumbnails:
    message = operation_pb2.Thumbnails(video=_write_source(thumbnails.video))
    kind = thumbnails.kind
    match kind:
        case Poster():
            message.poster.SetInParent()
            if kind.time is not None:
                message.poster.time.FromTimedelta(kind.time)
            if kind.size != FrameSize():
                message.poster.size.width, message.poster.size.height = kind.size.width, kind.size.height
        case SpriteSheet():
            message.sprite_sheet.CopyFrom(
                operation_pb2.SpriteSheet(width=kind.width, columns=kind.columns, rows=kind.rows)
            )
            if kind.interval is not None:
                message.sprite_sheet.interval.FromTimedelta(kind.interval)
    return message
