"""`make bench`: measure, print, and write docs/benchmarks.md.

Each figure is a ratio or a difference within one run on one machine, because machines differ.
"""

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from servicekit.runtime import prepare_process

prepare_process()

import structlog  # noqa: E402  # after prepare_process, which must come before gRPC

from servicekit.clock import SystemClock  # noqa: E402
from servicekit.ffmpeg import locate_ffmpeg  # noqa: E402
from tests.bench import clients, measures, plans, renting, stills  # noqa: E402
from tests.bench.finding import Bench, Finding  # noqa: E402
from worker.fonts.book import FontBook  # noqa: E402
from worker.hardware.probe import probe_capabilities  # noqa: E402

ALL = measures.ALL | plans.ALL | stills.ALL | renting.ALL | clients.ALL
REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    """Run the measures that are named (all by default); the status is 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"out of: {', '.join(ALL)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default 3)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(ALL):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    # The simulators would tell of each request.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    findings = asyncio.run(_measure(arguments.names or list(ALL), arguments.rounds))
    if not arguments.names:
        REPORT.write_text(_report(findings))
        sys.stdout.write(f"written: {REPORT}\n")
    return 0 if all(finding.met for finding in findings) else 1


async def _measure(names: list[str], rounds: int) -> list[Finding]:
    findings = []
    with tempfile.TemporaryDirectory(prefix="spotreel-bench-") as name:
        ffmpeg = locate_ffmpeg()
        capabilities = await probe_capabilities(
            ffmpeg, data_folder=Path(name), fonts=FontBook.load(), clock=SystemClock(), build="bench"
        )
        for measure in names:
            folder = Path(name, measure)
            folder.mkdir()
            finding = await ALL[measure](Bench(ffmpeg=ffmpeg, capabilities=capabilities, folder=folder, rounds=rounds))
            sys.stdout.write(
                f"{'met   ' if finding.met else 'MISSED'}  {finding.title}: {finding.figure} "
                f"(target {finding.target}; {finding.detail})\n"
            )
            sys.stdout.flush()
            findings.append(finding)
    return findings


def _report(findings: list[Finding]) -> str:
    rows = [
        f"| {one.title} | {one.figure} | {one.target} | {'yes' if one.met else '**no**'} | {one.detail} |"
        for one in findings
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {_machine()}.",
            "Every figure is a ratio or a difference within that one run; machines differ.",
            "",
            "| what | measured | target | met | detail |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
