"""Telling anew what a visit is about, while more than interim bills is not settled of it."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.visit.find import own_visit_that_stands
from yibao_settlement.rules.care_facts import CareFacts, fact_faults
from yibao_settlement.rules.elsewhere.marks import CareMarks, mark_faults
from yibao_settlement.rules.stay import check_not_settled
from yibao_settlement.rules.visit import Visit

# What bills are decided and judged by; bed and department are not.
_ON_RECORD = ("diagnoses", "operations", "disease_code")


@dataclass(frozen=True, slots=True)
class UpdateVisit:
    """Replaces the facts of a visit of the caller's institution."""

    request: Request
    visit_id: str
    facts: CareFacts
    # Writes an UpdateVisitResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]
    # Of codes that are in no dictionary, where the region asks.
    unknown_terms: tuple[FieldFault, ...] = ()
    # None leaves those before.
    marks: CareMarks | None = None

    def needs(self) -> Needs:
        """Returns the visit, whose person's lock keeps bills of it apart."""
        return Needs(visit_ids=(self.visit_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Replaces the facts; see `Command`.

        Raises RuleError VISIT_NOT_FOUND, VISIT_CANCELLED, VISIT_SETTLED, or with every
        fault of the facts.
        """
        visit = own_visit_that_stands(working_set, self.visit_id, self.request.caller)
        bills = working_set.bills_of(self.visit_id)
        check_not_settled(visit, bills)
        last_day = visit.end_date or shanghai_day(working_set.now)
        faults = list(fact_faults(self.facts, first_day=visit.start_date, last_day=last_day))
        marks = visit.marks if self.marks is None else self.marks
        if self.marks is not None:
            is_elsewhere = visit.elsewhere is not None
            faults += mark_faults(marks, visit.care_type, is_elsewhere=is_elsewhere)
        refuse_faults([*faults, *self.unknown_terms])
        updated = visit._replace(facts=self.facts, marks=marks)
        response = self.encode(working_set.region, updated)
        # Nothing below refuses: from here on the working set changes.
        working_set.change_visit(updated)
        if bills or marks != visit.marks:
            self._put_on_record(visit, working_set)
        return response

    def _put_on_record(self, before: Visit, working_set: WorkingSet) -> None:
        """Tells that what bills are decided by was told anew, not what it was."""
        changed = [
            name for name in _ON_RECORD if getattr(before.facts, name) != getattr(self.facts, name)
        ]
        if self.marks not in (None, before.marks):
            changed.append("marks")
        if changed:
            working_set.audit.add(
                entry_of(
                    self.request,
                    at=working_set.now,
                    subject_ids=(before.person_id, before.visit_id),
                    detail={"changed": ",".join(changed)},
                )
            )
