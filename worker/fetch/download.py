"""Fetches one input over HTTP into a file: bounded in size and silence, resumed after a break.

What can go wrong becomes TaskFailed:

    INPUT_FORBIDDEN_ADDRESS  an address, of any step of the way, that is not public; a user name in it
    INPUT_NOT_FOUND          4xx (metadata `status`); too many redirects; no such host; a certificate that is not
                             trusted; and, retryable, a server that answers 5xx or 429 or refuses again and again
    INPUT_TOO_LARGE          announced or found to be more than allowed
    INPUT_TIMEOUT            silence, or a connection that breaks again and again without getting further
    INPUT_INVALID            nothing in it
    DISK_FULL                no space left here
"""

import errno
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random
from yarl import URL

from servicekit.clock import Clock
from worker.errors import FailureReason, TaskFailed
from worker.fetch.guard import AddressGuard, ForbiddenAddress
from worker.fetch.resolver import GuardedResolver
from worker.fetch.transfer import Answer, Transfer
from worker.ports import FetchLimits

MAX_REDIRECTS = 5

_CONNECT_SECONDS = 15.0
_WRITE_BYTES = 1024 * 1024
# How often a break may be followed by another without a single new byte between them.
_FRUITLESS_TRIES = 5
# A server that drops the line every few bytes must not keep a task busy for ever.
_TRIES = 100
_LONGEST_PAUSE_SECONDS = 5.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Interrupted(Exception):
    """A try ended early in a way that another may not; `failure` is what to report if none does better."""

    def __init__(self, failure: TaskFailed) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Downloader:
    """Fetches inputs; use as `async with`. Proxies of the environment are ignored: they would undo the guard."""

    def __init__(self, *, guard: AddressGuard, clock: Clock, resolver: AbstractResolver | None = None) -> None:
        """Takes the resolver to ask; the operating system's by default."""
        self._guard = guard
        self._clock = clock
        self._resolver = resolver
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        resolver = GuardedResolver(self._resolver or aiohttp.ThreadedResolver(), self._guard)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0, force_close=True)
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Bytes are wanted as they lie there; a range of an encoded answer would not be one of the file.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "spotreel-worker"},
                trust_env=False,
            )
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def fetch(
        self, uri: str, target: Path, *, limits: FetchLimits, on_bytes: Callable[[int], None] = lambda _: None
    ) -> int:
        """Writes what is at the address to `target` and returns its size; `on_bytes` hears how much there is so far.

        Raises TaskFailed as the module says. What was written stays; the caller owns the file.
        """
        transfer = Transfer(target, on_bytes=on_bytes)
        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception_type(_Interrupted),
            wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE_SECONDS) + wait_random(0, 0.5),
            stop=_fruitless(transfer, limits, self._clock),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    await self._try(uri, transfer, limits)
        except _Interrupted as interrupted:
            raise interrupted.failure from interrupted
        except OSError as error:
            raise _local_failure(error) from error
        if transfer.received == 0:
            raise TaskFailed(
                FailureReason.INPUT_INVALID, f"{shown(uri)} is empty; give an address with content.", metadata=_at(uri)
            )
        return transfer.received

    async def _try(self, uri: str, transfer: Transfer, limits: FetchLimits) -> None:
        try:
            async with self._open(uri, transfer, limits) as response:
                await self._receive(uri, response, transfer, limits)
        except ForbiddenAddress as error:
            raise _forbidden(uri, error.host) from error
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLError) as error:
            raise _unreachable(
                uri, "no secure connection could be made; its certificate may not be trusted", retryable=False
            ) from error
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            reason = "no such host" if isinstance(error, aiohttp.ClientConnectorDNSError) else "it cannot be connected"
            raise _Interrupted(_unreachable(uri, reason, retryable=True)) from error
        except TimeoutError as error:
            raise _silent(uri, transfer, limits) from error
        except aiohttp.InvalidURL as error:
            raise _unreachable(uri, "it is not a valid address", retryable=False) from error
        except aiohttp.ClientError as error:
            raise _Interrupted(_broken(uri, "broke the connection", transfer)) from error

    @asynccontextmanager
    async def _open(self, uri: str, transfer: Transfer, limits: FetchLimits) -> AsyncIterator[aiohttp.ClientResponse]:
        """Follows redirects by hand, because each step has to be checked like the first."""
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=min(_CONNECT_SECONDS, limits.idle_seconds),
            sock_read=limits.idle_seconds,
        )
        address = _parse(uri)
        for _ in range(MAX_REDIRECTS + 1):
            self._check(uri, address)
            async with self._session.get(
                address, headers=transfer.request_headers(), allow_redirects=False, timeout=timeout
            ) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                address = address.join(_parse(response.headers.get("Location", "")))
        raise _unreachable(uri, f"too many redirects, more than {MAX_REDIRECTS}", retryable=False)

    def _check(self, uri: str, address: URL) -> None:
        if address.scheme not in {"http", "https"} or not address.host:
            raise _unreachable(uri, "it leads to an address that is not http or https", retryable=False)
        if address.user is not None or address.password is not None:
            raise TaskFailed(
                FailureReason.INPUT_FORBIDDEN_ADDRESS,
                f"{shown(uri)} leads to an address with a user name or password; use a signed address instead.",
                metadata=_at(uri),
            )
        # A literal address never reaches the resolver.
        if _is_literal(address.host) and not self._guard.permits(address.host):
            raise ForbiddenAddress(address.host)

    async def _receive(
        self, uri: str, response: aiohttp.ClientResponse, transfer: Transfer, limits: FetchLimits
    ) -> None:
        if not transfer.begin(_read_answer(uri, response)):
            raise _Interrupted(_broken(uri, "changed while it was read", transfer))
        _check_size(uri, transfer.expected, limits)
        with transfer.open() as file:
            pending = bytearray()
            try:
                async for piece in response.content.iter_any():
                    _check_size(uri, transfer.received + len(pending) + len(piece), limits)
                    pending += piece
                    if len(pending) >= _WRITE_BYTES:
                        await file.append(_take(pending))
            finally:
                # What came before a break is what the next try goes on from.
                await file.append(_take(pending))
        if not transfer.complete:
            raise _Interrupted(_broken(uri, "ended early", transfer))


def _take(pending: bytearray) -> bytes:
    taken = bytes(pending)
    pending.clear()
    return taken


def shown(uri: str) -> str:
    """Returns the address without user, query and fragment, which may be credentials."""
    try:
        address = URL(uri)
        return str(address.with_user(None).with_query(None).with_fragment(None)) if address.host else "the address"
    except ValueError:
        return "the address"


def _parse(text: str) -> URL:
    # Signed addresses must not be quoted anew; only what could not be sent as it is, is.
    plain = text.isascii() and text.isprintable() and " " not in text
    try:
        address = URL(text, encoded=plain)
        # Checked by yarl only when it is asked for.
        _ = address.port
    except ValueError as error:
        raise aiohttp.InvalidURL(shown(text)) from error
    return address


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _read_answer(uri: str, response: aiohttp.ClientResponse) -> Answer:
    status = response.status
    if status in (200, 206, 416):
        return Answer.read(status, response.headers)
    retryable = status in _PASSING
    advice = "try again later" if retryable else "check the address and that it has not expired"
    failure = TaskFailed(
        FailureReason.INPUT_NOT_FOUND,
        f"{shown(uri)} answered {status}; {advice}.",
        retryable=retryable,
        metadata={**_at(uri), "status": str(status)},
    )
    raise _Interrupted(failure) if retryable else failure


def _check_size(uri: str, size: int | None, limits: FetchLimits) -> None:
    if size is not None and size > limits.max_bytes:
        raise TaskFailed(
            FailureReason.INPUT_TOO_LARGE,
            f"{shown(uri)} has more than the {limits.max_bytes} bytes that are allowed; raise max_input_bytes.",
            metadata={**_at(uri), "max_input_bytes": str(limits.max_bytes)},
        )


def _fruitless(transfer: Transfer, limits: FetchLimits, clock: Clock) -> Callable[[RetryCallState], bool]:
    best, tries_at_best, last_gain = 0, 0, clock.monotonic()

    def stop(state: RetryCallState) -> bool:
        nonlocal best, tries_at_best, last_gain
        if transfer.received > best:
            best, tries_at_best, last_gain = transfer.received, 0, clock.monotonic()
        tries_at_best += 1
        return (
            tries_at_best >= _FRUITLESS_TRIES
            or state.attempt_number >= _TRIES
            or clock.monotonic() - last_gain >= limits.idle_seconds
        )

    return stop


def _at(uri: str) -> dict[str, str]:
    return {"uri": shown(uri)}


def _forbidden(uri: str, host: str) -> TaskFailed:
    step = "" if URL(uri).host == host else " (a redirect of it)"
    return TaskFailed(
        FailureReason.INPUT_FORBIDDEN_ADDRESS,
        f"{shown(uri)}{step} is not at a public address; put the input where this worker may fetch it, or upload it.",
        metadata=_at(uri),
    )


def _unreachable(uri: str, why: str, *, retryable: bool) -> TaskFailed:
    return TaskFailed(
        FailureReason.INPUT_NOT_FOUND,
        f"{shown(uri)} cannot be fetched: {why}.",
        retryable=retryable,
        metadata=_at(uri),
    )


def _silent(uri: str, transfer: Transfer, limits: FetchLimits) -> TaskFailed:
    return TaskFailed(
        FailureReason.INPUT_TIMEOUT,
        f"{shown(uri)} sent nothing for {limits.idle_seconds:g} s after {transfer.received} bytes; try again later.",
        metadata={
            **_at(uri),
            "received_bytes": str(transfer.received),
            "fetch_idle_timeout_seconds": f"{limits.idle_seconds:g}",
        },
    )


def _broken(uri: str, what: str, transfer: Transfer) -> TaskFailed:
    return TaskFailed(
        FailureReason.INPUT_TIMEOUT,
        f"{shown(uri)} {what} after {transfer.received} bytes, again and again; try again later.",
        metadata={**_at(uri), "received_bytes": str(transfer.received)},
    )


def _local_failure(error: OSError) -> TaskFailed:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    reason = FailureReason.DISK_FULL if full else FailureReason.INTERNAL
    words = "there is no space left on the worker" if full else "the worker could not write it"
    return TaskFailed(reason, f"The input cannot be stored: {words}.")
