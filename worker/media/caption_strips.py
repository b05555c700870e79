"""Draws the images of captions that stand still (`still_captions.py`), before the run that lays them over pictures."""

from dataclasses import replace

from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.series import RunSeries
from worker.ffmpeg.sinks import NoSink
from worker.media.arguments import BOXES_FILE, STRIP_SCRIPT, STRIPS_FILE, strip_arguments, strip_box_arguments
from worker.media.plan import DrawStrips, EncodeVideo, OverlayStrips, Plan
from worker.media.still_captions import read_box, still_captions, strip_list, strip_script

# Of the work that is left, each: some tens of milliseconds a caption, against those of its frames.
_SHARE = 0.03


async def draw_strips(preparation: DrawStrips, plan: Plan, runs: RunSeries) -> Plan:
    """Draws the images into the folder of the runs, and returns the plan that knows where they belong.

    Raises TaskFailed as `run_ffmpeg` does, FONT_MISSING among others, and ENCODE_FAILED where nothing is to be seen.
    """
    captions = still_captions(preparation.script)
    assert captions is not None
    assert isinstance(plan.video, EncodeVideo)
    (runs.folder / STRIP_SCRIPT).write_text(strip_script(preparation.script), encoding="utf-8")
    boxes = runs.folder / BOXES_FILE
    boxes.unlink(missing_ok=True)
    count = len(captions) + 1
    await runs.run(
        lambda progress_fd: strip_box_arguments(preparation, count, progress_fd=progress_fd),
        sink=NoSink(),
        share=_SHARE,
    )
    box = read_box(boxes.read_text(encoding="ascii")) if boxes.exists() else None
    if box is None:
        # Nothing to be seen, or nothing told: either way libass draws it in the pictures as well.
        raise TaskFailed(FailureReason.ENCODE_FAILED, "FFmpeg did not tell where the captions are.")
    await runs.run(
        lambda progress_fd: strip_arguments(preparation, count, box, progress_fd=progress_fd),
        sink=NoSink(),
        share=_SHARE,
    )
    (runs.folder / STRIPS_FILE).write_text(strip_list(captions), encoding="ascii")
    (only,) = plan.video.pictures
    filters = tuple(replace(one, box=box) if isinstance(one, OverlayStrips) else one for one in only.filters)
    return replace(plan, video=replace(plan.video, pictures=(replace(only, filters=filters),)))
