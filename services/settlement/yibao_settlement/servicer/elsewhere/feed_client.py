"""What settlement learns of registrations and holds from offsite: its feed.

With offsite down, bills settle by what was learnt last. See `yibao_common.rpc.feed_follower`.
"""

import datetime as dt
from collections.abc import Callable, Collection
from typing import cast

import grpc

from yibao.offsite.v1 import offsite_feed_service_pb2 as pb
from yibao.offsite.v1 import offsite_feed_service_pb2_grpc as rpc
from yibao_common.commands.background import ToldError
from yibao_common.commands.feed import FeedPosition
from yibao_common.commands.following import Moved
from yibao_common.process.config import FollowedConfig
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc import feed_ages
from yibao_common.rpc.feed_follower import FeedFollower, Source
from yibao_common.rpc.server_info import FeedState
from yibao_common.values.clock import Clock
from yibao_settlement.application.elsewhere.feed import (
    OffsiteAnswer,
    OffsiteFeed,
    OffsiteGone,
    ToldHold,
)
from yibao_settlement.rules.elsewhere.registered import AuditHold
from yibao_settlement.servicer.elsewhere.feed_messages import answer_of, question_of

OffsiteFollower = FeedFollower[pb.ListOffsiteChangesResponse, Moved[OffsiteGone]]
# Returns why an attestation is not offsite's of a hold of a region, empty where it is.
VerifyHold = Callable[[str, AuditHold, bytes], str]


class OffsiteAges:
    """How old what is known of registrations is, of the regions that are followed."""

    def __init__(
        self, regions: Collection[str], *, most: dt.timedelta, metrics: Metrics, clock: Clock
    ) -> None:
        """Takes how old news may be; gives the metrics what they tell."""
        self._ages = feed_ages.FeedAges(
            regions,
            subject="the registrations",
            most=most,
            metrics=metrics.registrations_feed,
            clock=clock,
        )

    def read(self, region: str, position: FeedPosition) -> None:
        """Takes a position as stored."""
        self._ages.read(region, position)

    def hear(self, region: str, head_sequence: int) -> None:
        """Takes the newest change there is, as an answer tells that is yet to be stored."""
        self._ages.hear(region, head_sequence)

    def applied(self, region: str, moved: Moved[OffsiteGone]) -> None:
        """Takes what became of an answer."""
        gone = 0 if moved.gone is None else moved.gone.registrations + moved.gone.holds
        self._ages.applied(region, moved.position, began_anew=moved.began_anew, gone=gone)

    def state(self, region: str) -> FeedState | None:
        """Returns what is known of a region, None where it is not followed."""
        return self._ages.state(region) if region in self._ages else None


def offsite_follower(
    channel: grpc.aio.Channel,
    config: FollowedConfig,
    feed: OffsiteFeed,
    ages: OffsiteAges,
    *,
    verify_hold: VerifyHold,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> OffsiteFollower:
    """Returns what follows the registrations and holds of each region of the configuration."""
    # On an aio channel a stub's methods are awaitable; its constructor does not say so.
    stub = cast("rpc.OffsiteFeedServiceAsyncStub", rpc.OffsiteFeedServiceStub(channel))

    def apply(
        region: str,
        asked: FeedPosition,
        message: pb.ListOffsiteChangesResponse,
        ask_time: dt.datetime,
    ) -> Moved[OffsiteGone]:
        answer = answer_of(message, ask_time=ask_time)
        _require_verified(region, answer, verify_hold)
        return feed.apply(region, asked, answer)

    def tell(region: str, moved: Moved[OffsiteGone]) -> None:
        ages.applied(region, moved)
        if moved.began_anew:
            until = moved.position.head_sequence
            log.warning("the feed of offsite is read anew", region=region, until=until)
        if moved.gone is not None and moved.position.reading > 1:
            log.warning(
                "the feed of offsite was read anew",
                region=region,
                registrations_gone=moved.gone.registrations,
                holds_gone=moved.gone.holds,
                emergencies_told_again=moved.gone.emergencies,
            )

    source = Source(
        "offsite",
        ask=stub.ListOffsiteChanges,
        question=question_of,
        position=feed.position,
        apply=apply,
        read=ages.read,
        hear=ages.hear,
        tell=tell,
    )
    return FeedFollower(
        source,
        name="offsite-feed",
        regions=config.regions,
        poll_seconds=config.poll_seconds,
        metrics=metrics,
        clock=clock,
        log=log,
    )


def _require_verified(region: str, answer: OffsiteAnswer, verify_hold: VerifyHold) -> None:
    """Raises ToldError where a hold was not signed by offsite, as trust is known here.

    Nothing of the answer is stored then: its key may be known a moment later, and what was
    passed over would never be told again.
    """
    for change in answer.changes:
        told = change.subject
        if not isinstance(told, ToldHold):
            continue
        if problem := verify_hold(region, told.hold, told.attestation):
            raise ToldError(f"the attestation of hold {told.hold.hold_id}: {problem}")
