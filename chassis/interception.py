"""Server interceptors as what happens around a call.

gRPC has four kinds of handlers, and a streaming one may be written in two ways.
`Around` reduces them to one: a context manager that is entered before the
handler and left after its last response.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import grpc

Context = grpc.aio.ServicerContext[Any, Any]
Enter = Callable[[str, Context], AbstractAsyncContextManager[None]]
"""Takes a method's full name (`/package.Service/Method`) and the call's context."""

_Behaviour = Callable[[Any, Context], Any]


class Around(grpc.aio.ServerInterceptor):
    """Runs every call of a server inside a context manager."""

    def __init__(self, enter: Enter) -> None:
        self._enter = enter
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        known = self._wrapped.get(method)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        wrapped = _wrap(handler, method, self._enter)
        self._wrapped[method] = wrapped
        return wrapped


def _wrap(
    handler: grpc.RpcMethodHandler[Any, Any], method: str, enter: Enter
) -> grpc.RpcMethodHandler[Any, Any]:
    factory, behaviour = _parts(handler)
    if inspect.isasyncgenfunction(behaviour):
        run = _streaming(behaviour, method, enter)
    elif inspect.iscoroutinefunction(behaviour):
        run = _awaited(behaviour, method, enter)
    else:
        # A blocking handler would run in a thread, past every interceptor.
        raise TypeError(f"the handler of {method} is not async")
    return factory(
        run,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _awaited(behaviour: _Behaviour, method: str, enter: Enter) -> _Behaviour:
    async def run(request: Any, context: Context) -> Any:
        async with enter(method, context):
            return await behaviour(request, context)

    return run


def _streaming(behaviour: _Behaviour, method: str, enter: Enter) -> _Behaviour:
    # Writes instead of yielding: when the client goes away, the handler is then
    # closed here and now, in its own task, and not whenever it is collected.
    async def run(request: Any, context: Context) -> None:
        async with enter(method, context), aclosing(behaviour(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return run


def _parts(
    handler: grpc.RpcMethodHandler[Any, Any],
) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], _Behaviour]:
    behaviours: dict[tuple[bool, bool], tuple[Callable[..., Any], Any]] = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }
    return behaviours[handler.request_streaming, handler.response_streaming]


def header(context: Context, name: str) -> str | None:
    """First value of a request header, or None; `name` in lower case."""
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return None
