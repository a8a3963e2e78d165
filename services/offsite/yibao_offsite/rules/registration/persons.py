"""Whom a region registers, and what of a person ends a registration."""

import dataclasses
import datetime as dt

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.person import KnownPerson, PeriodStatus
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import task_of_granted
from yibao_offsite.rules.registration.kinds import EndReason, Origin, TaskKind
from yibao_offsite.rules.registration.registration import Registration


def check_person(person: KnownPerson | None, person_id: str, *, day: dt.date) -> KnownPerson:
    """Returns a living person whom the region insures on a day, as identity told.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED, PERSON_NOT_ENROLLED, in
            this order.
    """
    if person is None:
        message = f"person {person_id} is not known in the region"
        raise RuleError(Reason.PERSON_NOT_FOUND, message, person_id=person_id)
    if person.merged_into is not None:
        raise RuleError(
            Reason.PERSON_MERGED,
            f"person {person_id} is merged into {person.merged_into}",
            person_id=person_id,
            merged_into=person.merged_into,
        )
    if person.death_date is not None:
        death = person.death_date.isoformat()
        raise RuleError(Reason.PERSON_DECEASED, "the person has died", death_date=death)
    if not person.is_enrolled_on(day):
        raise RuleError(
            Reason.PERSON_NOT_ENROLLED,
            "the person is not enrolled in the region today",
        )
    return person


def until_enrolled(
    registration: Registration, person: KnownPerson, rules: RegionRules, *, today: dt.date
) -> Registration:
    """Returns a registration that lasts no longer than the region is known to insure the person.

    An end that was told before is not told again, so nothing would end what was granted since.

    Raises:
        RuleError: PERSON_NOT_ENROLLED; the registration would begin after that.
    """
    last = last_enrolled(person)
    if last is None or last >= (registration.end_date or dt.date.max):
        return registration
    if last < registration.start_date:
        raise RuleError(
            Reason.PERSON_NOT_ENROLLED,
            f"the region insures the person until {last.isoformat()}",
        )
    task = registration.task
    if registration.state.was_granted and (task is None or task.kind is TaskKind.EXPIRY):
        task = task_of_granted(last, rules, today=today, is_checked=False)
    return dataclasses.replace(registration, end_date=last, task=task)


def check_self_service(origin: Origin, until: dt.date | None, *, today: dt.date) -> None:
    """Checks who acts for itself; `until` is the last day on which it may not, None of none.

    Raises:
        RuleError: SELF_SERVICE_LIMITED, after a false statement.
    """
    if origin is Origin.SELF_SERVICE and until is not None and today <= until:
        raise RuleError(
            Reason.SELF_SERVICE_LIMITED,
            f"self-service is limited until {until.isoformat()}",
            until=until.isoformat(),
        )


def ending_of(
    registration: Registration, person: KnownPerson, *, today: dt.date
) -> tuple[EndReason, dt.date] | None:
    """Returns why a registration ends by what became of the person, and its last day.

    None where it goes on. The order is that of what cannot be taken back.
    """
    if person.merged_into is not None:
        return EndReason.MERGED, today
    if person.death_date is not None:
        return EndReason.DIED, person.death_date
    last = last_enrolled(person)
    if last is None:
        return None
    if last >= (registration.last_date or dt.date.max):
        return None
    return EndReason.ENROLMENT_ENDED, last


def last_enrolled(person: KnownPerson) -> dt.date | None:
    """Returns the last day on which the region insures a person; None where it is open.

    Of somebody whom it never insured, the day before all days.
    """
    last = dt.date.min
    for period in person.periods:
        if period.status == PeriodStatus.ENDED:
            continue
        if period.end_date is None:
            return None
        last = max(last, period.end_date)
    return last
