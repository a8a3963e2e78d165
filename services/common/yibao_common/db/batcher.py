"""Micro-batching: many waiting commands, one transaction, one durable commit.

Commands of a region queue up; one batch is in flight, so the next forms while this one
commits. Work runs in a thread of its own, because the database driver blocks. See
`docs/internals/architecture.md`, "One batch, one transaction".
"""

import asyncio
import collections
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Outcome
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason

CommandT = TypeVar("CommandT")
AnswerT = TypeVar("AnswerT")


class BatchObserver(Protocol):
    """Is told of every batch, for metrics."""

    def committed(self, *, size: int, queue_wait_seconds: float, commit_seconds: float) -> None:
        """Takes the size, the wait of the first command and the time of the work."""
        ...


class _NoObserver:
    def committed(self, *, size: int, queue_wait_seconds: float, commit_seconds: float) -> None:
        """Ignores the batch."""


class OutcomeUnknownError(Exception):
    """The queue died while it carried a command out: a repeat of its request tells."""


# How long closing waits for what is queued: a database that is away may never take it.
_CLOSE_SECONDS = 20.0


@dataclass(slots=True)
class _Waiting(Generic[CommandT, AnswerT]):
    command: CommandT
    future: "asyncio.Future[AnswerT]"
    since: float
    party: str


class _Line(Generic[CommandT, AnswerT]):
    """What waits of one region. Parties take turns: one that sends many waits for itself."""

    __slots__ = ("_parties",)

    def __init__(self) -> None:
        self._parties: collections.OrderedDict[
            str, collections.deque[_Waiting[CommandT, AnswerT]]
        ] = collections.OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._parties)

    def add(self, party: str, waiting: _Waiting[CommandT, AnswerT]) -> None:
        queue = self._parties.get(party)
        if queue is None:
            queue = self._parties[party] = collections.deque()
        queue.append(waiting)

    def take(self, most: int) -> list[_Waiting[CommandT, AnswerT]]:
        """Takes up to `most`: of each party one, then of each another one."""
        parties, batch = self._parties, list[_Waiting[CommandT, AnswerT]]()
        while parties and len(batch) < most:
            party, queue = parties.popitem(last=False)
            # Alone, a party need not be looked for again after each.
            turns = 1 if parties else min(most - len(batch), len(queue))
            for _ in range(turns):
                batch.append(queue.popleft())
            if queue:
                parties[party] = queue
        return batch

    def left(self) -> list[_Waiting[CommandT, AnswerT]]:
        return [each for queue in self._parties.values() for each in queue]


class Batcher(Generic[CommandT, AnswerT]):
    """Runs commands in batches of one region each.

    `work(region, commands)` runs in the batch thread. It returns an outcome for each
    command, in order, after a durable commit; or raises, and then nothing is stored:
    RuleError refuses all, TransientError runs the batch again, anything else once more and
    then splits it in two, so that a command that breaks the work fails alone with INTERNAL.
    """

    def __init__(
        self,
        work: Callable[[str, Sequence[CommandT]], Sequence[Outcome[AnswerT]]],
        *,
        party_of: Callable[[CommandT], str] = lambda _command: "",
        regions: Collection[str] | None = None,
        max_size: int = 128,
        linger_seconds: float = 0.002,
        max_queue: int = 4096,
        attempts: int = 5,
        observer: BatchObserver | None = None,
    ) -> None:
        """Makes a batcher; `start` it inside the event loop that it serves.

        `party_of` tells whose a command is. Commands of other regions than `regions` are
        refused; None takes all.
        """
        assert 1 <= max_size <= max_queue
        assert attempts >= 1
        self._work = work
        self._party_of = party_of
        self._regions = None if regions is None else frozenset(regions)
        self._max_size = max_size
        self._linger_seconds = linger_seconds
        self._max_queue = max_queue
        self._attempts = attempts
        self._observer = observer or _NoObserver()
        self._lines: collections.OrderedDict[str, _Line[CommandT, AnswerT]] = (
            collections.OrderedDict()
        )
        self._waiting = 0
        # How many commands of each party wait.
        self._shares: collections.Counter[str] = collections.Counter()
        self._filled = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._in_flight: list[_Waiting[CommandT, AnswerT]] = []
        self._closing = False
        self._thread = Blocking(1, name="batch")

    def start(self, supervisor: Supervisor) -> None:
        """Starts taking batches; call it inside the running event loop.

        Should the runner or its thread die, those who wait are told, nobody else is let in,
        and the supervisor ends the service.

        Raises:
            StartError: the thread cannot be made.
        """
        assert self._runner is None
        self._thread.start(supervisor)
        self._runner = asyncio.create_task(self._run(), name="batcher")
        self._runner.add_done_callback(self._ended)
        supervisor.watch(self._runner)

    async def submit(self, region: str, command: CommandT) -> AnswerT:
        """Queues `command` and returns its answer once it is durable.

        Raises RuleError where the command is refused, OUT_OF_SCOPE where its region is not
        served here, OVERLOADED where the queue is full or closing. Cancelling the caller does
        not cancel the command: it is carried out, and a repeat of its request id gets the
        answer.
        """
        # A cancelled caller cancels the future alone: the command is in the queue.
        return await self.enqueue(region, command)

    def enqueue(self, region: str, command: CommandT) -> "asyncio.Future[AnswerT]":
        """Queues `command`; the future gets its answer, or its RuleError."""
        if self._regions is not None and region not in self._regions:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                f"region {region} is not served here",
                scope=f"region/{region}",
            )
        party = self._party_of(command)
        if self._closing or not self._has_room(party):
            raise RuleError(Reason.OVERLOADED, "the queue is full or the service is stopping")
        future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        line = self._lines.get(region)
        if line is None:
            line = self._lines[region] = _Line()
        line.add(party, _Waiting(command, future, time.perf_counter(), party))
        self._waiting += 1
        self._shares[party] += 1
        self._filled.set()
        return future

    def _has_room(self, party: str) -> bool:
        """Tells whether another command of `party` may wait.

        One alone may fill the queue. Where it is full, who has less than an equal share is
        still let in, up to as much again: a flood keeps nobody else out.
        """
        if self._waiting < self._max_queue:
            return True
        own = self._shares.get(party, 0)
        parties = len(self._shares) + (own == 0)
        return self._waiting < 2 * self._max_queue and own < self._max_queue // parties

    async def close(self) -> None:
        """Refuses new commands, carries out those that wait and stops.

        A batch that does not end is left alone: a repeat of its requests tells.
        """
        self._closing = True
        self._filled.set()
        if self._runner is not None:
            # How it ended is the supervisor's matter.
            await asyncio.wait([self._runner], timeout=_CLOSE_SECONDS)
            self._runner.cancel()
            await asyncio.wait([self._runner])
        self._thread.close(within_seconds=0.5)

    async def _run(self) -> None:
        busy = False
        while True:
            if not self._waiting:
                if self._closing:
                    return
                busy = False
                self._filled.clear()
                await self._filled.wait()
                continue
            if busy and self._waiting < self._max_size and not self._closing:
                # Under load a short wait fills the batch; an idle service never waits.
                await asyncio.sleep(self._linger_seconds)
            region, batch = self._take()
            self._in_flight = batch
            started = time.perf_counter()
            outcomes = await self._thread.run(
                self._carry_out, region, [waiting.command for waiting in batch]
            )
            self._observer.committed(
                size=len(batch),
                queue_wait_seconds=started - batch[0].since,
                commit_seconds=time.perf_counter() - started,
            )
            busy = len(batch) > 1
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _resolve(waiting.future, outcome)
            self._in_flight = []

    def _ended(self, _runner: "asyncio.Task[None]") -> None:
        """Leaves nobody waiting, whatever ended the runner."""
        self._closing = True
        for waiting in self._in_flight:
            _resolve(waiting.future, OutcomeUnknownError())
        for waiting in (each for line in self._lines.values() for each in line.left()):
            refusal = RuleError(Reason.OVERLOADED, "the service is stopping; nothing was stored")
            _resolve(waiting.future, refusal)

    def _take(self) -> tuple[str, list[_Waiting[CommandT, AnswerT]]]:
        """Takes the next batch; regions with waiting commands take turns."""
        region, line = self._lines.popitem(last=False)
        batch = line.take(self._max_size)
        if line:
            self._lines[region] = line
        self._waiting -= len(batch)
        for waiting in batch:
            self._shares[waiting.party] -= 1
            if not self._shares[waiting.party]:
                del self._shares[waiting.party]
        return region, batch

    def _carry_out(self, region: str, commands: list[CommandT]) -> list[AnswerT | Exception]:
        """Runs the work; splits a batch that fails. Runs in the batch thread."""
        failed_before = False
        for attempt in range(1, self._attempts + 1):
            try:
                return list(self._work(region, commands))
            except RuleError as refusal:
                # What the work refuses as a whole, it refuses to each: nothing was stored.
                return [refusal] * len(commands)
            except TransientError as error:
                if attempt == self._attempts:
                    return [error] * len(commands)
                time.sleep(0.01 * 2**attempt)
            except Exception as error:
                # Two processes that meet on a new key fail with any error of the
                # database; run again, the loser finds what the winner wrote.
                if failed_before or attempt == self._attempts:
                    if len(commands) == 1:
                        return [error]
                    break
                failed_before = True
        middle = len(commands) // 2
        return self._carry_out(region, commands[:middle]) + self._carry_out(
            region, commands[middle:]
        )


def _resolve(future: "asyncio.Future[AnswerT]", outcome: AnswerT | Exception) -> None:
    if future.done():  # the caller has gone away
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
