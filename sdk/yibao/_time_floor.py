"""What a clock that is set back does not undo: the time that has come, and what was too old."""

import contextlib
import datetime as dt
import math
import threading
from typing import Final

from yibao._token import CLOCK_SUSPECT_SECONDS, QrError, unix_seconds
from yibao._trust_marks import TrustMarks
from yibao.trust import TrustSnapshot

# The floor is written when it has risen by this much; less is lost at a restart.
_STEP_SECONDS: Final = 60


class TimeFloor:
    """The latest time that an issuer has signed; every process of the machine shares it."""

    def __init__(self, marks: TrustMarks) -> None:
        """Starts at the beginning of time; `look` takes over what was marked."""
        self._marks = marks
        self._lock = threading.Lock()
        self._second = 0
        self._marked_second = 0

    def look(self) -> None:
        """Takes over what an earlier run or another process has marked."""
        marked = self._marks.latest_second()
        with self._lock:
            self._marked_second = marked
            self._second = max(self._second, marked)

    def raise_to(self, second: int) -> None:
        """Notes that an issuer signed at `second`."""
        if second <= self._second:
            return
        with self._lock:
            self._second = max(self._second, second)
            if second < self._marked_second + _STEP_SECONDS:
                return
            self._marked_second = second
            self._marks.add_second(second)

    def check(self, now: dt.datetime) -> None:
        """Checks that a clock is not over 60 s behind the floor.

        Raises:
            QrError: `clock_suspect`.
        """
        offset = unix_seconds(now) - self._second
        if offset < -CLOCK_SUSPECT_SECONDS:
            raise QrError(
                "clock_suspect",
                "this clock is behind what issuers have signed",
                offset_seconds=math.floor(offset),
            )


class PastAge:
    """Which snapshots were seen past their hard age; that is so for good."""

    def __init__(self, marks: TrustMarks) -> None:
        """Starts without any; `look` takes over what was marked."""
        self._marks = marks
        self._digests: frozenset[str] = frozenset()

    def look(self) -> None:
        """Takes over what an earlier run or another process has marked."""
        self._digests |= self._marks.expired()

    def check(self, snapshot: TrustSnapshot, now: dt.datetime) -> None:
        """Checks that a snapshot is not past its hard age at `now`, nor was at a time before.

        Raises:
            QrError: `stale_trust`.
        """
        if snapshot.digest.hex() in self._digests:
            raise QrError("stale_trust", "the trust snapshot was past its hard age; fetch another")
        try:
            snapshot.check_age(now)
        except QrError:
            self._digests |= {snapshot.digest.hex()}
            # Where it cannot be marked it holds until the process ends.
            with contextlib.suppress(OSError):
                self._marks.add_expired(snapshot.digest)
            raise
