"""Tells calls that wait for news of a feed when there are some, whichever process made them."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock

# How often the ends of feeds are looked at while somebody waits. A freeze is to hold at
# settlement within 200 ms, and each look costs half a millisecond of CPU, since it finds
# everything cold.
_LOOK_SECONDS = 0.1
# For how long its thread goes on looking before the duty is told to have succeeded.
_DUTY_SECONDS = 1.0


class FeedEnds(Protocol):
    """Where the feeds of a service end. Blocks."""

    def head_sequence(self, region: str) -> int:
        """Returns the number of a region's newest change, 0 before the first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    """A call that waits until the feed of a region ends elsewhere than at `beyond`."""

    region: str
    beyond: int
    woken: "asyncio.Future[None]"


class FeedWatch:
    """Looks at the ends of the feeds that calls wait for.

    It asks the database, because another process, or a command, may have written. It has a
    thread of its own, and `pages` are those in which feeds are read: the threads of other
    calls may all be busy with imports, and a freeze must not wait for them.
    """

    def __init__(self, feed: FeedEnds, *, metrics: Metrics, clock: Clock, log: Log) -> None:
        """Takes what knows the ends; nothing runs before `start`."""
        self._feed = feed
        self._blocking = Blocking(1, name="feed-watch")
        self.pages = Blocking(2, name="feed")
        self._waiters: set[_Waiter] = set()
        # Of these, what is asked of the database, as the thread reads it: replaced as a whole.
        self._waited: frozenset[tuple[str, int]] = frozenset()
        self._is_released = False
        duty = Duty(run=self._look, failure="the feed is not watched")
        self._task = BackgroundTask(
            "feed-watch", [duty], seconds=_LOOK_SECONDS, metrics=metrics, clock=clock, log=log
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts to look; call it inside the event loop.

        Raises:
            StartError: a thread cannot be made.
        """
        self._blocking.start(supervisor)
        self.pages.start(supervisor)
        self._task.start(supervisor)

    async def wait(self, region: str, *, beyond: int, seconds: float) -> None:
        """Waits until the region's feed no longer ends at `beyond`, but not over `seconds`."""
        if self._is_released:
            return
        waiter = _Waiter(region, beyond, asyncio.get_running_loop().create_future())
        self._waiters.add(waiter)
        self._tell_waited()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter.woken
        finally:
            self._waiters.discard(waiter)
            self._tell_waited()

    def _tell_waited(self) -> None:
        self._waited = frozenset([(each.region, each.beyond) for each in self._waiters])

    def release(self) -> None:
        """Lets every call go, and none wait any more: the process is about to drain."""
        self._is_released = True
        for waiter in self._waiters:
            _wake(waiter)

    async def close(self) -> None:
        """Stops to look."""
        self.release()
        await self._task.close()
        self._blocking.close()
        self.pages.close()

    async def _look(self) -> None:
        if not self._waited:
            return
        ends = await self._blocking.run(self._found_elsewhere)
        for waiter in self._waiters:
            if ends.get(waiter.region, waiter.beyond) != waiter.beyond:
                _wake(waiter)

    def _found_elsewhere(self) -> Mapping[str, int]:
        """Returns where feeds end, once one ends elsewhere than somebody waits for, or in time.

        It goes on in the thread: handing over each look would cost more than the look.
        """
        until = time.monotonic() + _DUTY_SECONDS
        while True:
            waited = self._waited
            regions = {region for region, _ in waited}
            ends = {region: self._feed.head_sequence(region) for region in regions}
            is_news = any(ends[region] != beyond for region, beyond in waited)
            if is_news or not waited or self._is_released or time.monotonic() >= until:
                return ends
            time.sleep(_LOOK_SECONDS)


def _wake(waiter: _Waiter) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(None)
