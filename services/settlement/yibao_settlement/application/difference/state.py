"""What a batch knows of differences, and what it writes of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderState


class FoundDifference(NamedTuple):
    """What is owed to a person and to the account, in fen, as it is stored.

    With the bills that moved, each as it was settled and as each refund left it, what moved of
    it, the orders, and what was moved into the account.
    """

    difference_fen: int
    due_fen: int
    adjusted: Sequence[tuple[Sequence[SettlementRecord], Sequence[Adjustment]]]
    orders: Sequence[DifferenceOrder]
    moves: Sequence["DueMove"]


class DueMove(NamedTuple):
    """What a posting moved of a settlement into the account that had paid too much, in fen.

    What a later act of the institution took out of it again is negative. `carried_fen` is what
    of it went into, or came out of, the purse of earlier years.
    """

    settlement_id: str
    posting_id: str
    move_time: dt.datetime
    amount_fen: int
    carried_fen: int

    @property
    def purses(self) -> Purses:
        """What went into each purse."""
        return Purses(self.amount_fen - self.carried_fen, self.carried_fen)


@dataclass(slots=True)
class Differences:
    """Differences of the persons that commands named, and the orders to settle them."""

    # The accounts of differences as they are stored, in fen.
    balances: dict[str, int] = field(default_factory=dict)
    orders: dict[str, DifferenceOrder] = field(default_factory=dict)
    # Orders that are new, and those of before that changed.
    proposed: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    moves: list[DueMove] = field(default_factory=list)

    def propose(self, order: DifferenceOrder) -> None:
        """Keeps an order that is new."""
        self.orders[order.order_id] = order
        self.proposed.append(order.order_id)

    def change(self, order: DifferenceOrder) -> None:
        """Keeps an order as it is now."""
        self.orders[order.order_id] = order
        if order.order_id not in self.proposed:
            self.changed.add(order.order_id)

    def waiting(self, person_id: str) -> DifferenceOrder | None:
        """Returns the order of a person that waits for the checker."""
        for order in self.orders.values():
            if order.person_id == person_id and order.state is OrderState.PROPOSED:
                return order
        return None
