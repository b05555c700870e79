"""An open channel with its stubs, and how calls on it are made."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from spotreel.channel import Endpoint
from spotreel.errors import SpotreelClientError
from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceStub
from spotreel.orchestrator.v1.instance_service_pb2_grpc import InstanceServiceStub
from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
from spotreel.orchestrator.v1.offer_service_pb2_grpc import OfferServiceStub
from spotreel.retry import answered
from spotreel.streams import ResumingStream

if TYPE_CHECKING:
    # The generator gives these names to type checkers only.
    from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceAsyncStub
    from spotreel.orchestrator.v1.instance_service_pb2_grpc import InstanceServiceAsyncStub
    from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub
    from spotreel.orchestrator.v1.offer_service_pb2_grpc import OfferServiceAsyncStub

T = TypeVar("T")
Message = TypeVar("Message")
Taken = TypeVar("Taken")


# A server that has never answered is more likely a wrong address than away, and people should hear of it soon.
_STRANGER_SECONDS = 5.0


class Connection:
    """The stubs of one server. `patience` is how many seconds a broken stream is taken up again without progress."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float | None,
        patience: float,
        heartbeat_seconds: float,
        lost: "asyncio.Future[SpotreelClientError] | None" = None,
    ) -> None:
        """Opens a channel on the running loop.

        `timeout` (s) bounds unary calls; None: as the service config says. `lost` is done, with what to raise, when
        the server is known to be gone for good.
        """
        self._lost = lost
        self._has_answered = False
        self._endpoint = endpoint
        self._timeout = timeout
        self._heartbeat_seconds = heartbeat_seconds
        self.patience = patience
        self.channel = endpoint.open()
        self.jobs: JobServiceAsyncStub = JobServiceStub(self.channel)
        self.assets: AssetServiceAsyncStub = AssetServiceStub(self.channel)
        self.instances: InstanceServiceAsyncStub = InstanceServiceStub(self.channel)
        self.offers: OfferServiceAsyncStub = OfferServiceStub(self.channel)

    @property
    def server(self) -> str:
        """What the server is called in messages: `host:port`."""
        return self._endpoint.target

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is sent with every call."""
        return self._endpoint.metadata

    async def call(self, method: Callable[..., Awaitable[T]], request: object) -> T:
        """Makes a unary call and raises our own exceptions."""
        return await self.unless_lost(self.answered(method(request, metadata=self.metadata, timeout=self._timeout)))

    async def answered(self, call: Awaitable[T]) -> T:
        """Awaits a call that was made already."""
        answer = await answered(call, server=self.server)
        self._has_answered = True
        return answer

    async def unless_lost(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work`, which may be patient with the server; gives it up when the server is gone for good."""
        if self._lost is None:
            return await work
        task = asyncio.create_task(work, name="work with a server that may be lost")
        try:
            either: set[asyncio.Future[Any]] = {task, self._lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done() and not (task.done() and task.exception() is None):
                raise self._lost.result()
            return await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def resuming(self, start: Callable[[], Any], accept: Callable[[Message], Taken]) -> ResumingStream[Message, Taken]:
        """A server stream that goes on over breaks."""

        def heard(message: Message) -> Taken:
            self._has_answered = True
            return accept(message)

        return ResumingStream(
            start,
            heard,
            server=self.server,
            patience=self.patience,
            first_patience=self.patience if self._has_answered else min(self.patience, _STRANGER_SECONDS),
            heartbeat_seconds=self._heartbeat_seconds,
            around=self.unless_lost,
        )

    async def is_serving(self, *, timeout: float) -> bool:
        """Asks `grpc.health.v1.Health` whether the whole server is SERVING.

        The two messages are so small that the package that defines them is not worth its place in the base install.
        """
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=bytes,
            response_deserializer=bytes,
        )
        # HealthCheckResponse with `status` (field 1) SERVING (1).
        return await self.answered(check(b"", metadata=self.metadata, timeout=timeout)) == b"\x08\x01"

    async def close(self) -> None:
        """Ends what is open."""
        await self.channel.close()
