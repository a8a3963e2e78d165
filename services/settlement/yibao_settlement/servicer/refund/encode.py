"""Refunds, and what else they move, in the words of the contract."""

from typing import TypeAlias

from yibao.settlement.v1 import hold_service_pb2, refund_service_pb2, settlement_service_pb2
from yibao.settlement.v1 import refund_pb2 as pb
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.settlement.corrected import CorrectionAmounts
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


def correction_message(amounts: CorrectionAmounts) -> pb.CorrectionAmounts:
    """Returns what a bill in the place of another one settles at the counter as sent."""
    return pb.CorrectionAmounts(
        returned=amounts_message(amounts.returned),
        billed=pb.BilledAmounts(**amounts.billed._asdict()),
        cash_back_fen=amounts.back.cash_fen,
    )


TakingBackResponse: TypeAlias = (
    settlement_service_pb2.ReverseSettlementResponse
    | refund_service_pb2.RefundSettlementResponse
    | refund_service_pb2.CorrectSettlementResponse
    | refund_service_pb2.TrialReversalResponse
)


def leave_ids(response: TakingBackResponse) -> None:
    """Takes away the ids that a trial has made up."""
    for restated in response.restated_bills:
        restated.settlement_id = ""


def fill_adjusted(
    response: TakingBackResponse | hold_service_pb2.ReleaseHoldResponse,
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
    if isinstance(response, hold_service_pb2.ReleaseHoldResponse):
        return
    response.restated_cash_fen = folded.restated_cash_fen
    response.restated_bills.extend(
        pb.RestatedBill(
            corrected_settlement_id=each.reversal.settlement.settlement_id,
            settlement_id=each.settlement.settlement_id,
            amounts=correction_message(each.amounts),
        )
        for each in folded.restated
    )
