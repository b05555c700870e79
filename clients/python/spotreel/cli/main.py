"""`spotreel`: the entry point."""

import os
import sys
from importlib import metadata

import click

from spotreel.cli.demo import demo
from spotreel.cli.doctor import doctor
from spotreel.cli.failures import told
from spotreel.cli.files import WrongUsage
from spotreel.cli.job_commands import jobs
from spotreel.cli.operation_commands import add_audio, caption, image_to_video, transcode
from spotreel.cli.report import report_for
from spotreel.cli.service_commands import serve, worker


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value and not context.resilient_parsing:
        click.echo(f"spotreel {metadata.version('spotreel')}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Captions, films of stills and sound, made by a video service over gRPC.

    Files are uploaded, URLs are fetched by the server. Without --server (or SPOTREEL_SERVER) the work is done on this
    machine.
    """


for _command in (caption, image_to_video, add_audio, transcode, jobs, serve, worker, doctor, demo):
    cli.add_command(_command)


def main() -> None:
    """Runs the command line; exits with 0, 1 (failed), 2 (wrong usage), 3 (unreachable) or 130 (interrupted)."""
    # gRPC's C core would write its own lines between ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        cli(prog_name="spotreel")
    except WrongUsage as error:
        failure = told(error)
        report_for(as_json="--json" in sys.argv, verbose=False).failed(failure)
        sys.exit(failure.exit_status)
