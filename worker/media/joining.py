"""Videos one after the other: copied where they are alike in every respect, else brought into one form and encoded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from servicekit.media.outputs import FrameSize, OutputSpec, VideoCodec
from servicekit.media_info import MediaInfo, StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.cutting import is_copyable
from worker.media.picture import (
    HIGH_DYNAMIC_RANGE,
    MAX_FRAME_RATE,
    copied_picture,
    encoded_pictures,
    expected_output,
    source_filters,
)
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    ChannelLayouts,
    EndAt,
    FillGaps,
    FrameRate,
    Join,
    JoinedFiles,
    Pictures,
    Plan,
    ProbedInput,
    SampleRate,
    Sound,
    VideoFilter,
)
from worker.media.sound import encoded_sound, encoded_track, sound_format
from worker.media.streams import input_file, length_of, media_of, video_stream

_USUAL_FRAME_RATE = 30.0


def concat_plan(output: OutputSpec, sources: Sequence[ProbedInput], capabilities: Capabilities) -> Plan:
    """Plans the joined video; raises TaskFailed as `make_plan` does."""
    medias = [media_of(source) for source in sources]
    streams = [video_stream(media, f"Video {number}") for number, media in enumerate(medias, start=1)]
    copies = output.video.codec is VideoCodec.COPY or is_copyable(streams[0], output)
    if copies and not (difference := _difference(medias, streams)):
        return _copied(output, sources, streams[0], capabilities)
    if output.video.codec is VideoCodec.COPY:
        message = f"The videos are not alike ({difference}), so they cannot be joined by copying; name a codec."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return _encoded(output, sources, streams, capabilities)


def _difference(medias: Sequence[MediaInfo], streams: Sequence[StreamInfo]) -> str:
    """Says what keeps the videos from being read as one; empty where nothing does."""
    first, first_sound = streams[0], medias[0].audio
    for number, (media, stream) in enumerate(zip(medias, streams, strict=True), start=1):
        if media.format != medias[0].format:
            return f"video {number} is a file of another kind than the first"
        if _likeness(stream) != _likeness(first):
            return f"the picture of video {number} has other parameters than that of the first"
        if _sound_likeness(media.audio) != _sound_likeness(first_sound):
            return f"the sound of video {number} is not like that of the first"
    return ""


def _likeness(stream: StreamInfo) -> object:
    """All that has to agree; the length, of course, need not."""
    return replace(stream, duration=None, frames=0, language="", frame_rate=round(stream.frame_rate, 2))


def _sound_likeness(stream: StreamInfo | None) -> object:
    return stream and replace(stream, duration=None, frames=0, language="")


def _copied(output: OutputSpec, sources: Sequence[ProbedInput], stream: StreamInfo, capabilities: Capabilities) -> Plan:
    """The sound is encoded in any case: each file's begins with samples that only set up the decoder."""
    media = media_of(sources[0])
    video = copied_picture(stream, output)
    audio: tuple[AudioTrack, ...] = ()
    if media.audio is not None:
        audio = (encoded_sound(media.audio, output.audio, source=0, filters=(FillGaps(),)),)
    joined = JoinedFiles(paths=tuple(source.path for source in sources), demuxer=input_file(sources[0]).demuxer)
    return Plan(
        inputs=(joined,),
        video=video,
        audio=audio,
        container=output.container,
        expected=expected_output(video, audio, geometry.stored(stream), _total(sources)),
        ffmpeg_release=capabilities.ffmpeg_release,
    )


def _encoded(
    output: OutputSpec, sources: Sequence[ProbedInput], streams: Sequence[StreamInfo], capabilities: Capabilities
) -> Plan:
    first = streams[0]
    picture = _frame(first, output)
    rate = output.video.frame_rate or (
        first.frame_rate if 0 < first.frame_rate <= MAX_FRAME_RATE else _USUAL_FRAME_RATE
    )
    deepest = replace(first, bit_depth=max(stream.bit_depth for stream in streams), frame_rate=rate)
    ranges = {stream.color_transfer in HIGH_DYNAMIC_RANGE and stream.color_transfer for stream in streams}
    pictures = tuple(
        Pictures(
            source=number,
            stream=stream.index,
            filters=_into_frame(stream, picture, output, capabilities, keeps_range=len(ranges) == 1),
        )
        for number, stream in enumerate(streams)
    )
    video = encoded_pictures(pictures, deepest, output.video, picture, capabilities, filters=(FrameRate(rate),))
    audio = _sound(output, sources)
    return Plan(
        inputs=tuple(input_file(source) for source in sources),
        video=video,
        audio=audio,
        container=output.container,
        expected=expected_output(video, audio, picture, _total(sources)),
        ffmpeg_release=capabilities.ffmpeg_release,
    )


def _frame(first: StreamInfo, output: OutputSpec) -> geometry.Picture:
    shape = geometry.upright(first)
    size = output.video.size
    if not size.width and not size.height:
        size = FrameSize(height=shape.height - shape.height % 2)
    return geometry.frame_size(size, shape.aspect)


def _into_frame(
    stream: StreamInfo, frame: geometry.Picture, output: OutputSpec, capabilities: Capabilities, *, keeps_range: bool
) -> tuple[VideoFilter, ...]:
    """One film has one dynamic range: where the videos differ, all are brought to that of BT.709."""
    codec = output.video.codec if keeps_range else VideoCodec.H264
    _, fitting = geometry.fitted(geometry.upright(stream), FrameSize(width=frame.width, height=frame.height))
    return (*source_filters(stream, codec, capabilities), *fitting)


def _sound(output: OutputSpec, sources: Sequence[ProbedInput]) -> tuple[AudioTrack, ...]:
    """One track of the first sound track of each video, in the layout of the one with most channels."""
    tracks = [media_of(source).audio for source in sources]
    known = [track for track in tracks if track is not None]
    if not known:
        return ()
    form = sound_format(known, output.audio, mixing=True)
    rate = SampleRate(form.sample_rate_hz)
    sounds = tuple(
        Sound(source=None, stream=0, filters=(rate, ChannelLayouts(form.layouts)))
        if track is None
        else Sound(source=number, stream=track.index, filters=(*_end_of_picture(source), rate, *form.layout(track)))
        for number, (source, track) in enumerate(zip(sources, tracks, strict=True))
    )
    return (encoded_track(sounds, form, join=Join.IN_TURN),)


def _end_of_picture(source: ProbedInput) -> tuple[AudioFilter, ...]:
    """Sound that goes on for longer would hold the last picture, be it for the rest of a frame of AAC."""
    picture = media_of(source).video
    return () if picture is None or picture.duration is None else (EndAt(picture.duration),)


def _total(sources: Sequence[ProbedInput]) -> timedelta | None:
    lengths = [length_of(media_of(source)) for source in sources]
    known = [length for length in lengths if length is not None]
    return sum(known, timedelta()) if len(known) == len(lengths) else None
