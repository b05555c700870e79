"""The yardstick for moving bytes: a bare grpc.aio relay of two hops, the contract's messages and nothing else.

`python -m tests.bench.relay source BYTES` serves that many bytes from memory; `python -m tests.bench.relay relay
ADDRESS` serves what it reads from there. No disk, no checksums, no checks, one MiB in a message, and the allocator
settings that the services have too. Each prints its address.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

from servicekit.runtime import prepare_process

if __name__ == "__main__":
    prepare_process()

import grpc  # after prepare_process, which must come first
import grpc.aio
from spotreel.worker.v1.worker_service_pb2 import ReadTaskOutputRequest, ReadTaskOutputResponse

CHUNK_BYTES = 1 << 20
OPTIONS = (("grpc.max_receive_message_length", 16 << 20), ("grpc.so_reuseport", 0))
SERVICE = "spotreel.worker.v1.WorkerService"

Messages = AsyncIterator[ReadTaskOutputResponse]


def source(size: int) -> Callable[[ReadTaskOutputRequest, object], Messages]:
    """A handler that sends the same MiB again and again, `size` bytes in all."""
    data = bytes(range(256)) * (CHUNK_BYTES // 256)

    async def handle(_request: ReadTaskOutputRequest, _context: object) -> Messages:
        for offset in range(0, size, CHUNK_BYTES):
            yield ReadTaskOutputResponse(offset=offset, data=data, last=offset + CHUNK_BYTES >= size)

    return handle


def relay(address: str) -> Callable[[ReadTaskOutputRequest, object], Messages]:
    """A handler that sends what another server sends, message by message."""

    async def handle(_request: ReadTaskOutputRequest, _context: object) -> Messages:
        async for message in messages(address):
            yield message

    return handle


async def messages(address: str) -> Messages:
    """Everything that a source or a relay sends."""
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        call = channel.unary_stream(
            f"/{SERVICE}/ReadTaskOutput",
            request_serializer=ReadTaskOutputRequest.SerializeToString,
            response_deserializer=ReadTaskOutputResponse.FromString,
        )
        async for message in call(ReadTaskOutputRequest(name="tasks/bench")):
            yield message


async def read(address: str) -> int:
    """Read all and return the number of bytes."""
    return sum([len(message.data) async for message in messages(address)])


async def serve(kind: str, argument: str) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server(options=OPTIONS)
    handler = grpc.unary_stream_rpc_method_handler(
        source(int(argument)) if kind == "source" else relay(argument),
        request_deserializer=ReadTaskOutputRequest.FromString,
        response_serializer=ReadTaskOutputResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ReadTaskOutput": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
