"""What offsite learns of persons from identity: the enrolment feed.

With identity down, persons are checked by what was learnt last. See
`yibao_common.rpc.feed_follower`.
"""

import datetime as dt
from typing import cast

import grpc

from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.commands.feed import FeedPosition
from yibao_common.commands.following import Moved
from yibao_common.process.config import FollowedConfig
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.feed_ages import FeedAges
from yibao_common.rpc.feed_follower import FeedFollower, Source
from yibao_common.values.clock import Clock
from yibao_offsite.application.following import Following
from yibao_offsite.servicer.following.messages import answer_of, question_of

Follower = FeedFollower[person_pb.ListEnrolmentChangesResponse, Moved[int]]


def person_ages(config: FollowedConfig, *, metrics: Metrics, clock: Clock) -> FeedAges:
    """Returns what tells how old what is known of persons is."""
    return FeedAges(
        config.regions,
        subject="the persons",
        most=config.max_feed_age,
        metrics=metrics.persons_feed,
        clock=clock,
    )


def person_follower(
    channel: grpc.aio.Channel,
    config: FollowedConfig,
    following: Following,
    ages: FeedAges,
    *,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> Follower:
    """Returns what follows the persons of each region of the configuration."""
    # On an aio channel a stub's methods are awaitable; its constructor does not say so.
    persons = cast("person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel))

    def apply(
        region: str,
        asked: FeedPosition,
        message: person_pb.ListEnrolmentChangesResponse,
        ask_time: dt.datetime,
    ) -> Moved[int]:
        return following.apply(region, asked, answer_of(message, ask_time=ask_time))

    def tell(region: str, moved: Moved[int]) -> None:
        position, gone = moved.position, moved.gone or 0
        ages.applied(region, position, began_anew=moved.began_anew, gone=gone)
        if moved.began_anew:
            log.warning("the feed is read anew", region=region, until=position.head_sequence)
        if moved.gone is not None and position.reading > 1:
            log.warning("the feed was read anew", region=region, persons_gone=gone)

    source = Source(
        "identity",
        ask=persons.ListEnrolmentChanges,
        question=question_of,
        position=following.position,
        apply=apply,
        read=ages.read,
        hear=ages.hear,
        tell=tell,
    )
    return FeedFollower(
        source,
        name="feed",
        regions=config.regions,
        poll_seconds=config.poll_seconds,
        metrics=metrics,
        clock=clock,
        log=log,
    )
