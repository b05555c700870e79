"""`serve` and `worker`: the services themselves, where they are installed."""

import importlib
import sys

import click

from spotreel.cli.files import WrongUsage
from spotreel.extras import missing_distributions

_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}


@click.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Run the orchestrator. All arguments are its own: spotreel serve --help."""
    _pass_on("serve", "orchestrator", arguments)


@click.command(context_settings=_PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Run a worker. All arguments are its own: spotreel worker --help."""
    _pass_on("worker", "worker", arguments)


def _pass_on(command: str, service: str, arguments: tuple[str, ...]) -> None:
    if missing := missing_distributions(service):
        raise WrongUsage(
            f"The {service} is not installed ({', '.join(missing)} missing): pip install 'spotreel[{service}]'.",
            reason="EXTRA_MISSING",
            metadata={"extra": service},
        )
    # By name: this package must not depend on the services, which depend on it. Both read the arguments of the
    # process, and its name for their help.
    entry = importlib.import_module(f"{service}.__main__")
    sys.argv = [f"spotreel {command}", *arguments]
    sys.exit(entry.main())
