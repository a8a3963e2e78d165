"""Refunds, and what else they move, in the words of the contract."""

from yibao.settlement.v1 import hold_service_pb2, refund_service_pb2, settlement_service_pb2
from yibao.settlement.v1 import refund_pb2 as pb
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.refunded import GivenBack, Refund


def refund_message(refund: Refund) -> pb.Refund:
    """Returns a refund as sent."""
    return pb.Refund(
        refund_id=refund.refund_id,
        refund_time=from_instant(refund.refund_time),
        reason=refund.reason,
        lines=[pb.ReturnedLine(**line._asdict()) for line in refund.returned],
        amounts=amounts_message(refund.given_back),
    )


def amounts_message(amounts: GivenBack) -> pb.ReturnedAmounts:
    """Returns what goes back to whom as sent."""
    return pb.ReturnedAmounts(**amounts._asdict())


def fill_adjusted(
    response: settlement_service_pb2.ReverseSettlementResponse
    | hold_service_pb2.ReleaseHoldResponse
    | refund_service_pb2.RefundSettlementResponse
    | refund_service_pb2.CorrectSettlementResponse
    | refund_service_pb2.TrialReversalResponse,
    folded: Folded,
    *,
    institution_id: str,
) -> None:
    """Fills in how many later bills cost somebody else, and which of the institution's own."""
    moved = folded.moved
    response.adjusted_count = len(moved)
    response.adjusted_fund_change_fen = sum(
        effective.fund_total_fen - before.effective.fund_total_fen for before, effective in moved
    )
    response.adjusted_settlement_ids.extend(
        before.settlement_id for before, _ in moved if before.institution_id == institution_id
    )
