"""The methods of WorkerService. Errors are the domain's own; the server's stages turn them into statuses."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from spotreel.worker.v1 import worker_service_pb2 as messages
from spotreel.worker.v1 import worker_service_pb2_grpc as service

from servicekit.errors import InvalidArgument
from servicekit.media.forms import output_form
from servicekit.rpc.server import RpcService
from worker.ports import Machine
from worker.rpc import convert
from worker.spool.inputs import InputStore, InputUpload
from worker.tasks.table import MAX_TASKS, TaskTable

NAME = "spotreel.worker.v1.WorkerService"

# Quoted, since the stubs have type arguments and the class has none.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class WorkerServicer(service.WorkerServiceServicer):
    """Translates; `heard` is told of every message that passes on a stream, since one call may last for hours."""

    def __init__(self, *, machine: Machine, table: TaskTable, inputs: InputStore, heard: Callable[[], None]) -> None:
        self._machine = machine
        self._table = table
        self._inputs = inputs
        self._heard = heard

    def rpc_service(self) -> RpcService:
        """Returns the service for a server."""
        return RpcService(
            name=NAME,
            add=lambda server: service.add_WorkerServiceServicer_to_server(self, server),
        )

    async def GetCapabilities(
        self, request: messages.GetCapabilitiesRequest, context: Context
    ) -> messages.GetCapabilitiesResponse:
        found = await self._machine.capabilities()
        return messages.GetCapabilitiesResponse(capabilities=convert.capabilities_to_proto(found))

    async def StartTask(self, request: messages.StartTaskRequest, context: Context) -> messages.StartTaskResponse:
        task = self._table.start(convert.request_from_proto(request))
        return messages.StartTaskResponse(task=convert.task_to_proto(task))

    async def GetTask(self, request: messages.GetTaskRequest, context: Context) -> messages.GetTaskResponse:
        task = self._table.get(convert.task_id_from_name(request.name))
        return messages.GetTaskResponse(task=convert.task_to_proto(task))

    async def ListTasks(self, request: messages.ListTasksRequest, context: Context) -> messages.ListTasksResponse:
        if request.page_size < 0:
            raise InvalidArgument(f"page_size must not be negative, not {request.page_size}.")
        size = min(request.page_size or MAX_TASKS, MAX_TASKS)
        after = convert.position_from_token(request.page_token)
        # One more than asked for tells whether there is another page.
        found = self._table.list(after=after, limit=size + 1)
        page = found[:size]
        return messages.ListTasksResponse(
            tasks=[convert.task_to_proto(task) for _, task in page],
            next_page_token=convert.page_token(page[-1][0]) if len(found) > size else "",
        )

    async def WatchTask(
        self, request: messages.WatchTaskRequest, context: Context
    ) -> AsyncIterator[messages.WatchTaskResponse]:
        task_id = convert.task_id_from_name(request.name)
        async with aclosing(self._table.watch(task_id, after_sequence=request.after_sequence)) as tasks:
            async for task in tasks:
                yield messages.WatchTaskResponse(sequence=task.sequence, task=convert.task_to_proto(task))
                self._heard()

    async def ReadTaskOutput(
        self, request: messages.ReadTaskOutputRequest, context: Context
    ) -> AsyncIterator[messages.ReadTaskOutputResponse]:
        task_id = convert.task_id_from_name(request.name)
        asked = self._table.get(task_id).request
        content_type = output_form(asked.operation, asked.output).content_type
        reading = self._table.read(task_id, offset=request.read_offset, limit=request.read_limit)
        async with aclosing(reading) as chunks:
            async for chunk in chunks:
                yield convert.chunk_to_proto(chunk, content_type)
                self._heard()

    async def UploadTaskInput(
        self, request_iterator: AsyncIterator[messages.UploadTaskInputRequest], context: Context
    ) -> messages.UploadTaskInputResponse:
        first = await anext(aiter(request_iterator), messages.UploadTaskInputRequest())
        if not first.HasField("start"):
            raise _out_of_order("The first message of an upload must be start.")
        start = first.start
        sha256 = convert.sha256_from_asset(start.asset)
        if start.size_bytes < 0 or start.write_offset < 0:
            raise InvalidArgument("start.size_bytes and start.write_offset must not be negative.")
        status = self._inputs.status(sha256)
        if status.complete:
            return messages.UploadTaskInputResponse(committed_bytes=status.committed_bytes)
        async with self._inputs.upload(sha256, size=start.size_bytes, offset=start.write_offset) as upload:
            return await self._receive(request_iterator, upload)

    async def GetTaskInput(
        self, request: messages.GetTaskInputRequest, context: Context
    ) -> messages.GetTaskInputResponse:
        status = self._inputs.status(convert.sha256_from_asset(request.asset))
        return messages.GetTaskInputResponse(committed_bytes=status.committed_bytes, complete=status.complete)

    async def CancelTask(self, request: messages.CancelTaskRequest, context: Context) -> messages.CancelTaskResponse:
        task = self._table.cancel(convert.task_id_from_name(request.name))
        return messages.CancelTaskResponse(task=convert.task_to_proto(task))

    async def DeleteTask(self, request: messages.DeleteTaskRequest, context: Context) -> messages.DeleteTaskResponse:
        await self._table.delete(convert.task_id_from_name(request.name))
        return messages.DeleteTaskResponse()

    async def _receive(
        self, requests: AsyncIterator[messages.UploadTaskInputRequest], upload: InputUpload
    ) -> messages.UploadTaskInputResponse:
        async for message in requests:
            self._heard()
            match message.WhichOneof("message"):
                case "data":
                    await upload.write(message.data.offset, message.data.data, message.data.crc32c)
                case "finish":
                    return messages.UploadTaskInputResponse(committed_bytes=await upload.finish())
                case _:
                    raise _out_of_order("After start come only data and, once, finish.")
        raise _out_of_order(f"The stream ended after {upload.committed} bytes without finish; go on from there.")


def _out_of_order(message: str) -> InvalidArgument:
    return InvalidArgument(message, reason="UPLOAD_OUT_OF_ORDER")
