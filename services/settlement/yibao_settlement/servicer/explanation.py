"""What ExplainSettlement answers: both columns of a settlement, step by step."""

from yibao.settlement.v1 import explanation_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_settlement.application.settlement.effective import Explained, WindowFound
from yibao_settlement.servicer.adjustment import fill_adjustments
from yibao_settlement.servicer.benefit import amount_messages, group_messages, line_messages
from yibao_settlement.servicer.elsewhere.explanation import elsewhere_message
from yibao_settlement.servicer.encode import fill_settlement, trace_messages
from yibao_settlement.servicer.settled_lines import MOST_LINES


def explanation_message(found: Explained) -> pb.ExplainSettlementResponse:
    """Returns the answer."""
    figures = found.figures
    response = pb.ExplainSettlementResponse(
        trace=trace_messages(found.trace),
        group_figures=group_messages(figures),
        amounts=amount_messages(figures),
    )
    if len(figures.lines) <= MOST_LINES:
        response.line_figures.extend(line_messages(figures))
    fill_settlement(response.settlement, found.record)
    fill_adjustments(response.settlement, found.adjustments)
    if found.effective is not None:
        response.effective.trace.extend(trace_messages(found.effective.trace))
        response.effective.windows.extend(map(_window_message, found.effective.windows))
    if found.elsewhere is not None:
        response.elsewhere.CopyFrom(elsewhere_message(found.elsewhere))
    return response


def _window_message(window: WindowFound) -> explanation_pb2.WindowFound:
    return explanation_pb2.WindowFound(
        name=window.name,
        counter_value=window.counter_value,
        value=window.value,
        parts=[explanation_pb2.WindowPart(**part._asdict()) for part in window.parts],
    )
