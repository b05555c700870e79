"""Puts captions onto a video: caption.py VIDEO SUBTITLES OUT

The server and its key come from SPOTREEL_SERVER and SPOTREEL_API_KEY.
"""

import sys

from rich.progress import Progress as Bars
from spotreel import Client, Progress
from spotreel.errors import JobFailed, SpotreelClientError


def caption(video: str, subtitles: str, out: str) -> None:
    """Uploads both files, has them made into one, and downloads that, with a bar for the step that is on."""
    with Bars() as bars, Client() as client:
        bar = bars.add_task("", total=1.0)

        def show(progress: Progress) -> None:
            # There is no fraction where nobody knows how long it takes, such as waiting.
            bars.update(bar, description=progress.step, completed=progress.fraction or 0.0)

        job = client.caption(video, subtitles, to=out, on_progress=show)
    print(f"{out}: {job.output.size_bytes} bytes, made by {job.progress.encoder}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        caption(*sys.argv[1:])
    except JobFailed as failed:
        sys.exit(f"{failed.job.name} failed: {failed.message}\n{failed.ffmpeg_log_tail}".rstrip())
    except SpotreelClientError as error:
        sys.exit(f"{error.message} ({error.reason})")
    except KeyboardInterrupt:
        sys.exit("Called off; the job is cancelled.")
