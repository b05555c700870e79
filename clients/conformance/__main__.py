"""`python -m clients.conformance`: play the scenarios with the clients that are built, or with one of your own."""

import argparse
import asyncio
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from servicekit.runtime import prepare_process

prepare_process()

from clients.conformance.clients import CLIENTS  # noqa: E402  # after prepare_process, which must come before gRPC
from clients.conformance.driver import Unacceptable  # noqa: E402
from clients.conformance.scenarios import SCENARIOS, Scenario  # noqa: E402
from clients.conformance.stage import Stage, Theatre, theatre  # noqa: E402


def main() -> int:
    """The status is 1 where a scenario fails or nothing was played."""
    parser = argparse.ArgumentParser(prog="python -m clients.conformance", description=__doc__)
    parser.add_argument("--client", action="append", choices=CLIENTS, help="by default all that are built")
    parser.add_argument("--driver", help="the command of a driver of your own, see clients/conformance/README.md")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, metavar="NAME", help="by default all")
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    arguments = parser.parse_args()
    if arguments.driver is not None and not shlex.split(arguments.driver):
        parser.error("--driver: no command is named")
    # So that the services are ended as they are after ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if arguments.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:18} {scenario.title}")
        return 0
    commands: dict[str, Sequence[str | Path]] = {}
    for client in CLIENTS.values():
        if client.name in (arguments.client or ([] if arguments.driver else CLIENTS)):
            if client.built.exists():
                commands[client.name] = client.command
            else:
                print(f"SKIPPED: {client.name} is not built ({client.built} is missing)", file=sys.stderr)
    if arguments.driver:
        commands["driver"] = shlex.split(arguments.driver)
    wanted = [SCENARIOS[name] for name in arguments.scenario or SCENARIOS]
    with (
        tempfile.TemporaryDirectory(prefix="spotreel-conformance-") as name,
        theatre(Path(name)) as house,
        # One loop for all of it: gRPC may have a word left for the loop of a client that is closed.
        asyncio.Runner() as runner,
    ):
        played = [
            runner.run(play(house, client, command, scenario))
            for client, command in commands.items()
            for scenario in wanted
        ]
    print(f"{played.count(True)} passed, {played.count(False)} failed")
    return 0 if played and all(played) else 1


async def play(house: Theatre, client: str, command: Sequence[str | Path], scenario: Scenario) -> bool:
    """Plays one scenario, says what came of it and returns whether the client has passed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="spotreel-conformance-") as folder:
        try:
            await scenario.play(Stage.of(house, command, Path(folder)))
        except (Unacceptable, AssertionError) as failure:
            print(f"FAILED  {client}: {scenario.name}: {failure}", flush=True)
            return False
        except (LookupError, TypeError, ValueError) as failure:
            print(f"FAILED  {client}: {scenario.name}: the driver left out {failure!r}", flush=True)
            return False
        except TimeoutError:
            print(f"FAILED  {client}: {scenario.name}: the client did not come as far as the fault", flush=True)
            return False
        except OSError as failure:
            print(f"FAILED  {client}: {scenario.name}: the driver cannot be started: {failure}", flush=True)
            return False
    print(f"passed  {client}: {scenario.name} ({time.perf_counter() - started:.1f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
