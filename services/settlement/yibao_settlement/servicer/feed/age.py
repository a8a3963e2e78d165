"""How old what is known of persons is, by region: for metrics, and as a limit for codes."""

import datetime as dt
import functools
from collections.abc import Collection
from dataclasses import dataclass

from yibao_common.process.metrics import Metrics
from yibao_common.rpc.server_info import FeedState
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import Applied, FeedPosition
from yibao_settlement.rules.feed import check_feed_age


@dataclass(slots=True)
class _Known:
    """When everything was known last, and how many changes are known to be missing."""

    # None until there was an answer once.
    read_time: dt.datetime | None = None
    # What was stored when it was read last: it tells something new only where it has moved.
    stored_time: dt.datetime | None = None
    lag: int = 0


class FeedAges:
    """What the newest answers said. Before the first one, age counts from the start."""

    def __init__(
        self, regions: Collection[str], *, most: dt.timedelta, metrics: Metrics, clock: Clock
    ) -> None:
        """Takes how old news may be; gives the metrics what they tell."""
        self._most = most
        self._clock = clock
        self._start_time = clock()
        self._known = {region: _Known() for region in regions}
        self._begun_anew, self._gone = metrics.feed_begun_anew, metrics.feed_persons_gone
        self._undecided = metrics.merges_undecided
        for region, known in self._known.items():
            age_seconds = functools.partial(self._age_seconds, region)
            metrics.feed_age.labels(region).set_function(age_seconds)
            lag = functools.partial(getattr, known, "lag")
            metrics.feed_lag.labels(region).set_function(lag)
            self._begun_anew.labels(region)
            self._gone.labels(region)
            self._undecided.labels(region)

    def read(self, region: str, position: FeedPosition) -> None:
        """Takes a position as stored, perhaps by another process or before the start.

        When everything was known is stored once a minute: what is known here may be newer.
        A process whose clock is ahead may have stored a time to come; that counts as now,
        once.
        """
        known = self._known[region]
        known.lag = position.lag
        if position.read_time is not None and position.read_time != known.stored_time:
            known.stored_time = position.read_time
            stored = min(position.read_time, self._clock())
            known.read_time = stored if known.read_time is None else max(known.read_time, stored)

    def applied(self, region: str, applied: Applied) -> None:
        """Takes what became of an answer."""
        self.read(region, applied.position)
        if applied.is_current:
            # Asked for just now, and by this clock: right also where it was wrong before.
            self._known[region].read_time = applied.position.read_time
        if applied.began_anew:
            self._begun_anew.labels(region).inc()
        if applied.gone is not None:
            self._gone.labels(region).inc(applied.gone.persons)
        self._undecided.labels(region).inc(len(applied.undecided))

    def check(self, region: str, now: dt.datetime) -> None:
        """Raises FEED_STALE where news of the region are older than they may be.

        A region that is not followed has no news that could be old.
        """
        if region in self._known:
            check_feed_age(self._age(region, now), most=self._most, region=region)

    def state(self, region: str) -> FeedState:
        """Returns what is known of a region that is followed."""
        known, age = self._known[region], self._age(region, self._clock())
        return FeedState(known.read_time, age, known.lag, self._most)

    def problem(self) -> str:
        """Returns of which regions too little is known to serve; nothing where of none."""
        missing = ", ".join(each for each, known in self._known.items() if not known.read_time)
        if missing:
            return f"nothing is known yet of the persons of {missing}"
        now = self._clock()
        stale = ", ".join(each for each in self._known if self._age(each, now) > self._most)
        return f"news of the persons of {stale} are too old" if stale else ""

    def _age_seconds(self, region: str) -> float:
        return self._age(region, self._clock()).total_seconds()

    def _age(self, region: str, now: dt.datetime) -> dt.timedelta:
        known = self._known[region]
        # Where this clock was set back, what it told before is worth no more than now.
        if known.read_time is None:
            self._start_time = min(self._start_time, now)
            return now - self._start_time
        known.read_time = min(known.read_time, now)
        return now - known.read_time
