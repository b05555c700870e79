"""The one retry policy for what the service config cannot do: going on with a stream where it broke."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_before_delay, wait_exponential, wait_random

from spotreel.errors import EmbeddedFailed, ResourceExhausted, ServerUnavailable, SpotreelClientError
from spotreel.status import error_of

T = TypeVar("T")

_BACKOFF = wait_exponential(multiplier=0.1, max=3.0) + wait_random(0, 0.1)


class BrokenStream(ServerUnavailable):
    """A stream ended, fell silent or brought a bad chunk: what came before is good, the rest is asked for again."""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed soon."""
    if isinstance(error, ResourceExhausted):
        return error.retry_delay is not None
    return isinstance(error, ServerUnavailable) and not isinstance(error, EmbeddedFailed)


async def persist(step: Callable[[], Awaitable[T]], *, patience: float) -> T:
    """Does `step` again while its failures are transient, for at most `patience` seconds, and returns its result.

    Pauses 0.1 s at first, doubled up to 3 s, jittered, and never less than the server asks for with RetryInfo. One
    call is one piece of progress: the pauses and the patience start anew with the next.
    Raises the last failure of `step` when patience is over, or would be before the pause is.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(is_transient), stop=stop_before_delay(patience), wait=_pause, reraise=True
    )
    return await retrying(step)


async def answered(call: Awaitable[T], *, server: str) -> T:
    """Awaits one call and raises our own exceptions in place of gRPC's."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise error_of(error, server=server) from error


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_delay if isinstance(error, SpotreelClientError) else None
    return max(_BACKOFF(state), asked or 0.0)
