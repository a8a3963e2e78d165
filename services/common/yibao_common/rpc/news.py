"""News of persons, asked for on behalf of calls that they may help.

Somebody is registered at a hospital, or for care elsewhere, a moment after an agency enrolled
them: the feed may not have told of it yet. Such a call waits for one question to identity, with
whoever else waits, and never long: who calls is told to try again rather than something that may
be wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    FindHandler: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]

# How long a call waits for news at most.
_MOST_WAIT_SECONDS = 1.0


class News:
    """What identity has to tell of each region, asked for by those who wait for it."""

    def __init__(self, *, regions: Iterable[str], ask: Callable[[str], Awaitable[bool]]) -> None:
        """Takes what asks for all news of a region and tells whether all that there were came."""
        self._ask = ask
        # One question of a region is under way; the next one waits for it to end.
        self._locks = {region: asyncio.Lock() for region in regions}
        self._next: dict[str, asyncio.Task[bool]] = {}
        self._tasks: set[asyncio.Task[bool]] = set()

    async def is_told(self, region: str) -> bool:
        """Tells whether all is here that identity had to tell when this was called."""
        if region not in self._locks:
            return True  # Nothing is ever told of it.
        task = self._next.get(region)
        if task is None:
            task = self._next[region] = asyncio.create_task(self._ask_next(region))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait([task], timeout=_MOST_WAIT_SECONDS)
        return bool(done) and task.result()

    async def close(self) -> None:
        """Takes back the questions that nobody waits for any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _ask_next(self, region: str) -> bool:
        async with self._locks[region]:
            # Who comes from now on may wait for what this question is too early for.
            del self._next[region]
            return await self._ask(region)


def unconfirmed(refusal: RuleError) -> RuleError:
    """Returns what a call is told that was refused for want of what identity may have."""
    return RuleError(
        Reason.ENROLMENT_UNCONFIRMED,
        f"{refusal.message}, as far as is known; identity could not be asked: try again",
        reason_so_far=refusal.reason.wire_name,
    )


class CallsAwaitingNews(grpc.aio.ServerInterceptor):
    """Carries calls out once more after news, where news may lift their refusal.

    It stands behind the gate and before methods that store nothing where they refuse.
    """

    def __init__(
        self,
        news: News,
        *,
        services: Collection[str],
        lacking: Collection[Reason],
        lifted: Collection[Reason],
    ) -> None:
        """Takes the full names of services, and the reasons that news may lift.

        Of `lacking`, identity may have what is missing, so where it cannot be asked the call is
        told to try again (ENROLMENT_UNCONFIRMED); of `lifted`, what was told last stands then.
        """
        self._news = news
        self._prefixes = tuple([f"/{name}/" for name in services])
        self._lacking = frozenset(lacking)
        self._lifted = frozenset(lifted)

    async def intercept_service(
        self, continuation: "FindHandler", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Returns a handler that asks for news where the method refuses."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or handler.response_streaming:
            return handler
        if not handler_call_details.method.startswith(self._prefixes):
            return handler
        serve: Any = handler.unary_unary

        async def answer(request: Any, context: Any) -> Any:
            try:
                return await serve(request, context)
            except RuleError as refusal:
                if refusal.reason not in self._lacking and refusal.reason not in self._lifted:
                    raise
            is_told = await self._news.is_told(request.region)
            try:
                return await serve(request, context)
            except RuleError as refusal:
                if is_told or refusal.reason not in self._lacking:
                    raise
                raise unconfirmed(refusal) from None

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )
