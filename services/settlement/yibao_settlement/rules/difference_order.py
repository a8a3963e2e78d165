"""Orders by which an agency settles what lies between the funds and a person.

One operator proposes, another confirms or rejects. What is owed to the person is paid out by
a bank, what the person owes is collected or written off; never more than is owed by then.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.ledger import (
    Entry,
    PostingKind,
    balanced,
    difference_account,
    payment_account,
    write_off_account,
)

# Of less nobody is asked, unless the region says another amount.
DIFFERENCE_DUST_FEN = 100


class OrderKind(enum.IntEnum):
    """What becomes of a difference; stored with each order."""

    # The bank pays the person.
    PAY_OUT = 1
    # The person pays.
    COLLECT = 2
    # A fund bears what the person owes.
    WRITE_OFF = 3


class OrderState(enum.IntEnum):
    """Where an order is in its life."""

    PROPOSED = 1
    CARRIED_OUT = 2
    REJECTED = 3


POSTED_AS = {
    OrderKind.PAY_OUT: PostingKind.DIFFERENCE_PAID,
    OrderKind.COLLECT: PostingKind.DIFFERENCE_COLLECTED,
    OrderKind.WRITE_OFF: PostingKind.DIFFERENCE_WRITTEN_OFF,
}


class DifferenceOrder(NamedTuple):
    """An order; `amount_fen` is greater than zero whatever its kind.

    `fund_type` is the fund that bears what is written off, None otherwise. `checker` and
    `close_time` are None until it is closed, `posting_id` unless it was carried out and
    `reject_reason` unless it was rejected.
    """

    region: str
    order_id: str
    person_id: str
    kind: OrderKind
    amount_fen: int
    fund_type: str | None
    reason: str
    maker: str
    propose_time: dt.datetime
    state: OrderState = OrderState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None
    posting_id: str | None = None
    reject_reason: str | None = None

    @property
    def posting_kind(self) -> PostingKind:
        """As what it is posted."""
        return POSTED_AS[self.kind]

    @property
    def signed_fen(self) -> int:
        """What it adds to the difference: less where the person is paid."""
        return -self.amount_fen if self.kind is OrderKind.PAY_OUT else self.amount_fen


def order_entries(order: DifferenceOrder, *, person_id: str) -> tuple[Entry, ...]:
    """Returns what an order posts; `person_id` is who holds the difference by now."""
    other = payment_account(order.order_id)
    if order.fund_type is not None:
        other = write_off_account(order.fund_type)
    return balanced(
        [
            Entry(difference_account(person_id), order.signed_fen),
            Entry(other, -order.signed_fen),
        ]
    )


def check_owed(kind: OrderKind, amount_fen: int, *, difference_fen: int) -> None:
    """Raises DIFFERENCE_NOT_OPEN where less than that is owed, or nothing in that direction.

    `difference_fen` is what is owed to the person, negative where the person owes it.
    """
    owed_fen = difference_fen if kind is OrderKind.PAY_OUT else -difference_fen
    if amount_fen > owed_fen:
        raise RuleError(
            Reason.DIFFERENCE_NOT_OPEN,
            f"{kind.name} of {amount_fen} fen, and the difference is {difference_fen} fen",
            difference_fen=str(difference_fen),
        )


def is_dust(difference_fen: int, *, dust_fen: int) -> bool:
    """Tells whether something is owed, by whom ever, and so little that nobody is asked."""
    return 0 < abs(difference_fen) < dust_fen


def carry_out(
    order: DifferenceOrder, *, checker: str, now: dt.datetime, posting_id: str
) -> DifferenceOrder:
    """Returns the order carried out by a posting; `check_checker` comes first."""
    assert order.state is OrderState.PROPOSED, order.state
    return order._replace(
        state=OrderState.CARRIED_OUT, checker=checker, close_time=now, posting_id=posting_id
    )


def reject(
    order: DifferenceOrder, *, checker: str, now: dt.datetime, reason: str
) -> DifferenceOrder:
    """Returns the order rejected; raises as `check_checker`."""
    check_checker(order, checker=checker)
    return order._replace(
        state=OrderState.REJECTED, checker=checker, close_time=now, reject_reason=reason
    )


def check_checker(order: DifferenceOrder, *, checker: str) -> None:
    """Raises DIFFERENCE_ORDER_STATE where the order is closed, SAME_MAKER_AND_CHECKER."""
    if order.state is not OrderState.PROPOSED:
        raise _state(order, f"order {order.order_id} is {order.state.name}")
    if is_same_operator(order.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed an order cannot confirm or reject it"
        )


def check_read(order: DifferenceOrder, kind: OrderKind, amount_fen: int) -> None:
    """Raises DIFFERENCE_ORDER_STATE where the order is another than the checker read."""
    if (order.kind, order.amount_fen) != (kind, amount_fen):
        raise _state(order, f"the order is to {order.kind.name} {order.amount_fen} fen")


def _state(order: DifferenceOrder, message: str) -> RuleError:
    return RuleError(Reason.DIFFERENCE_ORDER_STATE, message, state=order.state.name)


def order_not_found(order_id: str) -> RuleError:
    """Returns the refusal for an order that there is not in the region."""
    return RuleError(Reason.DIFFERENCE_ORDER_NOT_FOUND, f"no order {order_id}", order_id=order_id)
