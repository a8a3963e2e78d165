"""Which old entries of the ledger are folded into checkpoints, so that balances are cheap.

Entries are never changed and fund accounts are never locked: a checkpoint only states
the sum of the entries up to a posting id. Posting ids rise with time and a transaction
lasts seconds, so entries older than the horizon can no longer appear.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Far beyond the longest transaction and the clock differences between processes: an entry
# that appeared below a checkpoint would be missing from its balance.
HORIZON = dt.timedelta(minutes=10)
# Accounts that many bills post to. A person's own has its balance in the standing.
_FOLDED = ("fund:", "payable:", "source:")


def horizon_id(now: dt.datetime) -> str:
    """Returns the least UUIDv7 of the moment `HORIZON` before `now`."""
    millis = int((now - HORIZON).timestamp() * 1000)
    digits = f"{millis:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


class CheckpointRows(Protocol):
    """The checkpoints of a region's accounts."""

    def lock(self) -> str | None:
        """Lets no other process fold the region; returns the posting id it is folded through.

        None where another one has folded it while this one waited.
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

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def fold(self, region: str) -> int:
        """Moves the region's checkpoints up to the horizon; returns how many there are.

        One process folds a region at a time, and never back: a clock that was set back, or a
        fold that began earlier and ends later, changes nothing.
        """
        through = horizon_id(self._clock())
        return self._transactions.change(region, lambda work: self._fold(work, through))

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
