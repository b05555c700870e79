"""Starts a program with less than its parent may do: `python confined.py BOUNDS PROGRAM ARGUMENT…` (BOUNDS in JSON).

What reads files of users runs like that. Should such a file take the program over, it can neither open what the
bounds do not name, nor connect to another host, nor look into another process, nor gain rights, nor fill the memory
of the machine before it is ended. No measure needs a right to be taken; what a kernel lacks is left out (Landlock:
Linux 5.13, its part on TCP 6.7), and on other systems only the limits hold.

Imports the standard library alone, so that it starts in a few hundredths of a second.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# Numbers from linux/prctl.h, linux/capability.h and linux/landlock.h; system calls this young have the same number on
# every architecture.
_NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDING_SET = 38, 24
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _HIGHEST_CAPABILITY = 1, 63
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_ABOUT_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE_CONTROL
_NET_SINCE, _SCOPES_SINCE = 4, 6
# When memory runs out the kernel ends these first, never the service.
_OOM_SCORE = "800"

# Programs, libraries and what they read of the machine. No home, no data, no service's configuration.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/opt", "/proc", "/sys/devices/system"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/dev/urandom", "/dev/random"),
)
_DEVICES = ("/dev/null", "/dev/zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a program may use; None sets no bound. Sizes are in bytes.

    `address_space` is not memory: CUDA reserves a hundred times what it uses, so FFmpeg gets no such bound. Besides
    the system's programs only `readable` and `writable` files and folders can be opened, unless `any_file` is set.
    """

    cpu_seconds: int | None = None
    file_size: int | None = None
    open_files: int | None = None
    address_space: int | None = None
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    any_file: bool = False


def confined(command: Sequence[str], bounds: Bounds) -> list[str]:
    """Returns the command that runs a program within bounds; its environment, folder and descriptors are passed on."""
    # -I and -S: nothing of the current folder or of the environment is loaded.
    return [sys.executable, "-I", "-S", __file__, json.dumps(asdict(bounds)), *command]


def confine(bounds: Bounds) -> None:
    """Puts this process, and whatever it starts, within bounds for good."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, bounds.cpu_seconds),
        (resource.RLIMIT_FSIZE, bounds.file_size),
        (resource.RLIMIT_NOFILE, bounds.open_files),
        (resource.RLIMIT_AS, bounds.address_space),
    ):
        if limit is not None:
            _, hard = resource.getrlimit(kind)
            bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (bounded, bounded))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if not bounds.any_file:
            _restrict_files(libc, bounds)
        _drop_capabilities(libc)


def landlock_version() -> int:
    """Returns which version of Landlock the kernel has; 0 for none, and then any file can be opened."""
    if sys.platform != "linux":
        return 0
    return max(int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Leaves root the one that opens what another user owns: a work folder below somebody's home, say.

    With fewer than the service has it can neither trace it nor read its memory or environment.
    """
    for number in range(_HIGHEST_CAPABILITY + 1):
        if number != _DAC_OVERRIDE:
            libc.prctl(_DROP_FROM_BOUNDING_SET, number, 0, 0, 0)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    for kept in (1 << _DAC_OVERRIDE, 0):
        if libc.capset(header, struct.pack("6I", kept, kept, 0, 0, 0, 0)) == 0:
            return


def _restrict_files(libc: ctypes.CDLL, bounds: Bounds) -> None:
    version = landlock_version()
    if not version:
        return
    handled = (1 << min(12 + version, 16 if version > _NET_SINCE else 15)) - 1
    tcp = 0b11 if version >= _NET_SINCE else 0
    abstract_sockets_and_signals = 0b11 if version >= _SCOPES_SINCE else 0
    attributes = struct.pack("QQQ", handled, tcp, abstract_sockets_and_signals)
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NET_SINCE else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    reading = _EXECUTE | _READ | _LIST
    for path in (*_SYSTEM, *bounds.readable):
        _allow(libc, ruleset, path, reading & handled)
    for path in _DEVICES:
        _allow(libc, ruleset, path, (_READ | _WRITE | _TRUNCATE) & handled)
    for path in bounds.writable:
        _allow(libc, ruleset, path, handled & ~(_EXECUTE | _DEVICE_CONTROL))
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = rights if Path(path).is_dir() else rights & _ABOUT_FILES
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
        os.close(descriptor)


def main(arguments: Sequence[str]) -> None:
    """Becomes the program; exits with 127 where there is none."""
    fields = json.loads(arguments[0])
    confine(Bounds(**fields))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these, and a program would inherit that.
        signal.signal(number, signal.SIG_DFL)
    os.execv(arguments[1], list(arguments[1:]))  # noqa: S606 - to become the program is what this is for


if __name__ == "__main__":
    main(sys.argv[1:])
