"""The Python client of Spotreel: captions, films of stills and sound, made by a video service over gRPC.

    with Client("video.example.com:443") as client:
        job = client.caption("talk.mp4", "talk.srt", to="captioned.mp4")

`Client` blocks, `AsyncClient` is for asyncio; both have the same methods. What goes wrong is in `spotreel.errors`.
"""

import importlib
import os
from typing import TYPE_CHECKING

# gRPC reads it once, when it is first imported. With its fork handlers a child process that is started while calls are
# open may crash (2-3 % under uvloop, 2026-11, grpcio 1.85); nobody here needs gRPC in a forked child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

if TYPE_CHECKING:
    from spotreel.client import AsyncClient
    from spotreel.progress import Progress, Step
    from spotreel.sync import Client

__all__ = ["AsyncClient", "Client", "Progress", "Step"]

_HOMES = {
    "AsyncClient": "spotreel.client",
    "Client": "spotreel.sync",
    "Progress": "spotreel.progress",
    "Step": "spotreel.progress",
}


def __getattr__(name: str) -> object:
    """Imports gRPC only when a client is asked for, so that `spotreel --help` answers at once."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
