"""Derives a settlement's calculation again from what was stored with it (I13)."""

import itertools
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.benefit import BenefitOutcome, decide_again
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.benefit import trace as benefit_trace
from yibao_settlement.rules.benefit.answers import (
    GroupFigures,
    LineFigures,
    figures_by_group,
    figures_by_line,
)
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.policy import trace as policy_trace
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import OwnCost, PricedLine, Split

TraceNode = policy_trace.TraceNode | benefit_trace.TraceNode
AnySplit = Split | BenefitOutcome


class Figures(NamedTuple):
    """What a bill costs whom by line and by group, and what the steps left by name, in fen.

    Nothing by the first format.
    """

    lines: tuple[LineFigures, ...] = ()
    groups: tuple[GroupFigures, ...] = ()
    amounts: tuple[tuple[str, int], ...] = ()


def explained(policy: AnyPolicy, split: AnySplit) -> tuple[TraceNode, ...]:
    """Returns every step of a calculation by a policy."""
    if isinstance(split, BenefitOutcome):
        return benefit_trace.explain(split.split)
    assert isinstance(policy, Policy), "it was calculated by another format"
    return policy_trace.explain(policy, split)


def figures_of(split: AnySplit) -> Figures:
    """Returns what a bill costs whom by line, in the order of its legs, by group and by name."""
    if not isinstance(split, BenefitOutcome):
        return Figures()
    benefit = split.split
    lines = figures_by_line(benefit)
    amounts = tuple([(name, benefit.amount_fen(name)) for name in benefit.layout.positions])
    return Figures(lines, figures_by_group(benefit.layout, lines), amounts)


def settled_again(record: SettlementRecord, policy: AnyPolicy) -> AnySplit:
    """Calculates a settled bill again.

    Raises RuleError TRACE_MISMATCH where the steps are no longer those settled by: the
    record, the policy or the code was altered.
    """
    if isinstance(policy, BenefitPolicy) != (record.benefit is not None):
        raise trace_mismatch(record.settlement_id)
    try:
        split = calculated(record, policy)
    except (RuleError, InvariantError) as error:
        # Such a bill was never settled.
        raise trace_mismatch(record.settlement_id) from error
    amounts = (split.fund_total_fen, split.account_fen, split.cash_fen)
    settled = (record.fund_total_fen, record.account_fen, record.cash_fen)
    if split.trace_sha256 != record.trace_sha256 or amounts != settled:
        raise trace_mismatch(record.settlement_id)
    return split


def calculated(record: SettlementRecord, policy: AnyPolicy) -> AnySplit:
    """Calculates a bill by what its record says, whatever that had come to.

    Raises RuleError or InvariantError where such a bill would not be settled.
    """
    if isinstance(policy, BenefitPolicy):
        return decide_again(policy, record)
    return _calculated(record, policy)


def divided(record: SettlementRecord, split: AnySplit) -> SettlementRecord:
    """Returns a record with what a calculation of its bill came to."""
    return record._replace(
        lines=split.lines,
        total_fen=split.total_fen,
        excluded_fen=split.excluded_fen,
        over_limit_fen=split.over_limit_fen,
        first_self_pay_fen=split.first_self_pay_fen,
        eligible_fen=split.eligible_fen,
        deductible_fen=split.deductible_fen,
        fund_payments=split.fund_payments,
        fund_total_fen=split.fund_total_fen,
        account_fen=split.account_fen,
        cash_fen=split.cash_fen,
        accumulations=dict(split.accumulations),
        trace_sha256=split.trace_sha256,
        benefit=split.terms if isinstance(split, BenefitOutcome) else None,
    )


def _calculated(record: SettlementRecord, policy: Policy) -> Split:
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
    return adjudicate(
        policy,
        facts=record.facts,
        lines=tuple(lines),
        year=record.year_before,
        account_used=record.account_used,
        account_balance_fen=record.balance_before_fen,
    )


def trace_mismatch(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that was altered."""
    return RuleError(
        Reason.TRACE_MISMATCH,
        f"settlement {settlement_id} does not come out as it was settled",
        settlement_id=settlement_id,
    )
