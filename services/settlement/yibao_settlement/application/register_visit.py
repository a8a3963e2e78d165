"""Registering a visit for the holder of a code."""

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.commands import RegisterVisit, accepted
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.working_set import CodeUse, WorkingSet
from yibao_settlement.rules.enrolment import check_enrolled, not_enrolled_here
from yibao_settlement.rules.standing import check_not_merged
from yibao_settlement.rules.visit import (
    Visit,
    check_designated,
    check_start_date,
)


def register_visit(
    command: RegisterVisit, working_set: WorkingSet, ids: Ids, encoder: Encoder
) -> bytes:
    """Registers a visit and returns the bytes of its answer.

    Raises RuleError where it is refused; the working set is then as it was.
    """
    code = accepted(command.code)
    today = shanghai_day(working_set.now)
    check_start_date(command.start_date, today=today)
    institution = check_designated(
        working_set.reference.institution(command.institution_id),
        command.institution_id,
        region=working_set.region,
        on=today,
    )
    person_id = working_set.persons_by_subject.get(code.subject)
    if person_id is None:
        raise not_enrolled_here()
    check_not_merged(working_set.standing(person_id))
    enrolment = check_enrolled(working_set.enrolments.get(person_id, ()), on=command.start_date)
    working_set.check_code(code, person_id, institution_id=command.institution_id)
    number = (command.institution_id, command.provider_visit_number)
    existing = working_set.visit_numbers.get(number)
    if existing is not None:
        raise RuleError(
            Reason.VISIT_EXISTS,
            f"visit number {command.provider_visit_number} is registered already",
            visit_id=existing,
        )
    visit = Visit(
        visit_id=ids(),
        person_id=person_id,
        institution_id=command.institution_id,
        provider_visit_number=command.provider_visit_number,
        care_type=command.care_type,
        start_date=command.start_date,
        birth_date=working_set.birth_dates[person_id],
        insurance_type=enrolment.insurance_type,
        person_class=enrolment.person_class,
        entitlement_groups=enrolment.entitlement_groups,
        institution_level=institution.institution_level,
        register_time=working_set.now,
    )
    working_set.use_code(visit.person_id, CodeUse(code, command.request_id, command.institution_id))
    working_set.visits[visit.visit_id] = visit
    working_set.visit_numbers[number] = visit.visit_id
    working_set.changes.visits.append(visit)
    return encoder.visit(working_set.region, visit)
