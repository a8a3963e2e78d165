"""Tells that who signs what is told here has a clock that is ahead of this one."""

import datetime as dt

from yibao_common.process.logs import Log
from yibao_common.values.clock import Clock

# Holds come by the thousand where a feed is read anew.
_AGAIN = dt.timedelta(hours=1)


class SignerAhead:
    """Writes a log line, at most once an hour."""

    def __init__(self, *, clock: Clock, log: Log) -> None:
        """Takes this process's clock."""
        self._clock = clock
        self._log = log
        self._told: dt.datetime | None = None

    def __call__(self, region: str, seconds: int) -> None:
        """Tells by how many seconds the clock of who signed for a region seems ahead."""
        now = self._clock()
        if self._told is None or now - self._told >= _AGAIN:
            self._told = now
            self._log.warning("the clock of offsite is ahead", region=region, seconds=seconds)
