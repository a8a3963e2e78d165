"""How old what a service learnt from a feed is, by region: for metrics, and as a limit."""

import datetime as dt
import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from yibao_common.commands.feed import FeedPosition
from yibao_common.process.metrics import FeedMetrics
from yibao_common.rpc.server_info import FeedState
from yibao_common.values.clock import Clock


@dataclass(slots=True)
class _Known:
    """When everything was known last, and how many changes are known to be missing."""

    # None until there was an answer once.
    read_time: dt.datetime | None = None
    # What was stored when it was read last: it tells something new only where it has moved.
    stored_time: dt.datetime | None = None
    # The newest change that an answer told there is, until that answer is stored.
    head_sequence: int = 0
    lag: int = 0


class FeedAges:
    """What the newest answers said. Before the first one, age counts from the start."""

    def __init__(
        self,
        regions: Collection[str],
        *,
        subject: str,
        most: dt.timedelta,
        metrics: FeedMetrics,
        clock: Clock,
    ) -> None:
        """Takes what the feed is of and how old news may be; gives the metrics what they tell."""
        self.most = most
        self._subject = subject
        self._clock = clock
        self._start_time = clock()
        self._known = {region: _Known() for region in regions}
        self._begun_anew, self._gone = metrics.begun_anew, metrics.gone
        for region, known in self._known.items():
            age_seconds = functools.partial(self._age_seconds, region)
            metrics.age.labels(region).set_function(age_seconds)
            lag = functools.partial(getattr, known, "lag")
            metrics.lag.labels(region).set_function(lag)
            self._begun_anew.labels(region)
            self._gone.labels(region)

    def __contains__(self, region: str) -> bool:
        """Tells whether a region is followed."""
        return region in self._known

    def __iter__(self) -> Iterator[str]:
        """Yields the regions that are followed."""
        return iter(self._known)

    def hear(self, region: str, head_sequence: int) -> None:
        """Takes the newest change there is, as an answer tells that is yet to be stored.

        What cannot be stored is missing all the same, and has to be seen.
        """
        self._known[region].head_sequence = head_sequence

    def read(self, region: str, position: FeedPosition) -> None:
        """Takes a position as stored, perhaps by another process or before the start.

        When everything was known is stored once a minute: what is known here may be newer.
        A process whose clock is ahead may have stored a time to come; that counts as now,
        once.
        """
        known = self._known[region]
        known.lag = max(position.lag, known.head_sequence - position.sequence)
        if position.read_time is not None and position.read_time != known.stored_time:
            known.stored_time = position.read_time
            stored = min(position.read_time, self._clock())
            known.read_time = stored if known.read_time is None else max(known.read_time, stored)

    def applied(
        self, region: str, position: FeedPosition, *, began_anew: bool, gone: int = 0
    ) -> None:
        """Takes what became of an answer; `gone` is what a reading did not tell of any more."""
        # The position has it.
        self._known[region].head_sequence = 0
        self.read(region, position)
        if position.is_current:
            # Asked for just now, and by this clock: right also where it was wrong before.
            self._known[region].read_time = position.read_time
        if began_anew:
            self._begun_anew.labels(region).inc()
        self._gone.labels(region).inc(gone)

    def state(self, region: str) -> FeedState:
        """Returns what is known of a region that is followed."""
        known, age = self._known[region], self.age(region, self._clock())
        return FeedState(known.read_time, age, known.lag, self.most)

    def problem(self) -> str:
        """Returns of which regions too little is known to serve; nothing where of none."""
        missing = ", ".join(each for each, known in self._known.items() if not known.read_time)
        if missing:
            return f"nothing is known yet of {self._subject} of {missing}"
        now = self._clock()
        stale = ", ".join(each for each in self._known if self.age(each, now) > self.most)
        return f"news of {self._subject} of {stale} are too old" if stale else ""

    def age(self, region: str, now: dt.datetime) -> dt.timedelta:
        """Returns how old news of a region that is followed are."""
        known = self._known[region]
        # Where this clock was set back, what it told before is worth no more than now.
        if known.read_time is None:
            self._start_time = min(self._start_time, now)
            return now - self._start_time
        known.read_time = min(known.read_time, now)
        return now - known.read_time

    def _age_seconds(self, region: str) -> float:
        return self.age(region, self._clock()).total_seconds()
