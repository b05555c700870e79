"""`python -m worker`: the worker as a process. Settings come from the environment; the options here go before them."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from servicekit.runtime import prepare_process

# Children of this process inherit its environment and need none of these. What the kernel shows of it in /proc stays as
# it was at the start.
_SECRETS = frozenset(
    {
        "CONTAINER_API_KEY",
        "SPOTREEL_WORKER_API_KEYS",
        "SPOTREEL_WORKER_DEPLOYMENT_KEY",
        "SPOTREEL_WORKER_SESSION_SECRET",
    }
)


def main() -> int:
    """Runs the worker; returns 0 after an orderly end, 1 where it cannot run, 2 for wrong settings."""
    options = _parse(sys.argv[1:])
    prepare_process()
    # Only now, since these import grpc.
    from pydantic import ValidationError  # noqa: PLC0415

    from servicekit.errors import SpotreelError  # noqa: PLC0415
    from worker.container import Container  # noqa: PLC0415
    from worker.main import run  # noqa: PLC0415
    from worker.settings import WorkerSettings  # noqa: PLC0415

    try:
        settings = WorkerSettings(**_given(options))
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in problem["loc"][:1]).upper()
            print(f"SPOTREEL_WORKER_{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - before there is a log
        return 2
    container = Container.of(os.environ)
    _forget_secrets()
    try:
        asyncio.run(
            run(
                settings,
                container=container,
                ready_file=options.ready_file,
                exit_with_stdin=options.exit_with_stdin,
            )
        )
    except SpotreelError as error:
        print(f"{error.reason}: {error.message}", file=sys.stderr)  # noqa: T201 - for whoever started it
        return 1
    return 0


def _forget_secrets() -> None:
    # The names of settings count in any case.
    for name in [name for name in os.environ if name.upper() in _SECRETS]:
        del os.environ[name]


def _program() -> str:
    """Returns what this was called as: `spotreel …` says so in the name of the process."""
    return sys.argv[0] if sys.argv[0].startswith("spotreel ") else "python -m worker"


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_program(), description="Runs FFmpeg for an orchestrator.")
    parser.add_argument("--listen", metavar="HOST:PORT", help="address to listen on; port 0 takes any free one")
    parser.add_argument("--work-dir", type=Path, metavar="DIR", help="folder for inputs, outputs and working files")
    parser.add_argument("--allow-insecure", action="store_true", help="listen beyond this machine without TLS or key")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write address and pid there when ready")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    named = {"listen": options.listen, "work_dir": options.work_dir, "allow_insecure": options.allow_insecure or None}
    return {name: value for name, value in named.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
