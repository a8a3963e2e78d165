"""Which entries of the ledger are folded into checkpoints, so that balances are cheap.

Entries are never changed and fund accounts are never locked: a checkpoint only states
the sum of the entries up to a posting id, so nothing may appear below it later. No clock
tells that. A fold raises the region's fence to the newest posting that is committed, and
every batch and every merge makes its ids above it from then on. Once every transaction that
had begun before has ended, what stands up to the fence stands for good and is summed.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Below every posting id: nothing is folded.
BEFORE_ALL = "00000000-0000-0000-0000-000000000000"
# Accounts that many bills post to. A person's own has its balance in the standing.
_FOLDED = ("fund:", "payable:", "source:")


class CheckpointRows(Protocol):
    """The checkpoints of a region's accounts."""

    def lock(self) -> str | None:
        """Lets no other process fold the region; returns the posting id it is folded through.

        None where another one has folded it while this one waited.
        """
        ...

    def newest_posting(self) -> str:
        """Returns the greatest posting id that is committed, BEFORE_ALL without any."""
        ...

    def raise_fence(self, posting_id: str) -> None:
        """Lets every id that is made after this transaction be greater than `posting_id`.

        A fence that is higher already stays.
        """
        ...

    def balances(self, prefix: str, *, through: str) -> Sequence[tuple[str, int]]:
        """Returns the accounts that begin with `prefix`, with the sum of their entries up
        to the posting `through` in fen.
        """
        ...

    def replace(self, balances: Sequence[tuple[str, int]], *, through: str) -> None:
        """Puts checkpoints in the place of all that the region has."""
        ...


class Checkpoints:
    """Folds accounts. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, others_ended: Callable[[], bool]
    ) -> None:
        """Takes what begins transactions and what waits for them.

        `others_ended()` waits until every transaction that has begun by then has ended, and
        tells whether they did in time.
        """
        self._transactions = transactions
        self._others_ended = others_ended

    def fold(self, region: str) -> int:
        """Moves the region's checkpoints up to what is booked; returns how many there are.

        One process folds a region at a time, and never back. Where a transaction does not
        end, nothing is folded: the next round finds it ended.
        """
        fence = self._transactions.change(region, self._raise_fence)
        if fence is None or not self._others_ended():
            return 0
        return self._transactions.change(region, lambda work: self._fold(work, fence))

    def rebuild(self, region: str) -> int:
        """Forgets the region's checkpoints and makes them anew from all entries."""
        while not self._transactions.change(region, self._forget):
            # Another process folded meanwhile; the lock was waited for, so this ends.
            continue
        return self.fold(region)

    @staticmethod
    def _raise_fence(work: "Work") -> str | None:
        folded, newest = work.checkpoints.lock(), work.checkpoints.newest_posting()
        if folded is None or newest <= folded:
            return None
        work.checkpoints.raise_fence(newest)
        return newest

    @staticmethod
    def _fold(work: "Work", through: str) -> int:
        folded = work.checkpoints.lock()
        if folded is None or folded >= through:
            return 0
        balances = [
            balance
            for prefix in _FOLDED
            for balance in work.checkpoints.balances(prefix, through=through)
        ]
        work.checkpoints.replace(balances, through=through)
        return len(balances)

    @staticmethod
    def _forget(work: "Work") -> bool:
        if work.checkpoints.lock() is None:
            return False
        work.checkpoints.replace([], through=BEFORE_ALL)
        return True
