"""Cancelling uploaded lines that no bill settled."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.taking import refuse_missing
from yibao_settlement.application.visit.find import visit_of_caller


@dataclass(frozen=True, slots=True)
class CancelLines:
    """Cancels lines of a visit of the caller's institution: some by their ids, or all."""

    request: Request
    visit_id: str
    line_ids: tuple[str, ...]
    all_unsettled: bool
    # Writes a CancelLinesResponse: how many were cancelled.
    encode: Callable[[int], bytes]

    def needs(self) -> Needs:
        """Returns the visit and its lines."""
        return Needs(visit_ids=(self.visit_id,), charged_visit_ids=(self.visit_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Cancels the lines; see `Command`.

        What was returned of a line goes with it, for there is nothing left to return.
        """
        visit_of_caller(working_set.visits, self.visit_id, self.request.caller)
        if self.all_unsettled == bool(self.line_ids):
            message = "either line_ids or all_unsettled is required"
            refuse_faults([FieldFault("line_ids", Reason.FIELD_REQUIRED, message)])
        charges = working_set.charges.get(self.visit_id, {})
        waiting = {line_id: each for line_id, each in charges.items() if each.is_waiting}
        wanted = set(self.line_ids) or set(waiting)
        refuse_missing(sorted(wanted - waiting.keys()), charges)
        cancelled = [
            each
            for line_id, each in waiting.items()
            if line_id in wanted or each.line.returned_line_id in wanted
        ]
        response = self.encode(len(cancelled))
        # Nothing below refuses: from here on the working set changes.
        for each in cancelled:
            working_set.put_charge(each._replace(is_uploaded=False))
        return response
