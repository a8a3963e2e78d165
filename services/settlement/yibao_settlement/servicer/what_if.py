"""A settled bill decided otherwise, as a message."""

from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_settlement.application.settlement.revaluing import LineValue
from yibao_settlement.application.settlement.what_if import WhatIf
from yibao_settlement.servicer.encode import fill_settlement, trace_messages
from yibao_settlement.servicer.settled_lines import MOST_LINES, OWN_COST_REASONS


def what_if_message(found: WhatIf) -> pb.ExplainWhatIfResponse:
    """Returns both settlements, the steps of the second, and how lines differ."""
    response = pb.ExplainWhatIfResponse(
        trace=trace_messages(found.trace),
        lines_held=found.lines_held,
        line_changes=[
            pb.LineChange(
                line_number=each.line_number,
                line_id=each.line_id,
                item_code=each.item_code,
                before=_value_message(each.before),
                after=None if each.after is None else _value_message(each.after),
            )
            for each in found.line_changes[:MOST_LINES]
        ],
        line_change_count=len(found.line_changes),
    )
    fill_settlement(response.settlement, found.settled)
    fill_settlement(response.otherwise, found.otherwise)
    response.otherwise.state = settlement_pb2.SETTLEMENT_STATE_TRIAL
    return response


def _value_message(value: LineValue) -> pb.LineValue:
    return pb.LineValue(
        catalogue_class=value.catalogue_class,
        first_self_pay_ratio_ppm=value.first_self_pay_ratio_ppm,
        over_limit_fen=value.over_limit_fen,
        own_cost_reason=OWN_COST_REASONS[value.own_cost],
        item_group=value.item_group or "",
    )
