"""`serve` and `worker`: the services themselves, where they are installed."""

import argparse
import importlib
import sys
from pathlib import Path

import click

from spotreel.cli.files import WrongUsage
from spotreel.extras import extra_missing, missing_distributions

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
    _demand(service)
    if command == "serve" and missing_distributions("worker") and _starts_workers(arguments):
        _demand("all")
    # By name: this package must not depend on the services, which depend on it. Both read the arguments of the
    # process, and its name for their help.
    entry = importlib.import_module(f"{service}.__main__")
    sys.argv = [f"spotreel {command}", *arguments]
    sys.exit(entry.main())


def _demand(extra: str) -> None:
    if missing := missing_distributions(extra):
        raise WrongUsage(extra_missing(extra, missing), reason="EXTRA_MISSING", metadata={"extra": extra})


def _starts_workers(arguments: tuple[str, ...]) -> bool:
    """Whether the orchestrator would start workers of its own; what is wrong with its settings it says itself."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("-h", "--help", action="store_true")
    try:
        given, _others = parser.parse_known_args(arguments)
        settings = importlib.import_module("orchestrator.settings").OrchestratorSettings.load(given.config)
    except (argparse.ArgumentError, ValueError):
        return False
    return not given.help and settings.local_workers > 0
