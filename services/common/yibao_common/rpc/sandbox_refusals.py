"""Refusals that nature cannot make, for who tries a client in a sandbox; stands in no other server.

A request that holds the text `REFUSE-` with a reason's name or number, in any field, is refused for
that reason once it passed the gate, as `REFUSE-DATABASE_UNAVAILABLE` or `REFUSE-7`. Nothing that
decides knows of it: the servicer's method is not called.
"""

import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from yibao_common.process.config import ServiceConfig
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    FindHandler: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]

PREFIX = "REFUSE-"
_MAGIC = re.compile(rf"{PREFIX}([A-Z][A-Z_]+|[0-9]{{1,4}})")
_BY_NUMBER = {str(reason.value): reason for reason in Reason}


def magic_reason(text: str) -> Reason | None:
    """Returns the reason that a magic value asks for, by its number or its name."""
    found = _MAGIC.fullmatch(text)
    if found is None:
        return None
    return _BY_NUMBER.get(found[1]) or Reason.__members__.get(found[1])


class MagicRefusals(grpc.aio.ServerInterceptor):
    """Refuses requests that ask for it; stands behind the gate, where a method would be called."""

    async def intercept_service(
        self, continuation: "FindHandler", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Returns a handler that looks at the request first."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        serve: Any = handler.unary_stream if handler.response_streaming else handler.unary_unary
        codecs = (handler.request_deserializer, handler.response_serializer)
        if not handler.response_streaming:

            async def answer(request: Message, context: Any) -> Any:
                _refuse_magic(request)
                return await serve(request, context)

            return grpc.unary_unary_rpc_method_handler(answer, *codecs)
        if not inspect.isasyncgenfunction(serve):
            return handler

        async def answers(request: Message, context: Any) -> AsyncIterator[Any]:
            _refuse_magic(request)
            async with contextlib.aclosing(serve(request, context)) as served:
                async for each in served:
                    yield each

        return grpc.unary_stream_rpc_method_handler(answers, *codecs)


def _refuse_magic(request: Message) -> None:
    for text in _texts(request):
        reason = magic_reason(text)
        if reason is not None:
            raise RuleError(reason, f"the sandbox was asked to refuse it: {text}")


def _texts(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        values = [value] if not field.is_repeated else list(value)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield from values
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in values:
                if isinstance(each, Message):
                    yield from _texts(each)


def refusals_behind_gate(config: ServiceConfig) -> tuple[grpc.aio.ServerInterceptor, ...]:
    """Returns what stands behind the gate: nothing, but in a sandbox."""
    return () if config.sandbox.folder is None else (MagicRefusals(),)
