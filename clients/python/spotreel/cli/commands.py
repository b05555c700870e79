"""All commands, and how whatever they end with becomes an exit status."""

import contextlib
import sys
from collections.abc import Sequence
from importlib import metadata

import click

from spotreel.cli import stdout
from spotreel.cli.demo import demo
from spotreel.cli.doctor import doctor
from spotreel.cli.failures import FAILED, INTERRUPTED, WRONG_USAGE, Told, told
from spotreel.cli.files import WrongUsage
from spotreel.cli.instance_commands import instances
from spotreel.cli.job_commands import jobs
from spotreel.cli.offer_commands import offers
from spotreel.cli.operation_commands import add_audio, caption, concat, image_to_video, thumbnails, transcode
from spotreel.cli.report import JsonReport, report_for
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
    """Captions, films of stills, sound and pictures, made by a video service over gRPC.

    Files are uploaded, URLs are fetched by the server. Without --server (or SPOTREEL_SERVER) the work is done on this
    machine.
    """


for _command in (
    caption,
    image_to_video,
    add_audio,
    transcode,
    concat,
    thumbnails,
    jobs,
    instances,
    offers,
    serve,
    worker,
    doctor,
    demo,
):
    cli.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status; what went wrong has been told then."""
    as_json = "--json" in arguments
    try:
        status = _status(arguments, as_json=as_json)
        stdout.end()
    except stdout.StdoutLost as error:
        return _stdout_lost(str(error))
    except OSError as error:
        if error.filename is not None:
            raise
        # Of a plain print or of click's.
        return _stdout_lost(error.strerror or str(error))
    return status


def _stdout_lost(why: str) -> int:
    stdout.give_up()
    with contextlib.suppress(OSError):
        print(f"error: standard output cannot be written: {why}.", file=sys.stderr)
    return FAILED


def _status(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        # Click's own way to end would hide interrupts, and tell wrong usage in words only.
        return cli(args=list(arguments), prog_name="spotreel", standalone_mode=False) or 0
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0 if left.code is None else FAILED
    except WrongUsage as error:
        failure = told(error)
        report_for(as_json=as_json, verbose=False).failed(failure)
        return failure.exit_status
    except click.ClickException as error:
        if as_json:
            words = Told(message=error.format_message(), reason="WRONG_USAGE", exit_status=WRONG_USAGE)
            JsonReport().failed(words)
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
