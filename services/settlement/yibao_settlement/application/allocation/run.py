"""Taking allocations on: the next page is found without locks and decided in the batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_settlement.application.allocation.page import AllocatePage
from yibao_settlement.rules.allocation import Allocation, policy_not_found
from yibao_settlement.rules.benefit.credit import CreditPolicy

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Persons a page: a transaction, whose locks others wait for some hundredths of a second.
PAGE = 100


class AllocationRun:
    """Finds pages of allocations that go on, and ends those that have none left. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        read: Callable[[bytes], CreditPolicy],
        *,
        clock: Clock,
        second_above_fen: Mapping[str, int],
    ) -> None:
        """Takes what begins transactions, what reads rules, and limits by region."""
        self._transactions = transactions
        self._read = read
        self._clock = clock
        self._second_above_fen = second_above_fen
        self._policies: dict[str, CreditPolicy] = {}

    def going_on(self, region: str) -> Sequence[Allocation]:
        """Returns the allocations of a region that go on, the one begun first at the head."""
        with self._transactions.read(region) as work:
            return work.allocations.running()

    def next_page(self, allocation: Allocation) -> AllocatePage | None:
        """Returns the page behind the last person; None once there is none, which ends it."""
        with self._transactions.read(allocation.region) as work:
            reached = work.allocations.reached(allocation.allocation_id)
            members = work.allocations.members(allocation, after=reached, limit=PAGE)
            policy = self._policy(work, allocation.policy_version)
        if members:
            limit_fen = self._second_above_fen.get(allocation.region)
            return AllocatePage.of(allocation, policy, tuple(members), second_above_fen=limit_fen)
        now = self._clock()
        self._transactions.change(
            allocation.region, lambda work: work.allocations.finish(allocation, now)
        )
        return None

    def _policy(self, work: "Work", policy_version: str) -> CreditPolicy:
        known = self._policies.get(policy_version)
        if known is None:
            stored = work.allocations.policy(policy_version)
            if stored is None:
                raise policy_not_found(policy_version)
            known = self._policies[policy_version] = self._read(stored.policy_file)
        return known
