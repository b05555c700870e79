"""Name resolution that hands out only addresses that may be connected to."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from worker.fetch.guard import AddressGuard, ForbiddenAddress


class GuardedResolver(AbstractResolver):
    """Asks another resolver and keeps what the guard permits.

    The connector connects to exactly these addresses, so a name that changes its answer between a check and the
    connection (DNS rebinding) gains nothing: there is only one question.
    """

    def __init__(self, inner: AbstractResolver, guard: AddressGuard) -> None:
        self._inner = inner
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Returns the permitted addresses; raises ForbiddenAddress where there are addresses, but none of these."""
        found = await self._inner.resolve(host, port, family)
        permitted = [one for one in found if self._guard.permits(one["host"])]
        if found and not permitted:
            raise ForbiddenAddress(host)
        return permitted

    async def close(self) -> None:
        await self._inner.close()
