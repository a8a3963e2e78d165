"""Adjustments of settlements in the words of the contract."""

from collections.abc import Iterable

from yibao.settlement.v1 import adjustment_pb2 as pb
from yibao.settlement.v1 import settlement_pb2
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.settlement.past import ToldAdjustment


def fill_adjustments(
    settlement: settlement_pb2.Settlement, adjustments: Iterable[ToldAdjustment]
) -> None:
    """Fills in what moved of a settlement."""
    settlement.adjustments.extend(map(_adjustment_message, adjustments))


def _adjustment_message(told: ToldAdjustment) -> pb.Adjustment:
    adjustment, change = told.adjustment, told.change
    return pb.Adjustment(
        revision=adjustment.revision,
        adjust_time=from_instant(adjustment.adjust_time),
        # The numbers that are stored are those of the contract.
        cause=pb.AdjustmentCause.ValueType(adjustment.cause),
        fund_change_fen=change.funds_fen,
        other_change_fen=change.others_fen,
        account_change_fen=change.account_fen,
        cash_change_fen=change.cash_fen,
        cause_id=told.cause_id or "",
        cause_settlement_id=told.cause_settlement_id or "",
    )
