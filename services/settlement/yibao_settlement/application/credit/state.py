"""What a batch knows of credits, orders and receivables of accounts, and what it writes of them."""

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_settlement.rules.credit.credit import Credit, CreditKey
from yibao_settlement.rules.credit.order import AccountOrder, AccountOrderState


class AccountClaims(NamedTuple):
    """What is owed of an account for credits that were taken back, in fen, and whether it ended."""

    receivable_fen: int = 0
    is_closed: bool = False


class AccountClosing(NamedTuple):
    """That an account was closed, by which order or transfer."""

    person_id: str
    cause_id: str
    close_time: dt.datetime


@dataclass(slots=True)
class Credits:
    """Credits of the keys and orders that commands named, and what is owed of their accounts."""

    by_id: dict[str, Credit] = field(default_factory=dict)
    orders: dict[str, AccountOrder] = field(default_factory=dict)
    # The receivable accounts as they are stored, in fen, and whose accounts were closed by
    # which order or transfer, and when.
    receivables: dict[str, int] = field(default_factory=dict)
    closed: dict[str, dict[str, dt.datetime]] = field(default_factory=dict)
    # Those that are new, and those of before that changed.
    added: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    proposed: list[str] = field(default_factory=list)
    orders_changed: set[str] = field(default_factory=set)
    closings: list[AccountClosing] = field(default_factory=list)
    # (person, cause, time) of accounts that opened again.
    reopened: list[tuple[str, str, dt.datetime]] = field(default_factory=list)

    def holding(self, keys: set[CreditKey]) -> Credit | None:
        """Returns the credit that has one of some keys, which are one for merged records."""
        for credit in self.by_id.values():
            if credit.holds_key and credit.key in keys:
                return credit
        return None

    def add(self, credit: Credit) -> None:
        """Keeps a credit that is new."""
        self.by_id[credit.credit_id] = credit
        self.added.append(credit.credit_id)

    def change(self, credit: Credit) -> None:
        """Keeps a credit as it is now."""
        self.by_id[credit.credit_id] = credit
        if credit.credit_id not in self.added:
            self.changed.add(credit.credit_id)

    def propose(self, order: AccountOrder) -> None:
        """Keeps an order that is new."""
        self.orders[order.order_id] = order
        self.proposed.append(order.order_id)

    def change_order(self, order: AccountOrder) -> None:
        """Keeps an order as it is now."""
        self.orders[order.order_id] = order
        if order.order_id not in self.proposed:
            self.orders_changed.add(order.order_id)

    def close(self, closing: AccountClosing) -> None:
        """Keeps that an account is closed, also where it was so before.

        What a reversed bill gives back to a closed account leaves it by another order.
        """
        self.closed.setdefault(closing.person_id, {})[closing.cause_id] = closing.close_time
        self.closings.append(closing)

    def reopen(self, person_id: str, now: dt.datetime) -> None:
        """Opens an account again; nothing where it is open."""
        causes = self.closed.pop(person_id, {})
        self.reopened.extend((person_id, each, now) for each in sorted(causes))

    def waiting(self, person_id: str, credit_id: str | None) -> AccountOrder | None:
        """Returns an order that waits: of a credit, or of an account where none is named."""
        for order in self.orders.values():
            is_asked = order.person_id == person_id and order.credit_id == credit_id
            if is_asked and order.state is AccountOrderState.PROPOSED:
                return order
        return None
