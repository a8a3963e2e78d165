"""What the ledger checker examines of terms that bills got after they were settled.

Each names the repricing that two operators made, or the refund that left less of the bill, and
values the lines that are left and no others.
"""

from collections.abc import Iterator

from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import TermsSet
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.rules.repricing import is_by_two
from yibao_settlement.storage.ledger.booked import BookedSettlement


def terms_faults(booked: BookedSettlement, record: SettlementRecord) -> Iterator[str]:
    """Yields what is wrong with the terms of a settlement, one by one."""
    for number, given in enumerate(booked.terms, 1):
        name = f"terms {given.number}"
        if given.number != number:
            yield f"{name} are not those of number {number}"
        yield from (f"{name} {fault}" for fault in _cause_faults(booked, given))
    if booked.terms:
        newest = booked.terms[-1]
        yield from (f"terms {newest.number} {fault}" for fault in _line_faults(record))


def _cause_faults(booked: BookedSettlement, given: TermsSet) -> Iterator[str]:
    if given.cause is Cause.REFUND:
        refunds = {left.refunds[-1].refund_id for left, _ in booked.refunded}
        if given.cause_id not in refunds:
            yield "name no refund of the settlement"
        return
    repricing = booked.repricings.get(given.cause_id)
    if given.cause is not Cause.REPRICE or repricing is None:
        yield "name no repricing"
    elif not is_by_two(repricing):
        yield f"name a repricing by {repricing.maker}, confirmed by {repricing.checker}"


def _line_faults(record: SettlementRecord) -> Iterator[str]:
    """Yields where the lines that decide are not those that the bill charges."""
    charged = [_charge(line) for line in record.lines]
    valued = [_charge(line) for line in record.in_effect.lines]
    if charged != valued:
        yield "value other lines than the bill charges"
    own = record.in_effect.particulars
    if own and len(own) != len(valued):
        raise InvariantError("terms tell what is particular to other lines")


def _charge(line: SplitLine) -> tuple[object, ...]:
    return (line.line_number, line.item_code, line.unit_price, line.quantity, line.amount_fen)
