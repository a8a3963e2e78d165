"""Threads for calls that block, so that the event loop never does."""

import asyncio
import collections
import functools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from yibao_common.process.config import StartError
from yibao_common.process.supervisor import Supervisor

T = TypeVar("T")

# How often it is looked whether the threads live, and what they have been at for how long.
_LOOK_SECONDS = 1.0
# What every thread has been at for so long does not end any more: the longest that a
# statement, a lock or a connection may take is far below, five tries of them included.
_HANG_SECONDS = 600.0


class ThreadDiedError(Exception):
    """A thread ended by itself; whether it carried out what it was at is unknown."""


class ThreadsHangError(Exception):
    """Every thread has been at one call for minutes."""


class _Job(Generic[T]):
    """A call on its way through a thread."""

    __slots__ = ("function", "future", "loop")

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()

    def carry_out(self) -> None:
        if self.future.cancelled():
            return
        try:
            answer = functools.partial(_answer, self.future, self.function())
        except StopIteration as error:
            # No future takes it: whoever waits would never be told.
            answer = functools.partial(_fail, self.future, RuntimeError(f"{error!r} was raised"))
        except BaseException as error:
            answer = functools.partial(_fail, self.future, error)
        try:
            self.loop.call_soon_threadsafe(answer)
        except RuntimeError:
            return  # The loop was closed: nobody waits any more.


class _Line:
    """Calls that wait for a thread. Parties take turns: one that asks for many waits for itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parties: collections.OrderedDict[str, collections.deque[_Job[Any]]] = (
            collections.OrderedDict()
        )

    def add(self, party: str, job: _Job[Any]) -> None:
        with self._lock:
            queue = self._parties.get(party)
            if queue is None:
                queue = self._parties[party] = collections.deque()
            queue.append(job)

    def take(self) -> _Job[Any]:
        with self._lock:
            party, queue = self._parties.popitem(last=False)
            job = queue.popleft()
            if queue:
                self._parties[party] = queue
        return job


class Blocking:
    """Threads for calls that block, such as reads of the database.

    All of them start at once: one that cannot be made later, for want of memory, would
    leave a call waiting for ever. They are daemons: one that hangs keeps no process from
    ending.
    """

    def __init__(
        self,
        threads: int = 4,
        *,
        name: str = "blocking",
        hang_seconds: float = _HANG_SECONDS,
        party_of: Callable[[], str] = lambda: "",
        is_for_long_work: bool = False,
    ) -> None:
        """Keeps how many; `start` makes them, or the first call where nobody supervises.

        `party_of` tells for whom a call is made, where it is made. With `is_for_long_work` the
        service does not stand still where all of them are at work.
        """
        assert threads >= 1
        self._name = name
        self._hang_seconds = hang_seconds
        self._party_of = party_of
        self._is_for_long_work = is_for_long_work
        self._line = _Line()
        # True for each call in the line, False for a thread to end.
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._waiting: set[_Job[Any]] = set()
        self._threads = [
            threading.Thread(target=self._serve, args=(place,), name=f"{name}-{place}", daemon=True)
            for place in range(threads)
        ]
        # Since when each thread is at its call, in monotonic seconds; None where it is idle.
        self._since: list[float | None] = [None] * threads
        self._has_started = self._closing = False
        self._supervisor: Supervisor | None = None
        self._watch: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Starts the threads; call it inside the event loop.

        Should one die, or all of them hang, those who wait are told and the supervisor ends
        the service.

        Raises:
            StartError: a thread cannot be made.
        """
        self._start_threads()
        self._supervisor = supervisor
        self._watch = asyncio.create_task(self._look(), name=f"{self._name} threads")
        supervisor.watch(self._watch)
        if not self._is_for_long_work:
            supervisor.expect_progress(self._name, self.stalled_seconds)

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Returns what `function` returns, called in one of the threads."""
        if not self._has_started:
            self._start_threads()
        job = _Job(functools.partial(function, *args, **kwargs))
        self._waiting.add(job)
        self._line.add(self._party_of(), job)
        self._calls.put(True)
        try:
            return await job.future
        finally:
            self._waiting.discard(job)

    def stalled_seconds(self) -> float:
        """Returns for how long every thread has been at one call; 0 while one is idle."""
        since = [each for each in self._since if each is not None]
        return time.monotonic() - max(since) if len(since) == len(self._since) else 0.0

    def close(self, *, within_seconds: float = 10.0) -> None:
        """Waits for running calls; one that goes on for longer is left alone, and told of."""
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
        for _ in self._threads:
            self._calls.put(False)
        ends = time.monotonic() + within_seconds
        for thread in self._threads if self._has_started else ():
            thread.join(max(0.0, ends - time.monotonic()))
        left = [thread.name for thread in self._threads if thread.is_alive()]
        if left and self._supervisor is not None:
            self._supervisor.leave(left)

    def _start_threads(self) -> None:
        self._has_started = True
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:
            raise StartError(f"threads for {self._name}: {error}") from None

    def _serve(self, place: int) -> None:
        while self._calls.get():
            job = self._line.take()
            self._since[place] = time.monotonic()
            job.carry_out()
            self._since[place] = None
            # Nothing of it is kept until the next one comes.
            del job

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self._check()
            except (ThreadDiedError, ThreadsHangError) as error:
                for job in self._waiting:
                    _fail(job.future, error)
                raise

    def _check(self) -> None:
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead and not self._closing:
            raise ThreadDiedError(", ".join(dead))
        if self.stalled_seconds() > self._hang_seconds:
            raise ThreadsHangError(self._name)


def _answer(future: "asyncio.Future[T]", answer: T) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
