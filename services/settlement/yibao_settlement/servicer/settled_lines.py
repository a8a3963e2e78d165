"""The lines of a settlement in the words of the contract."""

from yibao.settlement.v1 import settlement_pb2 as pb
from yibao_common.rpc.wire import from_date
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.policy.split import OwnCost

# An answer must fit into the 4 MiB that clients take.
MOST_LINES = 2_000
_MOST_REFUSED = 1_000
OWN_COST_REASONS = {
    OwnCost.NONE: pb.OWN_COST_REASON_UNSPECIFIED,
    OwnCost.OUTSIDE_COVER: pb.OWN_COST_REASON_OUTSIDE_COVER,
    OwnCost.LIMITED_USE: pb.OWN_COST_REASON_LIMITED_USE,
    OwnCost.THIRD_PARTY: pb.OWN_COST_REASON_THIRD_PARTY,
    OwnCost.UNMAPPED: pb.OWN_COST_REASON_UNMAPPED,
}


def fill_lines(settlement: pb.Settlement, record: SettlementRecord) -> None:
    """Sets the lines of a settlement, or how many there are where no answer holds them."""
    if len(record.lines) > MOST_LINES:
        settlement.line_count = len(record.lines)
        return
    add_line = settlement.lines.add
    for (
        number,
        code,
        own_class,
        amount,
        excluded,
        over,
        first,
        eligible,
        ratio,
        _,
        _,
    ) in record.lines:
        # Most of the lines' parts are nothing, which need not be set.
        added = add_line(
            line_number=number,
            item_code=code,
            catalogue_class=own_class,
            amount_fen=amount,
            eligible_fen=eligible,
        )
        if excluded:
            added.excluded_fen = excluded
        if over:
            added.over_limit_fen = over
        if first:
            added.first_self_pay_fen = first
        if ratio is not None:
            added.first_self_pay_ratio_ppm = ratio
    if record.particulars:
        for added, own in zip(settlement.lines, record.particulars, strict=True):
            if own is not None:
                _fill_particulars(added, own)


def _fill_particulars(line: pb.SettledLine, own: LineParticulars) -> None:
    line.line_id = own.line_id
    if own.charge_date is not None:
        line.charge_date.CopyFrom(from_date(own.charge_date))
    line.own_cost_reason = OWN_COST_REASONS[OwnCost(own.own_cost)]
    line.returned_quantity = own.returned_quantity
    line.returned_fen = own.returned_fen
    if own.origin is not None:
        line.provider_item_code = own.origin.provider_item_code
    line.mapping_id = own.mapping_id


def fill_refused(settlement: pb.Settlement, record: SettlementRecord) -> None:
    """Sets the lines that a bill settled without, the first of them with their reasons."""
    settlement.refused_line_count = len(record.refused_lines)
    for line in record.refused_lines[:_MOST_REFUSED]:
        reason = Reason[line.reason]
        settlement.refused_lines.add(
            line_number=line.line_number,
            line_id=line.line_id,
            item_code=line.item_code,
            amount_fen=line.amount_fen,
            reason=reason.wire_name,
            message=line.message,
            message_zh=reason.message_zh,
        )
