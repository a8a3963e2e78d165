"""What the ledger checker examines of differences: bills, orders and what is due to accounts.

Each fault is a subject and what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Mapping

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderState, order_entries

Fault = tuple[str, str]


def difference_faults(
    records: Iterable[SettlementRecord],
    orders: Iterable[DifferenceOrder],
    sums: Mapping[str, int],
) -> Iterator[Fault]:
    """Yields what a person's bills are wrong in, and where the ledger holds something else.

    `sums` are those of all entries of the person's own accounts, by account; faults of these
    have the kind of the account as their subject.
    """
    owed = {"difference": 0, "due": 0}
    for record in records:
        if record.reversal is None:
            counter, effective = record.counter.borne, record.effective.borne
            owed["difference"] += counter.cash_fen - effective.cash_fen + effective.arrears_fen
            due_fen = counter.account_fen - effective.account_fen
            owed["due"] += due_fen
            if due_fen < 0:
                yield record.settlement_id, f"{due_fen} fen of it are due to the account"
    for order in orders:
        if order.state is OrderState.CARRIED_OUT:
            owed["difference"] += order.signed_fen
    for kind, owed_fen in owed.items():
        booked_fen = sum(fen for name, fen in sums.items() if name.startswith(f"{kind}:"))
        if booked_fen != owed_fen:
            yield kind, f"{kind} is {booked_fen} fen, bills and orders come to {owed_fen}"


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
