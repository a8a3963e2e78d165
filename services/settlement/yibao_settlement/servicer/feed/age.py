"""How old what is known of persons is, by region: for metrics, and as a limit for codes."""

import datetime as dt
import functools
from collections.abc import Collection
from dataclasses import dataclass

from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import Applied, FeedPosition
from yibao_settlement.rules.feed import check_feed_age


@dataclass(slots=True)
class _Known:
    """When everything was known last, and how many changes are known to be missing."""

    read_time: dt.datetime
    lag: int = 0
    # Whether there ever was an answer; until then `read_time` is the start of this process.
    was_read: bool = False


class FeedAges:
    """What the newest answers said. Before the first one, age counts from the start."""

    def __init__(
        self, regions: Collection[str], *, most: dt.timedelta, metrics: Metrics, clock: Clock
    ) -> None:
        """Takes how old news may be; gives the metrics what they tell."""
        self._most = most
        self._clock = clock
        self._known = {region: _Known(clock()) for region in regions}
        self._begun_anew, self._gone = metrics.feed_begun_anew, metrics.feed_persons_gone
        for region, known in self._known.items():
            age_seconds = functools.partial(self._age_seconds, region)
            metrics.feed_age.labels(region).set_function(age_seconds)
            lag = functools.partial(getattr, known, "lag")
            metrics.feed_lag.labels(region).set_function(lag)
            self._begun_anew.labels(region)
            self._gone.labels(region)

    def read(self, region: str, position: FeedPosition) -> None:
        """Takes a position as stored, perhaps by another process or before the start."""
        known = self._known[region]
        known.lag = position.lag
        if position.read_time is not None:
            known.read_time = position.read_time
            known.was_read = True

    def applied(self, region: str, applied: Applied) -> None:
        """Takes what became of an answer."""
        self.read(region, applied.position)
        if applied.began_anew:
            self._begun_anew.labels(region).inc()
        if applied.gone is not None:
            self._gone.labels(region).inc(applied.gone.persons)

    def check(self, region: str, now: dt.datetime) -> None:
        """Raises FEED_STALE where news of the region are older than they may be.

        A region that is not followed has no news that could be old.
        """
        if region in self._known:
            check_feed_age(now - self._known[region].read_time, most=self._most, region=region)

    def problem(self) -> str:
        """Returns of which regions too little is known to serve; nothing where of none."""
        missing = ", ".join(region for region in self._known if not self._known[region].was_read)
        if missing:
            return f"nothing is known yet of the persons of {missing}"
        now = self._clock()
        stale = ", ".join(
            region for region, known in self._known.items() if now - known.read_time > self._most
        )
        return f"news of the persons of {stale} are too old" if stale else ""

    def _age_seconds(self, region: str) -> float:
        return (self._clock() - self._known[region].read_time).total_seconds()
