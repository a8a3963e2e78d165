"""How calls end that do not end well: every exception becomes a status here."""

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import grpc

from yibao_common.process.logs import Log, kinds, places
from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.calls import Call
from yibao_common.rpc.open_calls import RequestLateError
from yibao_common.rpc.refusals import Refusals
from yibao_common.rpc.status import DETAILS_KEY, grpc_code, status_of
from yibao_common.values.caller import Role
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


# Made beforehand: it is for where nothing can be made any more.
_PLAIN = RuleError(Reason.INTERNAL, "internal error; repeat the call with the same request_id")
_PLAIN_DETAILS = ((DETAILS_KEY, status_of(_PLAIN).SerializeToString()),)

# A caller whose clock runs out a moment before ours has gone by its deadline too.
_LATE_SECONDS = 0.05


class TimeIsUpError(Exception):
    """The server's own limit passed, on a call without a deadline."""


class Endings:
    """Answers calls that raised, and logs them."""

    def __init__(self, *, ids: Ids, log: Log, refusals: Refusals | None = None) -> None:
        """Takes what makes reference ids, where lines go, and who counts refusals."""
        self._ids = ids
        self._refusals = refusals
        self._log = log
        # To gather the facts of a call costs more than the gate does without them.
        self._logs_every_call = log.is_enabled_for(logging.DEBUG)

    def ended_well(self, call: Call) -> None:
        """Logs a call that was answered: a change by an agency always, others at debug.

        What an agency imports, credits or decides is looked for in the log; bills and codes
        are too many.
        """
        caller = call.caller
        if call.method.changes and caller is not None and caller.role is Role.AGENCY:
            done = sum(item.reason is None for item in call.items)
            counts = {"items": len(call.items), "items_done": done} if call.items else {}
            self._log.info("done", **call.facts(), **counts)
        elif self._logs_every_call:
            self._log.debug("call", **call.facts())

    def items_ended(self, call: Call) -> Iterator[None]:
        """Counts the items of a bulk call, and logs those that were refused; yields at each."""
        count = call.method.metrics.item_ended
        for item in call.items:
            reason = item.reason
            if reason is None:
                count(code="OK", reason="")
            else:
                count(code=reason.code.name, reason=reason.name)
                self._log.info("item refused", **call.item_facts(item, reason))
                self._count(call, reason)
            yield

    async def fail(self, call: Call, error: BaseException, context: "Context") -> NoReturn:
        """Answers a call that raised `error`, and raises."""
        if isinstance(error, RuleError):
            await self._refuse(call, error, context)
        if isinstance(error, grpc.aio.AbortError):
            # Health and reflection abort by themselves.
            call.code = context.code().name
            raise error
        if isinstance(error, asyncio.CancelledError):
            # The caller has gone, or its deadline has passed: nobody is there to answer.
            remaining: float | None = context.time_remaining()
            late = remaining is not None and remaining < _LATE_SECONDS
            call.code = "DEADLINE_EXCEEDED" if late else "CANCELLED"
            self._log.info("call cut off", **call.facts())
            raise error
        if isinstance(error, TimeIsUpError):
            await self._time_is_up(call, context)
        if isinstance(error, RequestLateError):
            await self._request_late(call, context)
        if isinstance(error, TransientError):
            refusal = database_unavailable(repeatable=call.method.has_request_id)
            _note(call, refusal)
            self._log.error("database unavailable", **call.facts(), error=kinds(error))
            await self._refuse(call, refusal, context)
        if not isinstance(error, Exception):
            raise error
        await self._unexpected(call, error, context)

    async def give_up(self, context: "Context") -> NoReturn:
        """Answers a call for which nothing else can be made; needs next to no memory."""
        await context.abort(grpc.StatusCode.INTERNAL, _PLAIN.message, _PLAIN_DETAILS)

    async def _refuse(self, call: Call, error: RuleError, context: "Context") -> NoReturn:
        _note(call, error)
        self._log.info("refused", **call.facts())
        self._count(call, error.reason)
        await _abort(error, context)

    def _count(self, call: Call, reason: Reason) -> None:
        if self._refusals is not None:
            self._refusals.count(call, reason)

    async def _time_is_up(self, call: Call, context: "Context") -> NoReturn:
        call.code = "DEADLINE_EXCEEDED"
        self._log.info("call cut off", **call.facts())
        # What a passed deadline of the caller's own gives: this code and no reason.
        await context.abort(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"no answer within the server's limit of {call.limit_seconds:g} s; whether the "
            f"call took effect is unknown: {_how_to_repeat(call.method.has_request_id)}",
        )

    async def _request_late(self, call: Call, context: "Context") -> NoReturn:
        call.code = "DEADLINE_EXCEEDED"
        self._log.info("call cut off", **call.facts())
        await context.abort(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "the call's request did not arrive in time; nothing was stored",
        )

    async def _unexpected(self, call: Call, error: Exception, context: "Context") -> NoReturn:
        reference_id = self._ids()
        call.reason = Reason.INTERNAL.name
        call.code = grpc_code(Reason.INTERNAL).name
        self._log.error(
            "unexpected",
            **call.facts(),
            reference_id=reference_id,
            error=kinds(error),
            places=places(error),
        )
        self._count(call, Reason.INTERNAL)
        answer = RuleError(
            Reason.INTERNAL,
            f"internal error {reference_id}; {_how_to_repeat(call.method.has_request_id)}",
            reference_id=reference_id,
        )
        await _abort(answer, context)


def database_unavailable(*, repeatable: bool = True) -> RuleError:
    """Returns the refusal for a call whose transaction could not be carried out.

    `repeatable` tells that its request has an id, by which a repeat is known.
    """
    return RuleError(
        Reason.DATABASE_UNAVAILABLE,
        "the database is unavailable; whether the call took effect is unknown: "
        f"{_how_to_repeat(repeatable)}",
    )


def _how_to_repeat(has_request_id: bool) -> str:
    return "repeat it with the same request_id" if has_request_id else "repeat it"


def _note(call: Call, error: RuleError) -> None:
    call.reason = error.reason.name
    call.code = grpc_code(error.reason).name


async def _abort(error: RuleError, context: "Context") -> NoReturn:
    wait = error.wait_seconds if isinstance(error, RateLimitedError) else None
    status = status_of(error, retry_after_seconds=wait)
    details = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(grpc_code(error.reason), status.message, details)
