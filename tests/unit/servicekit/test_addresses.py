"""How gRPC writes the address of a caller, and which addresses are public."""

import ipaddress

import pytest

from servicekit.addresses import is_public, peer_address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:40000", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:40000", "2001:db8::1"),
        ("ipv6:[2001:db8::1]:40000", "2001:db8::1"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:40000", "192.0.2.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:40000", "fe80::1%eth0"),
    ],
)
def test_an_address_is_read(peer: str, address: str) -> None:
    assert peer_address(peer) == ipaddress.ip_address(address)


@pytest.mark.parametrize("peer", ["", "unix:", "unix:/a", "vsock:1:2", "ipv4:nonsense:1", "ipv4:192.0.2.1", "ipv6:%5B"])
def test_anything_else_is_none(peer: str) -> None:
    assert peer_address(peer) is None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "100.64.0.1", "169.254.169.254", "192.168.0.1", "203.0.113.5", "224.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "2001:db8::1", "::ffff:8.8.8.8", "64:ff9b::a00:1"),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
