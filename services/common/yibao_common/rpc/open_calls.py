"""The calls that each party has open: those whose request is still on its way, and those whose
answer is not read yet, take memory as those that are served do.

gRPC gives a call its method once the headers are there, and keeps what came of its message and
what was not read of its answer for as long as the connection lasts. No deadline ends that for a
caller that sets none.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from yibao_common.rpc.admission import RateLimitedError
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Task: TypeAlias = asyncio.Task[Any]

# A request comes with its headers or right behind them; so long it may take on a bad line.
ARRIVAL_SECONDS = 10.0
# Of a party of which many requests are on their way, none takes so long.
_SHORT_SECONDS = 1.0
_MANY_ARRIVING = 100
# More than a party's burst may have open at once is nobody's who waits for answers.
_MOST_CALLS = 5_000
_MOST_UNREAD_BYTES = 64_000_000
# Below it nothing is counted: answers to bills are that small, and many.
_SMALL_BYTES = 4_096
_SWEEP_SECONDS = 0.5
_WAIT_SECONDS = 1.0


class RequestLateError(Exception):
    """The request of a call did not arrive in time; nothing came of the call."""


@dataclass(slots=True)
class _Party:
    """What one party has open."""

    calls: int = 0
    unread_bytes: int = 0
    # Calls whose request is on its way, the first one begun at the head.
    arriving: "dict[OpenCall, None]" = field(default_factory=dict)


class OpenCall:
    """One call, from its headers until its answer was read."""

    __slots__ = ("_party", "_since", "_task", "_unread_bytes", "is_late")

    def __init__(self, party: _Party, task: "Task", since: float) -> None:
        """Begins now."""
        self._party = party
        self._task = task
        self._since = since
        self._unread_bytes = 0
        self.is_late = False

    async def receive(self, context: "Context") -> bytes:
        """Returns the request as it came.

        Raises:
            RequestLateError: it did not come in time.
            RuleError: FIELD_MALFORMED, the caller ended the call without one.
        """
        arriving = self._party.arriving
        arriving[self] = None
        try:
            raw: bytes | Any = await context.read()
        except asyncio.CancelledError:
            if not self.is_late:
                raise
            self._task.uncancel()
            raise RequestLateError from None
        finally:
            del arriving[self]
        if raw is grpc.aio.EOF:
            raise RuleError(
                Reason.FIELD_MALFORMED, "the call brought no message, or one over twice the limit"
            )
        return bytes(raw)

    def answers(self, raw: bytes) -> bytes:
        """Returns an answer after counting it: it is unread until the call is closed."""
        if len(raw) > _SMALL_BYTES:
            self._unread_bytes += len(raw)
            self._party.unread_bytes += len(raw)
        return raw

    def waits_since(self, instant: float) -> bool:
        """Tells whether the request was on its way at `instant` already."""
        return self._since <= instant

    def cut_off(self) -> None:
        """Ends the wait for the request."""
        if not self.is_late:
            self.is_late = True
            self._task.cancel()

    def close(self, _task: "Task") -> None:
        """Ends the call: its answer was read, or nobody will read it."""
        self._party.calls -= 1
        self._party.unread_bytes -= self._unread_bytes


class OpenCalls:
    """Opens calls, each within what its party may have open at once."""

    # Who has nothing open is forgotten then.
    _MOST_PARTIES = 10_000

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        """Begins without any."""
        self._monotonic = monotonic
        self._parties: dict[str, _Party] = {}
        # When the next look at what is late is due; None where none is.
        self._look_at: float | None = None

    def open(self, name: str) -> OpenCall:
        """Opens a call of a party, in the task that serves it.

        Raises:
            RateLimitedError: the party has too many open, or too much of answers unread.
        """
        party = self._parties.get(name)
        if party is None:
            party = self._new_party(name)
        if party.calls >= _MOST_CALLS:
            told = f"{party.calls} calls are open"
            raise RateLimitedError(_WAIT_SECONDS, told)
        if party.unread_bytes > _MOST_UNREAD_BYTES:
            told = f"answers of {party.unread_bytes} bytes are not read yet"
            raise RateLimitedError(_WAIT_SECONDS, told)
        task = asyncio.current_task()
        assert task is not None, "gRPC serves each call in a task of its own"
        call = OpenCall(party, task, self._monotonic())
        party.calls += 1
        # The task of gRPC goes on until the answer is on its way, and this ends with it.
        task.add_done_callback(call.close)
        if self._look_at is None:
            self._look_again()
        return call

    def end_arriving(self) -> None:
        """Ends every wait for a request, where the service ends."""
        for party in self._parties.values():
            for call in party.arriving:
                call.cut_off()

    def _new_party(self, name: str) -> _Party:
        if len(self._parties) >= self._MOST_PARTIES:
            self._parties = {key: each for key, each in self._parties.items() if each.calls}
        return self._parties.setdefault(name, _Party())

    def _look_again(self) -> None:
        self._look_at = self._monotonic() + _SWEEP_SECONDS
        asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._look)

    def _look(self) -> None:
        """Ends the waits that take too long."""
        # First: where this fails, as for want of memory, the next call has it looked again.
        due, self._look_at = self._look_at, None
        now = self._monotonic()
        waiting = [each.arriving for each in self._parties.values() if each.arriving]
        # Where this comes late the event loop was busy, and requests wait for it.
        if due is not None and now - due < _SWEEP_SECONDS:
            for arriving in waiting:
                is_many = len(arriving) > _MANY_ARRIVING
                limit_seconds = _SHORT_SECONDS if is_many else ARRIVAL_SECONDS
                for call in arriving:
                    if not call.waits_since(now - limit_seconds):
                        break
                    call.cut_off()
        if waiting:
            self._look_again()
