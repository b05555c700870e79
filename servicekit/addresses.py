"""Which addresses are public, and how a caller's address is written."""

import ipaddress
from urllib.parse import unquote

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
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Tells whether an address is one of the public Internet, so that a host there may have it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address in NAT64:
        # How an IPv6-only host reaches IPv4; what counts is where the gateway connects to.
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _PUBLIC_V6 and not any(address in network for network in _REFUSED_V6)


def unmapped(address: Address) -> Address:
    """Returns the IPv4 address where an IPv6 socket shows one (`::ffff:192.0.2.1`), else the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def peer_address(peer: str) -> Address | None:
    """Reads gRPC's name of a peer, `ipv4:192.0.2.1:5` or `ipv6:%5B2001:db8::1%5D:5`; None for anything else."""
    family, _, rest = peer.partition(":")
    host = unquote(rest).rpartition(":")[0]
    if family not in ("ipv4", "ipv6"):
        return None
    try:
        return unmapped(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None
