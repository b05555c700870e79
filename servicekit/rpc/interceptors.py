"""One server interceptor that takes calls of all four shapes through the stages."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, TypeAlias, cast

import grpc

from servicekit.errors import Unimplemented
from servicekit.rpc.stages import Call, Context, Stage

# Quoted, since the stubs have type arguments and the classes have none.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour: TypeAlias = Callable[[Any, Any], Any]


class StagesInterceptor(grpc.aio.ServerInterceptor):
    """Encloses each call in the stages, the first outermost; an unknown method is answered in the same way.

    It wraps each handler once, however many stages there are, so that a stream of large chunks passes one layer only.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        method = handler_call_details.method
        metadata = _text_metadata(handler_call_details)
        handler = await continuation(handler_call_details)
        if handler is None:
            return self._unknown(method, metadata)
        if handler.response_streaming:
            return self._wrap_streaming_response(handler, method, metadata)
        return self._wrap_unary_response(handler, method, metadata)

    def _wrap_unary_response(self, handler: Handler, method: str, metadata: Mapping[str, str]) -> Handler:
        behaviour = cast("Behaviour", handler.stream_unary if handler.request_streaming else handler.unary_unary)

        async def respond(request: Any, context: Context) -> Any:
            async with self._enclose(method, metadata, context, streaming=handler.request_streaming):
                return await behaviour(request, context)

        make = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        )
        return make(respond, handler.request_deserializer, handler.response_serializer)

    def _wrap_streaming_response(self, handler: Handler, method: str, metadata: Mapping[str, str]) -> Handler:
        behaviour = cast("Behaviour", handler.stream_stream if handler.request_streaming else handler.unary_stream)

        # Not a generator: cancelled while a message is being written, grpc.aio would leave a generator to the garbage
        # collector, and the handler's clean-up would run late and elsewhere.
        async def respond(request: Any, context: Context) -> None:
            async with self._enclose(method, metadata, context, streaming=True):
                if inspect.isasyncgenfunction(behaviour):
                    await _write_all(behaviour(request, context), context)
                else:
                    await behaviour(request, context)

        make = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return make(respond, handler.request_deserializer, handler.response_serializer)

    def _unknown(self, method: str, metadata: Mapping[str, str]) -> Handler:
        async def refuse(_requests: Any, context: Context) -> None:
            async with self._enclose(method, metadata, context, streaming=False):
                raise Unimplemented(
                    f"There is no method {method} on this server; list its services by reflection.",
                    reason="METHOD_UNKNOWN",
                    metadata={"method": method},
                )

        # The shape that takes whatever the client sends.
        return grpc.stream_stream_rpc_method_handler(refuse)

    @asynccontextmanager
    async def _enclose(
        self, method: str, metadata: Mapping[str, str], context: Context, *, streaming: bool
    ) -> AsyncIterator[None]:
        call = Call(method=method, metadata=metadata, context=context, streaming=streaming)
        async with AsyncExitStack() as stack:
            for stage in self._stages:
                await stack.enter_async_context(stage(call))
            yield


async def _write_all(responses: AsyncGenerator[Any, None], context: Context) -> None:
    async with aclosing(responses):
        async for response in responses:
            await context.write(response)


def _text_metadata(details: grpc.HandlerCallDetails) -> dict[str, str]:
    return {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
