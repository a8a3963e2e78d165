"""Enrolment periods: which one pays for care on a day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# psn_insu_stas: 1 normal; every other status pays no benefits.
ENROLMENT_NORMAL = 1

# The basic insurances of employees and residents; others, such as maternity (510), stand
# beside them and pay only where there is no basic one.
_BASIC_TYPES = ("310", "390")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A period of cover, its first and last day included, as identity's feed told it.

    `end_date` is None while it is open; `entitlement_groups` are sorted.
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
