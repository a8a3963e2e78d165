"""How old what is known of persons is, by region: for metrics, and as a limit for codes."""

import datetime as dt
from collections.abc import Collection

from yibao_common.process.metrics import Metrics
from yibao_common.rpc import feed_ages
from yibao_common.rpc.server_info import FeedState
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import Applied, FeedPosition
from yibao_settlement.rules.feed import check_feed_age


class FeedAges:
    """What the newest answers said. Before the first one, age counts from the start."""

    def __init__(
        self, regions: Collection[str], *, most: dt.timedelta, metrics: Metrics, clock: Clock
    ) -> None:
        """Takes how old news may be; gives the metrics what they tell."""
        self._ages = feed_ages.FeedAges(
            regions, subject="the persons", most=most, metrics=metrics.persons_feed, clock=clock
        )
        self._undecided = metrics.merges_undecided
        for region in regions:
            self._undecided.labels(region)

    def read(self, region: str, position: FeedPosition) -> None:
        """Takes a position as stored, perhaps by another process or before the start."""
        self._ages.read(region, position)

    def hear(self, region: str, head_sequence: int) -> None:
        """Takes the newest change there is, as an answer tells that is yet to be stored."""
        self._ages.hear(region, head_sequence)

    def applied(self, region: str, applied: Applied) -> None:
        """Takes what became of an answer."""
        gone = applied.gone.persons if applied.gone is not None else 0
        self._ages.applied(region, applied.position, began_anew=applied.began_anew, gone=gone)
        self._undecided.labels(region).inc(len(applied.undecided))

    def check(self, region: str, now: dt.datetime) -> None:
        """Raises FEED_STALE where news of the region are older than they may be.

        A region that is not followed has no news that could be old.
        """
        if region in self._ages:
            check_feed_age(self._ages.age(region, now), most=self._ages.most, region=region)

    def state(self, region: str) -> FeedState:
        """Returns what is known of a region that is followed."""
        return self._ages.state(region)

    def problem(self) -> str:
        """Returns of which regions too little is known to serve; nothing where of none."""
        return self._ages.problem()
