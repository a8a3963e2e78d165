"""Identifiers made by the application: UUIDs of version 7, which sort by time."""

import datetime as dt
import os
import threading
import time
import uuid
from typing import Protocol

_IDS_AT_ONCE = 64


class Ids(Protocol):
    """Makes identifiers."""

    def __call__(self) -> str:
        """Returns a new UUID of 36 lower-case characters."""
        ...


class TimeOrderedIds:
    """Makes UUIDv7 (RFC 9562) that rise within the process, even inside a millisecond.

    48 bits of Unix milliseconds, a 12-bit counter, 62 random bits. Safe to share
    between threads.
    """

    def __init__(self) -> None:
        """Starts before the first millisecond."""
        self._lock = threading.Lock()
        self._millis = 0
        self._counter = 0
        self._random = b""

    def __call__(self) -> str:
        """Returns the next UUID."""
        with self._lock:
            millis = time.time_ns() // 1_000_000
            if millis > self._millis:
                self._millis, self._counter = millis, 0
            else:
                # The clock stood still or went back: keep rising all the same.
                self._counter += 1
                if self._counter > 0xFFF:
                    self._millis, self._counter = self._millis + 1, 0
            millis, counter = self._millis, self._counter
            if not self._random:
                # One call to the system for many ids.
                self._random = os.urandom(8 * _IDS_AT_ONCE)
            tail = int.from_bytes(self._random[:8], "big") & 0x3FFF_FFFF_FFFF_FFFF
            self._random = self._random[8:]
        value = f"{millis << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | tail:032x}"
        return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


class IdsAbove:
    """Makes identifiers that are all greater than one, whatever the clock says."""

    def __init__(self, ids: Ids, least: str) -> None:
        """Takes what makes identifiers, and the UUIDv7 to exceed; empty is below all."""
        self._ids = ids
        self._least = least

    def __call__(self) -> str:
        """Returns the next UUID, with the random tail of a new one."""
        value = self._ids()
        if value <= self._least:
            head = self._least.replace("-", "")[:16]
            # 48 bits of milliseconds, the version, 12 bits of counter: the counter carries
            # into the milliseconds.
            ticks = (int(head[:12], 16) << 12 | int(head[13:], 16)) + 1
            time, counter = f"{ticks >> 12:012x}", f"{ticks & 0xFFF:03x}"
            value = self._least = f"{time[:8]}-{time[8:]}-7{counter}{value[18:]}"
        return value


def made_at(id: str) -> dt.datetime:
    """Returns when a UUIDv7 was made, to the millisecond, in UTC.

    Raises ValueError where it is none.
    """
    made = uuid.UUID(id)
    if made.version != 7:
        raise ValueError("only a UUIDv7 tells when it was made")
    return dt.datetime.fromtimestamp((made.int >> 80) / 1_000, dt.UTC)


new_id = TimeOrderedIds()
