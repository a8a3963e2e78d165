"""The one interceptor: everything between the wire and a servicer's method.

`admission` decides whether a call reaches its method, `open_calls` waits for its request,
`endings` turns what is raised into a status. Servicers raise; only the gate aborts. An answer is a
message or its bytes: a stored answer is replayed byte for byte.

To gRPC every method takes a stream of requests, which is the same on the wire: one that takes a
single request is called once that is there, and whoever sends none is nobody until then.
"""

import asyncio
import contextlib
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from yibao_common.process.metrics import Metrics
from yibao_common.rpc.access import AccessTable, methods_of
from yibao_common.rpc.admission import Admission
from yibao_common.rpc.calls import Call, Method, is_open
from yibao_common.rpc.endings import Endings, TimeIsUpError
from yibao_common.rpc.open_calls import OpenCalls
from yibao_common.rpc.turns import Turns
from yibao_common.rpc.unserved import unserved
from yibao_common.values.caller import EVERY_ROLE, Role

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    FindHandler: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]

T = TypeVar("T")
_NOBODY: frozenset[Role] = frozenset()
# Of a bulk call, so many lines of the log take no longer than a turn of the event loop may.
_ITEMS_AT_ONCE = 50


class Gate(grpc.aio.ServerInterceptor):
    """Guards every method of a server; handlers are wrapped once, not once a call."""

    def __init__(
        self,
        *,
        admission: Admission,
        endings: Endings,
        open_calls: OpenCalls,
        access: AccessTable,
        services: Iterable[ServiceDescriptor],
        metrics: Metrics,
    ) -> None:
        """Compiles the rules of all methods of `services`."""
        self._admission = admission
        self._endings = endings
        self._open_calls = open_calls
        self._metrics = metrics
        self._wrapped: dict[str, Handler] = {}
        services = tuple(services)
        self._packages = frozenset(service.file.package for service in services)
        self._methods = {
            name: self._method(name, access.roles(name), descriptor)
            for name, descriptor in methods_of(services).items()
        }
        self._running = 0
        self._telling: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()

    async def drain(self, *, within_seconds: float) -> bool:
        """Refuses new calls and waits for running ones; tells whether all have ended."""
        self._admission.is_closed = True
        self._open_calls.end_arriving()
        if self._running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), within_seconds)
        if self._telling:
            await asyncio.wait(self._telling, timeout=within_seconds)
        return not self._running

    async def intercept_service(
        self, continuation: "FindHandler", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Returns the guarded handler of a method, or what tells that there is no such method."""
        name = handler_call_details.method
        wrapped = self._wrapped.get(name)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return unserved(name, packages=self._packages)
            wrapped = self._wrap(name, handler)
            if wrapped is not None:
                self._wrapped[name] = wrapped
        return wrapped

    def _method(
        self, name: str, roles: frozenset[Role], descriptor: MethodDescriptor | None
    ) -> Method:
        metrics = self._metrics.method(name)
        return Method(name, roles=roles, descriptor=descriptor, metrics=metrics)

    def _wrap(self, name: str, handler: "Handler") -> "Handler | None":
        method = self._methods.get(name)
        if method is None:
            # Outside our contract: open to all with a certificate, or to nobody.
            method = self._method(name, EVERY_ROLE if is_open(name) else _NOBODY, None)
            self._methods[name] = method
        if handler.request_streaming:
            # Our own methods take one request each; this is reflection.
            return self._guard_requests(method, handler) if method.is_open else None
        if handler.response_streaming:
            return self._guard_answers(method, handler)
        return self._guard_answer(method, handler)

    def _guard_answer(self, method: Method, handler: "Handler") -> "Handler":
        serve: Any = handler.unary_unary
        parse: Any = handler.request_deserializer
        admit, find_caller = self._admission.admit, self._admission.find_caller
        open_call = self._open_calls.open

        async def guarded(_requests: object, context: "Context") -> bytes:
            call = self._begin(method)
            try:
                bucket = find_caller(call, context)
                opened = open_call(call.party)
                raw = await opened.receive(context)
                request = admit(call, raw, parse, context, bucket)
                if call.limit_seconds is None:
                    answer = await serve(request, context)
                else:
                    answer = await _within(call.limit_seconds, serve(request, context))
                return opened.answers(_to_bytes(answer))
            except BaseException as error:
                await self._endings.fail(call, error, context)
            finally:
                self._end(call)

        return grpc.stream_unary_rpc_method_handler(self._told_in_any_case(guarded))

    def _guard_answers(self, method: Method, handler: "Handler") -> "Handler":
        serve: Any = handler.unary_stream
        parse: Any = handler.request_deserializer
        generates = inspect.isasyncgenfunction(serve)

        async def send(request: object, context: "Context") -> None:
            if not generates:
                await serve(request, context)  # It writes to the context by itself.
                return
            async with contextlib.aclosing(serve(request, context)) as answers:
                async for answer in answers:
                    # A stream may outlive what let it begin.
                    self._admission.still_admits(context)
                    await context.write(answer)

        async def guarded(_requests: object, context: "Context") -> None:
            call = self._begin(method)
            try:
                bucket = self._admission.find_caller(call, context)
                raw = await self._open_calls.open(call.party).receive(context)
                request = self._admission.admit(call, raw, parse, context, bucket)
                if call.limit_seconds is None:
                    await send(request, context)
                else:
                    await _within(call.limit_seconds, send(request, context))
            except BaseException as error:
                await self._endings.fail(call, error, context)
            finally:
                self._end(call)

        return grpc.stream_stream_rpc_method_handler(
            self._told_in_any_case(guarded), response_serializer=_to_bytes
        )

    def _guard_requests(self, method: Method, handler: "Handler") -> "Handler":
        serve: Any = handler.stream_stream

        async def guarded(requests: object, context: "Context") -> AsyncIterator[object]:
            call = self._begin(method)
            try:
                self._admission.find_caller(call, context)
                self._open_calls.open(call.party)
                async with contextlib.aclosing(serve(requests, context)) as answers:
                    async for answer in answers:
                        yield answer
            except BaseException as error:
                await self._endings.fail(call, error, context)
            finally:
                self._end(call)

        return grpc.stream_stream_rpc_method_handler(
            guarded, handler.request_deserializer, handler.response_serializer
        )

    def _told_in_any_case(
        self, guarded: "Callable[[object, Context], Awaitable[T]]"
    ) -> "Callable[[object, Context], Awaitable[T]]":
        """Returns `guarded` that ends with a reason of ours though not even an ending is made.

        As for want of memory: gRPC would answer with the name of what was raised.
        """

        async def told(requests: object, context: "Context") -> T:
            try:
                return await guarded(requests, context)
            except (grpc.aio.AbortError, asyncio.CancelledError):
                raise
            except Exception:
                try:
                    await self._endings.give_up(context)
                except grpc.aio.UsageError:
                    # gRPC ended the call by itself before an answer of ours, as for a message
                    # over its own limit: nobody is there, and nothing unexpected happened.
                    raise asyncio.CancelledError from None

        return told

    def _begin(self, method: Method) -> Call:
        call = Call(method)
        method.metrics.running += 1
        if not method.is_open:
            self._running += 1
        return call

    def _end(self, call: Call) -> None:
        method = call.method
        method.metrics.running -= 1
        if not method.is_open:
            self._running -= 1
            if not self._running and self._admission.is_closed:
                self._idle.set()
        seconds = perf_counter() - call.began
        method.metrics.ended(code=call.code, reason=call.reason, seconds=seconds)
        if call.items:
            self._tell_items(call)
        if call.code == "OK":
            self._endings.ended_well(call)

    def _tell_items(self, call: Call) -> None:
        """Counts and logs the first items at once, and thousands as other calls leave time."""
        telling = self._endings.items_ended(call)
        if sum(1 for _ in itertools.islice(telling, _ITEMS_AT_ONCE)) < _ITEMS_AT_ONCE:
            return
        task = asyncio.create_task(_in_turns(telling), name="items")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


async def _in_turns(telling: Iterator[None]) -> None:
    turns = Turns()
    for _ in telling:
        await turns.pass_on()


def _to_bytes(answer: object) -> bytes:
    """Returns the bytes of an answer; stored bytes pass as they are."""
    if isinstance(answer, bytes):
        return answer
    assert isinstance(answer, Message), f"{type(answer).__name__} is no answer"
    return answer.SerializeToString()


async def _within(seconds: float, answer: Awaitable[T]) -> T:
    """Returns the answer, or raises TimeIsUpError; the method's own TimeoutError passes."""
    try:
        async with asyncio.timeout(seconds) as timer:
            return await answer
    except TimeoutError:
        if timer.expired():
            raise TimeIsUpError from None
        raise
