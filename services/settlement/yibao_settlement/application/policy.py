"""Policies from draft to force: submitted by a maker, approved by a checker, never altered."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.catalogue import classes_asked_of_items
from yibao_settlement.rules.catalogue_version.row import person_type_of
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.version import (
    PolicyState,
    PolicyVersion,
    SettledBills,
    approve,
    check_approvable,
    draft_of,
    policy_state,
    policy_version_unknown,
)
from yibao_settlement.rules.policy.withdrawal import (
    Withdrawal,
    check_withdrawable,
    submitted_again,
    withdraw,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

Encode = Callable[[PolicyVersion], bytes]
# How many settled bills and items an approval names; it counts all bills.
NAMED_MAX = 200


class Approved(NamedTuple):
    """A policy in force, and what is there already that it concerns.

    `settled` are the bills of its days, `item_codes` the first items of the catalogue whose
    first self-pay share it takes from the item, and which have none. `ended` are those that it
    follows: they decide no days from its first one on any more.
    """

    policy: PolicyVersion
    settled: SettledBills
    item_codes: tuple[str, ...]
    ended: tuple[PolicyVersion, ...]


EncodeApproval = Callable[[Approved], bytes]
EncodeWithdrawal = Callable[[Withdrawal], bytes]


class PolicyPlace(NamedTuple):
    """A policy's place in lists: they go from the one that begins last to the first."""

    start_date: dt.date
    policy_version: str


class PolicyWish(NamedTuple):
    """Which policies are listed, as of `today`; what is None limits nothing.

    Of those in force, `is_ended` tells whether the last day must be over. `day` must lie
    between the first and the last day. `is_approved` leaves drafts out, withdrawn ones too.
    """

    today: dt.date
    insurance_type: str | None = None
    state: PolicyState | None = None
    is_ended: bool | None = None
    day: dt.date | None = None
    is_approved: bool = False


class PolicyRows(Protocol):
    """Policies of a region, as one transaction finds and writes them."""

    def find(self, policy_version: str) -> PolicyVersion | None:
        """Returns a policy, whatever its state, or None."""
        ...

    def active(self, insurance_type: str) -> Sequence[PolicyVersion]:
        """Returns every policy of an insurance type that is in force on some days."""
        ...

    def settled(self, policy: PolicyVersion, *, most_ids: int) -> SettledBills:
        """Returns the settlements that stand of the policy's insurance type and days.

        Those settled first are named, at most `most_ids`.
        """
        ...

    def page(
        self, wish: PolicyWish, *, after: PolicyPlace | None, limit: int
    ) -> list[PolicyVersion]:
        """Returns at most `limit` policies, the one that begins last first."""
        ...

    def insert(self, draft: PolicyVersion) -> None:
        """Stores a new policy."""
        ...

    def update(self, policy: PolicyVersion) -> None:
        """Stores state, last day, and who did what and when of a policy that is stored."""
        ...


@dataclass(frozen=True, slots=True)
class SubmitPolicy:
    """Submits a policy as a draft: the file, and what was read from it."""

    request: Request
    policy: AnyPolicy
    policy_file: bytes


@dataclass(frozen=True, slots=True)
class ApprovePolicy:
    """Puts a draft in force."""

    request: Request
    policy_version: str


@dataclass(frozen=True, slots=True)
class WithdrawPolicy:
    """Takes back a policy that decided nothing."""

    request: Request
    policy_version: str


def check_region(policy: AnyPolicy, region: str) -> None:
    """Raises RuleError OUT_OF_SCOPE where a file is a policy of another region."""
    if policy.region != region:
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the file is a policy of region {policy.region}",
            scope=f"region/{policy.region}",
        )


class Policies:
    """What callers ask of policies. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def submit(self, command: SubmitPolicy, encode: Encode) -> bytes:
        """Stores a draft once by request id and returns the answer's bytes.

        Contents that were submitted before are answered as they are by now.

        Raises:
            RuleError: OUT_OF_SCOPE where the file is of another region,
                REQUEST_ID_REUSED; in this order.
        """
        check_region(command.policy, command.request.region)
        return self._transactions.once(
            command.request, lambda work: encode(self._submit(work, command))
        )

    def approve(self, command: ApprovePolicy, encode: EncodeApproval) -> bytes:
        """Puts a draft in force once by request id and returns the answer's bytes.

        Bills of its days that were settled before stay as they are; the answer names them.

        Raises:
            RuleError: POLICY_VERSION_UNKNOWN, POLICY_STATE, SAME_MAKER_AND_CHECKER,
                POLICY_OVERLAP or POLICY_LEAVES_GAP, REQUEST_ID_REUSED; in this order, but
                the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._approve(work, command))
        )

    def withdraw(self, command: WithdrawPolicy, encode: EncodeWithdrawal) -> bytes:
        """Takes back a policy once by request id and returns the answer's bytes.

        Raises:
            RuleError: POLICY_VERSION_UNKNOWN, POLICY_STATE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._withdraw(work, command))
        )

    def page(
        self,
        region: str,
        wish: PolicyWish,
        caller: Caller,
        *,
        after: PolicyPlace | None,
        limit: int,
    ) -> list[PolicyVersion]:
        """Returns at most `limit` policies, the one that begins last first.

        What was never approved is the agency's own affair, and listed to nobody else.
        """
        wish = wish._replace(is_approved=not _reads_drafts(caller))
        with self._transactions.read(region) as work:
            return work.policies.page(wish, after=after, limit=limit)

    def find(self, region: str, policy_version: str, caller: Caller) -> PolicyVersion:
        """Returns a policy, whatever its state; to others than agencies, one once approved.

        Raises RuleError POLICY_VERSION_UNKNOWN.
        """
        with self._transactions.read(region) as work:
            found = work.policies.find(policy_version)
        if found is None or not (found.approve_time or _reads_drafts(caller)):
            raise policy_version_unknown(region, policy_version)
        return found

    def _submit(self, work: "Work", command: SubmitPolicy) -> PolicyVersion:
        known = work.policies.find(command.policy.version)
        maker, now = command.request.caller.path, self._clock()
        if known is None:
            draft = draft_of(command.policy, command.policy_file, maker=maker, now=now)
            work.policies.insert(draft)
        else:
            again = submitted_again(known, command.policy, maker=maker, now=now)
            if again is None:
                return known
            draft = again
            work.policies.update(draft)
        self._record(work, command.request, draft)
        return draft

    def _approve(self, work: "Work", command: ApprovePolicy) -> Approved:
        request = command.request
        # First, because it locks the region: two approvals at once would not see each other.
        work.reference.raise_epoch()
        draft = work.policies.find(command.policy_version)
        if draft is None:
            raise policy_version_unknown(request.region, command.policy_version)
        checker = request.caller.path
        check_approvable(draft, checker=checker)
        active = work.policies.active(draft.insurance_type)
        approval = approve(draft, active, checker=checker, now=self._clock())
        for policy in (*approval.ended, approval.approved):
            work.policies.update(policy)
        settled = work.policies.settled(approval.approved, most_ids=NAMED_MAX)
        ended = ",".join(policy.policy_version for policy in approval.ended)
        self._record(
            work,
            request,
            approval.approved,
            **({"ended": ended} if ended else {}),
            **({"settled_bills": str(settled.count)} if settled.count else {}),
        )
        without_share = _items_without_share(work, approval.approved)
        return Approved(approval.approved, settled, without_share, tuple(approval.ended))

    def _withdraw(self, work: "Work", command: WithdrawPolicy) -> Withdrawal:
        request, now = command.request, self._clock()
        # First, as in an approval: no bill is decided by it in between.
        work.reference.raise_epoch()
        policy = work.policies.find(command.policy_version)
        if policy is None:
            raise policy_version_unknown(request.region, command.policy_version)
        withdrawer = request.caller.path
        check_withdrawable(policy, withdrawer=withdrawer, today=shanghai_day(now))
        if policy.state is PolicyState.ACTIVE:
            count = work.policies.settled(policy, most_ids=0).count
            if count:
                raise policy_state(f"{count} bills of its days are settled", policy)
        said = {each.policy.version: each.policy for each in work.reference.policies()}
        active = [
            (each, said[each.policy_version])
            for each in work.policies.active(policy.insurance_type)
        ]
        withdrawal = withdraw(policy, active, withdrawer=withdrawer, now=now)
        for each in (withdrawal.withdrawn, *withdrawal.reopened):
            work.policies.update(each)
        reopened = ",".join(each.policy_version for each in withdrawal.reopened)
        more = {"reopened": reopened} if reopened else {}
        self._record(work, request, withdrawal.withdrawn, **more)
        return withdrawal

    def _record(self, work: "Work", request: Request, policy: PolicyVersion, **more: str) -> None:
        # Who approves is the caller of the entry; who submitted stands beside.
        detail = {
            "policy_version": policy.policy_version,
            "policy_id": policy.policy_id,
            "maker": policy.maker,
            **more,
        }
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))


def _compiled(work: "Work", approved: PolicyVersion) -> AnyPolicy:
    """Returns what a version that is in force by now says."""
    return next(
        each.policy
        for each in work.reference.policies()
        if each.policy.version == approved.policy_version
    )


def _items_without_share(work: "Work", approved: PolicyVersion) -> tuple[str, ...]:
    """Returns items that bills will be refused with: the policy asks them for what they lack."""
    policy = _compiled(work, approved)
    classes = classes_asked_of_items(policy)
    codes = set(
        work.catalogue.without_share(
            classes,
            start_date=approved.start_date,
            end_date=approved.end_date,
            most=NAMED_MAX,
        )
    )
    versions = work.catalogue_versions
    if versions.newest_number():
        codes |= set(
            versions.without_share(
                classes,
                person_type=person_type_of(policy.insurance_type),
                start_date=approved.start_date,
                end_date=approved.end_date,
                version_number=None,
                most=NAMED_MAX,
            )
        )
    return tuple(sorted(codes)[:NAMED_MAX])


def _reads_drafts(caller: Caller) -> bool:
    return caller.role is Role.AGENCY
