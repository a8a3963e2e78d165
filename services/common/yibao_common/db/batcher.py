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


class OwnBatchError(Exception):
    """Commands of a batch take too long for others to wait for them; nothing is stored.

    `places` are theirs in the batch.
    """

    def __init__(self, places: Collection[int]) -> None:
        """Takes which commands."""
        super().__init__("commands take long")
        self.places = frozenset(places)


# The outcome of a command that is carried out later, in a batch of its own.
_LATER = OwnBatchError(())

# How long closing waits for what is queued: a database that is away may never take it.
_CLOSE_SECONDS = 20.0


@dataclass(slots=True)
class _Waiting(Generic[CommandT, AnswerT]):
    command: CommandT
    future: "asyncio.Future[AnswerT]"
    since: float
    party: str
    weight: int


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
        """Takes what weighs `most` together: of each party one, then of each another one."""
        parties, batch = self._parties, list[_Waiting[CommandT, AnswerT]]()
        while parties and most > 0:
            party, queue = parties.popitem(last=False)
            # Alone, a party need not be looked for again after each.
            turns = 1 if parties else len(queue)
            while turns and most > 0:
                waiting = queue.popleft()
                batch.append(waiting)
                most -= waiting.weight
                turns -= 1
            if queue:
                parties[party] = queue
        return batch

    def left(self) -> list[_Waiting[CommandT, AnswerT]]:
        return [each for queue in self._parties.values() for each in queue]


class _Lane(Generic[CommandT, AnswerT]):
    """What waits to be carried out in one thread; regions take turns."""

    def __init__(self, name: str) -> None:
        self.thread = Blocking(1, name=name)
        self.filled = asyncio.Event()
        self.in_flight: list[_Waiting[CommandT, AnswerT]] = []
        self.waiting = 0
        self._lines: collections.OrderedDict[str, _Line[CommandT, AnswerT]] = (
            collections.OrderedDict()
        )

    def add(self, region: str, waiting: _Waiting[CommandT, AnswerT]) -> None:
        line = self._lines.get(region)
        if line is None:
            line = self._lines[region] = _Line()
        line.add(waiting.party, waiting)
        self.waiting += 1
        self.filled.set()

    def take(self, most: int) -> tuple[str, list[_Waiting[CommandT, AnswerT]]]:
        region, line = self._lines.popitem(last=False)
        batch = line.take(most)
        if line:
            self._lines[region] = line
        self.waiting -= len(batch)
        self.in_flight = batch
        return region, batch

    def left(self) -> list[_Waiting[CommandT, AnswerT]]:
        return [each for line in self._lines.values() for each in line.left()]


class Batcher(Generic[CommandT, AnswerT]):
    """Runs commands in batches of one region each.

    `work(region, commands)` runs in the batch thread. It returns an outcome for each
    command, in order, after a durable commit; or raises, and then nothing is stored:
    RuleError refuses all, TransientError runs the batch again, anything else once more and
    then splits it in two, so that a command that breaks the work fails alone with INTERNAL.
    What the work says takes long (OwnBatchError) is carried out by `alone`, one by one in a thread
    of its own, while the others go on: it may not say so.
    """

    def __init__(
        self,
        work: Callable[[str, Sequence[CommandT]], Sequence[Outcome[AnswerT]]],
        *,
        alone: Callable[[str, Sequence[CommandT]], Sequence[Outcome[AnswerT]]] | None = None,
        party_of: Callable[[CommandT], str] = lambda _command: "",
        weight_of: Callable[[CommandT], int] = lambda _command: 1,
        regions: Collection[str] | None = None,
        max_size: int = 128,
        linger_seconds: float = 0.002,
        max_queue: int = 4096,
        attempts: int = 5,
        observer: BatchObserver | None = None,
    ) -> None:
        """Makes a batcher; `start` it inside the event loop that it serves.

        `party_of` tells whose a command is, `weight_of` for how many of `max_size` it counts, one
        at least: nobody waits for a batch of many that take long. Commands of other regions than
        `regions` are refused; None takes all.
        """
        assert 1 <= max_size <= max_queue
        assert attempts >= 1
        self._work = work
        self._alone = alone or work
        self._party_of = party_of
        self._weight_of = weight_of
        self._regions = None if regions is None else frozenset(regions)
        self._max_size = max_size
        self._linger_seconds = linger_seconds
        self._max_queue = max_queue
        self._attempts = attempts
        self._observer = observer or _NoObserver()
        self._lane: _Lane[CommandT, AnswerT] = _Lane("batch")
        self._long_lane: _Lane[CommandT, AnswerT] = _Lane("long")
        # How many commands of each party wait.
        self._shares: collections.Counter[str] = collections.Counter()
        self._runners: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self, supervisor: Supervisor) -> None:
        """Starts taking batches; call it inside the running event loop.

        Should the runner or its thread die, those who wait are told, nobody else is let in,
        and the supervisor ends the service.

        Raises:
            StartError: the thread cannot be made.
        """
        assert not self._runners
        lanes = (self._lane, "batcher", self._max_size), (self._long_lane, "long batcher", 1)
        for lane, name, most in lanes:
            lane.thread.start(supervisor)
            runner = asyncio.create_task(self._run(lane, most), name=name)
            runner.add_done_callback(self._ended)
            self._runners.append(runner)
            supervisor.watch(runner)

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
        self._shares[party] += 1
        waiting = _Waiting(command, future, time.perf_counter(), party, self._weight_of(command))
        self._lane.add(region, waiting)
        return future

    def _has_room(self, party: str) -> bool:
        """Tells whether another command of `party` may wait.

        One alone may fill the queue. Where it is full, who has less than an equal share is
        still let in, up to as much again: a flood keeps nobody else out.
        """
        waiting = self._lane.waiting + self._long_lane.waiting
        if waiting < self._max_queue:
            return True
        own = self._shares.get(party, 0)
        parties = len(self._shares) + (own == 0)
        return waiting < 2 * self._max_queue and own < self._max_queue // parties

    async def close(self) -> None:
        """Refuses new commands, carries out those that wait and stops.

        A batch that does not end is left alone: a repeat of its requests tells.
        """
        self._closing = True
        # The first one may leave something to the second one.
        for lane, runner in zip((self._lane, self._long_lane), self._runners, strict=False):
            lane.filled.set()
            # How it ended is the supervisor's matter.
            await asyncio.wait([runner], timeout=_CLOSE_SECONDS)
            runner.cancel()
            await asyncio.wait([runner])
        for lane in (self._lane, self._long_lane):
            lane.thread.close(within_seconds=0.5)

    async def _run(self, lane: _Lane[CommandT, AnswerT], most: int) -> None:
        busy, is_long = False, lane is self._long_lane
        work = self._alone if is_long else self._work
        while True:
            if not lane.waiting:
                if self._closing and (not is_long or self._runners[0].done()):
                    return
                busy = False
                lane.filled.clear()
                await lane.filled.wait()
                continue
            if busy and lane.waiting < most and not self._closing:
                # Under load a short wait fills the batch; an idle service never waits.
                await asyncio.sleep(self._linger_seconds)
            region, batch = self._take(lane, most)
            started = time.perf_counter()
            outcomes = await lane.thread.run(
                self._carry_out, work, region, [waiting.command for waiting in batch]
            )
            self._observer.committed(
                size=len(batch),
                queue_wait_seconds=started - batch[0].since,
                commit_seconds=time.perf_counter() - started,
            )
            busy = len(batch) > 1
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if outcome is _LATER:
                    self._shares[waiting.party] += 1
                    self._long_lane.add(region, waiting)
                else:
                    _resolve(waiting.future, outcome)
            lane.in_flight = []

    def _ended(self, runner: "asyncio.Task[None]") -> None:
        """Leaves nobody waiting, whatever ended the runner."""
        if self._closing and not runner.cancelled() and runner.exception() is None:
            return
        self._closing = True
        for lane in (self._lane, self._long_lane):
            for waiting in lane.in_flight:
                _resolve(waiting.future, OutcomeUnknownError())
        for waiting in (*self._lane.left(), *self._long_lane.left()):
            refusal = RuleError(Reason.OVERLOADED, "the service is stopping; nothing was stored")
            _resolve(waiting.future, refusal)

    def _take(
        self, lane: _Lane[CommandT, AnswerT], most: int
    ) -> tuple[str, list[_Waiting[CommandT, AnswerT]]]:
        """Takes the next batch; regions with waiting commands take turns."""
        region, batch = lane.take(most)
        for waiting in batch:
            self._shares[waiting.party] -= 1
            if not self._shares[waiting.party]:
                del self._shares[waiting.party]
        return region, batch

    def _carry_out(
        self,
        work: Callable[[str, Sequence[CommandT]], Sequence[Outcome[AnswerT]]],
        region: str,
        commands: list[CommandT],
    ) -> list[AnswerT | Exception]:
        """Runs the work; splits a batch that fails. Runs in the batch thread."""
        failed_before = False
        for attempt in range(1, self._attempts + 1):
            try:
                return list(work(region, commands))
            except OwnBatchError as error:
                return self._without(error.places, region, commands)
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
        return self._carry_out(work, region, commands[:middle]) + self._carry_out(
            work, region, commands[middle:]
        )

    def _without(
        self, places: Collection[int], region: str, commands: list[CommandT]
    ) -> list[AnswerT | Exception]:
        """Runs the work without commands that take long, which come later."""
        others = [each for place, each in enumerate(commands) if place not in places]
        outcomes = iter(self._carry_out(self._work, region, others) if others else ())
        return [_LATER if place in places else next(outcomes) for place in range(len(commands))]


def _resolve(future: "asyncio.Future[AnswerT]", outcome: AnswerT | Exception) -> None:
    if future.done():  # the caller has gone away
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
