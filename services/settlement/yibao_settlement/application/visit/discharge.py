"""Discharging a person, and taking a discharge back."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.visit.find import (
    check_not_continued,
    own_visit_that_stands,
    visit_not_found,
)
from yibao_settlement.rules.care_facts import Diagnosis, Operation, fact_faults
from yibao_settlement.rules.elsewhere.marks import CareMarks, mark_faults
from yibao_settlement.rules.enrolment import check_alive_on
from yibao_settlement.rules.stay import check_discharge, check_no_open_stay, check_not_settled
from yibao_settlement.rules.visit import DischargeWay, Visit, check_not_cancelled


@dataclass(frozen=True, slots=True)
class DischargeVisit:
    """Ends a stay: an institution its own, an agency any of its region.

    An agency ends what an institution left open, so that the person can be admitted
    elsewhere. Without diagnoses or operations, those before stay.
    """

    request: Request
    visit_id: str
    end_date: dt.date
    discharge_way: DischargeWay
    diagnoses: tuple[Diagnosis, ...]
    operations: tuple[Operation, ...]
    # Writes a DischargeVisitResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]
    # Of codes that are in no dictionary, where the region asks.
    unknown_terms: tuple[FieldFault, ...] = ()
    # None leaves those before.
    marks: CareMarks | None = None

    def needs(self) -> Needs:
        """Returns the visit, whose person's lock keeps bills of it apart, and what continues it."""
        return Needs(visit_ids=(self.visit_id,), stay_visit_ids=(self.visit_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Ends the stay; see `Command`.

        Raises RuleError VISIT_NOT_FOUND, VISIT_CANCELLED, what `rules.stay.check_discharge`
        refuses, PERSON_DECEASED, or with every fault of the facts.
        """
        visit = self._visit(working_set)
        check_discharge(
            visit,
            working_set.bills_of(self.visit_id),
            end_date=self.end_date,
            today=shanghai_day(working_set.now),
            is_continued=self.visit_id in working_set.continued_by,
        )
        holder_id = working_set.held(visit).person_id
        check_alive_on(working_set.death_dates.get(holder_id), self.end_date)
        facts = dataclasses.replace(
            visit.facts,
            diagnoses=self.diagnoses or visit.facts.diagnoses,
            operations=self.operations or visit.facts.operations,
        )
        faults = list(fact_faults(facts, first_day=visit.start_date, last_day=self.end_date))
        marks = visit.marks if self.marks is None else self.marks
        if self.marks is not None:
            is_elsewhere = visit.elsewhere is not None
            faults += mark_faults(marks, visit.care_type, is_elsewhere=is_elsewhere)
        refuse_faults([*faults, *self.unknown_terms])
        discharged = visit._replace(
            facts=facts,
            end_date=self.end_date,
            discharge_way=self.discharge_way,
            marks=marks,
        )
        response = self.encode(working_set.region, discharged)
        # Nothing below refuses: from here on the working set changes.
        working_set.change_visit(discharged)
        if self.request.caller.institution_id is None:
            put_on_record(self.request, discharged, working_set)
        return response

    def _visit(self, working_set: WorkingSet) -> Visit:
        visit = working_set.visits.get(self.visit_id)
        institution_id = self.request.caller.institution_id
        if visit is None or institution_id not in (None, visit.institution_id):
            raise visit_not_found(self.visit_id)
        check_not_cancelled(visit)
        return visit


@dataclass(frozen=True, slots=True)
class CancelDischarge:
    """Opens a stay of the caller's institution again."""

    request: Request
    visit_id: str
    # Writes a CancelDischargeResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]

    def needs(self) -> Needs:
        """Returns the visit, the open stays of its person, and what continues it."""
        visit_ids = (self.visit_id,)
        return Needs(visit_ids=visit_ids, stay_visit_ids=visit_ids)

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Opens the stay again, or finds it open; see `Command`.

        Raises RuleError VISIT_NOT_FOUND, VISIT_CANCELLED, VISIT_SETTLED, TRANSFER_INVALID,
        STAY_OPEN_ELSEWHERE.
        """
        visit = own_visit_that_stands(working_set, self.visit_id, self.request.caller)
        if visit.end_date is None:
            return self.encode(working_set.region, visit)
        check_not_settled(visit, working_set.bills_of(self.visit_id))
        check_not_continued(working_set, self.visit_id)
        check_no_open_stay(
            working_set.open_stays(visit.person_id), institution_id=visit.institution_id
        )
        opened = visit._replace(end_date=None, discharge_way=None)
        response = self.encode(working_set.region, opened)
        # Nothing below refuses: from here on the working set changes.
        working_set.change_visit(opened)
        put_on_record(self.request, visit, working_set)
        return response


def put_on_record(request: Request, discharged: Visit, working_set: WorkingSet) -> None:
    """Tells of a discharge that an agency told, or that was taken back."""
    assert discharged.end_date is not None
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(discharged.person_id, discharged.visit_id),
            detail={
                "institution": discharged.institution_id,
                "end_date": discharged.end_date.isoformat(),
            },
        )
    )
