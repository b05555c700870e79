"""A program of somebody who has an older client: older_program.py FOLDER JOB…

Captions `talk.mp4` of the folder, follows and downloads jobs that a newer client made, runs into errors, and prints
what it saw as one JSON object. It has to run with the recorded client and nothing else of this repository.
"""

import base64
import json
import sys
from pathlib import Path

import spotreel
from spotreel import Client, Progress
from spotreel.errors import InvalidRequest, JobFailed, NotFound


def main(folder: Path, jobs: list[str]) -> dict[str, object]:
    """Does all of it, in the order of the result."""
    seen: dict[str, object] = {"package": spotreel.__file__}
    with Client() as client:
        steps: list[Progress] = []
        video, subtitles = folder / "talk.mp4", folder / "talk.srt"
        captioned = client.caption(video, subtitles, to=folder / "captioned.mp4", on_progress=steps.append)
        seen["captioned"] = captioned.output.sha256.hex()
        seen["steps"] = [str(progress.step) for progress in steps]

        seen["listed"] = [job.name for job in client.list_jobs(page_size=1)]
        seen["watched"] = {name: [change.state for change in client.watch_job(name)] for name in jobs}
        for name in jobs:
            client.download_output(name, folder / name.removeprefix("jobs/"))
        newer = client.get_job(jobs[0])
        seen["operation"] = newer.spec.operation.WhichOneof("operation")
        seen["whole"] = base64.b64encode(newer.SerializeToString()).decode()

        try:
            client.caption(video, folder / "broken.srt")
        except JobFailed as failed:
            seen["failed"] = [failed.reason, failed.message]
        try:
            client.get_job("jobs/none-such")
        except NotFound as error:
            seen["missing"] = [error.reason, dict(error.metadata)]
        try:
            client.image_to_video("https://example.com/photo.jpg", duration=-3)
        except InvalidRequest as error:
            seen["wrong"] = [violation.field for violation in error.violations]
    return seen


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))  # noqa: T201 - for whoever started it
