"""What the ledger checker examines of differences: bills, orders and what is due to accounts.

Each fault is a subject and what is wrong with it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderState, order_entries

Fault = tuple[str, str]


class Owed:
    """What bills that stand, and orders, come to between the funds and persons."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._difference_fen: Counter[str] = Counter()
        self._due_fen: Counter[str] = Counter()

    def count(self, record: SettlementRecord, *, holder_id: str) -> Iterator[Fault]:
        """Counts a settlement for who holds the person's account by now; yields its faults."""
        if record.reversal is not None:
            return
        counter, effective = record.counter.borne, record.effective.borne
        gap_fen = counter.cash_fen - effective.cash_fen + effective.arrears_fen
        self._difference_fen[holder_id] += gap_fen
        due_fen = counter.account_fen - effective.account_fen
        self._due_fen[holder_id] += due_fen
        if due_fen < 0:
            yield record.settlement_id, f"{due_fen} fen of it are due to the account"

    def count_orders(
        self, orders: Iterable[DifferenceOrder], *, holder_of: Callable[[str], str]
    ) -> None:
        """Counts what orders settled."""
        for order in orders:
            if order.state is OrderState.CARRIED_OUT:
                self._difference_fen[holder_of(order.person_id)] += order.signed_fen

    def faults(
        self, sums: Mapping[str, int], *, holder_of: Callable[[str], str]
    ) -> Iterator[Fault]:
        """Yields the persons for whom the ledger holds something else.

        `sums` are those of all entries, by account.
        """
        for kind, owed in (("difference", self._difference_fen), ("due", self._due_fen)):
            booked: Counter[str] = Counter()
            for account_id, fen in sums.items():
                account, _, person_id = account_id.partition(":")
                if account == kind:
                    booked[holder_of(person_id)] += fen
            for person_id in sorted({*booked, *owed}):
                if booked[person_id] != owed[person_id]:
                    comes = f"bills and orders come to {owed[person_id]}"
                    yield person_id, f"{kind} is {booked[person_id]} fen, {comes}"


def order_faults(
    orders: Iterable[DifferenceOrder],
    postings: Mapping[str, tuple[int, Mapping[str, int]]],
    audited: Mapping[str, Mapping[str, str]],
) -> Iterator[Fault]:
    """Yields orders that were not posted as they say.

    `postings` are those of orders, each with its kind and entries; `audited` is what the
    audit tells of orders that were confirmed.
    """
    for order in orders:
        posted = postings.get(order.posting_id or "")
        if order.state is not OrderState.CARRIED_OUT:
            if order.posting_id is not None:
                yield order.order_id, f"is {order.state.name}, and names a posting"
            continue
        owed = dict(order_entries(order, person_id=order.person_id))
        if posted != (int(order.posting_kind), owed):
            yield order.order_id, f"posted {posted}, not {order.posting_kind.name} {owed}"
        if order.checker in (None, order.maker):
            yield order.order_id, f"was proposed by {order.maker}, confirmed by {order.checker}"
        told = audited.get(order.order_id, {})
        said = {"posting": order.posting_id, "amount_fen": str(order.amount_fen)}
        if {name: told.get(name) for name in said} != said:
            yield order.order_id, "the audit tells of no such order that was carried out"


def without_order(orders: Iterable[DifferenceOrder], posting_ids: Iterable[str]) -> list[str]:
    """Returns postings of orders by which none was carried out."""
    known = {each.posting_id for each in orders if each.state is OrderState.CARRIED_OUT}
    return [each for each in posting_ids if each not in known]
