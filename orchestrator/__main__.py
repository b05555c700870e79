"""`python -m orchestrator`: the orchestrator as a process. Options go before the environment, that before --config."""

import argparse
import asyncio
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servicekit.runtime import prepare_process

if TYPE_CHECKING:
    from pydantic import ValidationError

_WRONG_SETTINGS = 2
_CANNOT_RUN = 1
_SECRETS = ("API_KEY", "API_KEYS", "DEPLOYMENT_KEY", "VAST_API_KEY", "VAST_IMAGE_LOGIN")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the orchestrator; returns 0 after an orderly end, 1 where it cannot run, 2 for wrong options or settings."""
    options = _parse(argv)
    if "grpc" not in sys.modules:
        # Of a port that is taken gRPC's own line says less than ours.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        prepare_process()
    # Only now, since these import grpc.
    from pydantic import ValidationError  # noqa: PLC0415

    from orchestrator.main import run  # noqa: PLC0415
    from orchestrator.settings import OrchestratorSettings  # noqa: PLC0415
    from servicekit.errors import SpotreelError  # noqa: PLC0415

    if options.config is not None and not options.config.is_file():
        return _complain(f"--config {options.config}: there is no such file", status=_WRONG_SETTINGS)
    try:
        settings = OrchestratorSettings.load(options.config, **_given(options))
    except ValidationError as error:
        return _complain(*_problems(error), status=_WRONG_SETTINGS)
    for name in _SECRETS:
        # Children of this process inherit its environment; they need no keys.
        os.environ.pop(f"SPOTREEL_{name}", None)
    try:
        asyncio.run(run(settings, ready_file=options.ready_file, exit_with_stdin=options.exit_with_stdin))
    except SpotreelError as error:
        return _complain(error.message, status=_CANNOT_RUN)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}", status=_CANNOT_RUN)
    return 0


def _program() -> str:
    """Returns what this was called as: `spotreel …` says so in the name of the process."""
    return sys.argv[0] if sys.argv[0].startswith("spotreel ") else "python -m orchestrator"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_program(), description="Takes video jobs and has them done.")
    parser.add_argument("--listen", metavar="HOST:PORT", help="address to listen on; port 0 takes any free one")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the ledger, outputs and uploads")
    parser.add_argument("--config", type=Path, metavar="FILE", help="file of settings, one SPOTREEL_NAME=value a line")
    parser.add_argument("--allow-insecure", action="store_true", help="listen beyond this machine without TLS or key")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write address and pid there when ready")
    parser.add_argument(
        "--exit-with-stdin", action="store_true", help="stop, with the local workers, when standard input ends"
    )
    options = parser.parse_args(argv)
    if options.exit_with_stdin and not _stdin_can_end():
        parser.error("--exit-with-stdin needs standard input to be a pipe or a socket")
    return options


def _stdin_can_end() -> bool:
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    named = {"listen": options.listen, "data_dir": options.data_dir, "allow_insecure": options.allow_insecure or None}
    return {name: value for name, value in named.items() if value is not None}


def _problems(error: "ValidationError") -> list[str]:
    """Returns one line for each wrong setting, without its value, which may be a secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        words = problem["msg"].removeprefix("Value error, ")
        name = "_".join(str(part) for part in problem["loc"][:1]).upper()
        lines.append(f"SPOTREEL_{name}: {words}" if name else words)
    return lines


def _complain(*lines: str, status: int) -> int:
    for line in lines:
        print(f"error: {line}", file=sys.stderr)  # noqa: T201 - for whoever started it
    return status


if __name__ == "__main__":
    sys.exit(main())
