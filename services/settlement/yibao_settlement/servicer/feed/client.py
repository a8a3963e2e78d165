"""What settlement learns of persons from identity: the enrolment feed.

It is pulled, so that identity need not know who listens, and does not lie on the path of a
bill: with identity down, bills settle by what was learnt last. A question waits at identity
until there are news, so that what identity answered holds here a moment later.
"""

import asyncio
import functools
from typing import Any, cast

import grpc

from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.channels import told
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import Applied, Feed, FeedPosition
from yibao_settlement.servicer.feed.age import FeedAges
from yibao_settlement.servicer.feed.messages import answer_of, question_of

_DEADLINE_SECONDS = 5.0
# How long a question may wait at identity; the deadline has room for it.
_MOST_WAIT_SECONDS = 2.0
# Between an answer and the next question, so that a flood of news is read in pages.
_REST_SECONDS = 0.03
# A turn ends even where millions of changes are read: one that took an hour would seem to hang.
_PAGES_A_TURN = 100


class FeedClient:
    """Follows the feed of each region in the background, and asks when it is told to."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        regions: tuple[str, ...],
        poll_seconds: float,
        feed: Feed,
        ages: FeedAges,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes a channel to identity, where its news are kept and who is told of their age."""
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._persons = cast(
            "person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel)
        )
        self._feed = feed
        self._ages = ages
        # Threads of its own: those of the calls may all be busy with imports, and a freeze
        # must not wait for them.
        self._blocking = Blocking(2, name="feed")
        self._clock = clock
        self._log = log
        self._wait_milliseconds = round(1_000 * min(poll_seconds, _MOST_WAIT_SECONDS))
        # Until identity was reached once, questions wait for it: both may be starting.
        self._was_reached = False
        self._is_closing = False
        # Questions that wait at identity.
        self._held: set[grpc.aio.UnaryUnaryCall[Any, person_pb.ListEnrolmentChangesResponse]] = (
            set()
        )
        # Two at once would store one page after the other for nothing.
        self._locks = {region: asyncio.Lock() for region in regions}
        # A task for each region: a question that waits holds up no other region's.
        self._tasks = [
            BackgroundTask(
                "feed",
                [
                    Duty(
                        run=functools.partial(self._follow, region),
                        failure="identity gives no news",
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
            asked = await self._blocking.run(self._feed.position, region)
            self._ages.read(region, asked)
            is_current = Applied(asked).is_current and bool(asked.epoch)
            applied = await self._ask(
                region, asked, wait_milliseconds=wait_milliseconds if is_current else 0
            )
            self._tell(region, applied)
            if applied.is_current:
                if not applied.position.epoch:
                    # An identity from before there were epochs answers at once.
                    await asyncio.sleep(wait_milliseconds / 1_000)
                return True
        return False

    async def _ask(self, region: str, asked: FeedPosition, *, wait_milliseconds: int) -> Applied:
        ask_time = self._clock()
        call = self._persons.ListEnrolmentChanges(
            question_of(region, asked, wait_milliseconds=wait_milliseconds),
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
            raise ToldError("identity has no feed of the region, or is older than settlement")
        answer = answer_of(message, asked=asked, ask_time=ask_time)
        async with self._locks[region]:
            return await self._blocking.run(self._feed.apply, region, asked, answer)

    def _tell(self, region: str, applied: Applied) -> None:
        self._ages.applied(region, applied)
        if applied.began_anew:
            until = applied.position.head_sequence
            self._log.warning("the feed is read anew", region=region, until=until)
        for merge in applied.undecided:
            self._log.error(
                "bills of a merge were not decided",
                region=region,
                person_id=merge.survivor_id,
                settlement_id=merge.settlement_id,
            )
        if applied.gone is not None and applied.position.reading > 1:
            self._log.warning(
                "the feed was read anew",
                region=region,
                persons_gone=applied.gone.persons,
                merges_undone=applied.gone.merges,
            )
