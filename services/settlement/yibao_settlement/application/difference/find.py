"""What lies between the funds and a person since settled bills were decided again."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_settlement.application.account import find_account
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.record import Adjustment, Effective, SettlementRecord
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

    def settled_fen(self, kind: OrderKind) -> int:
        """Returns what orders of a kind came to."""
        return sum(
            order.amount_fen
            for order in self.orders
            if order.kind is kind and order.state is OrderState.CARRIED_OUT
        )


def find_difference(reads: Reads, region: str, person_id: str, *, now: dt.datetime) -> Difference:
    """Returns what lies between the funds and a person.

    Raises RuleError ACCOUNT_NOT_FOUND where nothing is booked, PERSON_MERGED.
    """
    find_account(reads, region, person_id, now=now)
    found = reads.difference(region, person_id)
    rows = [row for told, adjustments in found.adjusted for row in _rows(told, adjustments)]
    # Ids of postings and orders rise with time.
    rows.sort(key=lambda row: row.adjustment.posting_id or "", reverse=True)
    orders = sorted(found.orders, key=lambda order: order.order_id, reverse=True)
    return Difference(found.difference_fen, found.due_fen, rows, orders)


def _rows(
    told: Sequence[SettlementRecord], adjustments: Iterable[Adjustment]
) -> list[DifferenceRow]:
    """Returns what each adjustment of a settlement moved; those that moved no money are none.

    `told` is the settlement as it was settled and as each refund left it.
    """
    rows = []
    counters = {each.refunds[-1].refund_id: each.counter for each in told if each.refunds}
    now = told[-1]
    counter = before = told[0].counter
    for adjustment in sorted(adjustments, key=lambda each: each.revision):
        counter_before, counter = counter, counters.get(adjustment.cause_id, counter)
        after = adjustment.effective
        if adjustment.posting_id is not None:
            was, lies = Gap.of(counter_before, before), Gap.of(counter, after)
            rows.append(
                DifferenceRow(
                    now,
                    adjustment,
                    was.funds_fen - lies.funds_fen,
                    lies.difference_fen - was.difference_fen,
                    lies.due_fen - was.due_fen,
                )
            )
        before = after
    return rows


class Gap(NamedTuple):
    """What the counter's column has more than the effective one, in fen.

    Arrears that the effective one has more are owed to the person too.
    """

    funds_fen: int
    difference_fen: int
    due_fen: int

    @classmethod
    def of(cls, counter: Effective, effective: Effective) -> "Gap":
        """Returns what lies between two columns."""
        late_fen = effective.borne.arrears_fen - counter.borne.arrears_fen
        return cls(
            counter.fund_total_fen - effective.fund_total_fen,
            counter.cash_fen - effective.cash_fen + late_fen,
            counter.account_fen - effective.account_fen,
        )
