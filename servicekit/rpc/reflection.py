"""Server reflection in both versions: grpcurl and buf curl ask for v1 first, evans knows only v1alpha (0.10.11)."""

import contextlib
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection, reflection_pb2

_NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def add_reflection(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Lets callers ask for the services of these full names, and for reflection itself."""
    _describe_v1()
    servicer = reflection.aio.ReflectionServicer([*services, *_NAMES], _PoolWithMethods())
    # v1 and v1alpha differ in the name of their package only; the messages are the same on the wire.
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}) for name in _NAMES]
    )


class _PoolWithMethods:
    """The pool of all descriptors, which also finds methods.

    `grpcurl describe SERVICE.METHOD` asks for the file of a method, and protobuf's pool knows only that of its service.
    """

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - the pool's name
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            found = self._pool.FindServiceByName(service).methods_by_name[method]
            return found.containing_service.file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _describe_v1() -> None:
    # The library ships v1alpha only; a listed service without a description ends `buf curl --list-methods`.
    pool = descriptor_pool.Default()
    alpha = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(alpha)
    text = json_format.MessageToJson(alpha).replace("v1alpha", "v1")
    described = json_format.Parse(text, descriptor_pb2.FileDescriptorProto())
    with contextlib.suppress(KeyError):
        pool.FindFileByName(described.name)
        return
    pool.AddSerializedFile(described.SerializeToString())
