"""Cancelling a visit that nothing stands settled of."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.visit.find import check_not_continued, visit_of_caller
from yibao_settlement.rules.visit import Visit


@dataclass(frozen=True, slots=True)
class CancelVisit:
    """Cancels a visit of the caller's institution."""

    request: Request
    visit_id: str
    # Writes a CancelVisitResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]

    def needs(self) -> Needs:
        """Returns the visit, whose person's lock keeps bills of it apart, and what continues it."""
        visit_ids = (self.visit_id,)
        return Needs(visit_ids=visit_ids, stay_visit_ids=visit_ids)

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Cancels the visit, or finds it cancelled; see `Command`.

        Raises RuleError VISIT_NOT_FOUND, VISIT_SETTLED or TRANSFER_INVALID.
        """
        visit = visit_of_caller(working_set.visits, self.visit_id, self.request.caller)
        if visit.cancel_time is not None:
            return self.encode(working_set.region, visit)
        for bill in working_set.bills_of(self.visit_id):
            raise RuleError(
                Reason.VISIT_SETTLED,
                f"bill {bill.settlement_id} of the visit stands, settled or held",
                visit_id=self.visit_id,
                settlement_id=bill.settlement_id,
            )
        check_not_continued(working_set, self.visit_id)
        cancelled = visit._replace(
            cancel_time=working_set.now, cancelled_by=self.request.caller.path
        )
        response = self.encode(working_set.region, cancelled)
        # Nothing below refuses: from here on the working set changes.
        working_set.change_visit(cancelled)
        number = (visit.institution_id, visit.provider_visit_number)
        working_set.visit_numbers.pop(number, None)
        if visit.transfer_from_visit_id is not None:
            working_set.continued_by.pop(visit.transfer_from_visit_id, None)
        return response
