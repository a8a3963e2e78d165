"""How far this machine's clock is from the issuer's, estimated from the codes it scans."""

import statistics
import threading
from collections import deque
from typing import Final

MAX_SCANS: Final = 31
LEAST_SCANS: Final = 5


class ClockOffset:
    """The median of `now - iat` over recent scans, safe to share between threads.

    Only codes of mode A count, because the issuer's clock dates them. A median, so that
    some old pictures of codes among them do not matter.
    """

    def __init__(self) -> None:
        """Starts without a scan."""
        self._lock = threading.Lock()
        self._offsets: deque[float] = deque(maxlen=MAX_SCANS)

    def add(self, offset_seconds: float) -> None:
        """Takes in a scan of a code that the issuer signed `offset_seconds` before."""
        with self._lock:
            self._offsets.append(offset_seconds)

    def seconds(self) -> float | None:
        """Returns the median in seconds; None before the fifth scan."""
        with self._lock:
            enough = len(self._offsets) >= LEAST_SCANS
            return statistics.median(self._offsets) if enough else None
