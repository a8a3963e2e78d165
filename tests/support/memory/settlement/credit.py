"""Credits, orders, allocations and their rules in memory."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from yibao_settlement.application.allocation.rows import AllocationRows, StateSum
from yibao_settlement.application.credit.find import CreditRows
from yibao_settlement.application.transfer.find import TransferRows
from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    Allocation,
    StoredCreditPolicy,
)
from yibao_settlement.rules.credit.credit import Credit
from yibao_settlement.rules.credit.order import AccountOrder, AccountOrderState
from yibao_settlement.rules.transfer import Transfer, TransferState


@dataclass
class MemoryCredits(CreditRows):
    """Credits and orders that a test puts here."""

    of_id: dict[str, Credit] = field(default_factory=dict)
    order_of_id: dict[str, AccountOrder] = field(default_factory=dict)

    def credit(self, credit_id: str) -> Credit | None:
        return self.of_id.get(credit_id)

    def credits(self, person_id: str, *, before: str | None, limit: int) -> list[Credit]:
        own = [each for each in self.of_id.values() if each.person_id == person_id]
        own.sort(key=lambda each: each.credit_id, reverse=True)
        return [each for each in own if before is None or each.credit_id < before][:limit]

    def order(self, order_id: str) -> AccountOrder | None:
        return self.order_of_id.get(order_id)

    def orders(
        self, state: AccountOrderState | None, *, after: str | None, limit: int
    ) -> list[AccountOrder]:
        found = sorted(self.order_of_id.values(), key=lambda each: each.order_id)
        found = [each for each in found if state in (None, each.state)]
        return [each for each in found if each.order_id > (after or "")][:limit]

    def count_waiting(self) -> int:
        return len(self.orders(AccountOrderState.PROPOSED, after=None, limit=1_000))


@dataclass
class MemoryAllocations(AllocationRows):
    """Allocations of one region; `insured` are members of every month."""

    insured: list[str] = field(default_factory=list)
    rules: dict[str, StoredCreditPolicy] = field(default_factory=dict)
    told: dict[tuple[str, str, int], int] = field(default_factory=dict)
    runs: dict[str, Allocation] = field(default_factory=dict)
    looked_at: list[AllocatedPerson] = field(default_factory=list)

    def lock(self) -> None:
        """Nobody else is here."""

    def policy(self, policy_version: str) -> StoredCreditPolicy | None:
        return self.rules.get(policy_version)

    def policies(self, *, after: str | None, limit: int) -> list[StoredCreditPolicy]:
        versions = sorted(each for each in self.rules if each > (after or ""))
        return [self.rules[each] for each in versions[:limit]]

    def approved(self, insurance_type: str) -> list[StoredCreditPolicy]:
        return [
            each
            for each in self.rules.values()
            if each.insurance_type == insurance_type and each.approve_time is not None
        ]

    def insert_policy(self, policy: StoredCreditPolicy) -> None:
        self.rules[policy.policy_version] = policy

    def approve_policy(self, policy: StoredCreditPolicy) -> None:
        self.rules[policy.policy_version] = policy

    def unknown_persons(self, person_ids: Collection[str]) -> list[str]:
        return sorted(set(person_ids) - set(self.insured))

    def bases(self, insurance_type: str, month: int, person_ids: Collection[str]) -> dict[str, int]:
        keys = {each: (each, insurance_type, month) for each in person_ids}
        return {each: self.told[key] for each, key in keys.items() if key in self.told}

    def put_bases(
        self, insurance_type: str, month: int, bases: Mapping[str, int], *, now: dt.datetime
    ) -> None:
        self.told.update({(each, insurance_type, month): fen for each, fen in bases.items()})

    def running(self) -> list[Allocation]:
        return [each for each in self.runs.values() if each.finish_time is None]

    def find(self, allocation_id: str) -> Allocation | None:
        return self.runs.get(allocation_id)

    def page(self, *, before: str | None, limit: int) -> list[Allocation]:
        ids = sorted((each for each in self.runs if before is None or each < before), reverse=True)
        return [self.runs[each] for each in ids[:limit]]

    def insert(self, allocation: Allocation) -> None:
        self.runs[allocation.allocation_id] = allocation

    def finish(self, allocation: Allocation, now: dt.datetime) -> None:
        self.runs[allocation.allocation_id] = allocation._replace(finish_time=now)

    def reached(self, allocation_id: str) -> str | None:
        return max((each.person_id for each in self.looked_at), default=None)

    def members(self, allocation: Allocation, *, after: str | None, limit: int) -> list[str]:
        return sorted(each for each in self.insured if each > (after or ""))[:limit]

    def count_members(self, allocation: Allocation, *, after: str | None) -> int:
        return len(self.members(allocation, after=after, limit=1_000))

    def sums(self, allocation_id: str) -> list[StateSum]:
        return []

    def persons(
        self,
        allocation_id: str,
        states: Sequence[AllocatedState],
        *,
        after: str | None,
        limit: int,
    ) -> list[AllocatedPerson]:
        return [each for each in self.looked_at if each.state in states][:limit]


@dataclass
class MemoryTransfers(TransferRows):
    """Transfers that a test puts here."""

    of_id: dict[str, Transfer] = field(default_factory=dict)

    def find(self, transfer_id: str) -> Transfer | None:
        return self.of_id.get(transfer_id)

    def page(self, state: TransferState | None, *, after: str | None, limit: int) -> list[Transfer]:
        found = [each for each in self.of_id.values() if state in (None, each.state)]
        found.sort(key=lambda each: each.transfer_id)
        return [each for each in found if each.transfer_id > (after or "")][:limit]

    def open(self, *, limit: int) -> list[Transfer]:
        return self.page(None, after=None, limit=limit)
