"""The clock that is passed in wherever time decides something."""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> dt.datetime:
        """Returns the present instant, aware, in UTC."""
        ...


def system_clock() -> dt.datetime:
    """Returns the present instant of the machine, aware, in UTC."""
    return dt.datetime.now(dt.UTC)
