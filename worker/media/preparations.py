"""What has to be found out or made before the run that makes the output."""

from worker.ffmpeg.series import RunSeries
from worker.media.caption_strips import draw_strips
from worker.media.loudness import level_sound
from worker.media.plan import DrawStrips, LevelSound, Plan, UnrollSound
from worker.media.repetition import unroll_sound


async def prepared(plan: Plan, runs: RunSeries) -> Plan:
    """Carries out the plan's preparations and returns the plan that knows their results.

    They work in `runs.folder`, where the files that they make stay until the output is done; their runs count for the
    time limit and the progress of the whole. Raises TaskFailed as `run_ffmpeg` does.
    """
    for preparation in plan.preparations:
        match preparation:
            case UnrollSound():
                plan = await unroll_sound(preparation, plan, runs)
            case LevelSound():
                plan = await level_sound(preparation, plan, runs)
            case DrawStrips():
                plan = await draw_strips(preparation, plan, runs)
    return plan
