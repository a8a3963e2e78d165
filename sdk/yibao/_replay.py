"""What this machine has seen: codes by key and id, until they could not be used anyway."""

import threading


class ReplaySet:
    """A bounded memory of codes, safe to share between threads.

    When it is full the oldest is forgotten: it spares a scanner a round trip, whereas
    single use itself is decided at settlement.
    """

    def __init__(self, capacity: int) -> None:
        """Remembers at most `capacity` codes, at least 1."""
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._capacity = capacity
        self._lock = threading.Lock()
        self._end_by_code: dict[tuple[bytes, bytes], float] = {}

    def add(self, code: tuple[bytes, bytes], *, end_second: float, now_second: float) -> bool:
        """Remembers `code` until `end_second`; returns False if it was remembered before."""
        with self._lock:
            if code in self._end_by_code:
                return False
            self._forget(now_second)
            self._end_by_code[code] = end_second
            return True

    def __len__(self) -> int:
        """How many codes are remembered."""
        return len(self._end_by_code)

    def _forget(self, now_second: float) -> None:
        # Codes live about equally long, so the first in is the first to end. A longer
        # one in front only keeps some behind it a minute more.
        while self._end_by_code:
            oldest = next(iter(self._end_by_code))
            ended = self._end_by_code[oldest] <= now_second
            if not ended and len(self._end_by_code) < self._capacity:
                return
            del self._end_by_code[oldest]
