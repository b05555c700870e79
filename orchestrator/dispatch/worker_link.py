"""Speaks to workers over gRPC: bounded tries, streams that go on where they broke, every chunk checked."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import grpc
from spotreel.worker.v1 import worker_service_pb2 as pb
from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceStub

from orchestrator.assets.asset import Asset
from orchestrator.convert.instances import hardware_codecs, hardware_objections
from orchestrator.dispatch.patience import Patience
from orchestrator.dispatch.worker_codec import output_chunk, start_request, task_name, task_status
from orchestrator.dispatch.worker_status import NoAnswer, worker_error
from orchestrator.fleet.instance import Instance
from orchestrator.ports import (
    OutputChunk,
    TaskGone,
    TaskRequest,
    TaskState,
    TaskStatus,
    WorkerLink,
    WorkerReady,
    WorkerUnreachable,
)
from servicekit.checksums import crc32c
from servicekit.clock import Clock
from servicekit.errors import Aborted, DataLoss, FailedPrecondition, OutOfRange, PermissionDenied, SpotreelError
from servicekit.growing import CHUNK_BYTES
from servicekit.session import SessionIdentity

T = TypeVar("T")
Message = TypeVar("Message")
Taken = TypeVar("Taken")

_FINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})
_UPLOAD_AGAIN = frozenset({"UPLOAD_IN_USE", "OFFSET_MISMATCH", "CHECKSUM_MISMATCH"})
# Workers of these clouds are on this machine: TLS would cost throughput and keep nobody out.
_PLAINTEXT_CLOUDS = frozenset({"local"})
# What gRPC says of a handshake in which the worker's certificate was not under our authority (grpcio 1.85).
_WRONG_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
# From what a worker says where the session's token is right and this key is not.
_WRONG_KEY = "the key of this worker's deployment"
_UNARY_SECONDS = 10.0
# Workers send something at least every 10 s; three misses in a row mean that nobody is there.
_SILENCE_SECONDS = 30.0
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A fixed window in place of the probed one, which came to 60 MiB and more on a busy machine and was all of a
    # transfer's growth of memory. 8 MiB carry 50 MB/s at a round trip of 150 ms, 130 MB/s at 60 ms.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 8 * 1024 * 1024),
    # Servers send those away who ping more often than every 10 s.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Tries are made here, where it is known what may be repeated.
    ("grpc.enable_retries", 0),
    # Channels with equal options share a connection otherwise, and with it its failures.
    ("grpc.use_local_subchannel_pool", 1),
)
# How long one attempt to connect may take, with the handshake (the name is gRPC's). That is several round trips: with
# the 100 ms that do on this machine, a worker 300 ms away needed 6 attempts, and one 600 ms away was never reached.
_CONNECT_HERE = (("grpc.min_reconnect_backoff_ms", 100),)
_CONNECT_FAR = (("grpc.min_reconnect_backoff_ms", 10_000),)


class GrpcWorkerLinks:
    """Makes a link, with a connection of its own, for each call of `connect`.

    Workers on this machine are spoken to in plaintext, with the instance's secret as a token; all others over the
    mutual TLS that both sides derive from the secret, with the token derived from it and the deployment's key.
    """

    def __init__(self, *, clock: Clock, unreachable_after: float = 20.0, deployment_key: str = "") -> None:
        """Takes `unreachable_after`: seconds without any answer after which WorkerUnreachable is raised.

        `deployment_key` is what rented workers want besides their session's token; empty: nothing.
        """
        self._clock = clock
        self._unreachable_after = unreachable_after
        self._deployment_key = deployment_key

    def connect(self, instance: Instance) -> WorkerLink:
        # What has no address cannot be dialled: such a link only fails, and needs no secret for that.
        plaintext = instance.cloud in _PLAINTEXT_CLOUDS or not instance.address
        return GrpcWorkerLink(
            address=instance.address,
            access=_plaintext(instance) if plaintext else _session(instance, self._deployment_key),
            clock=self._clock,
            unreachable_after=self._unreachable_after,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Access:
    """How a worker is spoken to; without credentials in plaintext. Not shown: all of it is secret."""

    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    credentials: grpc.ChannelCredentials | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = ()

    def channel(self, address: str) -> grpc.aio.Channel:
        if self.credentials is None:
            return grpc.aio.insecure_channel(address, options=(*_OPTIONS, *_CONNECT_HERE))
        return grpc.aio.secure_channel(address, self.credentials, options=(*_OPTIONS, *_CONNECT_FAR, *self.options))


def _plaintext(instance: Instance) -> _Access:
    return _Access(metadata=(("authorization", f"Bearer {instance.secret.hex()}"),))


def _session(instance: Instance, deployment_key: str) -> _Access:
    identity = SessionIdentity(instance.secret)
    key = (("x-api-key", deployment_key),) if deployment_key else ()
    return _Access(
        metadata=(("authorization", f"Bearer {identity.token}"), *key),
        credentials=identity.channel_credentials(),
        options=identity.channel_options,
    )


class GrpcWorkerLink:
    """A link to one worker."""

    def __init__(self, *, address: str, access: _Access, clock: Clock, unreachable_after: float) -> None:
        self._address = address
        self._metadata = access.metadata
        self._clock = clock
        self._unreachable_after = unreachable_after
        self._channel = access.channel(address)
        self._stub = WorkerServiceStub(self._channel)
        # gRPC keeps to itself why it could not connect when a call waits for the connection; in plaintext that is not
        # worth a word, and an answer comes as soon as the worker listens.
        self._wait_for_ready = access.credentials is None

    async def ready(self, *, timeout: float) -> WorkerReady:
        answer: pb.GetCapabilitiesResponse = await self._answer(
            lambda: self._stub.GetCapabilities(
                pb.GetCapabilitiesRequest(),
                timeout=timeout,
                metadata=self._metadata,
                wait_for_ready=self._wait_for_ready,
            ),
            seconds=timeout,
        )
        capabilities = answer.capabilities
        serialized = capabilities.SerializeToString(deterministic=True)
        return WorkerReady(
            slots=capabilities.slots,
            capabilities=serialized,
            hardware_codecs=hardware_codecs(serialized),
            objections=hardware_objections(serialized),
        )

    async def send_input(self, asset: Asset, read: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        patience = self._patience()
        committed = 0
        while True:
            there: pb.GetTaskInputResponse = await self._unary(
                self._stub.GetTaskInput, pb.GetTaskInputRequest(asset=asset.name)
            )
            if there.complete:
                return
            if there.committed_bytes > committed:
                # Another task may be sending the same asset: what it gets through is progress too.
                committed = there.committed_bytes
                patience.renew()
            try:
                await self._upload(asset, there.committed_bytes, read)
            except (NoAnswer, Aborted, OutOfRange, DataLoss) as error:
                if isinstance(error, SpotreelError) and error.reason not in _UPLOAD_AGAIN:
                    raise
                await self._pause(patience, error)

    async def start(self, request: TaskRequest) -> None:
        await self._unary(self._stub.StartTask, start_request(request))

    async def watch(self, task_id: str) -> AsyncIterator[TaskStatus]:
        sequence = 0

        def call() -> Any:
            request = pb.WatchTaskRequest(name=task_name(task_id), after_sequence=sequence)
            return self._stub.WatchTask(request, metadata=self._metadata)

        def take(message: pb.WatchTaskResponse) -> pb.WatchTaskResponse:
            return message

        async with contextlib.aclosing(self._resumed(call, take)) as messages:
            async for message in messages:
                if message.sequence == sequence:
                    continue
                sequence = message.sequence
                status = task_status(message.task)
                yield status
                if status.state in _FINAL:
                    return

    async def read_output(self, task_id: str, offset: int) -> AsyncIterator[OutputChunk]:
        position = offset

        def call() -> Any:
            request = pb.ReadTaskOutputRequest(name=task_name(task_id), read_offset=position)
            return self._stub.ReadTaskOutput(request, metadata=self._metadata)

        def take(message: pb.ReadTaskOutputResponse) -> OutputChunk:
            chunk = output_chunk(message)
            if chunk.offset != position or crc32c(chunk.data) != message.crc32c:
                raise NoAnswer(f"the chunk at {position} arrived damaged")
            return chunk

        try:
            async with contextlib.aclosing(self._resumed(call, take)) as chunks:
                async for chunk in chunks:
                    position += len(chunk.data)
                    if chunk.data or chunk.last:
                        yield chunk
                    if chunk.last:
                        return
        except FailedPrecondition as error:
            if error.reason not in {"TASK_FAILED", "TASK_CANCELLED"}:
                raise

    async def cancel(self, task_id: str) -> None:
        try:
            await self._unary(self._stub.CancelTask, pb.CancelTaskRequest(name=task_name(task_id)))
        except TaskGone:
            return

    async def delete(self, task_id: str) -> None:
        try:
            await self._unary(self._stub.DeleteTask, pb.DeleteTaskRequest(name=task_name(task_id)))
        except TaskGone:
            return

    async def close(self) -> None:
        await self._channel.close(None)

    async def _unary(self, method: Any, request: Any) -> Any:
        return await self._answer(
            lambda: method(request, timeout=_UNARY_SECONDS, metadata=self._metadata),
            seconds=self._unreachable_after,
        )

    async def _answer(self, call: Callable[[], Awaitable[T]], *, seconds: float) -> T:
        """Calls until an answer comes; only for what may be repeated."""
        patience = Patience(seconds, clock=self._clock)
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await call()
            except TimeoutError as error:
                raise self._unreachable(error) from error
            except grpc.aio.AioRpcError as error:
                meant = _meaning(error)
                if not isinstance(meant, NoAnswer):
                    raise meant from error
                await self._pause(patience, meant)

    async def _resumed(self, start: Callable[[], Any], take: Callable[[Message], Taken]) -> AsyncGenerator[Taken, bool]:
        """Yields what the messages of one logical stream are taken as, over as many calls as it takes.

        `take` raises NoAnswer for a bad message, which is then asked for again. The consumer knows the end.
        """
        patience = self._patience()
        while True:
            call = start()
            try:
                while True:
                    taken = take(cast("Message", await _next(call)))
                    patience.renew()
                    yield taken
            except NoAnswer as error:
                await self._pause(patience, error)
            finally:
                call.cancel()

    async def _upload(self, asset: Asset, offset: int, read: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        call = self._stub.UploadTaskInput(metadata=self._metadata)
        try:
            # Not handed over as an iterator: what it raises, a blob that is gone say, would be lost in gRPC.
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                async for message in _upload_messages(asset, offset, read):
                    await call.write(message)
                await call.done_writing()
            # The worker may end the call early: it refuses, or has the content from somebody else by now.
            await call
        except grpc.aio.AioRpcError as error:
            raise _meaning(error) from error
        finally:
            call.cancel()

    def _patience(self) -> Patience:
        return Patience(self._unreachable_after, clock=self._clock)

    async def _pause(self, patience: Patience, error: Exception) -> None:
        if not await patience.pause():
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> WorkerUnreachable:
        return WorkerUnreachable(
            f"The worker at {self._address} does not answer: {str(error) or type(error).__name__}."
        )


def _meaning(error: grpc.aio.AioRpcError) -> Exception:
    """Returns what to raise for a failed call: what `worker_error` says, and what a session adds to that."""
    details = error.details() or ""
    if error.code() is grpc.StatusCode.UNAVAILABLE and _WRONG_CERTIFICATE in details:
        # Another try would end in the same way.
        return WorkerUnreachable(
            "The TLS handshake failed: what answers at this address does not have the instance's secret."
        )
    if error.code() is grpc.StatusCode.UNAUTHENTICATED and _WRONG_KEY in details:
        return WorkerUnreachable(f"The worker at this address refuses the deployment's key: {details}")
    meant = worker_error(error)
    if isinstance(meant, PermissionDenied) and meant.reason == "ADDRESS_NOT_ALLOWED":
        # It was told other addresses when it was started, and will not change its mind.
        return WorkerUnreachable(f"The worker refuses this orchestrator's address: {meant.message}")
    return meant


async def _next(call: Any) -> Any:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            message = await call.read()
    except TimeoutError as error:
        raise NoAnswer(f"nothing was heard for {_SILENCE_SECONDS:g} s") from error
    except grpc.aio.AioRpcError as error:
        raise _meaning(error) from error
    if message is grpc.aio.EOF:
        raise NoAnswer("the stream ended early")
    return message


async def _upload_messages(
    asset: Asset, offset: int, read: Callable[[int, int], AsyncIterator[bytes]]
) -> AsyncIterator[pb.UploadTaskInputRequest]:
    start = pb.UploadTaskInputRequest.Start(asset=asset.name, size_bytes=asset.size_bytes, write_offset=offset)
    yield pb.UploadTaskInputRequest(start=start)
    while offset < asset.size_bytes:
        async for data in read(offset, min(CHUNK_BYTES, asset.size_bytes - offset)):
            piece = pb.UploadTaskInputRequest.Data(offset=offset, data=data, crc32c=crc32c(data))
            yield pb.UploadTaskInputRequest(data=piece)
            offset += len(data)
    yield pb.UploadTaskInputRequest(finish=pb.UploadTaskInputRequest.Finish())
