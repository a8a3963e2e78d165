"""Registering a visit for the holder of a code."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.changes import CodeUse
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.state import AttestationTold
from yibao_settlement.application.elsewhere.treating import (
    Treating,
    check_attested,
    check_treats,
    note_deemed,
    treating_at,
)
from yibao_settlement.application.elsewhere.visit import on_terms
from yibao_settlement.application.presentation import (
    accepted,
    check_code,
    needs_of_holder,
    use_code,
)
from yibao_settlement.application.visit.find import check_not_continued, visit_not_found
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.care_facts import NO_FACTS, CareFacts, fact_faults
from yibao_settlement.rules.care_type import care_type_not_allowed, check_care_type, is_stay
from yibao_settlement.rules.elsewhere.marks import NO_MARKS, CareMarks, mark_faults
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.rules.enrolment import check_alive, check_enrolled, not_enrolled_here
from yibao_settlement.rules.institution.scope import check_networked
from yibao_settlement.rules.institution.suspension import check_not_suspended
from yibao_settlement.rules.stay import check_no_open_stay, check_transfer, end_of
from yibao_settlement.rules.visit import Visit, check_start_date, is_pharmacy


@dataclass(frozen=True, slots=True)
class RegisterVisit:
    """Registers a visit at the caller's institution for the holder of a code."""

    request: Request
    code: Code
    provider_visit_number: str
    care_type: str
    start_date: dt.date
    # Writes a RegisterVisitResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]
    facts: CareFacts = NO_FACTS
    transfer_from_visit_id: str | None = None
    # Of codes that are in no dictionary, where the region asks.
    unknown_terms: tuple[FieldFault, ...] = ()
    marks: CareMarks = NO_MARKS
    # Of an institution of the person's own region it is not looked at.
    attested: AttestationTold = None

    def needs(self) -> Needs:
        """Returns the code with its holder, the number of the visit, and for a stay the others."""
        former_id = self.transfer_from_visit_id
        former_ids = () if former_id is None else (former_id,)
        needs = Needs(
            visit_ids=former_ids,
            stay_visit_ids=former_ids,
            visit_numbers=(self.provider_visit_number,),
            treating_institution_ids=(self.request.caller.own_institution(),),
        )
        return needs_of_holder(needs, self.code, with_stays=is_stay(self.care_type))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Registers the visit; see `Command`."""
        institution_id = self.request.caller.own_institution()
        code = accepted(self.code, working_set, institution_id=institution_id)
        today = shanghai_day(working_set.now)
        check_start_date(self.start_date, today=today)
        treating = treating_at(working_set, institution_id)
        institution = treating.designated(institution_id, today)
        self._check_open(treating, institution_id)
        person_id = working_set.persons_by_subject.get(code.subject)
        if person_id is None:
            raise not_enrolled_here()
        check_not_merged(working_set.standing(person_id))
        check_alive(working_set.death_dates.get(person_id))
        enrolment = check_enrolled(working_set.enrolments.get(person_id, ()), on=self.start_date)
        check_code(working_set, code, person_id, institution_id=institution_id)
        number = (institution_id, self.provider_visit_number)
        existing = working_set.visit_numbers.get(number)
        if existing is not None:
            raise RuleError(
                Reason.VISIT_EXISTS,
                f"visit number {self.provider_visit_number} is registered already",
                visit_id=existing,
            )
        self._check_contents(institution_id, treating, today=today)
        visit_id = ids()
        visit = Visit(
            visit_id=visit_id,
            person_id=person_id,
            institution_id=institution_id,
            provider_visit_number=self.provider_visit_number,
            care_type=self.care_type,
            start_date=self.start_date,
            birth_date=working_set.birth_dates[person_id],
            insurance_type=enrolment.insurance_type,
            person_class=enrolment.person_class,
            entitlement_groups=enrolment.entitlement_groups,
            institution_level=institution.institution_level,
            register_time=working_set.now,
            facts=self.facts,
            transfer_from_visit_id=self.transfer_from_visit_id,
            stay_id=self._continued_stay(working_set, person_id) or visit_id,
            marks=self.marks,
        )
        attested = None
        if treating.is_elsewhere:
            attested = check_attested(working_set, self.attested, person_id=person_id)
            visit = self._elsewhere(working_set, visit, treating, attested, today=today)
        response = self.encode(working_set.region, visit)
        # Nothing below refuses: from here on the working set changes.
        use = CodeUse(code, self.request.request_id, institution_id, visit.visit_id)
        use_code(working_set, person_id, use)
        working_set.visits[visit.visit_id] = visit
        working_set.visit_numbers[number] = visit.visit_id
        working_set.changes.visits.append(visit)
        note_deemed(working_set, visit)
        if attested is not None:
            working_set.elsewhere.attest(attested)
        if visit.transfer_from_visit_id is not None:
            working_set.continued_by[visit.transfer_from_visit_id] = visit_id
            _keep_ended(working_set, visit.transfer_from_visit_id)
        return response

    def _check_open(self, treating: Treating, institution_id: str) -> None:
        """Refuses care that the institution is not networked for, or is suspended from."""
        reference, day = treating.reference, self.start_date
        check_treats(treating, institution_id, on=day)
        scope, care_type = reference.scope(institution_id, day), self.care_type
        check_networked(scope, institution_id, care_type=care_type, on=day)
        check_not_suspended(reference.suspended, institution_id, care_type=care_type, on=day)

    def _elsewhere(
        self,
        working_set: WorkingSet,
        visit: Visit,
        treating: Treating,
        attested: RegisteredCare | None,
        *,
        today: dt.date,
    ) -> Visit:
        """Returns a visit in another region, with the terms that it has so far."""
        known = working_set.elsewhere.known(visit.visit_id, visit.person_id, now=working_set.now)
        if attested is not None:
            told_id = attested.registration_id
            others = [each for each in known.registered if each.registration_id != told_id]
            known = known._replace(registered=(*others, attested))
        return on_terms(
            visit,
            treating.region,
            known,
            working_set.diseases.get(visit.person_id, ()),
            home=working_set.reference,
            home_region=working_set.region,
            last=today if is_stay(self.care_type) else self.start_date,
        )

    def _check_contents(self, institution_id: str, treating: Treating, *, today: dt.date) -> None:
        """Refuses care that is not of the list or the institution, and what is told wrongly."""
        care_type = check_care_type(self.care_type, is_pharmacy=is_pharmacy(institution_id))
        faults = list(fact_faults(self.facts, first_day=self.start_date, last_day=today))
        faults += self.unknown_terms
        faults += mark_faults(self.marks, self.care_type, is_elsewhere=treating.is_elsewhere)
        if care_type.needs_disease and not care_type.is_stay and not self.facts.disease_code:
            message = f"is required for care type {self.care_type}"
            faults.append(FieldFault("disease_code", Reason.FIELD_REQUIRED, message))
        refuse_faults(faults)

    def _continued_stay(self, working_set: WorkingSet, person_id: str) -> str | None:
        """Returns the stay that a transfer continues, None where there is none.

        Under the person's lock, which every visit and bill of theirs waits for: two
        registrations at once cannot both find no open stay.

        Raises RuleError VISIT_NOT_FOUND, CARE_TYPE_NOT_ALLOWED, TRANSFER_INVALID,
        STAY_OPEN_ELSEWHERE.
        """
        stay_id = None
        former_id = self.transfer_from_visit_id
        if former_id is not None:
            former = working_set.visits.get(former_id)
            # Somebody else's visit is not told apart from none.
            if former is None or former.person_id != person_id:
                raise visit_not_found(former_id)
            if not is_stay(self.care_type):
                raise care_type_not_allowed(self.care_type, "continues no stay")
            check_transfer(former, working_set.bills_of(former_id), start_date=self.start_date)
            check_not_continued(working_set, former_id)
            stay_id = former.stay
        if is_stay(self.care_type):
            check_no_open_stay(
                working_set.open_stays(person_id),
                institution_id=self.request.caller.own_institution(),
            )
        return stay_id


def _keep_ended(working_set: WorkingSet, former_id: str) -> None:
    """Keeps the stay that a transfer continues ended on its last day, where a bill ended it.

    Whether one stay goes on in the other hangs on that day: it must not move when bills of
    the former one are taken back or come late.
    """
    former = working_set.visits[former_id]
    if former.end_date is None:
        ended = end_of(former, working_set.bills_of(former_id))
        working_set.change_visit(former._replace(end_date=ended))
