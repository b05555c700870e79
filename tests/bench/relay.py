"""The yardsticks for moving bytes: relays of two hops on grpc.aio, with the contract's messages and nothing else.

`python -m tests.bench.relay KIND source BYTES` serves that many bytes from memory, `… KIND relay ADDRESS` serves what
it reads from there, and `… KIND read ADDRESS` reads it all and prints bytes per second. The others print their
address. One MiB in a message. The kinds:

bare     grpc.aio as it comes
tuned    with the allocator settings that the services have
checked  tuned, and what the contract asks of every program that moves an output: CRC32C of each chunk made and checked,
         SHA-256 of the whole at the relay and at the reader, the relay's copy on disk
"""

import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from servicekit.runtime import prepare_process

if __name__ == "__main__" and sys.argv[1] != "bare":
    prepare_process()

import grpc  # after prepare_process, which must come first
import grpc.aio
from spotreel.worker.v1.worker_service_pb2 import ReadTaskOutputRequest, ReadTaskOutputResponse

from servicekit.checksums import crc32c
from servicekit.clock import SystemClock
from servicekit.growing import GrowingFile

KINDS = ("bare", "tuned", "checked")
CHUNK_BYTES = 1 << 20
OPTIONS = (("grpc.max_receive_message_length", 16 << 20), ("grpc.so_reuseport", 0))
SERVICE = "spotreel.worker.v1.WorkerService"

Messages = AsyncIterator[ReadTaskOutputResponse]
Handler = Callable[[ReadTaskOutputRequest, object], Messages]


def source(size: int, *, checked: bool) -> Handler:
    """A handler that sends the same MiB again and again, `size` bytes in all."""
    data = bytes(range(256)) * (CHUNK_BYTES // 256)

    async def handle(_request: ReadTaskOutputRequest, _context: object) -> Messages:
        for offset in range(0, size, CHUNK_BYTES):
            checksum = crc32c(data) if checked else 0
            yield ReadTaskOutputResponse(offset=offset, data=data, crc32c=checksum, last=offset + CHUNK_BYTES >= size)

    return handle


def relay(address: str, *, checked: bool) -> Handler:
    """A handler that sends what another server sends, message by message."""

    async def handle(_request: ReadTaskOutputRequest, _context: object) -> Messages:
        async for message in messages(address):
            yield message

    async def handle_checked(_request: ReadTaskOutputRequest, _context: object) -> Messages:
        with tempfile.TemporaryDirectory(prefix="spotreel-relay-") as folder:
            file = await GrowingFile(Path(folder) / "spool", clock=SystemClock(), spare_cache=True).open()
            async with file:
                writing: asyncio.Task[None] | None = None
                async for message in messages(address):
                    data = _checked(message)
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(asyncio.to_thread(file.write, data), name="write")
                    yield ReadTaskOutputResponse(
                        offset=message.offset, data=data, crc32c=crc32c(data), last=message.last
                    )
                if writing is not None:
                    await writing

    return handle_checked if checked else handle


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


async def read(address: str, *, checked: bool) -> float:
    """Read all and return bytes per second."""
    started, total, digest = time.perf_counter(), 0, hashlib.sha256()
    async for message in messages(address):
        if checked:
            digest.update(_checked(message))
        total += len(message.data)
    return total / (time.perf_counter() - started)


def _checked(message: ReadTaskOutputResponse) -> bytes:
    data = message.data
    if crc32c(data) != message.crc32c:
        raise ValueError("a chunk arrived damaged")
    return data


async def serve(handler: Handler) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server(options=OPTIONS)
    method = grpc.unary_stream_rpc_method_handler(
        handler,
        request_deserializer=ReadTaskOutputRequest.FromString,
        response_serializer=ReadTaskOutputResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ReadTaskOutput": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


async def main(kind: str, role: str, argument: str) -> None:
    """Play one of the three roles."""
    checked = kind == "checked"
    if role == "read":
        sys.stdout.write(f"{await read(argument, checked=checked)}\n")
    elif role == "source":
        await serve(source(int(argument), checked=checked))
    else:
        await serve(relay(argument, checked=checked))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
