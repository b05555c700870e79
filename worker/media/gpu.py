"""A plan for the CPU → the same plan with what the GPU does better on the GPU. Pure.

Decoding 64 s of 1080p took 18.5 s of CPU time on the CPU and 1.4 s on NVDEC, frames downloaded; two cores were faster
that way too, and on sixteen the encoder gets the cores (measured on an H100, 2026-11-23; docs/media.md). Frames stay on
the GPU only if all filters are there and NVENC takes them: one filter on the CPU costs the download, and then those
before and after it are at hand on the CPU too.
"""

from collections.abc import Mapping
from dataclasses import replace

from servicekit.media_info import StreamInfo
from worker.hardware.capabilities import Capabilities
from worker.media.captions import SCRIPT_FILE
from worker.media.plan import (
    Decoding,
    DrawCaptions,
    DrawStrips,
    EncodeVideo,
    FrameRate,
    Input,
    KeepTime,
    MediaFile,
    OverlayStrips,
    Pictures,
    PixelFormat,
    Plan,
    ProbedInput,
    Scale,
    ScaleOnGpu,
    ShiftTime,
    SquarePixels,
    VideoFilter,
)
from worker.media.still_captions import still_captions

# 8 bits, 4:2:0, limited range: what every NVDEC decodes, and what comes out as it does on the CPU. Full range
# (yuvj420p) would keep its range where the CPU's conversion changes it.
_PIXEL_FORMATS = frozenset({"yuv420p"})
# NVIDIA's decode support matrix: the least of all codecs (HEVC), and the most by codec.
_LEAST_SIDE = 144
_MOST_SIDE = {"h264": 4096, "hevc": 8192, "vp9": 8192, "av1": 8192}
# Even if all the CPU time of that measured run went into opening the GPU, this many pixels decoded on the CPU (145
# frames of 1080p, 9.6 ms each) take as long. Where NVENC takes the frames, the GPU is opened anyway.
_WORTH_OPENING_PIXELS = 300_000_000
_USUAL_FRAME_RATE = 30.0
_MOST_FRAME_RATE = 240.0
_OVERLAY = frozenset({"scale_cuda", "overlay_cuda"})
# They change neither pixels nor where those are.
_ANYWHERE = (SquarePixels, FrameRate, ShiftTime, KeepTime)


def with_gpu(plan: Plan, inputs: Mapping[str, ProbedInput], capabilities: Capabilities) -> Plan:
    """Returns the plan that decodes on the GPU where that wins here, or the plan as it is."""
    if not isinstance(plan.video, EncodeVideo):
        return plan
    decoded = {
        one.source: stream
        for one in plan.video.pictures
        if (stream := _stream(plan.inputs[one.source], one.stream, inputs)) and nvdec_takes(stream, capabilities)
    }
    if not decoded:
        return plan
    video = _on_gpu(plan, plan.video, decoded, capabilities)
    if video is None and not _is_worth_opening(plan, decoded):
        return plan
    decoding = Decoding.GPU if video is None else Decoding.GPU_FRAMES
    return replace(
        plan,
        preparations=(*plan.preparations, *([] if video is None else _drawn(plan, plan.video))),
        inputs=tuple(
            replace(entry, decoding=decoding) if isinstance(entry, MediaFile) and number in decoded else entry
            for number, entry in enumerate(plan.inputs)
        ),
        video=plan.video if video is None else video,
        cpu_video=plan.video,
    )


def without_gpu(plan: Plan) -> Plan:
    """Returns the plan as it is without the GPU's decoder; the encoder stays what it is."""
    if plan.cpu_video is None:
        return plan
    return replace(
        plan,
        inputs=tuple(
            replace(entry, decoding=Decoding.CPU) if isinstance(entry, MediaFile) else entry for entry in plan.inputs
        ),
        video=plan.cpu_video,
        cpu_video=None,
        preparations=tuple(entry for entry in plan.preparations if not isinstance(entry, DrawStrips)),
    )


def nvdec_takes(stream: StreamInfo, capabilities: Capabilities) -> bool:
    """Tells whether NVDEC decodes such a stream on this machine."""
    sides = (stream.width, stream.height)
    fits = min(sides) >= _LEAST_SIDE and max(sides) <= _MOST_SIDE.get(stream.codec, 0)
    even = not any(side % 2 for side in sides)
    return fits and even and stream.pixel_format in _PIXEL_FORMATS and capabilities.decodes(stream.codec)


def _is_worth_opening(plan: Plan, decoded: Mapping[int, StreamInfo]) -> bool:
    """Tells whether there is so much to decode; of unknown length is as long as any."""
    length = plan.expected.duration
    if length is None:
        return True
    return min(map(_pixels_per_second, decoded.values())) * length.total_seconds() >= _WORTH_OPENING_PIXELS


def _pixels_per_second(stream: StreamInfo) -> float:
    rate = stream.frame_rate if 0 < stream.frame_rate <= _MOST_FRAME_RATE else _USUAL_FRAME_RATE
    return stream.width * stream.height * rate


def _stream(entry: Input, index: int, inputs: Mapping[str, ProbedInput]) -> StreamInfo | None:
    if not isinstance(entry, MediaFile):
        return None
    media = next((one.media for one in inputs.values() if one.path == entry.path and one.media is not None), None)
    return next((one for one in media.streams if one.index == index), None) if media is not None else None


def _on_gpu(
    plan: Plan, video: EncodeVideo, decoded: Mapping[int, StreamInfo], capabilities: Capabilities
) -> EncodeVideo | None:
    """Returns the picture with all its filters on the GPU, None where one of them is not to be had there."""
    if not video.hardware or len(video.pictures) > 1:
        return None
    (only,) = video.pictures
    # FFmpeg turns a picture upright with filters of the CPU.
    if decoded[only.source].rotation_degrees:
        return None
    stream = decoded[only.source]
    filters = [_filter_on_gpu(entry, plan, stream, capabilities) for entry in (*only.filters, *video.filters)]
    if not all(entry is not None for entry in filters):
        return None
    picture = Pictures(
        source=only.source,
        stream=only.stream,
        filters=tuple(entry for entry in filters if entry is not None and not isinstance(entry, PixelFormat)),
    )
    return replace(video, pictures=(picture,), filters=())


def _drawn(plan: Plan, video: EncodeVideo) -> list[DrawStrips]:
    """Returns what has to be drawn before captions can be laid over pictures on the GPU."""
    return [
        DrawStrips(
            script=_script(plan),
            width=plan.expected.width,
            height=plan.expected.height,
            displayed_width=entry.width,
            displayed_height=entry.height,
        )
        for one in video.pictures
        for entry in (*one.filters, *video.filters)
        if isinstance(entry, DrawCaptions)
    ]


def _script(plan: Plan) -> str:
    return str(plan.files[SCRIPT_FILE])


def _filter_on_gpu(
    entry: VideoFilter, plan: Plan, stream: StreamInfo, capabilities: Capabilities
) -> VideoFilter | None:
    match entry:
        case DrawCaptions() if set(capabilities.filters) >= _OVERLAY and still_captions(_script(plan)) is not None:
            return OverlayStrips(matrix="bt709" if stream.color_matrix == "bt709" else "bt601")
        case Scale(width, height) if "scale_cuda" in capabilities.filters:
            return ScaleOnGpu(width, height)
        case PixelFormat("yuv420p"):
            # What NVDEC makes of 8 bits, NVENC takes as it is.
            return entry
        case _ if isinstance(entry, _ANYWHERE):
            return entry
        case _:
            return None
