"""Transfers as they are read, each by one snapshot."""

import datetime as dt
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_settlement.application.transfer.steps import TransferCase
from yibao_settlement.rules.transfer import Transfer, TransferState, transfer_not_found

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Those that are open are looked through for what is stuck.
_MOST_OPEN = 10_000


class TransferRows(Protocol):
    """Transfers of a region, as one transaction finds them."""

    def find(self, transfer_id: str) -> Transfer | None:
        """Returns a transfer, or None."""
        ...

    def page(self, state: TransferState | None, *, after: str | None, limit: int) -> list[Transfer]:
        """Returns at most `limit` transfers, of any state where none is told, the first first."""
        ...

    def open(self, *, limit: int) -> list[Transfer]:
        """Returns at most `limit` transfers that leave and have not arrived, the first first."""
        ...


class TransferBook:
    """What callers read of transfers. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions, and by which clock a transfer is stuck."""
        self._transactions = transactions
        self._clock = clock

    def find(self, region: str, transfer_id: str) -> Transfer:
        """Returns a transfer; raises RuleError TRANSFER_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.transfers.find(transfer_id)
        if found is None:
            raise transfer_not_found(transfer_id)
        return found

    def case(self, region: str, transfer_id: str) -> TransferCase:
        """Returns whose transfer it is; raises as `find`."""
        found = self.find(region, transfer_id)
        return TransferCase(transfer_id, found.person_id, found.transfer_number)

    def page(
        self, region: str, state: TransferState | None, *, after: str | None, limit: int
    ) -> list[Transfer]:
        """Returns at most `limit` transfers, the one requested first at the head."""
        with self._transactions.read(region) as work:
            return work.transfers.page(state, after=after, limit=limit)

    def stuck(self, region: str) -> list[Transfer]:
        """Returns the transfers that are behind their working days, the first first."""
        now = self._clock()
        with self._transactions.read(region) as work:
            return [each for each in work.transfers.open(limit=_MOST_OPEN) if each.is_stuck(now)]

    def now(self) -> dt.datetime:
        """Returns the present instant."""
        return self._clock()
