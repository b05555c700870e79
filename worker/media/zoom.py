"""Frames of a camera's move over a still: a program that reads a ZoomJob (JSON) as its argument and writes raw frames.

It runs as a process of its own, `python -m worker.media.zoom JOB`, so that a hostile image can at worst end that
process, and so that OpenCV and NumPy are never loaded into the worker. Frames are yuv420p, BT.709, limited range, on
standard output. What is wrong with the image goes to the last line of standard error, after `INPUT_INVALID: `.
"""

import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

# Linear algebra is not asked for; its threads would take longer to start than all else.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2

from worker.media.decode import header_of, read_still
from worker.media.frames import frames, spare_pixels
from worker.media.motion import ZoomJob
from worker.media.stillfile import StillUnreadable

_MEMORY_BYTES = 6 << 30


def main(arguments: list[str], out: BinaryIO) -> int:
    """Writes all frames of the job; returns the exit status: 0, or 1 for an image that cannot be used."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    job = ZoomJob.from_json(arguments[0])
    red, green, blue = bytes.fromhex(job.background_color.removeprefix("#"))
    background = (blue, green, red)
    image = Path(job.image)
    try:
        header = header_of(image)
        spare = spare_pixels(job, *header.upright_size)
        picture = read_still(image, header, background=background, spare=spare)
        out.writelines(frame.data for frame in frames(job, picture, background=background))
        out.flush()
    except (StillUnreadable, MemoryError) as error:
        reason = error if isinstance(error, StillUnreadable) else "The image takes too much memory."
        print(f"INPUT_INVALID: {reason}", file=sys.stderr)  # noqa: T201 - this program speaks to its caller by stderr
        return 1
    except BrokenPipeError:
        # The reader has all the frames it wants, or is gone; either way it is the one to say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.buffer))
