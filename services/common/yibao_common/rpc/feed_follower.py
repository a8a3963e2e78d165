"""Follows the feed of another service, region by region, in the background.

It is pulled, so that who tells need not know who listens, and does not lie on the path of what
is decided by it: with the other service down, that goes on by what was learnt last. A question
waits there until there are news, so that they hold here a moment later.
"""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import grpc

from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.feed import FeedPosition
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import told
from yibao_common.values.clock import Clock

_DEADLINE_SECONDS = 5.0
# How long a question may wait there; the deadline has room for it.
_MOST_WAIT_SECONDS = 2.0
# Between an answer and the next question, so that a flood of news is read in pages.
_REST_SECONDS = 0.03
# A turn ends even where millions of changes are read: one that took an hour would seem to hang.
_PAGES_A_TURN = 100
_PAGE_SIZE = 1_000


class FeedMessage(Protocol):
    """An answer."""

    epoch: str
    head_sequence: int


class Outcome(Protocol):
    """What became of an answer."""

    @property
    def position(self) -> FeedPosition:
        """Where the feed is now."""
        ...


MessageT = TypeVar("MessageT", bound=FeedMessage)
OutcomeT = TypeVar("OutcomeT", bound=Outcome)


@dataclass(frozen=True, slots=True)
class Source(Generic[MessageT, OutcomeT]):
    """Who tells, and what is done with it.

    `ask` is the method of the stub, which is called with what `question` makes of region,
    position, size of a page and milliseconds to wait. `position` and `apply` block; `apply` takes
    region, position asked, answer and the time of the question. `read` takes a position as
    stored, `hear` the newest change there is by an answer that is yet to be stored, `tell` what
    became of an answer.
    """

    service: str
    ask: Callable[..., "grpc.aio.UnaryUnaryCall[Any, MessageT]"]
    question: Callable[[str, FeedPosition, int, int], Any]
    position: Callable[[str], FeedPosition]
    apply: Callable[[str, FeedPosition, MessageT, Any], OutcomeT]
    read: Callable[[str, FeedPosition], None]
    hear: Callable[[str, int], None]
    tell: Callable[[str, OutcomeT], None]


class FeedFollower(Generic[MessageT, OutcomeT]):
    """Follows each region in the background, and asks when it is told to."""

    def __init__(
        self,
        source: Source[MessageT, OutcomeT],
        *,
        name: str,
        regions: tuple[str, ...],
        poll_seconds: float,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes who tells; `name` is that of its threads and of its duties in the metrics."""
        self._source = source
        # Threads of its own: those of the calls may all be busy with imports, and a freeze
        # must not wait for them.
        self._blocking = Blocking(2, name=name)
        self._clock = clock
        self._wait_milliseconds = round(1_000 * min(poll_seconds, _MOST_WAIT_SECONDS))
        # Until the service was reached once, questions wait for it: both may be starting.
        self._was_reached = False
        self._is_closing = False
        # Questions that wait there.
        self._held: set[grpc.aio.UnaryUnaryCall[Any, MessageT]] = set()
        # Two at once would store one page after the other for nothing.
        self._locks = {region: asyncio.Lock() for region in regions}
        # A task for each region: a question that waits holds up no other region's.
        self._tasks = [
            BackgroundTask(
                name,
                [
                    Duty(
                        run=functools.partial(self._follow, region),
                        failure=f"{source.service} gives no news",
                        region=region,
                    )
                ],
                seconds=_REST_SECONDS,
                retry_seconds=poll_seconds,
                metrics=metrics,
                clock=clock,
                log=log,
            )
            for region in regions
        ]

    def start(self, supervisor: Supervisor) -> None:
        """Starts to follow; call it inside the event loop.

        Raises:
            StartError: a thread cannot be made.
        """
        self._blocking.start(supervisor)
        for task in self._tasks:
            task.start(supervisor)

    async def first_round(self) -> None:
        """Waits until each region was asked for once, whatever came of it."""
        for task in self._tasks:
            await task.first_round()

    async def close(self) -> None:
        """Stops to follow, and takes back the questions that wait."""
        self._is_closing = True
        for call in self._held:
            call.cancel()
        for task in self._tasks:
            await task.close()
        self._blocking.close()

    async def refresh(self, region: str) -> bool:
        """Asks for the region's news now and tells whether all that there was came."""
        try:
            return await self._pull(region)
        except Exception:
            # Whatever it is, who follows the region meets it too and tells of it. Whoever
            # asked for something else is not refused for it.
            return False

    async def _follow(self, region: str) -> None:
        try:
            await self._pull(region, wait_milliseconds=self._wait_milliseconds)
        except grpc.aio.AioRpcError as error:
            raise told(error) from error
        except asyncio.CancelledError:
            if not self._is_closing:
                raise

    async def _pull(self, region: str, *, wait_milliseconds: int = 0) -> bool:
        """Stores what is new and tells whether that was all; else the next turn goes on.

        Where there is nothing the question waits.
        """
        for _ in range(_PAGES_A_TURN):
            asked = await self._blocking.run(self._source.position, region)
            self._source.read(region, asked)
            is_current = asked.is_current and bool(asked.epoch)
            outcome = await self._ask(
                region, asked, wait_milliseconds=wait_milliseconds if is_current else 0
            )
            self._source.tell(region, outcome)
            if outcome.position.is_current:
                if not outcome.position.epoch:
                    # Who tells from before there were epochs answers at once.
                    await asyncio.sleep(wait_milliseconds / 1_000)
                return True
        return False

    async def _ask(self, region: str, asked: FeedPosition, *, wait_milliseconds: int) -> OutcomeT:
        source, ask_time = self._source, self._clock()
        call = source.ask(
            source.question(region, asked, _PAGE_SIZE, wait_milliseconds),
            timeout=_DEADLINE_SECONDS,
            wait_for_ready=not self._was_reached,
        )
        self._held.add(call)
        try:
            message = await call
        finally:
            self._held.discard(call)
        self._was_reached = True
        if asked.epoch and not message.epoch:
            raise ToldError(
                f"{source.service} has no feed of the region, or is older than this one"
            )
        source.hear(region, message.head_sequence)
        async with self._locks[region]:
            return await self._blocking.run(source.apply, region, asked, message, ask_time)
