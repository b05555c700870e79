"""A part of an output: its picture or its sound alone, or the picture between two times.

Parts of one picture, made on different machines with the same encoder, join into what one run would have made: each
begins with a key frame, refers to nothing outside of it, and its frames have the timestamps of the whole.
"""

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from worker.errors import FailureReason, TaskFailed
from worker.media.cutting import INDEXED
from worker.media.motion import ZoomJob
from worker.media.plan import (
    CopyAudio,
    EncodeAudio,
    EncodeVideo,
    Input,
    KeepTime,
    MediaFile,
    Pictures,
    Plan,
    RawFrames,
    ShiftTime,
    Sound,
)

# What is read before the part, for filters that look back (a change of the frame rate, deinterlacing).
_LEAD = timedelta(seconds=1)
# Where a part starts is read from files that have times in milliseconds; a frame lasts four or more.
_ROUNDING = timedelta(milliseconds=2)


class Tracks(StrEnum):
    """Which tracks of an output are made."""

    ALL = "ALL"
    PICTURE = "PICTURE"
    SOUND = "SOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is made of an output; times are those of the output, `end` None is its end."""

    tracks: Tracks = Tracks.ALL
    start: timedelta = timedelta()
    end: timedelta | None = None

    @property
    def is_range(self) -> bool:
        """Tells whether it is not the whole time."""
        return self.start != timedelta() or self.end is not None


WHOLE = Part()


def part_of(plan: Plan, part: Part) -> Plan:
    """Returns the plan that makes only the part of what the plan makes.

    Raises TaskFailed(INPUT_INVALID) where there is no such part.
    """
    match part.tracks:
        case Tracks.ALL:
            return plan
        case Tracks.SOUND:
            return _sound_of(plan)
        case Tracks.PICTURE:
            expected = replace(plan.expected, audio_codecs=(), subtitles=())
            picture = replace(plan, audio=(), subtitles=(), preparations=(), shortest=False, expected=expected)
            return _range_of(picture, part) if part.is_range else picture


def _sound_of(plan: Plan) -> Plan:
    if not plan.audio:
        raise TaskFailed(FailureReason.INPUT_INVALID, "The output has no sound that could be made alone.")
    if plan.shortest:
        message = (
            "How long the sound is depends on the picture, whose length nobody knows; both have to be made at once."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    first, *others = plan.inputs
    inputs, audio = plan.inputs, plan.audio
    if isinstance(first, RawFrames):
        # Nobody would write them.
        inputs = tuple(others)
        audio = tuple(_renumbered(track) for track in audio)
    expected = replace(plan.expected, video_codec="", width=0, height=0)
    return replace(plan, inputs=inputs, audio=audio, video=None, producer=None, expected=expected)


def _renumbered(track: CopyAudio | EncodeAudio) -> CopyAudio | EncodeAudio:
    if isinstance(track, CopyAudio):
        return replace(track, source=track.source - 1)
    return replace(track, sounds=tuple(_before(sound) for sound in track.sounds))


def _before(sound: Sound) -> Sound:
    return sound if sound.source is None else replace(sound, source=sound.source - 1)


def _range_of(plan: Plan, part: Part) -> Plan:
    if not isinstance(plan.video, EncodeVideo):
        message = "The picture is copied, and of a copy no parts are made; ask for the whole."
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"field": "range_start"})
    length = plan.expected.duration
    if length is not None and part.start >= length:
        message = (
            f"range_start is {part.start.total_seconds():g} s, and the output ends at {length.total_seconds():g} s."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"field": "range_start"})
    # A sound may be in any file: it is not read for the picture.
    for source in sorted({one.source for one in plan.video.pictures}):
        _refuse_unindexed(plan.inputs[source])
    end = min((time for time in (part.end, plan.end) if time is not None), default=None)
    first = plan.inputs[0]
    inputs, producer, pictures = plan.inputs, plan.producer, plan.video.pictures
    if producer is not None and isinstance(first, RawFrames):
        producer, shift = _frames_of(producer, first.frame_rate, part.start, end)
        pictures = _shifted(pictures, shift)
    elif len(pictures) == 1 and isinstance(first, MediaFile):
        read, shift = _reading_from(first, part.start)
        inputs, pictures = (read, *inputs[1:]), _shifted(pictures, shift)
    kept = KeepTime(max(part.start - _ROUNDING, timedelta()), None if end is None else end - _ROUNDING)
    last = min((time for time in (end, length) if time is not None), default=None)
    return replace(
        plan,
        inputs=inputs,
        producer=producer,
        video=replace(plan.video, pictures=pictures, filters=(*plan.video.filters, kept)),
        end=None,
        begin=part.start,
        expected=replace(plan.expected, duration=None if last is None else last - part.start),
    )


def _refuse_unindexed(entry: Input) -> None:
    """Seeking in other formats is not exact, and what counts as their start depends on which tracks are read."""
    if isinstance(entry, MediaFile) and entry.demuxer not in INDEXED:
        message = (
            "Parts of a picture are made of files that know their key frames (MP4, MOV, Matroska, WebM) only, and an "
            f"input is {entry.demuxer}; ask for the whole."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"field": "range_start"})


def _shifted(pictures: tuple[Pictures, ...], shift: timedelta) -> tuple[Pictures, ...]:
    (only,) = pictures
    return (replace(only, filters=(ShiftTime(shift), *only.filters)),) if shift else pictures


def _reading_from(file: MediaFile, start: timedelta) -> tuple[MediaFile, timedelta]:
    """Returns the file as it is to be read, and by how much the times it gives lie before those of the output.

    It is read from a whole second on, which is a multiple of every time base in use, so that nothing is rounded.
    """
    second = timedelta(seconds=math.floor((file.seek + start - _LEAD).total_seconds()))
    if second <= file.seek:
        return file, timedelta()
    return replace(file, seek=second), second - file.seek


def _frames_of(producer: ZoomJob, rate: float, start: timedelta, end: timedelta | None) -> tuple[ZoomJob, timedelta]:
    """Returns the producer of the frames at those times, and the time of the first one."""
    first = _frame_at(start, rate)
    last = producer.frames if end is None else min(_frame_at(end, rate), producer.frames)
    return replace(producer, first=first, count=last - first), timedelta(seconds=first / rate)


def _frame_at(time: timedelta, rate: float) -> int:
    """The number of the first frame at that time or later."""
    return max(math.ceil((time - _ROUNDING).total_seconds() * rate), 0)
