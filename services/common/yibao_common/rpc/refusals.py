"""Refusals counted by day, institution, method and reason, until somebody stores them."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from yibao_common.rpc.calls import Call
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason

# More keys than this wait for nobody: what comes then is counted by the metrics alone.
_MOST_KEYS = 100_000


class Refusal(NamedTuple):
    """What was refused; `institution_id` is empty where no institution called.

    `method` is its name without package and service, `day` one of Asia/Shanghai.
    """

    region: str
    day: dt.date
    institution_id: str
    method: str
    reason: str


class Refusals:
    """Counts the refusals of a process, of the regions that it serves. For one thread."""

    def __init__(self, regions: Collection[str], *, clock: Clock) -> None:
        """Begins with none."""
        self._regions = frozenset(regions)
        self._clock = clock
        self._counts: Counter[Refusal] = Counter()

    def count(self, call: Call, reason: Reason) -> None:
        """Counts a call, or an item of one, that was refused.

        One whose request tells no region that is served is of the caller's own.
        """
        caller = call.caller
        if caller is None:
            return
        institution_id = caller.institution_id or ""
        region = call.region
        if region not in self._regions:
            region = caller.region or institution_id[1:7]
        if region not in self._regions:
            return
        day = shanghai_day(self._clock())
        method = call.method.name.rpartition("/")[2]
        refusal = Refusal(region, day, institution_id, method, reason.name)
        if refusal in self._counts or len(self._counts) < _MOST_KEYS:
            self._counts[refusal] += 1

    def take(self) -> Mapping[Refusal, int]:
        """Returns what was counted since it was taken before."""
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, counts: Mapping[Refusal, int]) -> None:
        """Counts again what was taken and could not be stored."""
        self._counts.update(counts)
