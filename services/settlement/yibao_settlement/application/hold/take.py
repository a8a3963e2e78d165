"""Holding a bill: it is decided and reserved as if it were settled, and not booked."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.treating import note_deemed_of_bill
from yibao_settlement.application.family.give import give
from yibao_settlement.application.hold.keeping import keep_hold
from yibao_settlement.application.hold.state import Hold, HoldRequest
from yibao_settlement.application.settlement.settle import (
    SettleBill,
    take_charges,
    use_code_of_bill,
)
from yibao_settlement.rules.hold import check_room, expire_time_of, released_before, reused

HOLD_METHOD = "HoldBill"


class HoldBill(NamedTuple):
    """Holds a bill of a visit of the caller's institution.

    `settling` is what would settle it: the same checks, in the same order.
    """

    settling: SettleBill
    valid_for: dt.timedelta
    # Writes a HoldBillResponse.
    encode: Callable[[Hold], bytes]

    @property
    def request(self) -> Request:
        """Who asks, under which id, for what."""
        return self.settling.request

    def needs(self) -> Needs:
        """Returns what settling the bill needs."""
        return self.settling.needs()._replace(hold_request_ids=(self.request.request_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Holds the bill; see `Command`.

        Raises RuleError HOLD_RELEASED where it was released before, as `SettleBill`, then
        HOLDS_TOO_MANY.
        """
        now, request_id = working_set.now, self.request.request_id
        institution_id = self.request.caller.own_institution()
        known = working_set.holds.requests.get((institution_id, request_id))
        if known is not None:
            # One that held a bill has its answer no more.
            raise released_before(request_id) if known.hold_id is None else reused(request_id)
        record, code, taking, findings = self.settling.decided(working_set, ids)
        holder_id = record.person_id
        check_room([each.expire_time for each in working_set.holds.of(holder_id)])
        expire_time = expire_time_of(now, self.valid_for, account_fen=record.account_fen)
        hold = Hold(record._replace(is_held=True), holder_id, expire_time, findings)
        response = self.encode(hold)
        # Nothing below refuses: from here on the working set changes.
        note_deemed_of_bill(record, working_set)
        assert code is not None, "the gate asks for a code"
        use_code_of_bill(code, record, self.request, working_set)
        if record.family:
            # What is reserved is in the account: relatives' money waits there.
            give(record, self.request, working_set, ids)
        working_set.keep(holder_id, record.additions(holder_id=holder_id))
        working_set.note_newest(record)
        working_set.keep_bill(record.visit_id, record.bill_number, hold.standing_bill)
        if taking.bill.needs_charges:
            take_charges(taking, record, working_set)
        keep_hold(hold, working_set)
        asked = HoldRequest(request_id, institution_id, hold.hold_id)
        working_set.holds.put_request(asked)
        return response
