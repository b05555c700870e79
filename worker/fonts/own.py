"""Fonts that come with a job."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from servicekit.process import PIPE, ChildProcess
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import Face, NamedFace
from worker.fonts.reader import MAX_BYTES

_SECONDS = 30.0
# What a name must not have: it is written into the caption script, where these mean something.
_UNUSABLE_NAME = re.compile(r"[,{}\\\x00-\x1f\x7f]")
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "TMPDIR", "LD_LIBRARY_PATH")


async def read_font(path: Path, name: str) -> tuple[NamedFace, ...]:
    """Returns the faces of a font file; `name` is what messages call it.

    Raises TaskFailed(INPUT_INVALID) for what is no font that captions could be drawn with.
    """
    if path.stat().st_size > MAX_BYTES:
        raise _invalid(f"{name} has more than {MAX_BYTES >> 20} MiB.")
    command = [sys.executable, "-P", "-m", "worker.fonts.reader", str(path.absolute())]
    environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
    async with ChildProcess(command, stdout=PIPE, env=environment, grace=0.0) as reader:
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await reader.stdout.read()
                status = await reader.wait()
        except TimeoutError as error:
            raise _invalid(f"{name} took longer than {_SECONDS:g} s to read.") from error
        why = reader.stderr_lines[-1:] if status == 1 else ["ended the process that read it"]
    if status != 0:
        raise _invalid(f"{name} {''.join(why)}.")
    faces = tuple(
        NamedFace(entry["family"], Face(path, entry["bold"], _characters(entry["ranges"])))
        for entry in json.loads(answer)
    )
    if not faces or any(not face.family or _UNUSABLE_NAME.search(face.family) for face in faces):
        raise _invalid(f"{name} has no family name that captions could use.")
    return faces


def _characters(ranges: list[tuple[int, int]]) -> frozenset[int]:
    return frozenset(code for first, last in ranges for code in range(first, last + 1))


def _invalid(message: str) -> TaskFailed:
    return TaskFailed(FailureReason.INPUT_INVALID, message)
