"""`make demo-vast`: the whole story of a rented GPU, on a simulated marketplace whose instances are real workers."""

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import structlog
from spotreel import AsyncClient, Progress, Step
from spotreel.cli import wording
from spotreel.cli.sound import write_chord
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Job

from servicekit.lifecycle import stop_signal
from servicekit.process import PIPE, ChildProcess
from tests.simulators.renting import open_market, rental_settings
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market

SAMPLES = Path(str(resources.files("spotreel").joinpath("samples")))
# A real start takes one to five minutes.
BOOT = BootTimes(scheduling=2, creating=2, loading=8)
IDLE_SECONDS = 8
_POLL_SECONDS = 0.25
_MOST_OFFERS = 100
_READY_SECONDS = 60.0
_END_SECONDS = 120.0
_SETTLED_SECONDS = 420.0


class Story:
    """Tells what happens, each line with the seconds since the beginning; the same words are told once."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told: set[str] = set()

    def chapter(self, title: str) -> None:
        print(f"\n{title}", flush=True)

    def line(self, who: str, words: str) -> None:
        if (line := f"{who:12} {words}") not in self._told:
            self._told.add(line)
            print(f"  {time.monotonic() - self._began:6.1f} s  {line}", flush=True)


class Demo:
    """The simulated marketplace, an orchestrator that rents there, and a client."""

    def __init__(self, market: Market, client: AsyncClient, out: Path, story: Story) -> None:
        self.market = market
        self.client = client
        self.out = out
        self.story = story

    async def job(self, title: str, work: Coroutine[Any, Any, Job]) -> Job:
        """Lets a job run to its end."""
        job = await work
        instance = job.attempts[-1].instance
        self.story.line(title, f"done on {instance} with {job.progress.encoder or 'the picture copied'}")
        return job

    def progress_of(self, title: str) -> Any:
        """Returns what tells the progress of a job, quarter by quarter."""

        def tell(progress: Progress) -> None:
            if progress.step is Step.DONE:
                # Also said of a job that was cancelled; the end is told by `job`.
                return
            part = "" if progress.fraction is None else f" {int(progress.fraction * 4) * 25} %"
            self.story.line(title, f"{progress.step.value}{part}")

        return tell

    async def watch(self) -> None:
        """Tells what becomes of rented instances, as the marketplace shows them and as the orchestrator sees them."""
        while True:
            for contract in self.market.contracts:
                self.story.line("marketplace", f"{contract.id} is {contract.actual or 'being scheduled'}")
            for one in await self.rented():
                offer, state = one.offer, wording.instance_state(one)
                machine = f"{offer.gpu_name}, {offer.location}, {wording.money(offer.usd_micros_per_hour)}/h"
                self.story.line("orchestrator", f"{one.name} {state}: {machine}")
            await asyncio.sleep(_POLL_SECONDS)

    async def rented(self) -> Sequence[Instance]:
        """Returns the rented instances, those that are gone too."""
        states = [state for state in Instance.State.values() if state != Instance.STATE_UNSPECIFIED]
        return [one async for one in self.client.list_instances(states=states) if one.HasField("offer")]

    async def until_gone(self) -> None:
        """Returns when nothing is rented any more, on both sides."""

        async def is_gone() -> bool:
            states = {one.state for one in await self.rented()}
            return not self.market.contracts and states == {Instance.STATE_DESTROYED}

        await _until(is_gone, seconds=_END_SECONDS)


async def tell(demo: Demo, *, settle: bool) -> None:
    """Plays the acts."""
    story = demo.story
    story.chapter("What could be rented for an hour, with what it is expected to cost (spotreel offers)")
    await _offers(demo)

    story.chapter("Two jobs: captions need an encoder, a new sound track does not (spotreel caption, add-audio)")
    gone = demo.market.faults.arm("offer_gone_410")
    sound = demo.out / "chord.wav"
    write_chord(sound, seconds=5.3)
    video, subtitles = SAMPLES / "bigbuckbunny.mp4", SAMPLES / "bigbuckbunny.srt"
    watching = asyncio.create_task(demo.watch())
    try:
        jobs = await asyncio.gather(
            demo.job(
                "captions",
                demo.client.caption(
                    video,
                    subtitles,
                    to=demo.out / "captioned.mp4",
                    overwrite=True,
                    on_progress=demo.progress_of("captions"),
                ),
            ),
            demo.job(
                "sound",
                demo.client.add_audio(
                    video,
                    sound,
                    to=demo.out / "with-audio.mp4",
                    overwrite=True,
                    on_progress=demo.progress_of("sound"),
                ),
            ),
        )
        story.line("marketplace", f"said {gone.fired} time that an offer was gone; the next in rank was taken")
        await demo.until_gone()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    story.line("orchestrator", f"{IDLE_SECONDS} s without work: the machine is destroyed")
    if settle:
        story.line("orchestrator", "reads the marketplace's books until they do not change any more; takes minutes")
        await _settled(demo, jobs)
    story.chapter("The bill")
    await _bill(demo, jobs)


async def _offers(demo: Demo) -> None:
    found = await demo.client.search_offers(limit=_MOST_OFFERS)
    for one in found.offers[:5]:
        offer = one.offer
        price, expected = wording.money(offer.usd_micros_per_hour), wording.money(one.expected_usd_micros)
        print(f"  {offer.gpu_name:16} {offer.location:24} {price}/h   expected {expected}")
    print(f"  and {len(found.offers) - 5} more. {len(found.rejected)} others were left out:")
    # The figures in brackets differ from offer to offer.
    reasons = Counter(one.reasons[0].partition(" (")[0] for one in found.rejected)
    for reason, count in reasons.most_common(5):
        print(f"    {count:3}  {reason}")


async def _settled(demo: Demo, jobs: Sequence[Job]) -> None:
    async def are_final() -> bool:
        return all([(await demo.client.get_job(job.name)).cost.final for job in jobs])

    await _until(are_final, seconds=_SETTLED_SECONDS)


async def _bill(demo: Demo, jobs: Sequence[Job]) -> None:
    for title, job in zip(("captions", "sound"), jobs, strict=True):
        cost = (await demo.client.get_job(job.name)).cost
        how = "by the marketplace's books" if cost.final else "as reckoned by the orchestrator"
        print(f"  job {title:14} ${cost.total_usd_micros / 1e6:.6f}  {how}")
    for one in await demo.rented():
        if one.provider_id:
            billed = demo.market.billed_usd_micros(int(one.provider_id))
            print(f"  {one.name}  ${one.cost.total_usd_micros / 1e6:.6f}, the marketplace billed ${billed / 1e6:.6f}")
    print(f"  left running at the marketplace: {len(demo.market.contracts)}")
    print(f"  The films are in {demo.out}.")


@asynccontextmanager
async def rental(out: Path, folder: Path) -> AsyncIterator[Demo]:
    """Runs the marketplace and the orchestrator while the block runs. Raises RuntimeError where one does not start."""
    async with AsyncExitStack() as stack:
        market, url = await stack.enter_async_context(open_market(folder / "market", boot=BOOT))
        ready = folder / "ready.json"
        command = [sys.executable, "-P", "-m", "orchestrator", "--listen", f"unix:{folder}/orchestrator.sock"]
        log: list[str] = []
        process = await stack.enter_async_context(
            ChildProcess(
                [*command, "--data-dir", str(folder / "data"), "--ready-file", str(ready), "--exit-with-stdin"],
                stdin=PIPE,
                env=_environment(url),
                grace=_END_SECONDS,
                on_stderr_line=log.append,
            )
        )
        await _started(process, ready, log)
        client = await stack.enter_async_context(AsyncClient(f"unix:{folder}/orchestrator.sock"))
        yield Demo(market, client, out, Story())


def _environment(url: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
    settings = rental_settings(url, deployment=f"demo-{os.getpid()}", idle_seconds=IDLE_SECONDS)
    return ours | settings | {"SPOTREEL_LOG_JSON": "false"}


async def _started(process: ChildProcess, ready: Path, log: Sequence[str]) -> None:
    async def is_over() -> bool:
        return ready.exists() or process.returncode is not None

    await _until(is_over, seconds=_READY_SECONDS)
    if process.returncode is not None:
        raise RuntimeError("The orchestrator did not start:\n" + "\n".join(log[-20:]))


async def _until(condition: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    """Returns when the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _main(out: Path, *, settle: bool) -> int:
    folder = Path(tempfile.mkdtemp(prefix="spotreel-demo-vast-"))
    try:
        interrupted = False
        async with stop_signal() as stop, rental(out, folder) as demo:
            playing = asyncio.create_task(tell(demo, settle=settle))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
            try:
                await playing
            except asyncio.CancelledError:
                print("\nInterrupted; what was rented is being destroyed.", file=sys.stderr)
                interrupted = True
        if interrupted:
            print(f"Left running at the marketplace: {len(demo.market.contracts)}.", file=sys.stderr)
        return 130 if interrupted else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Plays the story; returns 0, or 130 after an interrupt."""
    parser = argparse.ArgumentParser(prog="make demo-vast", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo-vast"), help="folder for the films (%(default)s)")
    parser.add_argument("--settle", action="store_true", help="wait for the bill to be settled, some minutes more")
    options = parser.parse_args()
    # The marketplace would tell of each request.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    options.out.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_main(options.out, settle=options.settle))


if __name__ == "__main__":
    sys.exit(main())
