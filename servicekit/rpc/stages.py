"""What every call passes through, outermost first: context, errors, callers (in a file of its own), limits, keys."""

import asyncio
import string
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

import grpc
import structlog

from servicekit.errors import Code, ResourceExhausted, SpotreelError, Unavailable
from servicekit.logs import bind_context
from servicekit.rpc.keys import KeyCheck
from servicekit.rpc.status import DETAILS_KEY, from_exception, to_status

# Quoted, since the stubs have type arguments and the class has none.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

REQUEST_ID_KEY = "x-request-id"

_HEALTH_PREFIX = "/grpc.health.v1.Health/"
_REQUEST_ID_CHARS = frozenset(string.ascii_letters + string.digits + string.punctuation)
_REQUEST_ID_LENGTH = 128
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(slots=True, kw_only=True)
class Call:
    """One call on its way in; `code` is known when it is on its way out."""

    method: str
    metadata: Mapping[str, str]
    context: Context
    streaming: bool
    request_id: str = ""
    code: str = "OK"

    @property
    def is_health_check(self) -> bool:
        return self.method.startswith(_HEALTH_PREFIX)


class Stage(Protocol):
    """Something that happens before and after each call, in the call's own task."""

    def __call__(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Returns what encloses the call; raising on entry refuses it."""
        ...


class ContextStage:
    """Gives each call a request id and a log context, and writes one access line.

    The caller's `x-request-id` is taken if it is at most 128 printable ASCII characters without blanks; it comes back
    in the trailing metadata, whatever the outcome.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("rpc")

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        call.request_id = _request_id(call.metadata)
        call.context.set_trailing_metadata(((REQUEST_ID_KEY, call.request_id),))
        bind_context(request_id=call.request_id, method=call.method)
        started = time.perf_counter()
        try:
            yield
        except asyncio.CancelledError:
            call.code = Code.CANCELLED
            raise
        except BaseException:
            if call.code == "OK":
                call.code = _code_of(call.context)
            raise
        finally:
            write = self._log.debug if call.is_health_check else self._log.info
            duration_ms = round((time.perf_counter() - started) * 1000, 1)
            write("call_ended", code=call.code, duration_ms=duration_ms, peer=call.context.peer())


class ErrorStage:
    """Turns whatever a handler raises into a rich status.

    A CancelledError that nobody asked this call's task for (a cancelled inner task, say) becomes UNAVAILABLE: grpc.aio
    would send nothing at all for it, and the client would wait until its deadline.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("rpc")

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except asyncio.CancelledError:
            if _own_cancellation():
                raise
            self._log.warning("foreign_cancellation", exc_info=True)
            await _abort(
                call, Unavailable("The server gave up this call half-way; try again.", reason="CALL_INTERRUPTED")
            )
        except Exception as error:  # noqa: BLE001 - this is where they all end
            known = from_exception(error, request_id=call.request_id)
            if known.code is Code.INTERNAL:
                self._log.error("call_failed", exc_info=error)
            await _abort(call, known)


class LimitStage:
    """Bounds how many streams are open at once, and ends them when the server stops.

    A stream would otherwise last until the end of the grace period: its client sees UNAVAILABLE (SHUTTING_DOWN) at
    once and resumes elsewhere or later.
    """

    def __init__(self, *, max_concurrent_streams: int) -> None:
        self._max = max_concurrent_streams
        self._open: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @property
    def open_streams(self) -> int:
        return len(self._open)

    def end_streams(self) -> None:
        """Ends every open stream, and refuses new ones."""
        self._stopping = True
        for task in self._open:
            task.cancel()

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if not call.streaming or task is None:
            yield
            return
        self._admit(call)
        self._open.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._stopping and task.uncancel() == 0:
                raise _stopping() from None
            raise
        finally:
            self._open.discard(task)

    def _admit(self, call: Call) -> None:
        if self._stopping:
            raise _stopping()
        if len(self._open) >= self._max and not call.is_health_check:
            raise ResourceExhausted(
                f"{self._max} streams are open already, which is the maximum of this server; try again in a while.",
                reason="TOO_MANY_REQUESTS",
                retry_delay=timedelta(seconds=2),
                metadata={"max_concurrent_streams": str(self._max)},
            )


class AuthenticationStage:
    """Lets only calls pass that present what the check wants; health checks need nothing.

    `on_authenticated` is called at the start of each call that passed, health checks apart.
    """

    def __init__(self, *, check: KeyCheck, on_authenticated: Callable[[], None] | None = None) -> None:
        self._check = check
        self._on_authenticated = on_authenticated

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        if not call.is_health_check:
            self._check(call.metadata)
            if self._on_authenticated is not None:
                self._on_authenticated()
        yield


def _request_id(metadata: Mapping[str, str]) -> str:
    given = metadata.get(REQUEST_ID_KEY, "")
    sane = 0 < len(given) <= _REQUEST_ID_LENGTH and _REQUEST_ID_CHARS.issuperset(given)
    return given if sane else str(uuid.uuid4())


def _own_cancellation() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _stopping() -> Unavailable:
    return Unavailable("The server is being stopped; try again in a moment.", reason="SHUTTING_DOWN")


def _code_of(context: Context) -> str:
    # Typed as StatusCode, but grpc.aio answers with the number once a call was aborted.
    code: Any = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else _CODE_NAMES.get(code, "UNKNOWN")


async def _abort(call: Call, error: SpotreelError) -> None:
    call.code = error.code.value
    status = to_status(error, request_id=call.request_id)
    await call.context.abort(
        grpc.StatusCode[error.code.value],
        status.message,
        ((DETAILS_KEY, status.SerializeToString()), (REQUEST_ID_KEY, call.request_id)),
    )
