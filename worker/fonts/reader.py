"""Reads a font file of a user in a process of its own, `python -m worker.fonts.reader PATH`.

What a crafted font can do is use up memory and time, which end with that process. It prints its faces as JSON, the
characters of each as ranges, or one line on standard error that says why the file cannot be used.
"""

import json
import resource
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from fontTools.ttLib import TTLibError

from worker.fonts.book import faces_in

MAX_BYTES = 32 << 20
_MEMORY_BYTES = 2 << 30
_CPU_SECONDS = 20


def main(arguments: list[str]) -> int:
    """Prints what is in the font; returns the exit status: 0, or 1 for a file that cannot be used."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    try:
        found = [
            {"family": name, "bold": face.bold, "ranges": ranges(face.characters)}
            for name, face in faces_in(Path(arguments[0]))
        ]
    except (TTLibError, OSError, MemoryError, RecursionError, LookupError, ValueError, TypeError, AttributeError):
        # Whatever a damaged table makes of fontTools.
        sys.stderr.write("is no TrueType or OpenType font, or a damaged one")
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


def ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    """Returns code points as ranges, both ends included."""
    known = sorted(codes)
    if not known:
        return []
    breaks = [(before, after) for before, after in pairwise(known) if after != before + 1]
    starts = [known[0], *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), known[-1]]
    return list(zip(starts, ends, strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
