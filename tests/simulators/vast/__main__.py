"""`python -m tests.simulators.vast`: the marketplace as a server."""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from servicekit.clock import Clock
from servicekit.lifecycle import stop_signal
from tests.simulators.vast.clock import ScaledClock
from tests.simulators.vast.host import InstanceHost, NoHost
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.process_host import ProcessHost
from tests.simulators.vast.server import MarketServer
from tests.simulators.vast.world import MarketSettings

_EPILOG = """\
control, from this machine only and without a key:
  GET    /control/state                            contracts, meters, credit, counts of requests and creates
  GET    /control/faults                           all faults, what they do, how often they fired
  PUT    /control/faults/NAME                      {"times": 2} or {"probability": 0.1} or {"script": [true, false]},
                                                   with "match": {"endpoint": "create"}, "value", "seconds"
  DELETE /control/faults/NAME  /control/faults     disarms one, or all
  POST   /control/instances/ID/WHAT                loaded, outbid, resume, stop, kill, end_contract, offline, online,
                                                   destroy, resurrect, traffic {"down_bytes": 1, "up_bytes": 1}
  POST   /control/advance                          {"seconds": 3600} moves the clock forward
  POST   /control/credit                           {"usd": 0.05}

example:
  python -m tests.simulators.vast --port 18899 --speed 20 &
  vastai --url http://127.0.0.1:18899 --api-key test-key search offers gpu_name=RTX_4090
"""


def main() -> int:
    """Serves until SIGTERM or SIGINT; returns 0, or 1 where the port cannot be had."""
    options = _parse(sys.argv[1:])
    # Lines of people, on stderr: standard output says where it listens and nothing else.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, options.log_level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        print(f"It cannot listen on {options.host}:{options.port}: {error.strerror}.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    clock: Clock = ScaledClock(speed=options.speed)
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vast-simulator-", ignore_cleanup_errors=True))
        host = _host(options, Path(folder))
        market = await stack.enter_async_context(Market(clock=clock, settings=_settings(options), host=host))
        server = await stack.enter_async_context(
            MarketServer(market, clock=clock, host=options.host, port=options.port)
        )
        if isinstance(host, ProcessHost):
            host.marketplace_url = server.url
        _announce(f"{options.host}:{server.port}", options.ready_file)
        await stop.wait()


def _host(options: argparse.Namespace, folder: Path) -> InstanceHost:
    if options.workers == "none":
        return NoHost(seed=options.seed)
    image_environment = dict(entry.partition("=")[::2] for entry in options.image_env)
    return ProcessHost(folder, image_environment=image_environment, ffmpeg=options.ffmpeg)


def _settings(options: argparse.Namespace) -> MarketSettings:
    return MarketSettings(
        key=options.key,
        seed=options.seed,
        credit_usd=options.credit,
        boot=BootTimes(scheduling=options.scheduling, creating=options.creating, loading=options.loading),
        pacing=options.pacing == "on",
        hidden_reads=options.hidden_reads,
    )


def _announce(address: str, ready_file: Path | None) -> None:
    if ready_file is not None:
        partial = ready_file.with_name(f"{ready_file.name}.partial")
        partial.write_text(json.dumps({"address": address, "pid": os.getpid()}))
        partial.replace(ready_file)
    print(f"listening on {address}", flush=True)  # noqa: T201 - what whoever started this waits for


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.vast",
        description="A marketplace for GPUs with the REST API of Vast.ai, its bad days included.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    boot = BootTimes()
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port to listen on; 0 takes any free one (default)")
    add("--key", default="test-key", help="the API key that is accepted (default: %(default)s)")
    add("--seed", type=int, default=1, help="what the catalogue and all chances are drawn from (default: %(default)s)")
    add("--credit", type=float, default=25.0, metavar="USD", help="credit of the account (default: %(default)s)")
    add("--speed", type=float, default=1.0, help="how many times as fast its clock runs (default: %(default)s)")
    add("--scheduling", type=float, default=boot.scheduling, metavar="S", help="seconds until created (%(default)s)")
    add("--creating", type=float, default=boot.creating, metavar="S", help="seconds until loading (%(default)s)")
    add("--loading", type=float, default=boot.loading, metavar="S", help="seconds until running (%(default)s)")
    add("--hidden-reads", type=int, default=0, metavar="N", help="in how many reads a new contract is missing")
    add("--pacing", choices=("on", "off"), default="on", help="whether too many requests are refused (default: on)")
    add("--workers", choices=("real", "none"), default="none", help="whether running instances are real workers")
    add("--image-env", action="append", default=[], metavar="NAME=VALUE", help="environment that the image sets")
    add("--ffmpeg", type=Path, metavar="PATH", help="FFmpeg for real workers (default: that of imageio-ffmpeg)")
    add("--ready-file", type=Path, metavar="PATH", help="write address and pid there when ready")
    add("--log-level", type=str.upper, choices=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO", metavar="LEVEL")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
