"""What is refused of an application, and what becomes of one that is not.

Sources: rules O-01, O-02, O-06 and O-12 of the domain, and the national rules on direct
settlement between provinces, 医保发〔2022〕22号, in force from 2023-01-01. What regions decide
differently stands in their rules (`rules/region_rules.py`).
"""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import BasisRules, CategoryRules, RegionRules, Until
from yibao_offsite.rules.registration.kinds import (
    CHANNELS_OF,
    Category,
    Channel,
    Origin,
    TaskKind,
)
from yibao_offsite.rules.registration.place import place_fault
from yibao_offsite.rules.registration.registration import Application, Registration, Task
from yibao_offsite.rules.registration.states import BEGINNINGS, Event

_DAY = dt.timedelta(days=1)
_NO_END = dt.date.max


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies: the path of the certificate, and the institution that it is, if one."""

    path: str
    origin: Origin
    institution_id: str | None = None


def register(
    application: Application,
    applicant: Applicant,
    rules: RegionRules,
    *,
    region: str,
    registration_id: str,
    now: dt.datetime,
    today: dt.date,
) -> Registration:
    """Returns the registration, granted or submitted; `today` is the day of `now` in Shanghai.

    What concerns the papers, the person and its other registrations is checked by
    `papers.check_papers`, `persons.check_person` and `places.check_places`.

    Raises:
        RuleError: FIELD_REQUIRED or FIELD_OUT_OF_RANGE with the fields at fault, then
            REGION_EXCLUDED, REGISTRATION_CHANNEL_CLOSED, REFERRAL_NOT_ENTITLED,
            REGISTRATION_BASIS_NOT_ACCEPTED, STAY_TOO_SHORT, REGISTER_IN_ADVANCE, in this order.
    """
    asked = rules.categories[application.category]
    refuse_faults(_faults(application, asked, rules, region=region))
    check_place(application.treatment_region, rules)
    _check_channel(application.channel, asked)
    _check_entitled(application, applicant, rules)
    basis = basis_rules(application, asked)
    _check_stay(application, asked)
    _check_in_advance(application, asked, today=today)
    # A pre-evaluation is read by who decides (O-06).
    waits = application.channel in asked.second_operator or asked.needs_pre_evaluation
    end_date = last_day(application, basis)
    return Registration(
        region=region,
        registration_id=registration_id,
        application=application,
        state=BEGINNINGS[Event.APPLIED if waits else Event.GRANTED],
        end_date=end_date,
        register_time=now,
        registered_by=applicant.path,
        handed_in_by=applicant.path,
        origin=applicant.origin,
        terms=asked.terms,
        benefits=asked.benefits,
        change_allowed_date=change_allowed_date(basis, today=today),
        rules_version=rules.version,
        task=(
            Task(TaskKind.DECISION, today + rules.decision_days * _DAY)
            if waits
            else task_of_granted(
                end_date, rules, today=today, is_checked=application.channel in asked.checked_after
            )
        ),
    )


def last_day(application: Application, basis: BasisRules) -> dt.date | None:
    """Returns the last day of cover, None where it lasts until changed.

    Cover of some months ends with the last of them, or later if asked (O-02 with 22号, article
    7). Cover of a visit ends on the day on which it begins, or on the expected last one: a
    stay that began by then is covered to its end. An emergency begins at once: whatever is
    expected, no later visit is one.
    """
    expected = application.expected_end_date
    if basis.cover is Until.CHANGED:
        return None
    if basis.cover is Until.VISIT:
        is_emergency = application.category is Category.EMERGENCY
        return application.start_date if is_emergency else expected or application.start_date
    least = months_after(application.start_date, basis.cover)
    return least if expected is None else max(least, expected)


def months_after(start: dt.date, months: int) -> dt.date:
    """Returns the last day of `months` that begin on `start`.

    The first day does not count and the day of the same number in the last month, or the
    last day of that month, is the last one (民法典, articles 201 and 202).
    """
    return add_months(start, months)


def change_allowed_date(basis: BasisRules, *, today: dt.date) -> dt.date:
    """Returns the first day on which what is registered today may be changed by wish."""
    if not basis.change_after_months:
        return today
    return months_after(today, basis.change_after_months) + _DAY


def task_of_granted(
    end_date: dt.date | None, rules: RegionRules, *, today: dt.date, is_checked: bool
) -> Task | None:
    """Returns what is to be done about a registration in force: the check, then its end."""
    if is_checked:
        return Task(TaskKind.CHECK, today + rules.check_days * _DAY)
    if end_date is None:
        return None
    return Task(TaskKind.EXPIRY, max(today, end_date - rules.expiry_notice_days * _DAY))


def check_place(treatment_region: str, rules: RegionRules) -> None:
    """Raises RuleError REGION_EXCLUDED for Hong Kong, Macao and Taiwan (O-12)."""
    if treatment_region[:2] in rules.excluded_provinces:
        raise RuleError(
            Reason.REGION_EXCLUDED,
            f"region {treatment_region} is outside of direct settlement",
            treatment_region=treatment_region,
        )


def _faults(
    application: Application, asked: CategoryRules, rules: RegionRules, *, region: str
) -> list[FieldFault]:
    faults = []
    place = place_fault(application.treatment_region, region=region)
    # An excluded place is refused by a reason of its own.
    if place is not None and application.treatment_region[:2] not in rules.excluded_provinces:
        faults.append(FieldFault("treatment_region", Reason.FIELD_OUT_OF_RANGE, place))
    if application.is_urgent and application.category is not Category.REFERRAL:
        message = "only a referral can be urgent"
        faults.append(FieldFault("is_urgent", Reason.FIELD_OUT_OF_RANGE, message))
    end = application.expected_end_date
    if end is None:
        if asked.least_stay_months:
            message = "is required for long-term categories"
            faults.append(FieldFault("expected_end_date", Reason.FIELD_REQUIRED, message))
    elif end < application.start_date:
        message = "must not be before start_date"
        faults.append(FieldFault("expected_end_date", Reason.FIELD_OUT_OF_RANGE, message))
    return faults + _referral_faults(application)


def _referral_faults(application: Application) -> list[FieldFault]:
    """Returns what is wrong of a referral; a hospital that refers says for what."""
    if application.category is not Category.REFERRAL:
        if application.referral is None:
            return []
        message = "stands with referrals alone"
        return [FieldFault("referral", Reason.FIELD_OUT_OF_RANGE, message)]
    if application.referral is None and application.channel is Channel.HOSPITAL:
        message = "is required where a hospital applies"
        return [FieldFault("referral", Reason.FIELD_REQUIRED, message)]
    return []


def _check_channel(channel: Channel, asked: CategoryRules) -> None:
    if channel not in asked.channels:
        raise RuleError(
            Reason.REGISTRATION_CHANNEL_CLOSED,
            f"{asked.category.name.lower()} is not taken by {channel.name.lower()}",
            application_channel=channel.name,
            open=",".join(each.name for each in Channel if each in asked.channels),
        )


def is_looked_at_after(origin: Origin, asked: CategoryRules) -> bool:
    """Tells whether an extension is checked after it was granted.

    It names no channel, so all channels of whoever extends count together. What a second operator
    would decide of if it were applied for is looked at as well, or one alone would grant another
    term.

    Raises:
        RuleError: REGISTRATION_CHANNEL_CLOSED; none of these channels is open.
    """
    channels = CHANNELS_OF[origin]
    if origin is Origin.SELF_SERVICE and asked.channels.isdisjoint(channels):
        _check_channel(channels[0], asked)
    looked_at = asked.checked_after | asked.second_operator
    return asked.needs_pre_evaluation or not looked_at.isdisjoint(channels)


def _check_entitled(application: Application, applicant: Applicant, rules: RegionRules) -> None:
    """Checks that an institution that applies may refer (2501), and one that referred as well.

    A region that names none takes the proof of any, where it is no institution that applies.
    """
    entitled, referral = rules.referring_institutions, application.referral
    for institution_id, is_asked in (
        (applicant.institution_id, True),
        (referral and referral.institution_id, bool(entitled)),
    ):
        if institution_id and is_asked and institution_id not in entitled:
            raise RuleError(
                Reason.REFERRAL_NOT_ENTITLED,
                f"institution {institution_id} may not refer",
                institution_id=institution_id,
            )


def basis_rules(application: Application, asked: CategoryRules) -> BasisRules:
    """Returns what is asked on the basis of an application.

    Raises:
        RuleError: REGISTRATION_BASIS_NOT_ACCEPTED.
    """
    found = asked.bases.get(application.basis)
    if found is None:
        raise RuleError(
            Reason.REGISTRATION_BASIS_NOT_ACCEPTED,
            f"{asked.category.name.lower()} is not taken on basis {application.basis.name.lower()}",
            basis=application.basis.name,
            accepted=",".join(each.name for each in asked.bases),
        )
    return found


def _check_stay(application: Application, asked: CategoryRules) -> None:
    """Checks that a long-term stay is longer than half a year (O-02)."""
    if not asked.least_stay_months:
        return
    assert application.expected_end_date is not None
    least = months_after(application.start_date, asked.least_stay_months)
    if application.expected_end_date <= least:
        raise RuleError(
            Reason.STAY_TOO_SHORT,
            f"a long-term stay goes beyond {least.isoformat()}",
            half_year_end=least.isoformat(),
        )


def _check_in_advance(application: Application, asked: CategoryRules, *, today: dt.date) -> None:
    """Checks that cover, and the admission, began not too long before today (O-01, O-02)."""
    days = asked.urgent_late_days if application.is_urgent else asked.late_days
    earliest = today - days * _DAY
    began = min(application.start_date, application.admission_date or _NO_END)
    if began < earliest:
        raise RuleError(
            Reason.REGISTER_IN_ADVANCE,
            f"cover cannot begin before {earliest.isoformat()}",
            earliest_start_date=earliest.isoformat(),
        )
