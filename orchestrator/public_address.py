"""The addresses that this orchestrator's calls come from, as rented workers see them."""

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

import httpx
import structlog

from servicekit.addresses import Address, is_public
from servicekit.clock import Clock

DEFAULT_SERVICES: Final = (
    "https://api.ipify.org",
    "https://api6.ipify.org",
    "https://ipv4.icanhazip.com",
    "https://ipv6.icanhazip.com",
    "https://checkip.amazonaws.com",
    "https://ifconfig.co/ip",
)
"""Services that answer with the caller's address as plain text. Those with a 6 in their name have IPv6 only."""

# For each service, everything included: without IPv6 some of them cannot be reached, and a launch waits for this.
_ASK_SECONDS = 5.0
# An address of home or office lines changes at night; a machine that was told the old one refuses us.
_KEEP_SECONDS = 300.0
# What to wait before asking again when nobody answered.
_KEEP_FAILURE_SECONDS = 30.0
# The longest address has 45 characters.
_ANSWER_BYTES = 64


class PublicAddress:
    """Finds the public addresses by asking services, unless the operator has given them; remembers them for minutes.

    The services are believed: a false answer keeps us from our own workers, and lets nobody in who lacks the secret.
    """

    def __init__(
        self, *, services: Sequence[str], override: Sequence[str], http: httpx.AsyncClient, clock: Clock
    ) -> None:
        """Takes addresses of services, asked in this order, or addresses and networks (CIDR) to use as they are.

        Raises ValueError where one of the latter is neither.
        """
        for given in override:
            ipaddress.ip_network(given)
        self._services = tuple(services)
        self._override = tuple(override)
        self._http = http
        self._clock = clock
        self._known: dict[int, Address] = {}
        self._until = clock.monotonic()
        self._turn = asyncio.Lock()
        self._log = structlog.get_logger("public_address")

    async def networks(self) -> tuple[str, ...]:
        """Returns the networks (CIDR) that calls of this orchestrator come from, IPv4 before IPv6.

        Never raises: what cannot be found out is left out, and where that is everything the result is empty. A family
        that nobody answers for keeps the address it had.
        """
        if self._override:
            return self._override
        async with self._turn:
            if self._services and self._clock.monotonic() >= self._until:
                await self._refresh()
        return tuple(str(ipaddress.ip_network(address)) for _, address in sorted(self._known.items()))

    async def _refresh(self) -> None:
        found: dict[int, Address] = {}
        for service in self._services:
            if len(found) == 2:
                break
            address = await self._ask(service)
            if address is not None:
                found.setdefault(address.version, address)
        if found:
            self._note(found.values())
        else:
            self._log.warning("public_address_not_found", known=[str(one) for one in self._known.values()])
        self._until = self._clock.monotonic() + (_KEEP_SECONDS if found else _KEEP_FAILURE_SECONDS)

    def _note(self, found: Iterable[Address]) -> None:
        before = dict(self._known)
        self._known.update({address.version: address for address in found})
        if self._known != before:
            self._log.info("public_address_found", addresses=[str(one) for one in self._known.values()])

    async def _ask(self, service: str) -> Address | None:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return _public(await self._answer(service))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            # Expected of the services for IPv6 wherever there is none.
            self._log.info("address_service_failed", service=service, detail=f"{type(error).__name__}: {error}")
            return None

    async def _answer(self, service: str) -> str:
        """Returns the text of an answer; raises ValueError where it cannot be an address."""
        headers = {"Accept": "text/plain", "Accept-Encoding": "identity"}
        async with self._http.stream("GET", service, headers=headers, follow_redirects=False) as response:
            if response.status_code != 200:
                raise ValueError(f"answered {response.status_code}")
            content = b""
            async for part in response.aiter_raw():
                content += part
                if len(content) > _ANSWER_BYTES:
                    raise ValueError("answered with more than an address")
        return content.decode("ascii").strip()


def _public(text: str) -> Address:
    """Reads an address; raises ValueError where it is none of the public Internet."""
    address = ipaddress.ip_address(text)
    if not is_public(address) or "%" in text:
        raise ValueError(f"answered with {address}, which is not public")
    return address
