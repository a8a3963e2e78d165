"""Micro-batching: many waiting commands, one transaction, one durable commit.

Commands of a region queue up; one batch is in flight, so the next forms while this one
commits. Work runs in a thread of its own, because the database driver blocks. See
`docs/internals/architecture.md`, "One batch, one transaction".
"""

import asyncio
import collections
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

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


@dataclass(slots=True)
class _Waiting(Generic[CommandT, AnswerT]):
    command: CommandT
    future: "asyncio.Future[AnswerT]"
    since: float


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
        max_size: int = 128,
        linger_seconds: float = 0.002,
        max_queue: int = 4096,
        attempts: int = 5,
        observer: BatchObserver | None = None,
    ) -> None:
        """Makes a batcher; `start` it inside the event loop that it serves."""
        assert 1 <= max_size <= max_queue
        assert attempts >= 1
        self._work = work
        self._max_size = max_size
        self._linger_seconds = linger_seconds
        self._max_queue = max_queue
        self._attempts = attempts
        self._observer = observer or _NoObserver()
        self._queues: collections.OrderedDict[
            str, collections.deque[_Waiting[CommandT, AnswerT]]
        ] = collections.OrderedDict()
        self._waiting = 0
        self._filled = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._in_flight: list[_Waiting[CommandT, AnswerT]] = []
        self._closing = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch")

    def start(self, supervisor: Supervisor) -> None:
        """Starts taking batches; call it inside the running event loop.

        Should the runner die, those who wait are told that the outcome is unknown, nobody
        else is let in, and the supervisor ends the service.
        """
        assert self._runner is None
        self._runner = asyncio.create_task(self._run(), name="batcher")
        self._runner.add_done_callback(self._ended)
        supervisor.watch(self._runner)

    async def submit(self, region: str, command: CommandT) -> AnswerT:
        """Queues `command` and returns its answer once it is durable.

        Raises RuleError where the command is refused, OVERLOADED where the queue is full
        or closing. Cancelling the caller does not cancel the command: it is carried out,
        and a repeat of its request id gets the answer.
        """
        # A cancelled caller cancels the future alone: the command is in the queue.
        return await self.enqueue(region, command)

    def enqueue(self, region: str, command: CommandT) -> "asyncio.Future[AnswerT]":
        """Queues `command`; the future gets its answer, or its RuleError."""
        if self._closing or self._waiting >= self._max_queue:
            raise RuleError(Reason.OVERLOADED, "the queue is full or the service is stopping")
        future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        queue = self._queues.get(region)
        if queue is None:
            queue = self._queues[region] = collections.deque()
        queue.append(_Waiting(command, future, time.perf_counter()))
        self._waiting += 1
        self._filled.set()
        return future

    async def close(self) -> None:
        """Refuses new commands, carries out those that wait and stops."""
        self._closing = True
        self._filled.set()
        if self._runner is not None:
            # How it ended is the supervisor's matter.
            await asyncio.wait([self._runner])
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
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
            outcomes = await loop.run_in_executor(
                self._thread, self._carry_out, region, [waiting.command for waiting in batch]
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
        left = [*self._in_flight, *(each for queue in self._queues.values() for each in queue)]
        for waiting in left:
            # What was under way may be durable: a repeat of its request id tells.
            _resolve(waiting.future, TransientError("the queue has died"))

    def _take(self) -> tuple[str, list[_Waiting[CommandT, AnswerT]]]:
        """Takes the next batch; regions with waiting commands take turns."""
        region, queue = self._queues.popitem(last=False)
        size = min(len(queue), self._max_size)
        batch = [queue.popleft() for _ in range(size)]
        if queue:
            self._queues[region] = queue
        self._waiting -= size
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
