"""Options that several commands share, and what they were given as one value."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from spotreel.cli.files import WrongUsage

Command = TypeVar("Command", bound=Callable[..., object])


class Number(click.FloatRange):
    """A number with bounds; `nan` lies within any bounds for click, and within none for us."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fails for what is no finite number, or out of bounds."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Which server; `server` is None where an embedded one is to be started."""

    server: str | None
    api_key_file: Path | None
    tls: bool | None
    tls_ca: Path | None

    def api_key(self) -> str | None:
        """Reads the key; it is never an argument, because everybody on the machine sees those."""
        if self.api_key_file is None:
            return None
        try:
            return self.api_key_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUsage(
                f"The API key cannot be read from {self.api_key_file}: {error}.",
                reason="API_KEY_UNREADABLE",
                metadata={"path": str(self.api_key_file)},
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How results are told."""

    json: bool
    verbose: bool


def server_options(command: Command) -> Command:
    """Adds --server and its kin, collected in `server_options`."""
    for option in (
        click.option(
            "--tls-ca", type=click.Path(path_type=Path), help="Certificates (PEM) that the server's is checked with."
        ),
        click.option("--tls/--no-tls", default=None, help="Default: TLS unless the server is this machine."),
        click.option(
            "--api-key-file",
            type=click.Path(path_type=Path),
            help="File with the API key. Default: the variable SPOTREEL_API_KEY.",
        ),
        click.option(
            "--server",
            envvar="SPOTREEL_SERVER",
            metavar="HOST:PORT",
            help="The orchestrator; also SPOTREEL_SERVER.",
        ),
    ):
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """Adds --json and --verbose."""
    command = click.option("-v", "--verbose", is_flag=True, help="Say more when something fails.")(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")(command)


def target_options(command: Command) -> Command:
    """Adds -o and -y."""
    command = click.option("-y", "--overwrite", is_flag=True, help="Replace OUT if it exists.")(command)
    return click.option(
        "-o",
        "--output",
        "out",
        required=True,
        metavar="OUT",
        type=click.Path(path_type=Path),
        help="Where the result goes; its ending decides the format (of a video: .mp4, .mov, .mkv, .webm).",
    )(command)
