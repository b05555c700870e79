"""A real gRPC server with the worker's contract that encodes nothing: its output is given, and it fails on demand."""

# ruff: noqa: N802 - the methods have the names of the contract

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn, Self

from google.protobuf.duration_pb2 import Duration
from spotreel.worker.v1 import capabilities_pb2, task_pb2
from spotreel.worker.v1 import worker_service_pb2 as pb
from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceServicer, add_WorkerServiceServicer_to_server

from servicekit.checksums import crc32c
from servicekit.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    NotFound,
    OutOfRange,
    Unavailable,
    Unimplemented,
)
from servicekit.rpc.server import RpcServer, RpcService, ServerSettings
from servicekit.session import SessionIdentity

Task = task_pb2.Task
FINAL = {Task.STATE_SUCCEEDED, Task.STATE_FAILED, Task.STATE_CANCELLED}
CHUNK_BYTES = 4096


@dataclass(slots=True)
class Fault:
    """A named knob: fires `times` times, once `after` messages or bytes have passed; `fired` counts."""

    times: int = 0
    after: int = 0
    fired: int = 0

    def arm(self, *, times: int = 1, after: int = 0) -> None:
        self.times, self.after = times, after

    def fires(self, passed: int = 0) -> bool:
        if self.fired < self.times and passed >= self.after:
            self.fired += 1
            return True
        return False


@dataclass(frozen=True, slots=True)
class Faults:
    """All the ways in which this worker can fail."""

    unavailable: Fault = field(default_factory=Fault)  # unary calls
    cut_watch: Fault = field(default_factory=Fault)  # after messages of the call
    cut_output: Fault = field(default_factory=Fault)  # after bytes of the call
    corrupt_chunk: Fault = field(default_factory=Fault)  # after bytes of the call
    cut_upload: Fault = field(default_factory=Fault)  # after bytes of the call
    corrupt_upload: Fault = field(default_factory=Fault)  # answers DATA_LOSS
    lose_task: Fault = field(default_factory=Fault)  # when it is watched
    wrong_sha256: Fault = field(default_factory=Fault)  # of the whole output, in a task's final state
    evict_inputs: Fault = field(default_factory=Fault)  # before a start


@dataclass(slots=True)
class SimulatedTask:
    """A task, how much of its output is written, and who waits for more."""

    request: pb.StartTaskRequest
    state: "Task.State.ValueType" = Task.STATE_RUNNING
    failure: task_pb2.TaskFailure | None = None
    output: bytes = b""
    written: int = 0
    sequence: int = 1
    sha256: bytes = b""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self) -> None:
        self.sequence += 1
        event, self.changed = self.changed, asyncio.Event()
        event.set()


class SimulatedWorker(WorkerServiceServicer):
    """Serves while its `async with` block runs; `stop` and `start` are a crash with the memory kept.

    Each task makes `output`. It stops at `hold_at` bytes until `release`; with `failure` it fails there instead.
    Where `picture` and `sound` are given, they are what tasks for those alone make; `hold_at` does not hold sounds.
    Those for parts are refused with `refuses_parts`. A task says that it makes `media_seconds`.
    With `must_encode` one that may only copy says that it needs an encoder.
    It speaks plaintext and wants the secret as a key; with `rented` it speaks the mutual TLS of the secret's session.
    """

    def __init__(
        self, *, output: bytes = b"", secret: bytes = b"\7" * 32, slots: int = 1, rented: bool = False
    ) -> None:
        self.output = output
        self.secret = secret
        self.rented = rented
        self.slots = slots
        self.hold_at: int | None = None
        self.failure: task_pb2.TaskFailure | None = None
        self.must_encode = False
        self.picture = b""
        self.sound = b""
        self.encoder = "simulated"
        self.media_seconds = 0
        self.refuses_parts = False
        self.seen: list[pb.StartTaskRequest] = []
        self.confirm_cancel = True
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.starts: list[str] = []
        self.deleted: list[str] = []
        self.read_offsets: list[int] = []
        self.tasks: dict[str, SimulatedTask] = {}
        self.inputs: dict[str, bytes] = {}
        self.complete_inputs: set[str] = set()
        self._server: RpcServer | None = None
        self._address = "127.0.0.1:0"
        self._seen = asyncio.Event()

    @property
    def address(self) -> str:
        return self._address

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        service = RpcService(
            name="spotreel.worker.v1.WorkerService",
            add=lambda server: add_WorkerServiceServicer_to_server(self, server),
        )
        settings = ServerSettings(
            listen=self._address,
            api_keys=() if self.rented else (self.secret.hex(),),
            session=SessionIdentity(self.secret) if self.rented else None,
            shutdown_grace=0.0,
        )
        self._server = await RpcServer(settings, [service]).__aenter__()
        self._address = self._server.address

    async def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.__aexit__(None, None, None)

    def forget(self) -> None:
        """What a new process at the same address knows."""
        self.tasks.clear()
        self.inputs.clear()
        self.complete_inputs.clear()

    def release(self) -> None:
        """Lets every task make the rest of its output."""
        self.hold_at = None
        for task in self.tasks.values():
            self._work(task)

    def confirm_cancels(self) -> None:
        """Lets cancelled tasks end."""
        self.confirm_cancel = True
        for task in self.tasks.values():
            if task.state == Task.STATE_CANCELLING:
                task.state = Task.STATE_CANCELLED
                task.change()

    async def called(self, method: str, times: int = 1) -> None:
        """Returns when a method was called so often."""
        async with asyncio.timeout(10):
            while self.calls[method] < times:
                self._seen.clear()
                await self._seen.wait()

    async def GetCapabilities(self, request: Any, context: Any) -> pb.GetCapabilitiesResponse:
        self._count("GetCapabilities")
        return pb.GetCapabilitiesResponse(capabilities=capabilities_pb2.Capabilities(slots=self.slots))

    async def StartTask(self, request: pb.StartTaskRequest, context: Any) -> pb.StartTaskResponse:
        self._count("StartTask")
        if self.refuses_parts and request.HasField("range_start"):
            raise Unimplemented("no parts", reason="NOT_IMPLEMENTED")
        known = self.tasks.get(request.task_id)
        if known is not None and known.request != request:
            raise AlreadyExists("another request", reason="TASK_EXISTS")
        if known is None:
            self._check_inputs(request)
            known = self.tasks[request.task_id] = SimulatedTask(request=request, output=self._output(request))
            self.starts.append(request.task_id)
            self.seen.append(request)
            self._work(known)
        return pb.StartTaskResponse(task=self._message(request.task_id, known))

    async def GetTask(self, request: pb.GetTaskRequest, context: Any) -> pb.GetTaskResponse:
        self._count("GetTask")
        task_id, task = self._find(request.name)
        return pb.GetTaskResponse(task=self._message(task_id, task))

    async def ListTasks(self, request: Any, context: Any) -> pb.ListTasksResponse:
        return pb.ListTasksResponse(tasks=[self._message(*item) for item in self.tasks.items()])

    async def WatchTask(self, request: pb.WatchTaskRequest, context: Any) -> AsyncIterator[pb.WatchTaskResponse]:
        self._count("WatchTask")
        if self.faults.lose_task.fires():
            self.forget()
        sent, seen = 0, request.after_sequence
        while True:
            task_id, task = self._find(request.name)
            changed = task.changed
            if task.sequence != seen or task.state in FINAL:
                if self.faults.cut_watch.fires(sent):
                    raise Unavailable("cut by the test")
                yield pb.WatchTaskResponse(sequence=task.sequence, task=self._message(task_id, task))
                sent, seen = sent + 1, task.sequence
                if task.state in FINAL:
                    return
            await changed.wait()

    async def ReadTaskOutput(
        self, request: pb.ReadTaskOutputRequest, context: Any
    ) -> AsyncIterator[pb.ReadTaskOutputResponse]:
        self._count("ReadTaskOutput")
        _, task = self._find(request.name)
        if request.read_offset > task.written:
            raise OutOfRange("beyond the end", reason="OFFSET_BEYOND_END")
        offset = request.read_offset
        self.read_offsets.append(offset)
        while True:
            changed = task.changed
            if offset < task.written:
                passed = offset - request.read_offset
                if self.faults.cut_output.fires(passed):
                    raise Unavailable("cut by the test")
                data = task.output[offset : min(task.written, offset + CHUNK_BYTES)]
                checksum = crc32c(data) ^ (1 if self.faults.corrupt_chunk.fires(passed) else 0)
                yield pb.ReadTaskOutputResponse(offset=offset, data=data, crc32c=checksum)
                offset += len(data)
            elif task.state == Task.STATE_SUCCEEDED:
                yield pb.ReadTaskOutputResponse(
                    offset=offset, crc32c=crc32c(b""), last=True, size_bytes=len(task.output), sha256=task.sha256
                )
                return
            elif task.state in FINAL:
                raise FailedPrecondition("no output", reason="TASK_FAILED")
            else:
                await changed.wait()

    async def UploadTaskInput(
        self, requests: AsyncIterator[pb.UploadTaskInputRequest], context: Any
    ) -> pb.UploadTaskInputResponse:
        self._count("UploadTaskInput")
        asset, passed = "", 0
        async for request in requests:
            match request.WhichOneof("message"):
                case "start":
                    asset = request.start.asset
                    if request.start.write_offset != len(self.inputs.get(asset, b"")):
                        raise OutOfRange("not where it stands", reason="OFFSET_MISMATCH")
                case "data":
                    if self.faults.cut_upload.fires(passed):
                        raise Unavailable("cut by the test")
                    if self.faults.corrupt_upload.fires(passed) or crc32c(request.data.data) != request.data.crc32c:
                        raise DataLoss("damaged", reason="CHECKSUM_MISMATCH")
                    self.inputs[asset] = self.inputs.get(asset, b"") + request.data.data
                    passed += len(request.data.data)
                case "finish":
                    self.complete_inputs.add(asset)
        return pb.UploadTaskInputResponse(committed_bytes=len(self.inputs.get(asset, b"")))

    async def GetTaskInput(self, request: pb.GetTaskInputRequest, context: Any) -> pb.GetTaskInputResponse:
        self._count("GetTaskInput")
        return pb.GetTaskInputResponse(
            committed_bytes=len(self.inputs.get(request.asset, b"")), complete=request.asset in self.complete_inputs
        )

    async def CancelTask(self, request: pb.CancelTaskRequest, context: Any) -> pb.CancelTaskResponse:
        self._count("CancelTask")
        task_id, task = self._find(request.name)
        if task.state not in FINAL:
            task.state = Task.STATE_CANCELLED if self.confirm_cancel else Task.STATE_CANCELLING
            task.change()
        return pb.CancelTaskResponse(task=self._message(task_id, task))

    async def DeleteTask(self, request: pb.DeleteTaskRequest, context: Any) -> pb.DeleteTaskResponse:
        self._count("DeleteTask")
        task_id, task = self._find(request.name)
        if task.state not in FINAL:
            raise FailedPrecondition("cancel it first", reason="TASK_NOT_FINISHED")
        del self.tasks[task_id]
        self.deleted.append(task_id)
        return pb.DeleteTaskResponse()

    def _output(self, request: pb.StartTaskRequest) -> bytes:
        tracks = pb.StartTaskRequest
        return {tracks.TRACKS_PICTURE: self.picture, tracks.TRACKS_SOUND: self.sound}.get(request.tracks, self.output)

    def _work(self, task: SimulatedTask) -> None:
        if task.state != Task.STATE_RUNNING:
            return
        if self.must_encode and task.request.copy_only:
            task.state, task.failure = Task.STATE_FAILED, _needs_encoder()
            task.change()
            return
        held = self.hold_at is not None and task.request.tracks != pb.StartTaskRequest.TRACKS_SOUND
        task.written = self.hold_at if held and self.hold_at is not None else len(task.output)
        if self.failure is not None:
            task.state, task.failure = Task.STATE_FAILED, self.failure
        elif not held:
            task.state = Task.STATE_SUCCEEDED
            task.sha256 = hashlib.sha256(task.output).digest()
            if self.faults.wrong_sha256.fires():
                task.sha256 = b"\0" * 32
        task.change()

    def _message(self, task_id: str, task: SimulatedTask) -> Task:
        succeeded = task.state == Task.STATE_SUCCEEDED
        fraction = task.written / max(len(task.output), 1)
        return Task(
            name=f"tasks/{task_id}",
            state=task.state,
            progress=task_pb2.TaskProgress(
                stage=task_pb2.TaskProgress.STAGE_ENCODING,
                fraction=fraction,
                encoder=self.encoder,
                media_duration=Duration(seconds=self.media_seconds) if self.media_seconds else None,
            ),
            output=task_pb2.TaskOutput(size_bytes=len(task.output), sha256=task.sha256) if succeeded else None,
            failure=task.failure,
        )

    def _check_inputs(self, request: pb.StartTaskRequest) -> None:
        if self.faults.evict_inputs.fires():
            self.inputs.clear()
            self.complete_inputs.clear()
        video = request.operation.caption.video
        if video.WhichOneof("source") == "asset" and video.asset not in self.complete_inputs:
            raise FailedPrecondition("not uploaded", reason="INPUT_MISSING", metadata={"asset": video.asset})

    def _find(self, name: str) -> tuple[str, SimulatedTask]:
        task_id = name.removeprefix("tasks/")
        if task_id not in self.tasks:
            _not_found(name)
        return task_id, self.tasks[task_id]

    def _count(self, method: str) -> None:
        self.calls[method] += 1
        self._seen.set()
        if method not in {"WatchTask", "ReadTaskOutput", "UploadTaskInput"} and self.faults.unavailable.fires():
            raise Unavailable("unavailable by the test")


def _needs_encoder() -> task_pb2.TaskFailure:
    return task_pb2.TaskFailure(
        reason="ENCODER_UNAVAILABLE", message="not a copy", retryable=True, metadata={"needs_encoder": "true"}
    )


def _not_found(name: str) -> NoReturn:
    raise NotFound(
        f"{name} does not exist.",
        reason="TASK_NOT_FOUND",
        resource_type="spotreel.worker.v1.Task",
        resource_name=name,
    )
