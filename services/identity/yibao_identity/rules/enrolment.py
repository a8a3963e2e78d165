"""Enrolments (参保): what a person is insured for, in periods that follow each other."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.lifetime import end_faults
from yibao_identity.rules.newborn_class import NEWBORN_CLASS, check_newborn

_DAY = dt.timedelta(days=1)
# Next year's cover is paid for this year.
_MOST_MONTHS_AHEAD = 24


class EnrolmentStatus(enum.Enum):
    """Whether an enrolment pays benefits (psn_insu_stas)."""

    NORMAL = 1
    SUSPENDED = 2
    ENDED = 4


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A period of cover, its first and last day included; groups are sorted.

    `end_date` is None while the period is open, `replace_time` while it stands. With
    `is_premium_required`, nothing is paid before `premium_receive_date` is set (T-16).
    A period that was not stored yet has no id, no time and no recorder. `tier` is empty, and
    the months are None, where the agency told none.
    """

    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    status: EnrolmentStatus
    start_date: dt.date
    end_date: dt.date | None = None
    employer_code: str = ""
    is_premium_required: bool = False
    premium_receive_date: dt.date | None = None
    enrolment_id: str = ""
    record_time: dt.datetime | None = None
    recorded_by: str = ""
    replace_time: dt.datetime | None = None
    payment_reference: str = ""
    tier: str = ""
    insured_months_before: int | None = None
    months_owing: int | None = None
    years_unclaimed: int | None = None

    @property
    def is_premium_pending(self) -> bool:
        """Whether nothing is paid yet because the premium is still to come."""
        return self.is_premium_required and self.premium_receive_date is None

    @property
    def last_day(self) -> dt.date:
        """The last day of cover; the end of the calendar while the period is open."""
        return self.end_date or dt.date.max


@dataclass(frozen=True, slots=True)
class EnrolmentTerms:
    """What an enrolment is from a day on; groups in any order.

    `insured_months_before` are those before that day, `years_unclaimed` the years without a
    claim before that day's year; None where they are not known.
    """

    person_class: str
    entitlement_groups: tuple[str, ...]
    status: EnrolmentStatus
    employer_code: str
    tier: str = ""
    insured_months_before: int | None = None
    months_owing: int | None = None
    years_unclaimed: int | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentChangePlan:
    """Which periods no longer stand, and which take their place."""

    replaced_ids: tuple[str, ...]
    new: tuple[Enrolment, ...]


def in_order(enrolments: Sequence[Enrolment]) -> tuple[Enrolment, ...]:
    """Returns periods by their first day, then by insurance type."""
    return tuple(sorted(enrolments, key=lambda each: (each.start_date, each.insurance_type)))


def sorted_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Returns entitlement groups as they are stored: each once, sorted."""
    return tuple(sorted(set(groups)))


def check_begins_soon(day: dt.date, *, today: dt.date, field: str) -> None:
    """Refuses what begins over two years ahead: nobody knows so early, and a year was mistyped.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE.
    """
    latest = add_months(today, _MOST_MONTHS_AHEAD)
    if day > latest:
        message = f"lies over {_MOST_MONTHS_AHEAD} months ahead, after {latest}"
        refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)])


def new_period(
    insurance_type: str,
    terms: EnrolmentTerms,
    *,
    start_date: dt.date,
    end_date: dt.date | None,
    birth_date: dt.date,
    today: dt.date,
    terms_at: str = "",
) -> Enrolment:
    """Returns a period of cover for somebody born on `birth_date`.

    `terms_at` is where the terms stand in the request: `terms.`, or empty for at its top.
    Whoever is enrolled as a newborn is so in time and waits for the premium (T-16).

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, cover before birth, ending before it begins or after
            any life; months or years of the terms that are more than the person has lived by
            the first day; NEWBORN_ENROLMENT_LATE.
    """
    faults = []
    if start_date < birth_date:
        message = "cover cannot begin before birth"
        faults.append(FieldFault("start_date", Reason.FIELD_OUT_OF_RANGE, message))
    if end_date is not None and end_date < start_date:
        message = "cover cannot end before it begins"
        faults.append(FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message))
    faults += end_faults(end_date, birth_date=birth_date)
    faults += _beyond_life(terms, day=start_date, birth_date=birth_date, terms_at=terms_at)
    refuse_faults(faults)
    is_newborn = terms.person_class == NEWBORN_CLASS
    if is_newborn:
        check_newborn(start_date, today, birth_date=birth_date)
    return Enrolment(
        insurance_type,
        terms.person_class,
        sorted_groups(terms.entitlement_groups),
        terms.status,
        start_date,
        end_date,
        terms.employer_code,
        is_premium_required=is_newborn,
        tier=terms.tier,
        insured_months_before=terms.insured_months_before,
        months_owing=terms.months_owing,
        years_unclaimed=terms.years_unclaimed,
    )


def _beyond_life(
    terms: EnrolmentTerms, *, day: dt.date, birth_date: dt.date, terms_at: str
) -> list[FieldFault]:
    """Returns a fault for each number of the terms that nobody can have who was born so late."""
    years = max(0, day.year - birth_date.year)
    months = max(0, 12 * (day.year - birth_date.year) + day.month - birth_date.month)
    return [
        FieldFault(
            f"{terms_at}{field}",
            Reason.FIELD_OUT_OF_RANGE,
            f"is more than the {most} {unit} from birth to {day}",
        )
        for field, told, most, unit in (
            ("insured_months_before", terms.insured_months_before, months, "months"),
            ("months_owing", terms.months_owing, months, "months"),
            ("years_unclaimed", terms.years_unclaimed, years, "years"),
        )
        if told is not None and told > most
    ]


def add(standing: Sequence[Enrolment], new: Enrolment) -> EnrolmentChangePlan:
    """Returns the plan to let `new` stand beside the others.

    Raises:
        RuleError: ENROLMENT_OVERLAP.
    """
    _check_room(standing, new)
    return EnrolmentChangePlan((), (new,))


def change(
    standing: Sequence[Enrolment],
    enrolment_id: str,
    terms: EnrolmentTerms,
    *,
    effective_date: dt.date,
    end_date: dt.date | None,
    birth_date: dt.date,
    today: dt.date,
) -> EnrolmentChangePlan:
    """Returns the plan to give a period other terms from `effective_date` on, until `end_date`.

    What lies before that day stays as it was, in a period of its own. Where the premium
    was received for the period, it was for both. Whoever becomes a newborn by it does so in
    time and waits for the premium (T-16).

    Raises:
        RuleError: ENROLMENT_NOT_FOUND; FIELD_OUT_OF_RANGE, a day outside the period or after
            any life, or more months or years than since `birth_date`; NEWBORN_ENROLMENT_LATE;
            ENROLMENT_OVERLAP, the changed period would reach into another one.
    """
    former = standing_one(standing, enrolment_id)
    faults = []
    if not former.start_date <= effective_date <= former.last_day:
        message = "must be a day of the period that changes"
        faults.append(FieldFault("effective_date", Reason.FIELD_OUT_OF_RANGE, message))
    if end_date is not None and end_date < effective_date:
        message = "cover cannot end before the change begins"
        faults.append(FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message))
    faults += end_faults(end_date, birth_date=birth_date)
    faults += _beyond_life(terms, day=effective_date, birth_date=birth_date, terms_at="terms.")
    refuse_faults(faults)
    becomes_newborn = NEWBORN_CLASS == terms.person_class != former.person_class
    if becomes_newborn:
        check_newborn(effective_date, today, birth_date=birth_date)
    plain = unrecorded(former)
    changed = dataclasses.replace(
        plain,
        person_class=terms.person_class,
        entitlement_groups=sorted_groups(terms.entitlement_groups),
        status=terms.status,
        employer_code=terms.employer_code,
        is_premium_required=former.is_premium_required or becomes_newborn,
        tier=terms.tier,
        insured_months_before=terms.insured_months_before,
        months_owing=terms.months_owing,
        years_unclaimed=terms.years_unclaimed,
        start_date=effective_date,
        end_date=end_date,
    )
    _check_room([each for each in standing if each.enrolment_id != enrolment_id], changed)
    if effective_date == former.start_date:
        return EnrolmentChangePlan((enrolment_id,), (changed,))
    before = dataclasses.replace(plain, end_date=effective_date - _DAY)
    return EnrolmentChangePlan((enrolment_id,), (before, changed))


def standing_one(standing: Sequence[Enrolment], enrolment_id: str) -> Enrolment:
    """Returns the period with an id.

    Raises:
        RuleError: ENROLMENT_NOT_FOUND.
    """
    for each in standing:
        if each.enrolment_id == enrolment_id:
            return each
    raise RuleError(
        Reason.ENROLMENT_NOT_FOUND,
        f"the person has no enrolment {enrolment_id} that stands",
        enrolment_id=enrolment_id,
    )


def inherited(
    surviving: Sequence[Enrolment], retired: Sequence[Enrolment]
) -> tuple[Enrolment, ...]:
    """Returns the parts of `retired` on whose days `surviving` has no cover of the type (I-28).

    So a merge takes no day of cover from the person, and never doubles one.
    """
    taken = list(surviving)
    parts: list[Enrolment] = []
    for period in in_order(retired):
        same = [each for each in taken if each.insurance_type == period.insurance_type]
        gaps = _uncovered(period, in_order(same))
        taken.extend(gaps)
        parts.extend(gaps)
    return tuple(parts)


def until(enrolments: Iterable[Enrolment], last_day: dt.date | None) -> tuple[Enrolment, ...]:
    """Returns the periods as they cover days up to `last_day`, where there is one (I-31)."""
    if last_day is None:
        return tuple(enrolments)
    return tuple(
        dataclasses.replace(each, end_date=min(each.last_day, last_day))
        for each in enrolments
        if each.start_date <= last_day
    )


def from_birth(standing: Sequence[Enrolment], *, birth_date: dt.date) -> EnrolmentChangePlan:
    """Returns the plan that lets no cover begin before `birth_date`, which was corrected.

    Raises:
        RuleError: NEWBORN_ENROLMENT_LATE, who is enrolled as a newborn was none by that date.
    """
    for each in standing:
        if each.person_class == NEWBORN_CLASS:
            check_newborn(each.start_date, birth_date=birth_date)
    early = [each for each in standing if each.start_date < birth_date]
    return EnrolmentChangePlan(
        tuple(each.enrolment_id for each in early), since(map(unrecorded, early), birth_date)
    )


def since(enrolments: Iterable[Enrolment], birth_date: dt.date) -> tuple[Enrolment, ...]:
    """Returns the periods as they cover days from `birth_date` on.

    How many months and years lay before was said of another first day, and is left away.
    """
    return tuple(
        each
        if each.start_date >= birth_date
        else dataclasses.replace(
            each, start_date=birth_date, insured_months_before=None, years_unclaimed=None
        )
        for each in enrolments
        if each.last_day >= birth_date
    )


def unrecorded(enrolment: Enrolment) -> Enrolment:
    """Returns a period without what tells when and by whom it was recorded."""
    return dataclasses.replace(
        enrolment, enrolment_id="", record_time=None, recorded_by="", replace_time=None
    )


def _uncovered(period: Enrolment, covered: Sequence[Enrolment]) -> list[Enrolment]:
    """Returns the parts of `period` outside of `covered`, which is sorted and disjoint.

    How many months and years lay before it was said of its own first day, and of no later one.
    """
    parts = []
    plain = unrecorded(period)
    day = period.start_date
    for each in covered:
        if each.last_day < day:
            continue
        if each.start_date > period.last_day:
            break
        if each.start_date > day:
            parts.append(
                dataclasses.replace(plain, start_date=day, end_date=each.start_date - _DAY)
            )
        if each.last_day >= period.last_day:
            return parts
        day = each.last_day + _DAY
        plain = dataclasses.replace(plain, insured_months_before=None, years_unclaimed=None)
    parts.append(dataclasses.replace(plain, start_date=day))
    return parts


def _check_room(standing: Sequence[Enrolment], new: Enrolment) -> None:
    """Refuses a period that covers days which another of its insurance type covers."""
    for each in in_order(standing):
        if (
            each.insurance_type == new.insurance_type
            and each.start_date <= new.last_day
            and new.start_date <= each.last_day
        ):
            raise RuleError(
                Reason.ENROLMENT_OVERLAP,
                f"enrolment {each.enrolment_id} covers some of the same days",
                enrolment_id=each.enrolment_id,
            )
