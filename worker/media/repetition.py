"""Repeats a sound without a gap.

FFmpeg can repeat any input, but the time stamps of a compressed sound then count its priming and its padding: an MP3
of 0.37 s comes 0.1 s late at every fourth repetition (`tools/measure_sound.py`). Samples are exact, so the sound is
decoded once into a file, which costs disk rather than memory.
"""

from dataclasses import replace
from datetime import timedelta

from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.series import RunSeries
from worker.ffmpeg.sinks import FileSink
from worker.media.arguments import UNROLLED_DEMUXER, unrolling_arguments
from worker.media.plan import MediaFile, Plan, UnrollSound

# Decoding is quick beside what follows.
_SHARE = 0.1


async def unroll_sound(preparation: UnrollSound, plan: Plan, runs: RunSeries) -> Plan:
    """Carries the preparation out; raises TaskFailed(INPUT_INVALID) where there is nothing to repeat."""
    path = runs.folder / f"unrolled-{preparation.source}.{UNROLLED_DEMUXER}"
    with FileSink(path) as file:
        result = await runs.run(
            lambda progress_fd: unrolling_arguments(plan, preparation, progress_fd=progress_fd), sink=file, share=_SHARE
        )
    if result.progress.media_time <= timedelta():
        raise TaskFailed(FailureReason.INPUT_INVALID, "The audio file holds no sound that could be repeated.")
    unrolled = MediaFile(path=path, demuxer=UNROLLED_DEMUXER, repeated=True)
    inputs = [*plan.inputs]
    inputs[preparation.source] = unrolled
    return replace(plan, inputs=tuple(inputs))
