"""Puts captions onto a video: caption.py VIDEO SUBTITLES OUT

The server and its key come from SPOTREEL_SERVER and SPOTREEL_API_KEY.
"""

import sys

from rich.console import Console
from rich.progress import Progress as Bars
from spotreel import Client, Progress
from spotreel.errors import JobFailed, SpotreelClientError
from spotreel.orchestrator.v1.job_pb2 import Job

last = Job()


def caption(video: str, subtitles: str, out: str) -> None:
    """Uploads both files, has them made into one, and downloads that, with a bar for the step that is on."""
    with Bars(console=Console(stderr=True)) as bars, Client() as client:
        bar = bars.add_task("", total=1.0)

        def show(progress: Progress) -> None:
            # There is no fraction where nobody knows how long it takes, such as waiting.
            bars.update(bar, description=progress.step, completed=progress.fraction or 0.0)
            last.CopyFrom(progress.job or last)

        client.caption(video, subtitles, to=out, on_progress=show)


def interrupted() -> str:
    """What became of the job: where the server was away, it may go on."""
    if last.state == Job.STATE_CANCELLED:
        return "Interrupted; the job was cancelled."
    seen = f"; {last.name} was last seen {Job.State.Name(last.state)}: `spotreel jobs cancel {last.name}`"
    return f"Interrupted{seen if last.name else ''}."


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        caption(*sys.argv[1:])
        print(sys.argv[3])
    except JobFailed as failed:
        sys.exit(f"{failed.job.name} failed: {failed.message}\n{failed.ffmpeg_log_tail}".rstrip())
    except SpotreelClientError as error:
        sys.exit(f"{error.message} ({error.reason})")
    except KeyboardInterrupt:
        print(interrupted(), file=sys.stderr)
        sys.exit(130)
