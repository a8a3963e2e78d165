"""Enrolment periods: which one pays for care on a day."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.calendar import full_months
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

_DAY = dt.timedelta(days=1)

# psn_insu_stas: 1 normal; every other status pays no benefits.
ENROLMENT_NORMAL = 1

# The basic insurances of employees and residents; others, such as maternity (510), stand
# beside them and pay only where there is no basic one.
_BASIC_TYPES = ("310", "390")


class Counted(NamedTuple):
    """What the annual close of accounts counted of a person, as a year began.

    `months_insured` are the full months of continuous cover by 1 January, `years_unclaimed` those
    without a claim before, None where nothing tells them.
    """

    benefit_year: int
    months_insured: int
    years_unclaimed: int | None


class Enrolment(NamedTuple):
    """A period of cover, its first and last day included, as identity's feed told it.

    `end_date` is None while it is open; `entitlement_groups` are sorted. `tier` is empty,
    and months and years are None, where the agency told none; `insured_months_before` are those
    of continuous cover before the first day, `years_unclaimed` those without a claim before
    its year. `counted` is what closes counted of the person in this insurance; the feed tells
    none of it.
    """

    enrolment_id: str
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    status: int
    start_date: dt.date
    end_date: dt.date | None
    has_employer: bool
    is_premium_pending: bool
    tier: str = ""
    insured_months_before: int | None = None
    months_owing: int | None = None
    years_unclaimed: int | None = None
    counted: tuple[Counted, ...] = ()


class RegisteredDisease(NamedTuple):
    """A chronic or special disease (opsp_dise_code), its first and last day included.

    `end_date` is None while it is open.
    """

    disease_code: str
    start_date: dt.date
    end_date: dt.date | None


class EnrolledFacts(NamedTuple):
    """What policies ask of a person's enrolment on a day, by the names of the facts.

    None where the agency did not tell it.
    """

    tier: str | None
    diseases: frozenset[str]
    months_insured: int | None
    months_owing: int | None
    years_unclaimed: int | None = None


def check_alive(death_date: dt.date | None) -> None:
    """Raises PERSON_DECEASED where identity told of a death: nobody registers anew (I-31)."""
    if death_date is not None:
        raise _deceased(death_date)


def check_alive_on(death_date: dt.date | None, day: dt.date) -> None:
    """Raises PERSON_DECEASED for care on a day after a death (I-31)."""
    if death_date is not None and day > death_date:
        raise _deceased(death_date)


def check_enrolled(
    enrolments: Sequence[Enrolment], *, on: dt.date, insurance_type: str = ""
) -> Enrolment:
    """Returns the period that covers `on` as `paying_on`, or raises PERSON_NOT_ENROLLED."""
    enrolment = paying_on(enrolments, on, insurance_type=insurance_type)
    if enrolment is None:
        raise _not_enrolled(enrolments, on)
    return enrolment


def paying_on(
    enrolments: Sequence[Enrolment], on: dt.date, *, insurance_type: str = ""
) -> Enrolment | None:
    """Returns the period that pays for care on a day, or None.

    Of several, that of `insurance_type` is preferred, then one whose premium is not
    pending, then a basic insurance.
    """
    paying = [
        each
        for each in enrolments
        if each.start_date <= on
        and (each.end_date is None or on <= each.end_date)
        and each.status == ENROLMENT_NORMAL
    ]
    if len(paying) < 2:
        return paying[0] if paying else None
    return min(
        paying,
        key=lambda each: (
            each.insurance_type != insurance_type,
            each.is_premium_pending,
            each.insurance_type not in _BASIC_TYPES,
            each.insurance_type,
        ),
    )


def enrolled_facts_of(
    enrolment: Enrolment,
    enrolments: Sequence[Enrolment],
    diseases: Sequence[RegisteredDisease],
    *,
    on: dt.date,
) -> EnrolledFacts:
    """Returns what policies ask of a person covered by `enrolment`, one of all that stand."""
    return EnrolledFacts(
        tier=enrolment.tier or None,
        diseases=frozenset(
            [
                each.disease_code
                for each in diseases
                if each.start_date <= on and (each.end_date is None or on <= each.end_date)
            ]
        ),
        months_insured=months_insured(enrolment, enrolments, on=on),
        months_owing=enrolment.months_owing,
        years_unclaimed=years_unclaimed(enrolment, on=on),
    )


def years_unclaimed(enrolment: Enrolment, *, on: dt.date) -> int | None:
    """Returns the years without a claim before the year of a day; None if nothing tells them.

    What the agency told of one year says nothing of the next: a number that is too high raises a
    limit. Where it told none, the annual close of accounts may have counted them.
    """
    if enrolment.years_unclaimed is not None and on.year == enrolment.start_date.year:
        return enrolment.years_unclaimed
    counted = _counted(enrolment, on)
    return None if counted is None else counted.years_unclaimed


def _counted(enrolment: Enrolment, on: dt.date) -> Counted | None:
    for each in enrolment.counted:
        if each.benefit_year == on.year:
            return each
    return None


def months_insured(
    enrolment: Enrolment, enrolments: Sequence[Enrolment], *, on: dt.date
) -> int | None:
    """Returns the full months of continuous cover on a day that `enrolment` covers.

    They are those that the agency told before a first day, and those since that day, over
    periods of one insurance type that follow each other without a gap; a period that pays no
    benefits is a gap. Where several of these periods tell months, the first one does. Where
    none does, those that the annual close counted by 1 January go on, as long as cover does.
    None where nothing tells them.
    """
    counted = _counted(enrolment, on)
    if len(enrolments) == 1 and enrolment.insured_months_before is None and counted is None:
        return None
    ends = {
        each.end_date: each
        for each in enrolments
        if each.insurance_type == enrolment.insurance_type and each.status == ENROLMENT_NORMAL
    }
    told = None
    period: Enrolment | None = enrolment
    start_date = enrolment.start_date
    while period is not None:
        start_date = period.start_date
        if period.insured_months_before is not None:
            told = period
        period = ends.get(period.start_date - _DAY)
    if told is None or told.insured_months_before is None:
        new_year = dt.date(on.year, 1, 1)
        if counted is None or start_date > new_year:
            return None
        return counted.months_insured + full_months(new_year, on)
    return told.insured_months_before + full_months(told.start_date, on)


def check_premium(enrolment: Enrolment) -> None:
    """Raises PREMIUM_NOT_RECEIVED while a newborn's cover waits for its premium (T-16)."""
    if enrolment.is_premium_pending:
        raise RuleError(
            Reason.PREMIUM_NOT_RECEIVED,
            "nothing is paid before the premium of the enrolment is received",
        )


def not_enrolled_here() -> RuleError:
    """Returns the refusal for somebody of whom this region knows no enrolment."""
    return RuleError(
        Reason.PERSON_NOT_ENROLLED,
        "the person is not enrolled in this region",
        enrolment_status="UNKNOWN",
    )


def _deceased(death_date: dt.date) -> RuleError:
    return RuleError(
        Reason.PERSON_DECEASED,
        f"the person died on {death_date.isoformat()}",
        death_date=death_date.isoformat(),
    )


def _not_enrolled(enrolments: Sequence[Enrolment], on: dt.date) -> RuleError:
    if not enrolments:
        return not_enrolled_here()
    covering = [
        each
        for each in enrolments
        if each.start_date <= on and (each.end_date is None or on <= each.end_date)
    ]
    enrolments = covering or enrolments
    begun = [each for each in enrolments if each.start_date <= on]
    # The last one that began, or the first that will.
    nearest = (
        max(begun, key=lambda each: each.start_date)
        if begun
        else min(enrolments, key=lambda each: each.start_date)
    )
    return RuleError(
        Reason.PERSON_NOT_ENROLLED,
        f"no enrolment pays benefits on {on.isoformat()}",
        enrolment_status=str(nearest.status),
        start_date=nearest.start_date.isoformat(),
    )
