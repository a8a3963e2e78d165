"""Policies that are withdrawn before they decide anything, and contents that come again."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.version import (
    PolicyState,
    PolicyVersion,
    draft_of,
    policy_state,
)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A policy that was withdrawn, and those that go on again."""

    withdrawn: PolicyVersion
    reopened: tuple[PolicyVersion, ...]


def check_withdrawable(policy: PolicyVersion, *, withdrawer: str, today: dt.date) -> None:
    """Raises POLICY_STATE where it was withdrawn or its first day has come,
    SAME_MAKER_AND_CHECKER for the operator who approved it.
    """
    if policy.state is PolicyState.WITHDRAWN:
        raise policy_state("the policy was withdrawn already", policy)
    if policy.state is PolicyState.ACTIVE:
        if policy.start_date <= today:
            raise policy_state("the policy decides bills: its first day has come", policy)
        if is_same_operator(policy.checker, withdrawer):
            raise RuleError(
                Reason.SAME_MAKER_AND_CHECKER, "the operator who approved may not withdraw"
            )


def withdraw(
    policy: PolicyVersion,
    active: Sequence[tuple[PolicyVersion, AnyPolicy]],
    *,
    withdrawer: str,
    now: dt.datetime,
) -> Withdrawal:
    """Returns the policy withdrawn, and going on again what its approval had ended.

    `active` are the policies in force of its insurance type, with what their files say: one
    whose file has no last day, and which ends the day before this policy begins, was ended
    by its approval. It goes on as far as this policy would have decided, since a successor
    may have ended that meanwhile. A draft ended none.
    """
    reopened: list[PolicyVersion] = []
    if policy.state is PolicyState.ACTIVE:
        day_before = policy.start_date - dt.timedelta(days=1)
        reopened = [
            replace(other, end_date=policy.end_date)
            for other, said in active
            if other.end_date == day_before and said.end_date is None
        ]
    withdrawn = replace(
        policy, state=PolicyState.WITHDRAWN, withdrawer=withdrawer, withdraw_time=now
    )
    return Withdrawal(withdrawn, tuple(reopened))


def submitted_again(
    known: PolicyVersion, policy: AnyPolicy, *, maker: str, now: dt.datetime
) -> PolicyVersion | None:
    """Returns what contents that were submitted before become, None where they stay as they are.

    What was withdrawn is a draft again, of whoever submits it now.
    """
    if known.state is not PolicyState.WITHDRAWN:
        return None
    return draft_of(policy, known.policy_file, maker=maker, now=now)
