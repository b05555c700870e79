"""Where the containers of running instances live."""

import random
from typing import Protocol

from tests.simulators.vast.contracts import Address, Contract


class StartFailed(Exception):
    """The container could not be started; the text becomes the instance's status message."""


class InstanceHost(Protocol):
    """The machines of all hosts together. Each instance has at most one container."""

    async def start(self, contract: Contract) -> Address:
        """Starts the container and returns where it is reached; raises StartFailed."""
        ...

    async def stop(self, contract: Contract) -> None:
        """Ends the container; returns when it is gone. Does nothing where there is none."""
        ...

    async def freeze(self, contract: Contract) -> None:
        """Lets the container do nothing, as if its host were cut off."""
        ...

    async def thaw(self, contract: Contract) -> None:
        """Lets it go on."""
        ...

    def exit_status(self, contract: Contract) -> int | None:
        """Returns the status of a container that has ended by itself; None while it runs, and where there is none."""
        ...

    def log(self, contract: Contract) -> str:
        """Returns what its containers have written so far."""
        ...

    async def close(self) -> None:
        """Ends all containers."""
        ...


class NoHost:
    """Containers that only claim to run, at the public address of their offer."""

    def __init__(self, *, seed: int = 1) -> None:
        self._chance = random.Random(f"ports:{seed}")

    async def start(self, contract: Contract) -> Address:
        outside = self._chance.sample(range(40_000, 65_000), len(contract.order.ports))
        ports = {identity(inner, outer): outer for inner, outer in zip(contract.order.ports, outside, strict=True)}
        return Address(public_ip=contract.offer.public_ipaddr, ports=ports)

    async def stop(self, contract: Contract) -> None:
        """There is nothing to stop."""

    async def freeze(self, contract: Contract) -> None:
        """There is nothing to freeze."""

    async def thaw(self, contract: Contract) -> None:
        """There is nothing to thaw."""

    def exit_status(self, contract: Contract) -> int | None:
        return None

    def log(self, contract: Contract) -> str:
        return f"container C.{contract.id} has nothing to say\n"

    async def close(self) -> None:
        """There is nothing to end."""


def identity(inner: str, outer: int) -> str:
    """Returns the port inside: from 70000 on it is the same as outside (Vast.ai's documentation of port mapping)."""
    number, _, protocol = inner.partition("/")
    return f"{outer}/{protocol}" if number.isdigit() and int(number) >= 70_000 else inner
