"""Derives a settlement's calculation again from what was stored with it (I13)."""

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.records import StoredInputs
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Split
from yibao_settlement.rules.policy.trace import TraceNode, explain


def explain_settlement(inputs: StoredInputs, policy: Policy) -> tuple[TraceNode, ...]:
    """Returns every step of the calculation that settled a bill.

    Raises RuleError as `settled_again`.
    """
    return explain(policy, settled_again(inputs, policy))


def settled_again(inputs: StoredInputs, policy: Policy) -> Split:
    """Calculates a settled bill again.

    Raises RuleError TRACE_MISMATCH where the steps are no longer those settled by: the
    record, the policy or the code was altered.
    """
    split = adjudicate(
        policy,
        facts=inputs.facts,
        lines=inputs.lines,
        year=inputs.year_before,
        account_used=inputs.account_used,
        account_balance_fen=inputs.balance_before_fen,
    )
    amounts = (split.fund_total_fen, split.account_fen, split.cash_fen)
    if split.trace_sha256 != inputs.trace_sha256 or amounts != inputs.amounts:
        raise RuleError(
            Reason.TRACE_MISMATCH,
            f"settlement {inputs.settlement_id} does not come out as it was settled",
            settlement_id=inputs.settlement_id,
        )
    return split
