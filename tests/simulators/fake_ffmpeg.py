"""An FFmpeg that does what a script says, step by step.

`install` makes a program of this file. It answers questions (`-version`, `-filters`) and trials like an FFmpeg with
libx264 and without NVIDIA's codecs; every other run follows `steps.json` beside it and notes each step it has done in
`done.txt`:

    {"emit": 1000}          write that many more bytes of the film to the output
    {"rest": true}          write all that is left of it
    {"progress": 1.5}       report that much media time
    {"wait_for": "name"}    go on when there is a file of that name beside the program
    {"stderr": "text"}      say something
    {"hang": true}          do nothing for ever
    {"ignore_sigterm": true}
    {"exit": 1}             end with that status
    {"environment": "NAME"} note the value of that variable, as `{"value": …}`

With `cuda` it also has CUDA filters. Trials of them follow `cuda.json`, which has the same steps by filter, and are
noted with the name of the filter.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

_VERSION = "ffmpeg version 7.1-fake Copyright (c) nobody"
_LISTS = {
    "-filters": " ... subtitles         V->V       Render text",
}
_CUDA_FILTERS = {
    "scale_cuda": " ... scale_cuda        V->V       GPU accelerated video resizer",
    "overlay_cuda": " ... overlay_cuda      VV->V      Overlay one video on top of another using CUDA",
}
_POLL_SECONDS = 0.005


def install(
    folder: Path,
    *,
    film: Path,
    steps: list[dict[str, Any]],
    cuda: dict[str, list[dict[str, Any]]] | None = None,
) -> Path:
    """Makes the program in an existing folder; `film` is what its runs write. The steps may be replaced later.

    `cuda` are the CUDA filters that it has, and what trials of each do.
    """
    program = folder / "ffmpeg"
    source = Path(__file__).read_text()
    program.write_text(f"#!{sys.executable} -IS\n{source}\nmain()\n")
    program.chmod(0o755)
    (folder / "film").symlink_to(film)
    rewrite(program, steps)
    program.with_name("cuda.json").write_text(json.dumps(cuda or {}))
    return program


def rewrite(program: Path, steps: list[dict[str, Any]]) -> None:
    """Replaces the steps that the next run follows."""
    program.with_name("steps.json").write_text(json.dumps(steps))


def done(program: Path) -> list[dict[str, Any]]:
    """Returns the steps that all runs have done so far, with the process id of each."""
    notes = program.with_name("done.txt")
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def main() -> None:
    """Runs as FFmpeg."""
    arguments = sys.argv[1:]
    if "-version" in arguments:
        print(_VERSION)  # noqa: T201 - what a program says
        return
    for question, answer in _LISTS.items():
        if question in arguments:
            print(answer)  # noqa: T201
            if question == "-filters":
                print(*(_CUDA_FILTERS[name] for name in _cuda()), sep="\n")  # noqa: T201
            return
    for name, steps in _cuda().items():
        if any(f"{name}=" in argument for argument in arguments):
            _Run(arguments).follow(steps, {"filter": name})
            return
    if "lavfi" in arguments:
        encoder = arguments[arguments.index("-c:v") + 1]
        if encoder != "libx264":
            sys.exit(f"Unknown encoder '{encoder}'")
        return
    if "-hwaccel" in arguments and "null" in arguments:
        sys.exit("Unrecognized hwaccel: cuda.")
    _Run(arguments).follow(json.loads(Path(__file__).with_name("steps.json").read_text()), {})


def _cuda() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("cuda.json").read_text())
    return found


class _Run:
    def __init__(self, arguments: list[str]) -> None:
        self._folder = Path(__file__).parent
        pipe = arguments[arguments.index("-progress") + 1]
        self._progress_pipe = int(re.fullmatch(r"pipe:(\d+)", pipe)[1])  # type: ignore[index]
        self._written = 0

    def follow(self, steps: list[dict[str, Any]], marks: dict[str, str]) -> None:
        for step in steps:
            ((name, value),) = step.items()
            self._note({**step, **marks})
            getattr(self, f"_{name}")(value)

    def _note(self, what: dict[str, Any]) -> None:
        with (self._folder / "done.txt").open("a") as notes:
            notes.write(json.dumps({**what, "pid": os.getpid()}) + "\n")

    def _environment(self, name: str) -> None:
        self._note({"value": os.environ.get(name, "")})

    def _emit(self, count: int) -> None:
        with (self._folder / "film").open("rb") as film:
            film.seek(self._written)
            data = film.read(count)
        self._written += len(data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def _rest(self, _value: bool) -> None:
        self._emit(-1)

    def _progress(self, seconds: float) -> None:
        block = f"frame={int(seconds * 25)}\nfps=25.0\ntotal_size={self._written}\nout_time_us={int(seconds * 1e6)}\n"
        os.write(self._progress_pipe, f"{block}speed=2.0x\nprogress=continue\n".encode())

    def _wait_for(self, name: str) -> None:
        while not (self._folder / name).exists():
            time.sleep(_POLL_SECONDS)

    def _stderr(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")

    def _hang(self, _value: bool) -> None:
        while True:
            time.sleep(60)

    def _ignore_sigterm(self, _value: bool) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _exit(self, status: int) -> None:
        sys.stderr.flush()
        os._exit(status)
