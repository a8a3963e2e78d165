"""What applications are decided by: the rules in force, persons, papers, other registrations."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_offsite.rules.material.material import Owner
from yibao_offsite.rules.material.states import COUNTS, State
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant, basis_rules
from yibao_offsite.rules.registration.papers import KnownPaper, check_papers
from yibao_offsite.rules.registration.persons import (
    check_person,
    check_self_service,
    until_enrolled,
)
from yibao_offsite.rules.registration.places import check_places
from yibao_offsite.rules.registration.registration import Application, Material, Registration

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided: `today` is the day of `now` in Shanghai."""

    now: dt.datetime
    today: dt.date


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of the persons of applications, who are locked; by person or paper.

    `persons` is None where no identity is followed. `limits` are last days of limited
    self-service. `others` are a person's registrations that take their places.
    """

    persons: Mapping[str, KnownPerson] | None
    limits: Mapping[str, dt.date]
    papers: Mapping[str, KnownPaper]
    others: dict[str, list[Registration]]

    def add(self, registration: Registration) -> None:
        """Lets a registration that will be kept count for those that are decided after it."""
        self.others.setdefault(registration.person_id, []).append(registration)


def read_known(work: "Work", applications: Sequence[Application]) -> Known:
    """Locks the persons and the uploaded papers of applications and reads what decides them."""
    person_ids = {each.person_id for each in applications}
    # Whoever is not known will be refused, and nothing is kept of a refusal.
    persons = work.persons.lock_known(person_ids)
    # Read after the lock, so that it holds what the lock's last holder did.
    standing = work.registrations.standing(person_ids)
    others: dict[str, list[Registration]] = {}
    for each in standing.registrations:
        others.setdefault(each.person_id, []).append(each)
    materials = [material for each in applications for material in each.materials]
    papers = known_papers(work, materials)
    return Known(persons, standing.limits, papers, others)


def known_papers(
    work: "Work", materials: Iterable[Material], *, registration_id: str | None = None
) -> dict[str, KnownPaper]:
    """Returns the uploaded ones of papers by their ids; locks them.

    Of a registration that is there, a paper that was replaced since counts as what took its
    place does, in all that it was handed in for.
    """
    ids = {each.material_id for each in materials if each.material_id is not None}
    if not ids:
        return {}
    used: set[str] = set()
    if registration_id is not None:
        of_it = work.papers.of_owner(Owner.REGISTRATION, registration_id)
        used = {each.material_id for each in of_it}
    # Locked, so that nobody returns or replaces one before the transaction ends.
    papers = work.papers.lock(ids | used)
    counts = {
        (each.person_id, each.kind)
        for each in papers
        if each.material_id in used and each.state in COUNTS
    }
    replaced = {
        each.material_id
        for each in papers
        if each.state is State.REPLACED and (each.person_id, each.kind) in counts
    }
    return {
        each.material_id: KnownPaper(
            each.material_id,
            each.kind,
            each.person_id,
            each.state in COUNTS or each.material_id in replaced & used,
        )
        for each in papers
    }


def decided(
    registration: Registration,
    known: Known,
    applicant: Applicant,
    rules: RegionRules,
    moment: Moment,
) -> Registration:
    """Returns what becomes of an application by what was read of its person.

    It lasts no longer than the person is known to be insured.

    Raises:
        RuleError: SELF_SERVICE_LIMITED, MATERIAL_MISSING, what `check_person`, `until_enrolled`
            and `check_places` refuse, in this order.
    """
    application, person_id = registration.application, registration.person_id
    check_self_service(applicant.origin, known.limits.get(person_id), today=moment.today)
    check_papers(
        basis_rules(application, rules.categories[application.category]).papers,
        application.materials,
        known.papers,
        person_id=person_id,
        may_show=applicant.origin.may_see_papers,
    )
    if known.persons is not None:
        person = check_person(known.persons.get(person_id), person_id, day=moment.today)
        registration = until_enrolled(registration, person, rules, today=moment.today)
    check_places(registration, known.others.get(person_id, ()), several=rules.several_places)
    return registration
