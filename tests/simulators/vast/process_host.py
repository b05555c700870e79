"""Containers that are worker processes on this machine."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from servicekit.process import ChildProcess
from tests.simulators.nvidia.models import GPU_MODELS
from tests.simulators.nvidia.pretence import DRIVER_FLOOR, InstalledGpu, PretendedGpu, install
from tests.simulators.vast.contracts import Address, Contract
from tests.simulators.vast.host import StartFailed, identity

_WORKER_PORT = "3334/tcp"
_LOOPBACK = "127.0.0.1"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME")
_LOG_BYTES = 1 << 20


@dataclass(slots=True)
class _Container:
    """One running worker, and all that has to be undone at its end."""

    process: ChildProcess
    stack: AsyncExitStack
    frozen: bool = field(default=False)


class ProcessHost:
    """An `InstanceHost` whose containers are workers. They end with this process, also when it is killed.

    There is no network of containers here: the worker is told to listen at its port outside, on loopback. Its folder,
    its log and the GPU it sees lie under `folder`, by the number of the instance.
    """

    def __init__(
        self,
        folder: Path,
        *,
        marketplace_url: str = "",
        image_environment: Mapping[str, str] | None = None,
        overriding: Mapping[str, str] | None = None,
        ffmpeg: Path | None = None,
        driver_floor: str = DRIVER_FLOOR,
    ) -> None:
        """Takes the marketplace's address for workers (`http://127.0.0.1:PORT`), which may be set later; what the
        image sets in its environment; what stands there `overriding` the order, such as a time-out that is too long to
        be waited for; the real FFmpeg (default: imageio-ffmpeg's), and the driver its NVENC wants."""
        self.marketplace_url = marketplace_url
        self._folder = folder
        self._image_environment = dict(image_environment or {})
        self._overriding = dict(overriding or {})
        self._ffmpeg = ffmpeg
        self._driver_floor = driver_floor
        self._containers: dict[int, _Container] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self, contract: Contract) -> Address:
        ports = {identity(inner, outer): outer for inner, outer in _free_ports(contract.order.ports).items()}
        address = Address(public_ip=_LOOPBACK, ports=ports)
        if not _runs_the_worker(contract):
            return address
        room = self._folder / str(contract.id)
        shutil.rmtree(room, ignore_errors=True)
        for name in ("gpu", "work"):
            (room / name).mkdir(parents=True, mode=0o700)
        gpu = install(room / "gpu", self._gpu(contract))
        environment = self._environment(contract, ports, gpu, room)
        process = await self._run(contract, environment, room)
        return Address(public_ip=_LOOPBACK, ports=ports, pid=process.pid)

    async def stop(self, contract: Contract) -> None:
        container = self._containers.pop(contract.id, None)
        if container is not None:
            await container.stack.aclose()

    async def freeze(self, contract: Contract) -> None:
        self._signal(contract, signal.SIGSTOP)

    async def thaw(self, contract: Contract) -> None:
        self._signal(contract, signal.SIGCONT)

    def exit_status(self, contract: Contract) -> int | None:
        container = self._containers.get(contract.id)
        return None if container is None else container.process.returncode

    async def ended(self, contract: Contract) -> None:
        """Returns when a container has ended by itself; at once where there is none."""
        container = self._containers.get(contract.id)
        if container is not None:
            await container.process.wait()

    def log(self, contract: Contract) -> str:
        try:
            return self._log_of(contract).read_bytes()[-_LOG_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    async def close(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, container in self._containers.items():
                tasks.create_task(container.stack.aclose(), name=f"end container {number}")
        self._containers.clear()

    async def _run(self, contract: Contract, environment: Mapping[str, str], room: Path) -> ChildProcess:
        async with AsyncExitStack() as stack:
            log = stack.enter_context(self._log_of(contract).open("ab", buffering=0))
            process = ChildProcess(
                [sys.executable, "-P", "-m", "worker", *contract.order.args],
                stdout=log.fileno(),
                env=environment,
                cwd=room,
                # A container that is removed is not asked first.
                grace=0,
                on_stderr_line=lambda line: _append(log.fileno(), line),
            )
            try:
                await stack.enter_async_context(process)
            except OSError as error:
                raise StartFailed(f"Error response from daemon: {error}") from error
            self._containers[contract.id] = _Container(process, stack.pop_all())
        return process

    def _environment(
        self, contract: Contract, ports: Mapping[str, int], gpu: InstalledGpu, room: Path
    ) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        listen = f"{_LOOPBACK}:{ports.get(_WORKER_PORT, 0)}"
        return {
            **inherited,
            **self._image_environment,
            **contract.order.environment,
            **self._overriding,
            **_container_variables(contract, ports, room),
            "PATH": f"{gpu.folder}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "SPOTREEL_WORKER_FFMPEG": str(gpu.ffmpeg),
            "SPOTREEL_WORKER_LISTEN": listen,
            "SPOTREEL_WORKER_WORK_DIR": str(room / "work"),
            # Whatever it was told: a pretended worker has nothing to say to a real marketplace.
            "SPOTREEL_WORKER_MARKETPLACE_URL": self.marketplace_url or f"http://{_LOOPBACK}:9",
        }

    def _gpu(self, contract: Contract) -> PretendedGpu:
        if contract.offer.gpu_name not in GPU_MODELS:
            return PretendedGpu(name="", driver_version="", memory_mib=0, compute_cap="", codecs=(), count=0)
        return PretendedGpu.of_model(
            contract.offer.gpu_name,
            driver_version=contract.driver_version,
            count=contract.offer.num_gpus,
            nvenc="no_nvenc_chip" not in contract.fates,
            driver_floor=self._driver_floor,
            ffmpeg=self._ffmpeg,
        )

    def _log_of(self, contract: Contract) -> Path:
        return self._folder / f"{contract.id}.log"

    def _signal(self, contract: Contract, number: signal.Signals) -> None:
        container = self._containers.get(contract.id)
        if container is not None and container.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(container.process.pid, number)


def _runs_the_worker(contract: Contract) -> bool:
    """Only the run type `args` keeps the image's entry point, and `onstart` replaces it even there."""
    order = contract.order
    return "dead_worker" not in contract.fates and order.runtype == "args" and not order.onstart


def _container_variables(contract: Contract, ports: Mapping[str, int], room: Path) -> dict[str, str]:
    """What Vast.ai's documentation says that a container finds in its environment."""
    mapped = {}
    for inner, outer in ports.items():
        number, _, protocol = inner.partition("/")
        mapped[f"VAST_{protocol.upper()}_PORT_{number}"] = str(outer)
    return {
        **mapped,
        "PUBLIC_IPADDR": _LOOPBACK,
        "CONTAINER_ID": str(contract.id),
        "CONTAINER_API_KEY": contract.key,
        "VAST_CONTAINERLABEL": f"C.{contract.id}",
        "GPU_COUNT": str(contract.offer.num_gpus),
        "DATA_DIRECTORY": str(room / "work"),
    }


def _free_ports(inner: tuple[str, ...]) -> dict[str, int]:
    """Returns a port outside for each; all are held until the last is found, so that they differ."""
    with_sockets = [(port, socket.socket()) for port in inner]
    try:
        for _, one in with_sockets:
            one.bind((_LOOPBACK, 0))
        return {port: int(one.getsockname()[1]) for port, one in with_sockets}
    finally:
        for _, one in with_sockets:
            one.close()


def _append(descriptor: int, line: str) -> None:
    # The last lines may come when the file is closed already.
    with suppress(OSError):
        os.write(descriptor, f"{line}\n".encode())
