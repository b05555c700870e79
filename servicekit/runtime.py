"""What has to be set in a process before gRPC is imported."""

import ctypes
import os
import platform
import sys

# Measured: with glibc's default of 128 KiB every gRPC message beyond it is mapped and unmapped, and the page faults
# cost half the throughput of 1 MiB chunks (1.3 against 2.4 GB/s on loopback). 8 MiB keeps such messages on the heap.
_MMAP_THRESHOLD_BYTES = 8 * 1024 * 1024
# Free memory is given back above this.
_TRIM_THRESHOLD_BYTES = 24 * 1024 * 1024
# The heap grows in steps of this; a server's idle memory counts, so the steps are small.
_TOP_PAD_BYTES = 1024 * 1024
# gRPC's threads would otherwise get eight arenas per core, each with free memory of its own. Measured in 1 GiB
# transfers on two cores: one arena is as fast as two, and a worker grew by 16 to 24 MiB in place of 21 to 63.
_ARENAS = 1

# Numbers from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8


def prepare_process() -> None:
    """Sets gRPC's environment and glibc's allocator for a server; call it before anything imports grpc.

    Values that the environment already has are kept, MALLOC_* among them. Only the environment part acts elsewhere
    than on Linux with glibc. Raises RuntimeError where grpc was imported already.
    """
    if "grpc" in sys.modules:
        raise RuntimeError("prepare_process() must run before grpc is imported")
    # Measured: gRPC's fork handlers crashed 2-3 % of children that were started by a real fork().
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    _tune_allocator()


def _tune_allocator() -> None:
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for variable, option, value in (
        ("MALLOC_MMAP_THRESHOLD_", _M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES),
        ("MALLOC_TRIM_THRESHOLD_", _M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES),
        ("MALLOC_TOP_PAD_", _M_TOP_PAD, _TOP_PAD_BYTES),
        ("MALLOC_ARENA_MAX", _M_ARENA_MAX, _ARENAS),
    ):
        if variable not in os.environ:
            libc.mallopt(option, value)
