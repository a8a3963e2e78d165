"""How what windows remember is kept: plain numbers by instance and name.

A number is kept under `<insurance type> <instance> <name>`, such as `310 year:2023 P1.before`;
none has a space in it. What was used up of one insurance is not used up of another, whatever
names their policies share. What a bill changes is kept as differences, so that taking it back
takes them off again. A few names are set and not added to (`D1.amount`, a bill's number in a
count): of these a bill that is taken back restores what it found, unless a later one has set
them anew.
"""

import datetime as dt
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


def place_of(kept_name: str, *, person_id: str) -> KeptPlace:
    """Returns where a number is kept, by the name that it is kept under.

    Raises InvariantError for what is no such name.
    """
    _, _, rest = kept_name.partition(" ")
    kind, _, which = rest.partition(" ")[0].partition("|")[0].partition(":")
    which = which.partition(":")[0]
    if kind == Window.YEAR.value and which.isdecimal():
        return KeptPlace(year=int(which))
    if kind in (Window.STAY.value, Window.PERIOD.value):
        return KeptPlace(scope=which)
    if kind in (Window.DAY.value, Window.MONTH.value):
        return KeptPlace(scope=f"{person_id}/{which[:7]}")
    raise InvariantError(f"{kept_name} is no number of a window")


def places_asked(
    policy: BenefitPolicy, visits: Sequence[StayVisit], day: dt.date, *, person_id: str
) -> set[KeptPlace]:
    """Returns where what a bill up to `day` starts from can be kept.

    `visits` are those that the stay can consist of, the bill's own last.
    """
    windows, layout = policy.windows, layout_of(policy)
    first_day = min(visit.start_date for visit in visits)
    used = {slot.window for slot in layout.slots}
    places: set[KeptPlace] = set()
    if Window.YEAR in used:
        years = years_of(windows, admission_date=first_day, day=day)
        # Under `admission` any visit of the chain may be the one that began the stay.
        if windows.new_year is NewYear.ADMISSION:
            last = years_of(windows, admission_date=visits[-1].start_date, day=day)
            years = range(years[0], last[-1] + 1)
        places |= {KeptPlace(year=year) for year in years}
    if used & {Window.STAY, Window.PERIOD}:
        places |= {KeptPlace(scope=visit.visit_id) for visit in visits}
    if used & {Window.DAY, Window.MONTH}:
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
    for row in kept:
        for key, value in row.items():
            own_type, _, rest = key.partition(" ")
            instance, space, name = rest.partition(" ")
            if space and own_type == insurance_type:
                windows.setdefault(instance, {})[name] = value
    for window in windows.values():
        # Zeros are not kept, and an amount of nothing is not the same as none.
        for name in [each for each in window if each.endswith(".year")]:
            window.setdefault(f"{name.removesuffix('.year')}.amount", 0)
    return windows


def flat(windows: Windows, *, insurance_type: str) -> dict[str, int]:
    """Returns windows as they are kept, sorted, without zeros."""
    return {
        f"{insurance_type} {instance} {name}": value
        for instance, window in sorted(windows.items())
        for name, value in sorted(window.items())
        if value
    }


def added(before: Kept, after: Kept) -> dict[str, int]:
    """Returns what a bill adds to each number, without zeros."""
    names = sorted(before.keys() | after.keys())
    changes = ((name, after.get(name, 0) - before.get(name, 0)) for name in names)
    return {name: change for name, change in changes if change}


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
