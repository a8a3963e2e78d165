"""What a person's windows remember from bill to bill.

Plain numbers by window instance and name, such as `{"year:2023": {"P1.before": 500000}}`,
so that they can be kept as JSON, and bills can be folded again in any order.
"""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class VisitSeen(NamedTuple):
    """A visit that had a bill: its stay, its admission and the last day of its last bill."""

    stay_id: str
    admission_date: dt.date
    until: dt.date


def joined_stay(
    visit_id: str, admission_date: dt.date, former: VisitSeen | None, *, within_days: int | None
) -> str:
    """Returns the stay of a visit: that of the one which it continues, if it began in time.

    `former` is None where it continues none; `within_days` None joins none.
    """
    if former is None or within_days is None:
        return visit_id
    return former.stay_id if (admission_date - former.until).days <= within_days else visit_id


class PlainMemory(TypedDict):
    """A memory as JSON: windows, and for each visit its stay and two days."""

    windows: dict[str, dict[str, int]]
    visits: dict[str, list[str]]


class Memory(NamedTuple):
    """What windows and visits are remembered, or what a bill changed of them.

    Instances of a window and what they hold are as the engine names them: `stay:V1`,
    `day:2023-01-03|institution=H1`; `D1.paid`, `P1.before`, `counter.pool`, `count.stays`.
    """

    windows: Mapping[str, Mapping[str, int]] = _NOTHING
    visits: Mapping[str, VisitSeen] = _NOTHING

    def after(self, change: "Memory") -> "Memory":
        """Returns the memory behind a bill that changed it."""
        return Memory({**self.windows, **change.windows}, {**self.visits, **change.visits})

    def plain(self) -> PlainMemory:
        """Returns the memory as JSON can hold it."""
        return {
            "windows": {key: dict(names) for key, names in self.windows.items()},
            "visits": {
                visit: [seen.stay_id, seen.admission_date.isoformat(), seen.until.isoformat()]
                for visit, seen in self.visits.items()
            },
        }

    @classmethod
    def of_plain(cls, plain: PlainMemory) -> "Memory":
        """Returns the memory that `plain` made so."""
        visits = {
            visit: VisitSeen(stay, dt.date.fromisoformat(admitted), dt.date.fromisoformat(until))
            for visit, (stay, admitted, until) in plain["visits"].items()
        }
        return cls(plain["windows"], visits)


NOTHING_YET = Memory()
