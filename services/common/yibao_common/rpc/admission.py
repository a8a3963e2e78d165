"""What a call must pass before its method sees it.

In this order, before its message is there: the caller is found, may call the method, does not
call too often. Then: it sends a message that is not too large, sets no deadline beyond the limit,
every field of the request is well formed, once its texts are in their canonical form, and its
items, each of which is a call, or its rows, twenty of which are one, are not too many at once.

A call without a deadline gets the server's own limit, because most tools send none. One
with a deadline beyond the limit is refused, because its caller would wait for an answer
that can no longer come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.message import DecodeError, Message

from yibao_common.rpc.callers import set_current_caller
from yibao_common.rpc.calls import Call, Method, set_current_call
from yibao_common.rpc.peers import Peers
from yibao_common.rpc.rates import TokenBucket
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

# Timeouts are rounded up on the wire; a limit set to the second must pass.
_DEADLINE_SLACK_SECONDS = 1.0
# At least so long may calls take that answer more than once: they tell how far they are.
_STREAM_SECONDS = 600.0

# So many lines that are stored, or acts that are compared, cost about what a call does.
_ROWS_A_CALL = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may ask for."""

    max_message_bytes: int
    max_deadline_seconds: float


class RateLimitedError(RuleError):
    """A refusal that knows when to come again."""

    def __init__(self, wait_seconds: float, why: str = "too many calls") -> None:
        """Keeps the wait."""
        super().__init__(Reason.RATE_LIMITED, f"{why}; wait {wait_seconds:.3f} s")
        self.wait_seconds = wait_seconds


class Admission:
    """Admits calls, or raises RuleError."""

    def __init__(self, *, limits: Limits, peers: Peers, monotonic: Callable[[], float]) -> None:
        """Begins open."""
        self._limits = limits
        self._peers = peers
        self._monotonic = monotonic
        self.is_closed = False

    def find_caller(self, call: Call, context: "Context") -> TokenBucket | None:
        """Refuses who may not call this method, or not so often; returns who counts the calls.

        It needs no more of the call than its headers.
        """
        method = call.method
        self._refuse_closed(method)
        peer = self._peers.of(context)
        caller = call.caller = peer.caller
        if caller.role not in method.roles:
            raise RuleError(
                Reason.CALLER_NOT_ALLOWED,
                f"{caller.role.value} may not call {method.name}",
                method=method.name,
                role=caller.role.value,
            )
        set_current_caller(caller)
        bucket = None if method.is_open else peer.bucket
        if bucket is not None and (wait_seconds := bucket.take(self._monotonic())):
            raise RateLimitedError(wait_seconds)
        return bucket

    def still_admits(self, context: "Context") -> None:
        """Refuses a caller whose certificate ended or was revoked since the call began.

        Raises RuleError CALLER_UNKNOWN.
        """
        self._peers.of(context)

    def admit(
        self,
        call: Call,
        raw: bytes,
        parse: Callable[[bytes], Any],
        context: "Context",
        bucket: TokenBucket | None,
    ) -> Message:
        """Returns the well-formed request of a call that may proceed, whose caller was found."""
        method = call.method
        self._refuse_closed(method)
        most_bytes = self._limits.max_message_bytes
        if len(raw) > most_bytes:
            raise RuleError(
                Reason.MESSAGE_TOO_LARGE,
                f"{len(raw)} bytes are over the limit of {most_bytes}",
                bytes=len(raw),
                limit=most_bytes,
            )
        if not method.is_open:
            limit = self._limits.max_deadline_seconds
            if method.answers_often:
                limit = max(limit, _STREAM_SECONDS)
            call.limit_seconds = _own_limit(context, limit)
        try:
            request: Message = parse(raw)
        except DecodeError:
            raise RuleError(
                Reason.FIELD_MALFORMED, "the message is not of the type that the method takes"
            ) from None
        if method.has_region:
            call.region = request.region  # type: ignore[attr-defined]
        elif method.items_are_calls and request.items:  # type: ignore[attr-defined]
            call.region = request.items[0].region  # type: ignore[attr-defined]
        try:
            if method.validator is not None:
                method.validator.check(request)
        finally:
            # A refusal is logged by its id too; the check may have put it into its one form.
            if method.has_request_id:
                call.request_id = request.request_id  # type: ignore[attr-defined]
        if method.has_items:
            set_current_call(call)
        if method.items_are_calls:
            # The call itself was the first.
            self._take_more(bucket, len(request.items) - 1)  # type: ignore[attr-defined]
        elif method.weighing:
            more = len(getattr(request, method.weighing)) // _ROWS_A_CALL
            self._take_more(bucket, more)
        return request

    def _refuse_closed(self, method: Method) -> None:
        if self.is_closed and not method.is_open:
            raise RuleError(Reason.OVERLOADED, "the service is stopping; nothing was stored")

    def _take_more(self, bucket: TokenBucket | None, count: int) -> None:
        if bucket is not None and count > 0:
            wait_seconds = bucket.take_more(self._monotonic(), count)
            if wait_seconds:
                raise RateLimitedError(wait_seconds)


def _own_limit(context: "Context", limit: float) -> float | None:
    """Returns the server's limit for a call without a deadline, else None."""
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return limit
    if remaining > limit + _DEADLINE_SLACK_SECONDS:
        raise RuleError(
            Reason.DEADLINE_INVALID,
            f"the deadline is over {limit:g} s away; set one up to {limit:g} s, or none "
            "to get the server's own",
            limit_seconds=f"{limit:g}",
        )
    return None
