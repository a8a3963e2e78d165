"""What lies between the funds and a person since settled bills were decided again."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_settlement.application.account import booked_account
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.past import moved_by
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderKind, OrderState


class DifferenceRow(NamedTuple):
    """That a settled bill came to cost somebody else, in fen."""

    record: SettlementRecord
    adjustment: Adjustment
    fund_change_fen: int
    difference_fen: int
    due_fen: int


class Difference(NamedTuple):
    """What is owed to a person and to the account, in fen, and what made it up, newest first."""

    difference_fen: int
    due_fen: int
    rows: Sequence[DifferenceRow]
    orders: Sequence[DifferenceOrder]
    moves: Sequence[DueMove]

    @property
    def moved_fen(self) -> int:
        """What is in the account of what had been due to it."""
        return sum(move.amount_fen for move in self.moves)

    def settled_fen(self, kind: OrderKind) -> int:
        """Returns what orders of a kind came to."""
        return sum(
            order.amount_fen
            for order in self.orders
            if order.kind is kind and order.state is OrderState.CARRIED_OUT
        )


def find_difference(reads: Reads, region: str, person_id: str) -> Difference:
    """Returns what lies between the funds and a person.

    Raises RuleError ACCOUNT_NOT_FOUND where nothing is booked, PERSON_MERGED.
    """
    booked_account(reads, region, person_id)
    found = reads.difference(region, person_id)
    rows = [row for told, adjustments in found.adjusted for row in _rows(told, adjustments)]
    # Ids of postings and orders rise with time.
    rows.sort(key=lambda row: row.adjustment.posting_id or "", reverse=True)
    orders = sorted(found.orders, key=lambda order: order.order_id, reverse=True)
    moves = sorted(found.moves, key=lambda move: move.posting_id, reverse=True)
    return Difference(found.difference_fen, found.due_fen, rows, orders, moves)


def _rows(
    told: Sequence[SettlementRecord], adjustments: Iterable[Adjustment]
) -> list[DifferenceRow]:
    """Returns what each adjustment of a settlement moved; see `moved_by`."""
    return [
        DifferenceRow(
            told[-1],
            adjustment,
            change.funds_fen,
            change.difference_fen,
            change.due_fen,
        )
        for adjustment, change in moved_by(told, adjustments)
    ]
