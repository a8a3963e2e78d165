"""Adjudication: what a bill costs whom under a policy, given the year so far.

The same pure function serves trial, settlement, claims, audit and re-adjudication.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.policy.account import pay_from_account
from yibao_settlement.rules.policy.classify import classify_lines
from yibao_settlement.rules.policy.deductible import charge_deductible
from yibao_settlement.rules.policy.plan import plan_bill
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.record import NOT_APPLIED, Record, trace_digest
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split, SplitLine, check_split
from yibao_settlement.rules.policy.step import (
    ELIGIBLE,
    EXCLUDED,
    OVER_LIMIT,
    PREPAY,
    TOTAL,
    AccountStep,
    ClassifyStep,
    DeductibleStep,
    TiersStep,
)
from yibao_settlement.rules.policy.tables import COUNT
from yibao_settlement.rules.policy.tiers import pay_tiers
from yibao_settlement.rules.policy.work_sheet import WorkSheet


def adjudicate(
    policy: Policy,
    *,
    facts: Facts,
    lines: Sequence[PricedLine],
    year: Mapping[str, int],
    account_used: bool,
    account_balance_fen: int,
) -> Split:
    """Splits a bill among funds, account and person; changes nothing.

    `year` is what earlier bills of the benefit year used up, by accumulator name; what
    is missing is zero. Add the split's `accumulations` to it for the next bill.

    Raises:
        RuleError: POLICY_NO_MATCHING_ROW where the policy does not say (with `step_id`
            and `key`), POLICY_PAYS_TWICE where it would pay a part of the bill twice.
        InvariantError: the calculation does not add up, a fault of ours.
    """
    if account_balance_fen < 0:
        raise InvariantError(f"the account holds {account_balance_fen} fen")
    plan = plan_bill(policy, facts, year)
    work = WorkSheet(amounts=[0] * len(policy.amount_names), year=year, added={})
    if plan.care_group in policy.counted_groups:
        work.use(COUNT + plan.care_group, 1)
    split_lines: tuple[SplitLine, ...] = ()
    account_fen = 0
    records: list[Record] = []
    for step, row in zip(policy.steps, plan.rows, strict=True):
        if row is None:
            records.append(NOT_APPLIED)
        elif isinstance(step, TiersStep):
            records.append(pay_tiers(step, row, work=work))
        elif isinstance(step, DeductibleStep):
            records.append(charge_deductible(step, row, work=work))
        elif isinstance(step, ClassifyStep):
            split_lines, classified = classify_lines(step, row, lines=lines, work=work)
            records.append(classified)
        elif isinstance(step, AccountStep):
            balance_fen = account_balance_fen if account_used else 0
            paid = pay_from_account(step, row, balance_fen=balance_fen, work=work)
            records.append(paid)
            account_fen = paid.paid_fen
        else:
            assert_never(step)
    return _close(policy, work, lines=split_lines, account_fen=account_fen, records=tuple(records))


def _close(
    policy: Policy,
    work: WorkSheet,
    *,
    lines: tuple[SplitLine, ...],
    account_fen: int,
    records: tuple[Record, ...],
) -> Split:
    amounts = work.amounts
    split = Split(
        lines=lines,
        total_fen=amounts[TOTAL],
        excluded_fen=amounts[EXCLUDED],
        over_limit_fen=amounts[OVER_LIMIT],
        first_self_pay_fen=amounts[PREPAY],
        eligible_fen=amounts[ELIGIBLE],
        deductible_fen=work.deductible_fen,
        fund_payments=tuple(work.payments),
        fund_total_fen=sum([payment.amount_fen for payment in work.payments]),
        personal_total_fen=work.unpaid_fen,
        account_fen=account_fen,
        cash_fen=work.unpaid_fen - account_fen,
        accumulations=tuple(sorted([item for item in work.added.items() if item[1]])),
        trace_sha256=trace_digest(policy.trace_prefix, records),
        records=records,
    )
    check_split(split)
    return split
