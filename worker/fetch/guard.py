"""Which addresses an input may be fetched from.

Whoever sends a job chooses the address, but the request leaves from this machine: without a guard it would reach the
machine's own services, its neighbours and the credentials that clouds serve at link-local addresses.
"""

import ipaddress
from collections.abc import Iterator, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not left to `is_global` alone, whose answers changed between patch releases of Python 3.11.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: cloud metadata lives at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast and reserved, to the end
    )
)
# Only 2000::/3 is given out to the public Internet; these parts of it are not hosts, or hide an IPv4 address.
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation, RFC 9637
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
        return any(self._is_allowed(one) for one in _meanings(parsed)) or _is_public(parsed)

    def _is_allowed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._allowed)


def _meanings(address: Address) -> Iterator[Address]:
    """Yields the address, and the IPv4 address that the kernel or a NAT64 gateway would really connect to."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        elif address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address in _NAT64:
        # How an IPv6-only host reaches IPv4; what counts is where the gateway connects to.
        return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _PUBLIC_V6 and not any(address in network for network in _REFUSED_V6)
