"""Derives a settlement's calculation again from what was stored with it (I13)."""

import itertools

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import OwnCost, PricedLine, Split


def settled_again(record: SettlementRecord, policy: Policy) -> Split:
    """Calculates a settled bill again.

    Raises RuleError TRACE_MISMATCH where the steps are no longer those settled by: the
    record, the policy or the code was altered.
    """
    lines = [
        PricedLine(
            line.line_number,
            line.item_code,
            line.catalogue_class,
            line.amount_fen,
            line.over_limit_fen,
            line.first_self_pay_ratio_ppm,
            line.unit_price,
            line.quantity,
            OwnCost.NONE if own is None else OwnCost(own.own_cost),
        )
        for line, own in itertools.zip_longest(record.lines, record.particulars)
    ]
    try:
        split = adjudicate(
            policy,
            facts=record.facts,
            lines=tuple(lines),
            year=record.year_before,
            account_used=record.account_used,
            account_balance_fen=record.balance_before_fen,
        )
    except (RuleError, InvariantError) as error:
        # Such a bill was never settled.
        raise trace_mismatch(record.settlement_id) from error
    amounts = (split.fund_total_fen, split.account_fen, split.cash_fen)
    settled = (record.fund_total_fen, record.account_fen, record.cash_fen)
    if split.trace_sha256 != record.trace_sha256 or amounts != settled:
        raise trace_mismatch(record.settlement_id)
    return split


def trace_mismatch(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that was altered."""
    return RuleError(
        Reason.TRACE_MISMATCH,
        f"settlement {settlement_id} does not come out as it was settled",
        settlement_id=settlement_id,
    )
