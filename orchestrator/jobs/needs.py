"""What a job needs of a machine, as far as its request tells before any input was read."""

from collections.abc import Mapping

from orchestrator.jobs.job import JobSpec
from orchestrator.offers.requirements import Work
from servicekit.media.operations import (
    AssetSource,
    Concat,
    ImageToVideo,
    Operation,
    Thumbnails,
    Transcode,
    UriSource,
    sources,
)
from servicekit.media.outputs import EncoderPolicy, VideoCodec, VideoEncoding

# What an input at an address is taken for, whose size nobody knows yet.
_UNKNOWN_INPUT_BYTES = 200_000_000
# Ordinary 1080p: what cameras and phones write, and what quality 23 makes of it.
_INPUT_BPS = 8_000_000
_OUTPUT_BPS = 4_000_000
_FRAMES_PER_SECOND = 30.0
_FRAME_PIXELS = 1920 * 1080
# Working room beside inputs and output: the output exists once more while it is read, and logs and caches are small.
_SPARE_DISK_BYTES = 2_000_000_000


def copies_only(spec: JobSpec) -> bool:
    """Whether the picture is copied, or only looked at, so that no encoder is needed and no GPU is worth its money."""
    return spec.output.video.codec is VideoCodec.COPY or isinstance(spec.operation, Thumbnails)


def may_copy(spec: JobSpec) -> bool:
    """Whether the input decides: a picture of which nothing but a codec is asked is copied where it has that codec, and
    where the parts wanted of it begin with keyframes."""
    video = spec.output.video
    return isinstance(spec.operation, Transcode | Concat) and video == VideoEncoding(codec=video.codec)


def encoder_needed(spec: JobSpec) -> str:
    """Returns the codec that a GPU has to encode for the job, in lower case; empty where none has to."""
    video = spec.output.video
    if copies_only(spec) or video.encoder_policy is EncoderPolicy.SOFTWARE_ONLY:
        return ""
    return video.codec.value.lower()


def work_of(spec: JobSpec, asset_bytes: Mapping[str, int]) -> Work:
    """Returns the work, with the sizes of the assets that it reads by their names; a guess where nothing is known."""
    input_bytes = sum(_size(source, asset_bytes) for _, source in sources(spec.operation))
    seconds = _media_seconds(spec.operation, input_bytes)
    video = spec.output.video
    if copies_only(spec):
        return Work(input_bytes=input_bytes, output_bytes=input_bytes)
    rate = video.frame_rate or (
        spec.operation.frame_rate if isinstance(spec.operation, ImageToVideo) else _FRAMES_PER_SECOND
    )
    return Work(
        input_bytes=input_bytes,
        output_bytes=round(seconds * (video.bitrate_bps or _OUTPUT_BPS) / 8),
        frames=round(seconds * rate * _frame_weight(video)),
        encoder=encoder_needed(spec),
    )


def disk_needed(work: Work) -> int:
    """Returns the disk space that the work takes on the machine, in bytes."""
    return work.input_bytes + 2 * work.output_bytes + _SPARE_DISK_BYTES


def _size(source: AssetSource | UriSource, asset_bytes: Mapping[str, int]) -> int:
    return asset_bytes.get(source.asset, 0) if isinstance(source, AssetSource) else _UNKNOWN_INPUT_BYTES


def _media_seconds(operation: Operation, input_bytes: int) -> float:
    match operation:
        case ImageToVideo():
            return operation.duration.total_seconds()
        case Transcode(end_time=end) if end is not None:
            return max((end - operation.start_time).total_seconds(), 0.0)
    return input_bytes * 8 / _INPUT_BPS


def _frame_weight(video: VideoEncoding) -> float:
    """Returns how many frames of 1080p one frame counts as; a side that follows from the input is taken for 16:9."""
    width, height = video.size.width, video.size.height
    if not width and not height:
        return 1.0
    return (width or height * 16 / 9) * (height or width * 9 / 16) / _FRAME_PIXELS
