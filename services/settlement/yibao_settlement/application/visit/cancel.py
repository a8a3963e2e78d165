"""Cancelling a visit that nothing stands settled of."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.visit.find import visit_not_found
from yibao_settlement.rules.visit import Visit


@dataclass(frozen=True, slots=True)
class CancelVisit:
    """Cancels a visit of the caller's institution."""

    request: Request
    visit_id: str
    # Writes a CancelVisitResponse of the region and the visit.
    encode: Callable[[str, Visit], bytes]

    def needs(self) -> Needs:
        """Returns the visit, whose person's lock keeps bills of it apart."""
        return Needs(visit_ids=(self.visit_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Cancels the visit, or finds it cancelled; see `Command`.

        Raises RuleError VISIT_NOT_FOUND or VISIT_SETTLED.
        """
        visit = working_set.visits.get(self.visit_id)
        if visit is None or visit.institution_id != self.request.caller.own_institution():
            raise visit_not_found(self.visit_id)
        if visit.cancel_time is not None:
            return self.encode(working_set.region, visit)
        for (visit_id, _), settlement_id in working_set.settled_bills.items():
            if visit_id == self.visit_id:
                raise RuleError(
                    Reason.VISIT_SETTLED,
                    f"settlement {settlement_id} of the visit stands",
                    visit_id=visit_id,
                    settlement_id=settlement_id,
                )
        cancelled = dataclasses.replace(
            visit, cancel_time=working_set.now, cancelled_by=self.request.caller.path
        )
        response = self.encode(working_set.region, cancelled)
        # Nothing below refuses: from here on the working set changes.
        working_set.visits[self.visit_id] = cancelled
        number = (visit.institution_id, visit.provider_visit_number)
        working_set.visit_numbers.pop(number, None)
        working_set.changes.cancelled_visits.append(cancelled)
        return response
