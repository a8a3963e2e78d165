"""Booking a bill that takes the place of a settled one."""

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.give import give
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.stay import StandingBill


def book_in_place(
    new: SettlementRecord, request: Request, working_set: WorkingSet, ids: Ids
) -> None:
    """Books the bill that takes the place; windows have it already."""
    assert new.correction is not None, new.settlement_id
    corrected = working_set.settlements[new.correction.corrected_id]
    if new.account_fen:
        working_set.carry_over(new.person_id, request, ids)
        give(new, request, working_set, ids)
        working_set.change_person(new.person_id, balance_change_fen=-new.account_fen)
    if new.family:
        working_set.family.of_acts[new.settlement_id] = new.family_fen
    if new.carried.paid_fen:
        working_set.move_carried(new.person_id, -new.carried.paid_fen)
    working_set.note_newest(new)
    working_set.post(
        new.settlement_id,
        PostingKind.SETTLEMENT,
        new.entries,
        request,
        changed_time=corrected.settle_time,
    )
    working_set.changes.settlements.append(new)
    working_set.changes.corrections.append(new.correction)
    bill = StandingBill(
        new.settlement_id,
        new.service_date,
        new.is_interim,
        new.total_fen,
        new.marks.lines,
        new.marks.items,
    )
    working_set.keep_bill(new.visit_id, new.bill_number, bill)
    working_set.settlements[new.settlement_id] = new
