"""Which addresses an input may be fetched from.

Whoever sends a job chooses the address, but the request leaves from this machine: without a guard it would reach the
machine's own services, its neighbours and the credentials that clouds serve at link-local addresses.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from servicekit.addresses import NAT64, Address, Network, is_public


class ForbiddenAddress(Exception):
    """No address of a host may be connected to."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not at a public address")
        self.host = host


class AddressGuard:
    """Decides on single addresses; names are decided on by what they resolve to."""

    def __init__(self, *, allowed_networks: Sequence[Network] = ()) -> None:
        """Takes the networks that are allowed although they are not public."""
        self._allowed = tuple(allowed_networks)

    def permits(self, address: str) -> bool:
        """Tells whether the address, in its usual notation, may be connected to; False for anything else."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(self._is_allowed(one) for one in _meanings(parsed)) or is_public(parsed)

    def _is_allowed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._allowed)


def _meanings(address: Address) -> Iterator[Address]:
    """Yields the address, and the IPv4 address that the kernel or a NAT64 gateway would really connect to."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        elif address in NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
