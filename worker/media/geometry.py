"""Picture sizes: what a stream holds and what was asked for → what is encoded."""

from dataclasses import dataclass

from servicekit.media.outputs import FrameSize
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.media.plan import Crop, PadPicture, Scale, SquarePixels, VideoFilter

MIN_SIDE = 16
MAX_SIDE = 8192
MAX_STILL_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as FFmpeg hands it to the filters: turned upright, with the aspect it is displayed in."""

    width: int
    height: int
    aspect: float


def upright(stream: StreamInfo) -> Picture:
    """Returns the picture of a video stream after the rotation its metadata asks for."""
    picture = stored(stream)
    if stream.rotation_degrees % 180 == 0:
        return picture
    return Picture(width=picture.height, height=picture.width, aspect=1 / picture.aspect)


def stored(stream: StreamInfo) -> Picture:
    """Returns the picture of a video stream as it is stored, which is how a copy keeps it."""
    pixel_aspect = stream.sample_aspect_ratio or 1.0
    return Picture(width=stream.width, height=stream.height, aspect=stream.width * pixel_aspect / stream.height)


def fitted(picture: Picture, size: FrameSize) -> tuple[Picture, tuple[VideoFilter, ...]]:
    """Returns the picture that is encoded, and the filters that make it.

    Without a size it stays as it is, less the last column or row where a side is odd, since 4:2:0 pictures have even
    sides. One side alone keeps the aspect. With both the picture is fitted into the frame, black around it.
    Raises TaskFailed(INPUT_INVALID) for a picture of absurd size.
    """
    if not size.width and not size.height:
        even = Picture(width=_even(picture.width), height=_even(picture.height), aspect=picture.aspect)
        _refuse_absurd(even)
        changed = (even.width, even.height) != (picture.width, picture.height)
        return even, (Crop(even.width, even.height),) if changed else ()
    frame = frame_size(size, picture.aspect)
    _refuse_absurd(frame)
    inner_width = min(frame.width, _even(round(frame.height * picture.aspect)) or 2)
    inner_height = min(frame.height, _even(round(frame.width / picture.aspect)) or 2)
    if not (size.width and size.height):
        inner_width, inner_height = frame.width, frame.height
    filters: list[VideoFilter] = [Scale(inner_width, inner_height), SquarePixels()]
    if (inner_width, inner_height) != (frame.width, frame.height):
        filters.append(PadPicture(frame.width, frame.height))
    return frame, tuple(filters)


def frame_size(size: FrameSize, aspect: float) -> Picture:
    """Returns the frame for a size of which at least one side is given; sides are even, the missing one by aspect."""
    width = _even(size.width or round(size.height * aspect))
    height = _even(size.height or round(size.width / aspect))
    frame = Picture(width=max(width, 2), height=max(height, 2), aspect=max(width, 2) / max(height, 2))
    _refuse_absurd(frame)
    return frame


def _even(side: int) -> int:
    return side - side % 2


def _refuse_absurd(picture: Picture) -> None:
    if min(picture.width, picture.height) < MIN_SIDE or max(picture.width, picture.height) > MAX_SIDE:
        message = (
            f"The output would be {picture.width}x{picture.height} pixels; "
            f"each side has to be between {MIN_SIDE} and {MAX_SIDE}."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
