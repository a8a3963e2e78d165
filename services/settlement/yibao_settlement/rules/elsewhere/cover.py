"""Which of a person's registrations covers care at a place, and which of several counts."""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_settlement.rules.elsewhere.place import covers
from yibao_settlement.rules.elsewhere.registered import RegisteredCare


class CategoryAsOf(enum.Enum):
    """Which category counts where it changed during a stay; see `category_as_of` of a region."""

    # That of the admission for referrals and emergencies, of the bill for all others.
    BY_CATEGORY = "by_category"
    ADMISSION = "admission"
    SETTLEMENT = "settlement"


class Days(NamedTuple):
    """The days of care: of a stay from its admission to the last day of the bill, else one."""

    first: dt.date
    last: dt.date


_OF_ADMISSION = ("referral", "emergency")
# Of several that hold on a day the person has what is best for them.
_BEST_FIRST = ("local", "long_term", "emergency", "referral", "temporary")


def covering(
    registered: Iterable[RegisteredCare], *, place_region: str, days: Days
) -> list[RegisteredCare]:
    """Returns the registrations to a place that hold on any day of the care.

    So a stay that began within one is covered to its end, be it over or cancelled meanwhile, and
    a registration that came late covers the stay as long as it is not settled. What was found
    void covers nothing, nor does an emergency that was deemed registered: it is of its visit.
    """
    return [
        each
        for each in registered
        if not each.covers_nothing
        and covers(each.treatment_region, place_region)
        and each.start_date <= days.last
        and (each.end_date is None or each.end_date >= days.first)
    ]


def counting(
    found: Sequence[RegisteredCare], *, days: Days, category_as_of: CategoryAsOf
) -> RegisteredCare | None:
    """Returns the one of the covering registrations that a bill is decided by, or None."""
    if not found:
        return None
    at_admission = _on(found, days.first) or _earliest(found)
    at_settlement = _on(found, days.last) or _latest(found)
    if category_as_of is CategoryAsOf.ADMISSION:
        return at_admission
    if category_as_of is CategoryAsOf.BY_CATEGORY and at_admission.terms in _OF_ADMISSION:
        return at_admission
    return at_settlement


def expired(
    registered: Iterable[RegisteredCare], *, place_region: str, days: Days
) -> RegisteredCare | None:
    """Returns the last registration to a place that had ended before the care, or None."""
    ended = [
        each
        for each in registered
        if not each.covers_nothing
        and covers(each.treatment_region, place_region)
        and each.end_date is not None
        and each.end_date < days.first
    ]
    return max(ended, key=lambda each: (each.end_date, each.registration_id), default=None)


def holding_on(
    registered: Iterable[RegisteredCare], *, place_region: str, day: dt.date
) -> list[RegisteredCare]:
    """Returns the registrations to a place that hold on a day, by their first days."""
    found = covering(registered, place_region=place_region, days=Days(day, day))
    return sorted(found, key=lambda each: (each.start_date, each.registration_id))


def _on(found: Sequence[RegisteredCare], day: dt.date) -> RegisteredCare | None:
    holding = [
        each
        for each in found
        if each.start_date <= day and (each.end_date is None or day <= each.end_date)
    ]
    return min(holding, key=_preference, default=None)


def _preference(each: RegisteredCare) -> tuple[int, str]:
    place = _BEST_FIRST.index(each.terms) if each.terms in _BEST_FIRST else len(_BEST_FIRST)
    return place, each.registration_id


def _earliest(found: Sequence[RegisteredCare]) -> RegisteredCare:
    return min(found, key=lambda each: (each.start_date, *_preference(each)))


def _latest(found: Sequence[RegisteredCare]) -> RegisteredCare:
    newest = max(each.start_date for each in found)
    return min([each for each in found if each.start_date == newest], key=_preference)
