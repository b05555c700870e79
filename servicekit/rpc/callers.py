"""Which addresses may call at all."""

import ipaddress
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from servicekit.addresses import Network, peer_address
from servicekit.errors import PermissionDenied
from servicekit.rpc.stages import Call

_MAPPED_PREFIX = 96


class CallerStage:
    """Lets only callers from the allowed networks pass, health checks too; an empty list lets everybody pass.

    Callers over a unix socket are on this machine, and its file decides on them. Refuses with PermissionDenied
    (ADDRESS_NOT_ALLOWED).
    """

    def __init__(self, *, allowed: Iterable[Network]) -> None:
        self._allowed = tuple(_unmapped(network) for network in allowed)

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        if self._allowed:
            self._check(call.context.peer())
        yield

    def _check(self, peer: str) -> None:
        if peer.startswith("unix"):
            return
        address = peer_address(peer)
        if address is not None and any(
            address.version == network.version and address in network for network in self._allowed
        ):
            return
        shown = peer if address is None else str(address)
        raise PermissionDenied(
            f"Calls from {shown} are not allowed; call from an allowed address, or add this one to the server's list.",
            reason="ADDRESS_NOT_ALLOWED",
            metadata={"address": shown},
        )


def _unmapped(network: Network) -> Network:
    """Returns `::ffff:192.0.2.0/120` as what it means, `192.0.2.0/24`: callers are compared as IPv4."""
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED_PREFIX:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX))
    return network
