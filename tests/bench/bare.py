"""FFmpeg run bare: the very command that the worker gives it, without the service around."""

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec
from servicekit.probe import MediaProber
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media.arguments import ffmpeg_arguments
from worker.media.plan import ProbedInput
from worker.media.planner import make_plan
from worker.media.workdir import environment, prepare_workdir


@dataclass(frozen=True, slots=True, kw_only=True)
class BareCommand:
    """A prepared FFmpeg command line and the folder that it runs in."""

    ffmpeg: Path
    arguments: tuple[str, ...]
    folder: Path

    def seconds(self) -> float:
        """Run it once, with its output into a file beside it, and return the wall time."""
        with (self.folder / "output").open("wb") as output, Path(os.devnull).open("wb") as nothing:
            started = time.perf_counter()
            subprocess.run(
                [self.ffmpeg, *(one.replace("pipe:PROGRESS", f"pipe:{nothing.fileno()}") for one in self.arguments)],
                check=True,
                cwd=self.folder,
                env=environment(self.folder, os.environ),
                stdout=output,
                stderr=subprocess.DEVNULL,
                pass_fds=[nothing.fileno()],
            )
            return time.perf_counter() - started


async def prepare(
    operation: Operation,
    output: OutputSpec,
    files: Mapping[str, Path],
    *,
    ffmpeg: Path,
    capabilities: Capabilities,
    folder: Path,
) -> BareCommand:
    """Plan an operation on local files as the worker would; `files` by role."""
    folder.mkdir()
    async with MediaProber() as prober:
        inputs = {role: await _probed(role, path, prober) for role, path in files.items()}
    plan = make_plan(operation, output, inputs, capabilities, fonts=FontBook.load())
    await asyncio.to_thread(prepare_workdir, plan, folder)
    arguments = [one if one != "pipe:999" else "pipe:PROGRESS" for one in ffmpeg_arguments(plan, progress_fd=999)]
    return BareCommand(ffmpeg=ffmpeg, arguments=tuple(arguments), folder=folder)


async def _probed(role: str, path: Path, prober: MediaProber) -> ProbedInput:
    if role in {"subtitles", "image"}:
        return ProbedInput(path=path, content=await asyncio.to_thread(path.read_bytes))
    return ProbedInput(path=path, media=await prober.probe(path))
