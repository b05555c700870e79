"""`spotreel`: the entry point, which imports nothing of weight before it can be interrupted."""

import os
import sys


def main() -> None:
    """Runs the command line; exits with 0, 1 (failed), 2 (wrong usage), 3 (unreachable) or 130 (interrupted)."""
    # gRPC's C core would write its own lines between ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from spotreel.cli.commands import run  # noqa: PLC0415 - most of the time before the work goes by here

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
