"""Allocations, their rules and contributions, as one transaction finds and writes them."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    Allocation,
    StoredCreditPolicy,
)


class StateSum(NamedTuple):
    """How many persons of an allocation are in a state, and what they are credited, in fen."""

    state: AllocatedState
    person_count: int
    amount_fen: int


class AllocationRows(Protocol):
    """See this file."""

    def lock(self) -> None:
        """Lets nobody else begin an allocation or approve rules until the transaction ends."""
        ...

    def policy(self, policy_version: str) -> StoredCreditPolicy | None:
        """Returns rules, or None."""
        ...

    def policies(self, *, after: str | None, limit: int) -> list[StoredCreditPolicy]:
        """Returns at most `limit` rules, by their versions."""
        ...

    def approved(self, insurance_type: str) -> list[StoredCreditPolicy]:
        """Returns the rules of an insurance type that are approved."""
        ...

    def insert_policy(self, policy: StoredCreditPolicy) -> None:
        """Stores rules that are new."""
        ...

    def approve_policy(self, policy: StoredCreditPolicy) -> None:
        """Stores who approved rules, and when."""
        ...

    def unknown_persons(self, person_ids: Collection[str]) -> list[str]:
        """Returns which of some persons the region knows nothing of, sorted."""
        ...

    def bases(self, insurance_type: str, month: int, person_ids: Collection[str]) -> dict[str, int]:
        """Returns what contributions of a month were paid of, by person, in fen."""
        ...

    def put_bases(
        self, insurance_type: str, month: int, bases: Mapping[str, int], *, now: dt.datetime
    ) -> None:
        """Stores what contributions were paid of, in the place of what was told before."""
        ...

    def running(self) -> list[Allocation]:
        """Returns the allocations that go on, the one begun first at the head."""
        ...

    def find(self, allocation_id: str) -> Allocation | None:
        """Returns an allocation, or None."""
        ...

    def page(self, *, before: str | None, limit: int) -> list[Allocation]:
        """Returns at most `limit` allocations, the one begun last first."""
        ...

    def insert(self, allocation: Allocation) -> None:
        """Stores an allocation that begins."""
        ...

    def finish(self, allocation: Allocation, now: dt.datetime) -> None:
        """Stores that everybody was looked at; nothing where that is stored."""
        ...

    def reached(self, allocation_id: str) -> str | None:
        """Returns the last person, by id, whom an allocation looked at; None before the first."""
        ...

    def members(self, allocation: Allocation, *, after: str | None, limit: int) -> list[str]:
        """Returns at most `limit` persons insured on some day of the month, by their ids."""
        ...

    def count_members(self, allocation: Allocation, *, after: str | None) -> int:
        """Returns how many of them stand behind a person."""
        ...

    def sums(self, allocation_id: str) -> list[StateSum]:
        """Returns how many persons are in which state, by state."""
        ...

    def persons(
        self,
        allocation_id: str,
        states: Sequence[AllocatedState],
        *,
        after: str | None,
        limit: int,
    ) -> list[AllocatedPerson]:
        """Returns at most `limit` persons of an allocation in some states, by their ids."""
        ...
