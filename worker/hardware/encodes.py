"""Test encodes: which encoders work here, how fast each is, and how many at once are worth while.

FFmpeg lists NVENC's encoders on machines without any NVIDIA chip, and an A100 or H100 has a GPU but no NVENC, so only
a real encode counts. What is encoded is 1080p with the options of real jobs at their default effort.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from servicekit.media.outputs import DEFAULT_QUALITY, Effort, VideoCodec
from worker.errors import TaskFailed
from worker.hardware.capabilities import Encoder
from worker.hardware.diagnosis import Diagnosis, with_driver
from worker.hardware.trial import Trial, trial_head, try_out
from worker.media.encoders import encoder_options
from worker.media.plan import EncodeVideo

MOST_AT_ONCE = 8
"""More than this is not tried: consumer cards allow eight sessions for the whole host."""

_TIMEOUT = timedelta(seconds=30)
# Half a second or so on two cores, which encode 30 to 70 frames of 1080p in a second, a quarter of one on NVENC (430):
# a rented machine bills while it is looked at.
_FRAMES = 24
_HARDWARE_FRAMES = 96
# A sign of life, no measurement.
_FRAMES_OF_LIFE = 2
# What another doubling has to add to the total for its tasks to be worth the memory and the wait of each.
_WORTHWHILE = 1.15
# Ten frames over and over, so that making them costs nothing.
_SOURCE = "testsrc2=size=1920x1080:rate=25:duration=0.4,format=yuv420p,loop=loop=-1:size=10"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTrials:
    """Encodes for nothing with one FFmpeg; `driver_version` is that of the GPU, "" where there is none."""

    ffmpeg: Path
    folder: Path
    environment: Mapping[str, str]
    driver_version: str
    clock: Clock

    async def encoder(self, name: str, codec: VideoCodec, *, measured: bool = True) -> Encoder:
        """Tries one encoder; one that does not work is no error. Where it is measured nothing else should run."""
        hardware = name.endswith("_nvenc")
        frames = _HARDWARE_FRAMES if hardware else _FRAMES
        try:
            trial = await self._encode(name, codec, frames if measured else _FRAMES_OF_LIFE)
        except TaskFailed as failure:
            diagnosis = Diagnosis(failure.metadata.get("diagnosis", Diagnosis.UNSPECIFIED))
            reason = with_driver(failure.message, diagnosis, self.driver_version)
            return Encoder(name=name, codec=codec, hardware=hardware, usable=False, reason=reason, diagnosis=diagnosis)
        rate = round(trial.frames_per_second, 1) if measured else 0.0
        return Encoder(name=name, codec=codec, hardware=hardware, usable=True, frames_per_second=rate)

    async def most_at_once(self, encoder: Encoder, *, limit: int) -> int:
        """Returns how many encodes at once still raise what all make together, from 1 to `limit`."""
        return await most_worthwhile(
            encoder.frames_per_second, lambda number: self._together(encoder, number), limit=limit
        )

    async def _together(self, encoder: Encoder, number: int) -> float:
        """Returns the frames that so many encodes make in a second, together; 0 where one of them fails."""
        frames = _HARDWARE_FRAMES if encoder.hardware else _FRAMES
        ends = await asyncio.gather(
            *(self._encode(encoder.name, encoder.codec, frames) for _ in range(number)), return_exceptions=True
        )
        trials = [end for end in ends if isinstance(end, Trial)]
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, TaskFailed):
                raise end
        if len(trials) < number:
            return 0.0
        seconds = max(one.ended for one in trials) - min(one.first_frames for one in trials)
        return sum(one.frames for one in trials) / seconds if seconds > 0 else 0.0

    async def _encode(self, name: str, codec: VideoCodec, frames: int) -> Trial:
        return await try_out(
            self.ffmpeg,
            lambda progress_fd: encode_arguments(name, codec, frames, progress_fd),
            folder=self.folder,
            timeout=_TIMEOUT,
            clock=self.clock,
            environment=self.environment,
        )


async def most_worthwhile(alone: float, together: Callable[[int], Awaitable[float]], *, limit: int) -> int:
    """Returns how many at once are worth while, from what one makes in a second and what so many make together.

    Doubles them until the total grows too little or one fails (0), as it does where the host's sessions are used up.
    """
    number, total = 1, alone
    while number * 2 <= limit:
        more = await together(number * 2)
        if more <= total * _WORTHWHILE:
            break
        number, total = number * 2, more
    return number


def encode_arguments(name: str, codec: VideoCodec, frames: int, progress_fd: int) -> Sequence[str]:
    """Returns FFmpeg's arguments for a test encode; nothing is kept of it."""
    video = EncodeVideo(
        pictures=(),
        encoder=name,
        codec=codec,
        hardware=name.endswith("_nvenc"),
        quality=DEFAULT_QUALITY,
        bitrate_bps=None,
        effort=Effort.BALANCED,
        keyframe_frames=50,
    )
    source = ["-f", "lavfi", "-i", _SOURCE, "-frames:v", str(frames)]
    return [*trial_head(progress_fd), *source, *encoder_options(video), "-f", "null", "-"]
