"""A policy on its way from draft to force: submitted by a maker, approved by a checker."""

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.any_policy import AnyPolicy


class PolicyState(enum.IntEnum):
    """How far a policy is from draft to force; stored with it."""

    DRAFT = 1
    ACTIVE = 2
    WITHDRAWN = 3


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy as it was submitted, and how far it is.

    `end_date` is the last day that it decides, None while it is open: a successor may end
    it before the day that its file says. The checker is empty for a draft, the withdrawer
    for what was not withdrawn.
    """

    policy_version: str
    policy_id: str
    insurance_type: str
    state: PolicyState
    start_date: dt.date
    end_date: dt.date | None
    maker: str
    submit_time: dt.datetime
    checker: str
    approve_time: dt.datetime | None
    policy_file: bytes
    withdrawer: str = ""
    withdraw_time: dt.datetime | None = None

    def is_ended(self, today: dt.date) -> bool:
        """Tells whether it is in force and its last day is over: it decides late bills alone."""
        return self.state is PolicyState.ACTIVE and (self.end_date or dt.date.max) < today


@dataclass(frozen=True, slots=True)
class Approval:
    """A policy that comes in force, and those that it ends."""

    approved: PolicyVersion
    ended: tuple[PolicyVersion, ...]


@dataclass(frozen=True, slots=True)
class SettledBills:
    """How many settlements stand of some days, and the ids of the first of them."""

    count: int
    settlement_ids: tuple[str, ...]


def draft_of(
    policy: AnyPolicy, policy_file: bytes, *, maker: str, now: dt.datetime
) -> PolicyVersion:
    """Returns the draft that a maker submits."""
    return PolicyVersion(
        policy_version=policy.version,
        policy_id=policy.policy_id,
        insurance_type=policy.insurance_type,
        state=PolicyState.DRAFT,
        start_date=policy.start_date,
        end_date=policy.end_date,
        maker=maker,
        submit_time=now,
        checker="",
        approve_time=None,
        policy_file=policy_file,
    )


def check_approvable(draft: PolicyVersion, *, checker: str) -> None:
    """Raises POLICY_STATE where it is no draft, SAME_MAKER_AND_CHECKER for its maker."""
    if draft.state is not PolicyState.DRAFT:
        raise policy_state("the policy is no draft", draft)
    if is_same_operator(draft.maker, checker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "the operator who submitted may not approve")


def approve(
    draft: PolicyVersion, active: Sequence[PolicyVersion], *, checker: str, now: dt.datetime
) -> Approval:
    """Returns the draft in force, among the `active` ones of its insurance type.

    An open-ended one that began earlier ends the day before. No day that a policy decides is
    left without one: a draft with a last day does not end an open-ended one, because nothing
    would decide the days after it.

    Raises RuleError POLICY_OVERLAP where another one decides some of the same days,
    POLICY_LEAVES_GAP where it would leave later days without a policy.
    """
    ended: list[PolicyVersion] = []
    for other in active:
        if other.end_date is None and other.start_date < draft.start_date:
            if draft.end_date is not None and draft.end_date < dt.date.max:
                raise _leaves_gap(other, draft.end_date)
            last_day = draft.start_date - dt.timedelta(days=1)
            ended.append(replace(other, end_date=last_day))
        elif _overlap(other, draft):
            raise RuleError(
                Reason.POLICY_OVERLAP,
                f"policy {other.policy_version} decides some of the same days",
                policy_version=other.policy_version,
            )
    approved = replace(draft, state=PolicyState.ACTIVE, checker=checker, approve_time=now)
    return Approval(approved, tuple(ended))


def _leaves_gap(ended: PolicyVersion, last_day: dt.date) -> RuleError:
    first_day = (last_day + dt.timedelta(days=1)).isoformat()
    return RuleError(
        Reason.POLICY_LEAVES_GAP,
        f"it would end policy {ended.policy_version}, and no policy would decide days from "
        f"{first_day} on",
        policy_version=ended.policy_version,
        first_day=first_day,
    )


def _overlap(first: PolicyVersion, second: PolicyVersion) -> bool:
    last = dt.date.max
    return first.start_date <= (second.end_date or last) and second.start_date <= (
        first.end_date or last
    )


def policy_state(message: str, policy: PolicyVersion) -> RuleError:
    """Returns the refusal of what the state of a policy does not allow."""
    return RuleError(Reason.POLICY_STATE, message, state=int(policy.state))


def policy_version_unknown(region: str, policy_version: str) -> RuleError:
    """Returns the refusal for a version that the region does not have."""
    return RuleError(
        Reason.POLICY_VERSION_UNKNOWN,
        f"no policy {policy_version} in region {region}",
        policy_version=policy_version,
    )
