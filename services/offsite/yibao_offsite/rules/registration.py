"""Registration for care elsewhere (异地就医备案): whom it covers, where, from when to when.

Sources: rules O-01, O-02 and O-12 of the domain, and the national rules on direct
settlement between provinces, 医保发〔2022〕22号, in force from 2023-01-01.
"""

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason

# A long-term stay is longer than this, temporary cover lasts at least as long (22号).
HALF_YEAR_MONTHS = 6
# An urgent transfer may be registered this much later (O-01).
URGENT_DAYS = 7
# Taiwan, Hong Kong and Macao by GB/T 2260 (O-12).
EXCLUDED_PROVINCES = frozenset({"71", "81", "82"})
# Cities under the central government, each one place whatever its districts.
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
# The middle digits of cities of county level under the province itself, such as 429004.
_COUNTY_LEVEL = "90"


class Category(enum.Enum):
    """Why care is taken elsewhere."""

    RETIRED_RESETTLED = 1
    LONG_TERM_RESIDENT = 2
    POSTED_WORKER = 3
    REFERRAL = 4
    OTHER_TEMPORARY = 5

    @property
    def is_long_term(self) -> bool:
        """Whether cover lasts until it is changed or cancelled."""
        return self.value <= Category.POSTED_WORKER.value


class State(enum.Enum):
    """Where a registration is in its life."""

    ACTIVE = 1
    CANCELLED = 2


@dataclass(frozen=True, slots=True)
class Application:
    """What is applied for; `expected_end_date` is the expected last day elsewhere."""

    person_id: str
    category: Category
    treatment_region: str
    start_date: dt.date
    expected_end_date: dt.date | None
    is_urgent: bool


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration; `end_date`, the last day of cover, is None where there is none."""

    region: str
    registration_id: str
    person_id: str
    category: Category
    treatment_region: str
    state: State
    start_date: dt.date
    end_date: dt.date | None
    register_time: dt.datetime
    cancel_time: dt.datetime | None = None


def register(
    application: Application,
    *,
    region: str,
    registration_id: str,
    now: dt.datetime,
    today: dt.date,
) -> Registration:
    """Returns the registration; `today` is the day of `now` in Shanghai.

    Raises:
        RuleError: FIELD_REQUIRED or FIELD_OUT_OF_RANGE with the fields at fault, then
            REGION_EXCLUDED, STAY_TOO_SHORT, REGISTER_IN_ADVANCE, in this order.
    """
    refuse_faults(_faults(application, region=region))
    if application.treatment_region[:2] in EXCLUDED_PROVINCES:
        raise RuleError(
            Reason.REGION_EXCLUDED,
            f"region {application.treatment_region} is outside of direct settlement",
            treatment_region=application.treatment_region,
        )
    if application.category.is_long_term:
        _check_stay(application)
    _check_in_advance(application, today=today)
    return Registration(
        region,
        registration_id,
        application.person_id,
        application.category,
        application.treatment_region,
        State.ACTIVE,
        application.start_date,
        last_day(application),
        now,
    )


def last_day(application: Application) -> dt.date | None:
    """Returns the last day of cover: six months for temporary care, or longer if asked."""
    if application.category.is_long_term:
        return None
    least = half_a_year_after(application.start_date)
    expected = application.expected_end_date
    return least if expected is None else max(least, expected)


def half_a_year_after(start: dt.date) -> dt.date:
    """Returns the last day of the half year that begins on `start`.

    The first day does not count and the day of the same number in the last month, or the
    last day of that month, is the last one (民法典, articles 201 and 202).
    """
    return add_months(start, HALF_YEAR_MONTHS)


def cancel(registration: Registration, *, now: dt.datetime) -> Registration:
    """Returns the registration, cancelled; care admitted before stays covered.

    Raises:
        RuleError: REGISTRATION_STATE; it is cancelled already.
    """
    if registration.state is not State.ACTIVE:
        raise RuleError(
            Reason.REGISTRATION_STATE,
            f"registration {registration.registration_id} is {registration.state.name.lower()}",
            registration_id=registration.registration_id,
            state=registration.state.name,
        )
    return Registration(
        registration.region,
        registration.registration_id,
        registration.person_id,
        registration.category,
        registration.treatment_region,
        State.CANCELLED,
        registration.start_date,
        registration.end_date,
        registration.register_time,
        now,
    )


def check_no_overlap(registration: Registration, others: Iterable[Registration]) -> None:
    """Refuses a second active registration for the same place and days.

    `others` are registrations of the same person.

    Raises:
        RuleError: REGISTRATION_EXISTS, naming the other one.
    """
    place = covering_region(registration.treatment_region)
    for other in others:
        assert other.person_id == registration.person_id
        if (
            other.state is State.ACTIVE
            and covering_region(other.treatment_region) == place
            and _overlap(registration, other)
        ):
            raise RuleError(
                Reason.REGISTRATION_EXISTS,
                f"registration {other.registration_id} covers the region on some of these days",
                registration_id=other.registration_id,
            )


def registration_not_found(registration_id: str) -> RuleError:
    """Returns the refusal of an unknown registration."""
    return RuleError(
        Reason.REGISTRATION_NOT_FOUND,
        f"registration {registration_id} does not exist",
        registration_id=registration_id,
    )


def covering_region(region: str) -> str:
    """Returns the city or municipality that the six digits of `region` lie in."""
    if region[:2] in _MUNICIPALITIES:
        return f"{region[:2]}0000"
    if region[2:4] == _COUNTY_LEVEL:
        return region
    return f"{region[:4]}00"


def _faults(application: Application, *, region: str) -> list[FieldFault]:
    faults = []
    place = _place_fault(application.treatment_region, region=region)
    if place is not None:
        faults.append(FieldFault("treatment_region", Reason.FIELD_OUT_OF_RANGE, place))
    if application.is_urgent and application.category is not Category.REFERRAL:
        message = "only a referral can be urgent"
        faults.append(FieldFault("is_urgent", Reason.FIELD_OUT_OF_RANGE, message))
    end = application.expected_end_date
    if end is None:
        if application.category.is_long_term:
            message = "is required for long-term categories"
            faults.append(FieldFault("expected_end_date", Reason.FIELD_REQUIRED, message))
    elif end < application.start_date:
        message = "must not be before start_date"
        faults.append(FieldFault("expected_end_date", Reason.FIELD_OUT_OF_RANGE, message))
    return faults


def _place_fault(treatment: str, *, region: str) -> str | None:
    if treatment[:2] in EXCLUDED_PROVINCES:
        return None  # Refused by a reason of its own.
    if treatment[4:] != "00" and treatment[2:4] != _COUNTY_LEVEL:
        return "must be a city or municipality: the digits of the district are 0"
    if treatment[2:] == "0000" and treatment[:2] not in _MUNICIPALITIES:
        return "must be a city, not a whole province"
    if covering_region(treatment) == covering_region(region):
        return "must lie outside of the insuring city or municipality"
    return None


def _check_stay(application: Application) -> None:
    """Checks that the stay is longer than half a year (O-02)."""
    assert application.expected_end_date is not None
    half_year = half_a_year_after(application.start_date)
    if application.expected_end_date <= half_year:
        raise RuleError(
            Reason.STAY_TOO_SHORT,
            f"a long-term stay goes beyond {half_year.isoformat()}",
            half_year_end=half_year.isoformat(),
        )


def _check_in_advance(application: Application, *, today: dt.date) -> None:
    """Checks that cover begins no earlier than today, or 7 days ago if urgent (O-01)."""
    days = URGENT_DAYS if application.is_urgent else 0
    earliest = today - dt.timedelta(days=days)
    if application.start_date < earliest:
        raise RuleError(
            Reason.REGISTER_IN_ADVANCE,
            f"cover cannot begin before {earliest.isoformat()}",
            earliest_start_date=earliest.isoformat(),
        )


def _overlap(one: Registration, other: Registration) -> bool:
    return one.start_date <= (other.end_date or dt.date.max) and other.start_date <= (
        one.end_date or dt.date.max
    )
