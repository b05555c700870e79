"""What an input may ask of a machine: bounds on pictures, sound and streams beyond what studios make."""

from collections.abc import Iterator

from servicekit.media_info import MediaInfo, StreamInfo, StreamType
from worker.errors import FailureReason, TaskFailed

MAX_PIXELS = 8192 * 8192
"""Of one picture of a video; also told to FFmpeg, since a picture in the middle may be larger than the header says."""

MAX_SIDE = 16384
MAX_STREAMS = 100
"""Attachments, such as the fonts of a Matroska file, not counted."""

MAX_CHANNELS = 64
MAX_SAMPLE_RATE_HZ = 768_000
MAX_FRAME_RATE = 1000.0


def refuse_excess(media: MediaInfo, subject: str) -> None:
    """Raises TaskFailed(INPUT_INVALID), naming the first bound that the input `subject` (`The video`, say) breaks."""
    complaint = next(_complaints(media), None)
    if complaint is not None:
        what, is_now, limit = complaint
        raise TaskFailed(
            FailureReason.INPUT_INVALID,
            f"{subject} has {is_now} {what}; more than {limit} are not taken.",
            metadata={"limit": str(limit)},
        )


def _complaints(media: MediaInfo) -> Iterator[tuple[str, object, object]]:
    counted = sum(stream.type is not StreamType.ATTACHMENT for stream in media.streams)
    if counted > MAX_STREAMS:
        yield "streams", counted, MAX_STREAMS
    for stream in media.streams:
        size = f"{stream.width}x{stream.height}"
        if stream.width * stream.height > MAX_PIXELS:
            yield "pixels", size, "8192x8192"
        if max(stream.width, stream.height) > MAX_SIDE:
            yield "pixels", size, f"{MAX_SIDE} on a side"
        if (rate := _frame_rate(stream)) > MAX_FRAME_RATE:
            yield "frames in a second", f"{rate:.0f}", f"{MAX_FRAME_RATE:.0f}"
        if stream.channels > MAX_CHANNELS:
            yield "channels", stream.channels, MAX_CHANNELS
        if stream.sample_rate_hz > MAX_SAMPLE_RATE_HZ:
            yield "samples in a second", stream.sample_rate_hz, MAX_SAMPLE_RATE_HZ


def _frame_rate(stream: StreamInfo) -> float:
    """Counted frames only: containers without frame rates report their clock instead (1000, 90000)."""
    seconds = stream.duration.total_seconds() if stream.duration is not None else 0.0
    return stream.frames / seconds if stream.frames > 1 and seconds > 0 else 0.0
