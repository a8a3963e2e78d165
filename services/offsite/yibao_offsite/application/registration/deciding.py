"""What is read to decide about registrations: rules in force, person, papers, the others."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.states import COUNTS
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant, basis_rules, register
from yibao_offsite.rules.registration.kinds import Origin
from yibao_offsite.rules.registration.papers import KnownPaper, check_papers
from yibao_offsite.rules.registration.persons import check_person
from yibao_offsite.rules.registration.places import check_places
from yibao_offsite.rules.registration.registration import Application, Material, Registration

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided: `today` is the day of `now` in Shanghai."""

    now: dt.datetime
    today: dt.date


def decided(
    work: "Work",
    application: Application,
    applicant: Applicant,
    rules: RegionRules,
    moment: Moment,
    *,
    registration_id: str,
    replaces: str | None = None,
) -> Registration:
    """Returns what becomes of an application; the person is locked when this returns.

    Raises:
        RuleError: what `rules.registration.decide.register` refuses, SELF_SERVICE_LIMITED,
            MATERIAL_MISSING, what `check_person` and `check_places` refuse, in this order.
    """
    registration = register(
        application,
        applicant,
        rules,
        region=work.region,
        registration_id=registration_id,
        now=moment.now,
        today=moment.today,
    )
    registration = dataclasses.replace(registration, replaces_registration_id=replaces)
    asked = rules.categories[application.category]
    person = work.persons.lock(application.person_id)
    # Read after the lock, so that it holds what the lock's last holder did.
    check_self_service(work, applicant.origin, application.person_id, today=moment.today)
    papers = basis_rules(application, asked).papers
    check_materials(
        work,
        papers,
        application,
        application.materials,
        may_show=applicant.origin.may_see_papers,
    )
    if work.persons.is_followed():
        check_person(person, application.person_id, day=moment.today)
    others = work.registrations.of_person(application.person_id)
    check_places(registration, others, several=rules.several_places)
    return registration


def check_materials(
    work: "Work",
    asked: Sequence[Sequence[str]],
    application: Application,
    materials: Sequence[Material],
    *,
    may_show: bool,
) -> None:
    """Checks that all papers are there; uploaded ones are looked up. Raises MATERIAL_MISSING."""
    ids = [each.material_id for each in materials if each.material_id is not None]
    # Locked, so that nobody returns or replaces one before the transaction ends.
    papers = work.papers.lock(ids) if ids else ()
    known = {
        each.material_id: KnownPaper(
            each.material_id, each.kind, each.person_id, each.state in COUNTS
        )
        for each in papers
    }
    check_papers(asked, materials, known, person_id=application.person_id, may_show=may_show)


def check_self_service(work: "Work", origin: Origin, person_id: str, *, today: dt.date) -> None:
    """Raises RuleError SELF_SERVICE_LIMITED after a false statement, up to a last day."""
    if origin is not Origin.SELF_SERVICE:
        return
    until = work.registrations.self_service_limit(person_id)
    if until is not None and today <= until:
        raise RuleError(
            Reason.SELF_SERVICE_LIMITED,
            f"self-service is limited until {until.isoformat()}",
            until=until.isoformat(),
        )
