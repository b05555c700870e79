"""Test decodes: which codecs NVDEC decodes here."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from worker.errors import TaskFailed
from worker.hardware.capabilities import Decoder
from worker.hardware.diagnosis import Diagnosis, with_driver
from worker.hardware.trial import trial_head, try_out

# By the probe's name of the codec: what makes a clip of it.
CLIP_ENCODERS = {
    "h264": ("libx264", "-preset", "ultrafast"),
    "hevc": ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=warning"),
    "av1": ("libsvtav1", "-preset", "12"),
    "vp9": ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
}

_TIMEOUT = timedelta(seconds=30)
# Above the least that NVDEC takes (144x144, HEVC).
_SOURCE = "testsrc2=size=256x256:rate=25:duration=0.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTrials:
    """Decodes for nothing with one FFmpeg, in a folder of its own that the caller deletes."""

    ffmpeg: Path
    folder: Path
    environment: Mapping[str, str]
    driver_version: str
    clock: Clock

    async def decoders(self) -> tuple[Decoder, ...]:
        """Tries each codec that a clip can be made of here, all at once; one that does not work is no error."""
        found = await asyncio.gather(*(self._decoder(codec) for codec in CLIP_ENCODERS))
        return tuple(decoder for decoder in found if decoder is not None)

    async def _decoder(self, codec: str) -> Decoder | None:
        try:
            await self._run(lambda progress_fd: clip_arguments(codec, progress_fd))
        except TaskFailed:
            return None
        try:
            await self._run(lambda progress_fd: decode_arguments(codec, progress_fd))
        except TaskFailed as failure:
            diagnosis = Diagnosis(failure.metadata.get("diagnosis", Diagnosis.UNSPECIFIED))
            reason = with_driver(failure.message, diagnosis, self.driver_version)
            return Decoder(codec=codec, usable=False, reason=reason, diagnosis=diagnosis)
        return Decoder(codec=codec, usable=True)

    async def _run(self, arguments: Callable[[int], Sequence[str]]) -> None:
        await try_out(
            self.ffmpeg,
            arguments,
            folder=self.folder,
            timeout=_TIMEOUT,
            clock=self.clock,
            environment=self.environment,
        )


def clip_arguments(codec: str, progress_fd: int) -> Sequence[str]:
    """Returns FFmpeg's arguments that make a tiny clip of a codec, in the folder that FFmpeg runs in."""
    encoder, *options = CLIP_ENCODERS[codec]
    source = ["-f", "lavfi", "-i", _SOURCE, "-pix_fmt", "yuv420p"]
    return [*trial_head(progress_fd), *source, "-c:v", encoder, *options, "-f", "matroska", "-y", _clip(codec)]


def decode_arguments(codec: str, progress_fd: int) -> Sequence[str]:
    """Returns FFmpeg's arguments that decode the clip on the GPU.

    `hwdownload` takes frames of a GPU only: without it FFmpeg would quietly decode on the CPU where NVDEC cannot.
    """
    decoding = ["-hwaccel", "cuda", "-hwaccel_output_format", "cuda", "-f", "matroska", "-i", _clip(codec)]
    return [*trial_head(progress_fd), *decoding, "-vf", "hwdownload,format=nv12", "-f", "null", "-"]


def _clip(codec: str) -> str:
    return f"{codec}.mkv"
