"""Only public addresses pass the guard, in whatever notation, and those that the operator allows."""

import ipaddress

import pytest

from worker.fetch.guard import AddressGuard

FORBIDDEN = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:808:808::1",
    "2001::1",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "2130706433",
    "localhost",
    "",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not AddressGuard().permits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "223.255.255.254"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert AddressGuard().permits(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_network_is_permitted_in_every_notation(address: str) -> None:
    guard = AddressGuard(allowed_networks=[ipaddress.ip_network("10.0.0.0/8")])

    assert guard.permits(address)
    assert not guard.permits("192.168.1.1")
