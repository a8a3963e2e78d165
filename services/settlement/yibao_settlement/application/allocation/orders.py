"""What operators do with allocations: rules are submitted and approved, months begun and read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.allocation.rows import StateSum
from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    Allocation,
    StoredCreditPolicy,
    allocation_not_found,
    allocation_running,
    check_approvable,
    check_month,
    deciding,
    policy_not_found,
    policy_state,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


# So many faulty rows are told at once.
_MOST_FAULTS = 20


class ToldAllocation(NamedTuple):
    """An allocation, how far it came, and how many it has not looked at; None if not counted."""

    allocation: Allocation
    sums: Sequence[StateSum]
    waiting_count: int | None


class Imported(NamedTuple):
    """How many rows of contributions were new, replaced another base, or said what was known."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class SubmitCreditPolicy:
    """Submits rules that were read and are well-formed; `policy_version` is of their file."""

    request: Request
    policy_version: str
    insurance_type: str
    start_month: int
    policy_file: bytes


@dataclass(frozen=True, slots=True)
class ImportContributions:
    """Tells what contributions of a month were paid of, a row a person, in fen."""

    request: Request
    insurance_type: str
    month: int
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class StartAllocation:
    """Begins to credit a month."""

    request: Request
    insurance_type: str
    month: int


EncodePolicy = Callable[[StoredCreditPolicy], bytes]
EncodeImport = Callable[[Imported], bytes]
Encode = Callable[[ToldAllocation], bytes]


class Allocations:
    """What callers ask of allocations. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def submit(self, command: SubmitCreditPolicy, encode: EncodePolicy) -> bytes:
        """Stores a draft once by request id and returns the answer's bytes.

        Raises RuleError DATE_INVALID, CREDIT_POLICY_STATE, REQUEST_ID_REUSED.
        """
        check_month(command.start_month, now=None, field="start_month")
        return self._transactions.once(
            command.request, lambda work: encode(self._submit(work, command))
        )

    def approve(self, request: Request, policy_version: str, encode: EncodePolicy) -> bytes:
        """Approves a draft once by request id and returns the answer's bytes.

        Raises RuleError CREDIT_POLICY_NOT_FOUND, CREDIT_POLICY_STATE, SAME_MAKER_AND_CHECKER,
        REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            request, lambda work: encode(self._approve(work, request, policy_version))
        )

    def policies(self, region: str, *, after: str | None, limit: int) -> list[StoredCreditPolicy]:
        """Returns at most `limit` rules, by their versions."""
        with self._transactions.read(region) as work:
            return work.allocations.policies(after=after, limit=limit)

    def contribute(self, command: ImportContributions, encode: EncodeImport) -> bytes:
        """Stores contributions once by request id and returns the answer's bytes.

        Raises RuleError DATE_INVALID, FIELDS_INVALID, PERSON_NOT_ENROLLED, REQUEST_ID_REUSED.
        """
        check_month(command.month, now=None)
        _check_rows(command.rows)
        return self._transactions.once(
            command.request, lambda work: encode(self._contribute(work, command))
        )

    def start(self, command: StartAllocation, encode: Encode) -> bytes:
        """Begins an allocation once by request id and returns the answer's bytes.

        Raises RuleError DATE_INVALID, CREDIT_POLICY_NOT_FOUND, ALLOCATION_RUNNING,
        REQUEST_ID_REUSED.
        """
        check_month(command.month, now=self._clock())
        return self._transactions.once(
            command.request, lambda work: encode(self._start(work, command))
        )

    def find(self, region: str, allocation_id: str) -> ToldAllocation:
        """Returns an allocation and how far it is; raises RuleError ALLOCATION_NOT_FOUND."""
        with self._transactions.read(region) as work:
            allocation = work.allocations.find(allocation_id)
            if allocation is None:
                raise allocation_not_found(allocation_id)
            waiting = 0
            if allocation.finish_time is None:
                reached = work.allocations.reached(allocation_id)
                waiting = work.allocations.count_members(allocation, after=reached)
            return ToldAllocation(allocation, work.allocations.sums(allocation_id), waiting)

    def page(self, region: str, *, before: str | None, limit: int) -> list[ToldAllocation]:
        """Returns at most `limit` allocations, the one begun last first."""
        with self._transactions.read(region) as work:
            found = work.allocations.page(before=before, limit=limit)
            return [
                ToldAllocation(each, work.allocations.sums(each.allocation_id), None)
                for each in found
            ]

    def persons(
        self,
        region: str,
        allocation_id: str,
        states: Sequence[AllocatedState],
        *,
        after: str | None,
        limit: int,
    ) -> list[AllocatedPerson]:
        """Returns at most `limit` persons of an allocation, of any state where none is told.

        Raises RuleError ALLOCATION_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            if work.allocations.find(allocation_id) is None:
                raise allocation_not_found(allocation_id)
            among = states or list(AllocatedState)
            return work.allocations.persons(allocation_id, among, after=after, limit=limit)

    def _submit(self, work: "Work", command: SubmitCreditPolicy) -> StoredCreditPolicy:
        request = command.request
        work.allocations.lock()
        known = work.allocations.policy(command.policy_version)
        if known is not None:
            said = command.insurance_type, command.start_month
            if (known.insurance_type, known.start_month) != said:
                message = (
                    f"the file was submitted for {known.insurance_type} from month "
                    f"{known.start_month} on: say otherwise in the file what differs"
                )
                state = "DRAFT" if known.approve_time is None else "APPROVED"
                raise policy_state(message, state)
            return known
        draft = StoredCreditPolicy(
            request.region,
            command.policy_version,
            command.insurance_type,
            command.start_month,
            command.policy_file,
            request.caller.path,
            self._clock(),
        )
        work.allocations.insert_policy(draft)
        self._record(work, request, _told(draft))
        return draft

    def _approve(self, work: "Work", request: Request, policy_version: str) -> StoredCreditPolicy:
        work.allocations.lock()
        draft = work.allocations.policy(policy_version)
        if draft is None:
            raise policy_not_found(policy_version)
        checker = request.caller.path
        check_approvable(draft, checker=checker)
        approved = draft._replace(checker=checker, approve_time=self._clock())
        work.allocations.approve_policy(approved)
        self._record(work, request, _told(approved) | {"maker": draft.maker})
        return approved

    def _contribute(self, work: "Work", command: ImportContributions) -> Imported:
        bases = dict(command.rows)
        place = command.insurance_type, command.month
        unknown = set(work.allocations.unknown_persons(bases))
        fault = "the region knows nothing of the person"
        refuse_faults(
            [
                FieldFault(f"contributions[{at}].person_id", Reason.PERSON_NOT_ENROLLED, fault)
                for at, (person_id, _) in enumerate(command.rows)
                if person_id in unknown
            ][:_MOST_FAULTS],
            total=len(unknown),
        )
        known = work.allocations.bases(*place, bases)
        told: Mapping[str, int] = {
            person_id: fen for person_id, fen in bases.items() if known.get(person_id) != fen
        }
        work.allocations.put_bases(*place, told, now=self._clock())
        changed = len(told.keys() & known.keys())
        imported = Imported(len(told) - changed, changed, len(bases) - len(told))
        self._record(
            work,
            command.request,
            {
                "insurance_type": command.insurance_type,
                "month": str(command.month),
                "rows": str(len(bases)),
                "base_fen": str(sum(bases.values())),
            },
        )
        return imported

    def _start(self, work: "Work", command: StartAllocation) -> ToldAllocation:
        request, rows = command.request, work.allocations
        rows.lock()
        policies = rows.approved(command.insurance_type)
        policy = deciding(policies, insurance_type=command.insurance_type, month=command.month)
        for each in rows.running():
            if (each.insurance_type, each.month) == (command.insurance_type, command.month):
                raise allocation_running(each)
        allocation = Allocation(
            request.region,
            self._ids(),
            command.insurance_type,
            command.month,
            policy.policy_version,
            request.request_id,
            request.caller.path,
            self._clock(),
        )
        rows.insert(allocation)
        detail = {
            "allocation": allocation.allocation_id,
            "insurance_type": allocation.insurance_type,
            "month": str(allocation.month),
            "policy_version": allocation.policy_version,
        }
        self._record(work, request, detail, allocation.allocation_id)
        return ToldAllocation(allocation, (), rows.count_members(allocation, after=None))

    def _record(
        self, work: "Work", request: Request, detail: dict[str, str], *subject_ids: str
    ) -> None:
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subject_ids, detail=detail))


def _told(policy: StoredCreditPolicy) -> dict[str, str]:
    return {
        "policy_version": policy.policy_version,
        "insurance_type": policy.insurance_type,
        "start_month": str(policy.start_month),
    }


def _check_rows(rows: Sequence[tuple[str, int]]) -> None:
    seen: set[str] = set()
    faults = []
    for at, (person_id, _) in enumerate(rows):
        if person_id in seen:
            fault = "the person has another row"
            faults.append(FieldFault(f"contributions[{at}].person_id", Reason.ROW_REPEATED, fault))
        seen.add(person_id)
    refuse_faults(faults[:_MOST_FAULTS], total=len(faults))
