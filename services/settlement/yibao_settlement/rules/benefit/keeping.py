"""How what windows remember is kept: plain numbers by instance and name.

A number is kept under `<insurance type> <instance> <name>`, such as `310 year:2023 P1.before`;
none has a space in it. What was used up of one insurance is not used up of another, whatever
names their policies share. What a bill changes is kept as differences, so that taking it back
takes them off again. A few names are set and not added to (`D1.amount`, a bill's number in a
count): of these a bill that is taken back restores what it found, unless a later one has set
them anew.
"""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.benefit.layout import layout_of
from yibao_settlement.rules.benefit.memory import Memory, VisitSeen, joined_stay
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.windows import NewYear, Window, years_of

# Numbers by insurance type, instance and name.
Kept = Mapping[str, int]
Windows = Mapping[str, Mapping[str, int]]

_SET_ENDS = (".amount", ".year")
_YEAR = Window.YEAR.value
_OF_STAYS = (Window.STAY.value, Window.PERIOD.value)
_OF_MONTHS = (Window.MONTH.value, Window.DAY.value)
_EMPTY: Mapping[str, int] = {}


class KeptPlace(NamedTuple):
    """Where an instance is kept: in the row of a benefit year of the person, or of a scope.

    A scope is a stay, or a person's month; it is empty where `year` is not 0.
    """

    year: int = 0
    scope: str = ""


class StayVisit(NamedTuple):
    """A visit that a stay can consist of; `until` is the last day known of it."""

    visit_id: str
    start_date: dt.date
    until: dt.date


def is_of_window(name: str) -> bool:
    """Tells whether a number is one of a window, and not of a year by the first format.

    The first format's names hold no space.
    """
    return " " in name


# Bills of a person that are decided again ask for the same names again and again.
@functools.lru_cache(maxsize=4_096)
def place_of(kept_name: str, *, person_id: str) -> KeptPlace:
    """Returns where a number is kept, by the name that it is kept under.

    Raises InvariantError for what is no such name.
    """
    _, _, rest = kept_name.partition(" ")
    kind, _, which = rest.partition(" ")[0].partition("|")[0].partition(":")
    which = which.partition(":")[0]
    if kind == _YEAR and which.isdecimal():
        return KeptPlace(year=int(which))
    if kind in _OF_STAYS:
        return KeptPlace(scope=which)
    if kind in _OF_MONTHS:
        return KeptPlace(scope=f"{person_id}/{which[:7]}")
    raise InvariantError(f"{kept_name} is no number of a window")


def places_asked(
    policy: BenefitPolicy, visits: Sequence[StayVisit], day: dt.date, *, person_id: str
) -> set[KeptPlace]:
    """Returns where what a bill up to `day` starts from can be kept.

    `visits` are those that the stay can consist of, the bill's own last.
    """
    windows, layout = policy.windows, layout_of(policy)
    first_day = min([visit.start_date for visit in visits])
    places: set[KeptPlace] = set()
    if layout.uses_years:
        years = years_of(windows, admission_date=first_day, day=day)
        # Under `admission` any visit of the chain may be the one that began the stay.
        if windows.new_year is NewYear.ADMISSION:
            last = years_of(windows, admission_date=visits[-1].start_date, day=day)
            years = range(years[0], last[-1] + 1)
        places.update([KeptPlace(year) for year in years])
    if layout.uses_stays:
        places.update([KeptPlace(0, visit.visit_id) for visit in visits])
    if layout.uses_months:
        # Only where a bill is cut does a leg end on another day than the bill.
        is_cut = layout.uses_periods or windows.new_year is NewYear.SPLIT
        month = (first_day if is_cut else day).replace(day=1)
        while month <= day:
            places.add(KeptPlace(scope=f"{person_id}/{month:%Y-%m}"))
            month = (month + dt.timedelta(days=31)).replace(day=1)
    return places


def memory_of(policy: BenefitPolicy, visits: Sequence[StayVisit], kept: Sequence[Kept]) -> Memory:
    """Returns what the engine remembers of `kept` rows, and of the visits of a stay."""
    within_days = policy.windows.joins_transfers_within_days
    seen: dict[str, VisitSeen] = {}
    former = None
    for visit_id, start_date, until in visits:
        stay_id = joined_stay(visit_id, start_date, former, within_days=within_days)
        former = seen[visit_id] = VisitSeen(stay_id, start_date, until)
    return Memory(windows_of(kept, insurance_type=policy.insurance_type), seen)


def windows_of(kept: Sequence[Kept], *, insurance_type: str) -> dict[str, dict[str, int]]:
    """Returns windows by instance and name; other numbers in the rows are passed over."""
    windows: dict[str, dict[str, int]] = {}
    held: list[tuple[dict[str, int], str]] = []
    for row in kept:
        for key, value in row.items():
            own_type, _, rest = key.partition(" ")
            if own_type != insurance_type or not rest:
                continue
            instance, _, name = rest.partition(" ")
            window = windows.setdefault(instance, {})
            window[name] = value
            if name.endswith(".year"):
                held.append((window, f"{name.removesuffix('.year')}.amount"))
    for window, name in held:
        # Zeros are not kept, and an amount of nothing is not the same as none.
        window.setdefault(name, 0)
    return windows


def changes_of(
    before: Windows, opened: Windows, *, insurance_type: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Returns what windows that a bill `opened` held `before`, and what it adds to each number.

    Both are as they are kept, sorted and without zeros; a window has at least the names that
    it had before.
    """
    found: dict[str, int] = {}
    added: dict[str, int] = {}
    for instance in sorted(opened):
        window, earlier = opened[instance], before.get(instance, _EMPTY)
        for name in sorted(window):
            key = f"{insurance_type} {instance} {name}"
            had, has = earlier.get(name, 0), window[name]
            if had:
                found[key] = had
            if has != had:
                added[key] = has - had
    return found, added


def taken_off(now: Kept, before: Kept, additions: Kept) -> dict[str, int]:
    """Returns the changes that take a bill's `additions` off what is kept `now`.

    `before` is what the bill found.
    """
    changes: dict[str, int] = {}
    for name, change in additions.items():
        if not is_set(name) or now.get(name, 0) == before.get(name, 0) + change:
            changes[name] = -change
    return changes


def is_set(name: str) -> bool:
    """Tells whether a kept number is set by bills, and not added to."""
    name = name.rpartition(" ")[2]
    return name.endswith(_SET_ENDS) or "@" in name
