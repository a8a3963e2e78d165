"""What settlement learns of persons from identity: the enrolment feed.

With identity down, bills settle by what was learnt last. See `yibao_common.rpc.feed_follower`.
"""

import datetime as dt
from typing import cast

import grpc

from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.feed_follower import FeedFollower, Source
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import Applied, Feed, FeedPosition
from yibao_settlement.servicer.feed.age import FeedAges
from yibao_settlement.servicer.feed.messages import answer_of, question_of


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
        persons = cast("person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel))
        self._feed = feed
        self._ages = ages
        self._log = log
        source = Source(
            "identity",
            ask=persons.ListEnrolmentChanges,
            question=question_of,
            position=feed.position,
            apply=self._apply,
            read=ages.read,
            hear=ages.hear,
            tell=self._tell,
        )
        self._follower = FeedFollower(
            source,
            name="feed",
            regions=regions,
            poll_seconds=poll_seconds,
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts to follow; call it inside the event loop.

        Raises:
            StartError: a thread cannot be made.
        """
        self._follower.start(supervisor)

    async def first_round(self) -> None:
        """Waits until each region was asked for once, whatever came of it."""
        await self._follower.first_round()

    async def close(self) -> None:
        """Stops to follow, and takes back the questions that wait."""
        await self._follower.close()

    async def refresh(self, region: str) -> bool:
        """Asks for the region's news now and tells whether all that there was came."""
        return await self._follower.refresh(region)

    def _apply(
        self,
        region: str,
        asked: FeedPosition,
        message: person_pb.ListEnrolmentChangesResponse,
        ask_time: dt.datetime,
    ) -> Applied:
        answer = answer_of(message, asked=asked, ask_time=ask_time)
        return self._feed.apply(region, asked, answer)

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
