"""`jobs list|get|watch|cancel|download|delete`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spotreel.cli.files import check_target
from spotreel.cli.options import output_options, server_options
from spotreel.cli.tables import as_json, show_messages
from spotreel.cli.work import Session, Work, carry_out_on_server

if TYPE_CHECKING:
    from spotreel.client import AsyncClient
    from spotreel.orchestrator.v1.job_pb2 import Job

_TITLES = ("job", "state", "operation", "created", "done", "reason")
_STATES = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


@click.group()
def jobs() -> None:
    """List, follow, cancel, fetch and delete jobs."""


@jobs.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; may be repeated.")
@click.option("--label", "labels", multiple=True, metavar="KEY[=VALUE]", help="Only with this; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most jobs to show.")
@server_options
@output_options
def list_jobs(states: tuple[str, ...], labels: tuple[str, ...], limit: int, **values: Any) -> None:
    """List jobs, the newest first."""

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.orchestrator.v1.job_pb2 import Job  # noqa: PLC0415 - protobuf is imported when it is needed

        found: list[Job] = []
        wanted = [Job.State.Value(f"STATE_{state.upper()}") for state in states]
        pairs = dict(label.partition("=")[::2] for label in labels)
        async for job in client.list_jobs(states=wanted, labels=pairs, page_size=min(limit, 500)):
            found.append(job)
            if len(found) == limit:
                break
        session.report.quiet()
        show_messages(found, titles=_TITLES, cells=_cells, in_json=values["as_json"])

    _carry_out(work, values)


@jobs.command("get")
@click.argument("name", metavar="JOB")
@server_options
@output_options
def get_job(name: str, **values: Any) -> None:
    """Show all about JOB, as JSON."""

    async def work(client: "AsyncClient", session: Session) -> None:
        job = await client.get_job(_full(name))
        session.report.quiet()
        print(as_json(job, indent=None if values["as_json"] else 2))

    _carry_out(work, values)


@jobs.command("watch")
@click.argument("name", metavar="JOB")
@server_options
@output_options
def watch_job(name: str, **values: Any) -> None:
    """Follow JOB to its end. Exit status 1 if it fails; ctrl-C leaves it running."""

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.jobs import succeeded  # noqa: PLC0415 - protobuf is imported when it is needed

        job = succeeded(await client.wait_job(_full(name), on_progress=session.progress))
        session.report.done(f"{job.name} SUCCEEDED", job=job.name, state="SUCCEEDED")

    _carry_out(work, values)


@jobs.command("cancel")
@click.argument("name", metavar="JOB")
@server_options
@output_options
def cancel_job(name: str, **values: Any) -> None:
    """Cancel JOB and wait until it has ended."""

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.cli.wording import state  # noqa: PLC0415 - protobuf is imported when it is needed

        await client.cancel_job(_full(name))
        job = await client.wait_job(_full(name), on_progress=session.progress)
        session.report.done(f"{job.name} {state(job)}", job=job.name, state=state(job))

    _carry_out(work, values)


@jobs.command("download")
@click.argument("name", metavar="JOB")
@click.option(
    "-o", "--output", "out", metavar="OUT", type=click.Path(path_type=Path), help="Default: the job's file name."
)
@click.option("-y", "--overwrite", is_flag=True, help="Replace OUT if it exists.")
@server_options
@output_options
def download_job(name: str, out: Path | None, overwrite: bool, **values: Any) -> None:  # noqa: FBT001 - click's
    """Fetch the output of JOB; goes on where an earlier download broke."""
    if out is not None:
        check_target(out, overwrite=overwrite)

    async def work(client: "AsyncClient", session: Session) -> None:
        from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

        # The name comes from the server: only its last part is taken, so that it stays in this folder.
        target = out or Path(Path((await client.get_job(_full(name))).output.file_name).name or "output.mp4")
        await client.download_output(_full(name), target, overwrite=overwrite, on_progress=session.progress)
        count = target.stat().st_size
        session.report.done(f"{target}  {wording.size(count)}", job=_full(name), output=str(target), size_bytes=count)

    _carry_out(work, values)


@jobs.command("delete")
@click.argument("name", metavar="JOB")
@server_options
@output_options
def delete_job(name: str, **values: Any) -> None:
    """Delete JOB and its output."""

    async def work(client: "AsyncClient", session: Session) -> None:
        await client.delete_job(_full(name))
        session.report.done(f"Deleted {_full(name)}.", job=_full(name))

    _carry_out(work, values)


def _carry_out(work: Work, values: dict[str, Any]) -> None:
    carry_out_on_server(work, values, what="Jobs live")


def _full(name: str) -> str:
    return name if name.startswith("jobs/") else f"jobs/{name}"


def _cells(job: "Job") -> list[str]:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported when it is needed

    return [
        job.name,
        wording.state(job),
        (job.spec.operation.WhichOneof("operation") or "").replace("_", "-"),
        f"{job.create_time.ToDatetime():%Y-%m-%d %H:%M:%S}" if job.HasField("create_time") else "",
        f"{job.progress.fraction:.0%}",
        job.failure.reason,
    ]
