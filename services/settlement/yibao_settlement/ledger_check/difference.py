"""What the ledger checker examines of differences: bills, orders and what is due to accounts.

Each fault is a subject and what is wrong with it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from yibao_common.values.caller import are_two_operators
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.difference import move_entries
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
            due_fen = record.due_fen
            owed["difference"] += _difference_fen(record)
            owed["due"] += due_fen
            if min(due_fen, record.moved_fen) < 0:
                due = f"{due_fen} fen of it are due to the account"
                yield record.settlement_id, f"{due}, {record.moved_fen} were moved into it"
        elif record.moved_fen:
            yield record.settlement_id, f"is reversed, {record.moved_fen} fen stay moved"
    for order in orders:
        if order.state is OrderState.CARRIED_OUT:
            owed["difference"] += order.signed_fen
    for kind, owed_fen in owed.items():
        booked_fen = sum(fen for name, fen in sums.items() if name.startswith(f"{kind}:"))
        if booked_fen != owed_fen:
            yield kind, f"{kind} is {booked_fen} fen, bills and orders come to {owed_fen}"


def _difference_fen(record: SettlementRecord) -> int:
    counter, effective = record.counter, record.effective
    return counter.cash_fen - effective.cash_fen + effective.arrears_fen


def move_faults(
    moved: Iterable[tuple[DueMove, Mapping[str, int]]], *, owners: Collection[str]
) -> Iterator[str]:
    """Yields moves of a settlement, each with what it posted, that posted something else.

    `owners` are those whose account it is or was. What was taken out again is posted by an
    adjustment.
    """
    for move, posted in moved:
        if min(move.purses) < 0 < move.amount_fen or max(move.purses) > 0 > move.amount_fen:
            yield f"moved {move.purses}, into one purse and out of the other"
        owed = [dict(move_entries(move.purses, person_id=each)) for each in sorted(owners)]
        if move.amount_fen > 0 and posted not in owed:
            yield f"moved {dict(posted)} into the account, not {owed[0]}"


def taken_by(moved: Iterable[tuple[DueMove, Mapping[str, int]]]) -> dict[str, Purses]:
    """Returns what adjustments of a settlement took out of the account again, by posting."""
    return {
        move.posting_id: Purses(-move.purses.current_year_fen, -move.carried_fen)
        for move, _ in moved
        if move.amount_fen < 0
    }


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
        if not are_two_operators(order.maker, order.checker):
            yield order.order_id, f"was proposed by {order.maker}, confirmed by {order.checker}"
        told = audited.get(order.order_id, {})
        said = {"posting": order.posting_id, "amount_fen": str(order.amount_fen)}
        if {name: told.get(name) for name in said} != said:
            yield order.order_id, "the audit tells of no such order that was carried out"


def without_order(orders: Iterable[DifferenceOrder], posting_ids: Iterable[str]) -> list[str]:
    """Returns postings of orders by which none was carried out."""
    known = {each.posting_id for each in orders if each.state is OrderState.CARRIED_OUT}
    return [each for each in posting_ids if each not in known]
