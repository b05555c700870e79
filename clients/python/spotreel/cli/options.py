"""Options that several commands share, and what they were given as one value."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


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
            raise click.UsageError(f"{self.api_key_file}: the API key cannot be read from it: {error}.") from error


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
        help="Where the result goes; .mp4, .mov, .mkv or .webm decides the format.",
    )(command)
