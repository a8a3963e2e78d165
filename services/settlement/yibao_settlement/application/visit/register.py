"""Registering a visit for the holder of a code."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Code, accepted
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import CodeUse, WorkingSet
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.enrolment import check_alive, check_enrolled, not_enrolled_here
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.visit import Visit, check_designated, check_start_date


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

    def needs(self) -> Needs:
        """Returns the code with its holder, and the institution's number of the visit."""
        code, numbers = self.code, (self.provider_visit_number,)
        if not isinstance(code, PresentedCode):
            return Needs(visit_numbers=numbers)
        subjects = (code.subject,)
        return Needs(
            holder_subjects=subjects,
            subjects=subjects,
            code_ids=(code.code_id,),
            visit_numbers=numbers,
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Registers the visit; see `Command`."""
        code = accepted(self.code)
        institution_id = self.request.caller.own_institution()
        today = shanghai_day(working_set.now)
        check_start_date(self.start_date, today=today)
        institution = check_designated(
            working_set.reference.institution(institution_id),
            institution_id,
            region=working_set.region,
            on=today,
        )
        person_id = working_set.persons_by_subject.get(code.subject)
        if person_id is None:
            raise not_enrolled_here()
        check_not_merged(working_set.standing(person_id))
        check_alive(working_set.death_dates.get(person_id))
        enrolment = check_enrolled(working_set.enrolments.get(person_id, ()), on=self.start_date)
        working_set.check_code(code, person_id, institution_id=institution_id)
        number = (institution_id, self.provider_visit_number)
        existing = working_set.visit_numbers.get(number)
        if existing is not None:
            raise RuleError(
                Reason.VISIT_EXISTS,
                f"visit number {self.provider_visit_number} is registered already",
                visit_id=existing,
            )
        visit = Visit(
            visit_id=ids(),
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
        )
        response = self.encode(working_set.region, visit)
        # Nothing below refuses: from here on the working set changes.
        use = CodeUse(code, self.request.request_id, institution_id, visit.visit_id)
        working_set.use_code(person_id, use)
        working_set.visits[visit.visit_id] = visit
        working_set.visit_numbers[number] = visit.visit_id
        working_set.changes.visits.append(visit)
        return response
