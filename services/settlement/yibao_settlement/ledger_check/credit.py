"""What the ledger checker examines of credits, and of what is owed and paid of accounts.

Each fault is a subject and what is wrong with it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from yibao_common.values.caller import are_two_operators
from yibao_settlement.rules.credit.credit import TRANSFER, Credit, CreditState
from yibao_settlement.rules.credit.order import (
    AccountOrder,
    AccountOrderKind,
    AccountOrderState,
)
from yibao_settlement.rules.ledger import (
    PostingKind,
    carried_account,
    payment_account,
    person_account,
    receivable_account,
    source_account,
    transfer_account,
)
from yibao_settlement.rules.transfer import Direction, Transfer, TransferState, incoming_key

Fault = tuple[str, str]
# Amounts by account, by posting.
Posted = Mapping[str, Mapping[str, int]]


def order_faults(
    orders: Iterable[AccountOrder],
    credits: Mapping[str, Credit],
    posted: Mapping[PostingKind, Posted],
    audited: Mapping[str, Mapping[str, str]],
) -> Iterator[Fault]:
    """Yields orders that were not carried out by two operators, as they say and as is told.

    `credits` are those of orders, by id; `posted` is what was posted of these kinds.
    """
    taken: dict[str, int] = {}
    for order in orders:
        if order.state is not AccountOrderState.CARRIED_OUT:
            if order.posting_id is not None:
                yield order.order_id, f"is {order.state.name}, and names a posting"
            continue
        if not are_two_operators(order.maker, order.checker):
            yield order.order_id, f"was proposed by {order.maker}, confirmed by {order.checker}"
        told = audited.get(order.order_id, {})
        said = {"posting": order.posting_id, "amount_fen": str(order.amount_fen)}
        if {name: told.get(name) for name in said} != said:
            yield order.order_id, "the audit tells of no such order that was carried out"
        credit = credits.get(order.credit_id or "")
        if order.kind is AccountOrderKind.CORRECTION:
            taken[order.credit_id or ""] = taken.get(order.credit_id or "", 0) + order.amount_fen
        yield from ((order.order_id, detail) for detail in _posting_faults(order, credit, posted))
    for credit_id, credit in credits.items():
        if credit.taken_back_fen != taken.get(credit_id, 0):
            detail = f"{credit.taken_back_fen} fen of it are told as taken back"
            yield credit_id, f"{detail}, orders took {taken.get(credit_id, 0)}"


def _posting_faults(
    order: AccountOrder, credit: Credit | None, posted: Mapping[PostingKind, Posted]
) -> Iterator[str]:
    person_id = order.person_id
    posting_id = order.posting_id or ""
    if order.kind is AccountOrderKind.CREDIT:
        if credit is None or (credit.posting_id, credit.amount_fen) != (
            posting_id,
            order.amount_fen,
        ):
            yield "confirmed a credit that was booked otherwise"
        return
    if order.kind is AccountOrderKind.PAY_OUT:
        amounts = dict(posted[PostingKind.PAID_OUT].get(posting_id, {}))
        other, owed_fen = payment_account(order.order_id), 0
    else:
        amounts = dict(posted[PostingKind.CREDIT_TAKEN_BACK].get(posting_id, {}))
        other = "" if credit is None else source_account(credit.source)
        owed_fen = -amounts.pop(receivable_account(person_id), 0)
    whole_fen = amounts.pop(other, 0)
    own = _purses(person_id)
    if whole_fen != order.amount_fen or owed_fen != order.receivable_fen or amounts.keys() - own:
        yield f"posted {whole_fen} fen of {order.amount_fen}, {owed_fen} fen owed, and {amounts}"


def stray_faults(
    orders: Iterable[AccountOrder], posted: Mapping[PostingKind, Posted]
) -> Iterator[Fault]:
    """Yields postings of corrections and pay-outs that no order was carried out by."""
    known = {each.posting_id for each in orders if each.state is AccountOrderState.CARRIED_OUT}
    for kind in (PostingKind.CREDIT_TAKEN_BACK, PostingKind.PAID_OUT):
        yield from (
            (each, "no order was carried out by it") for each in posted[kind].keys() - known
        )


def receivable_faults(
    posted: Mapping[PostingKind, Posted], holder_of: Mapping[str, str]
) -> Iterator[Fault]:
    """Yields receivables that more was met of than is owed, or by somebody else's account."""
    prefix, owed = receivable_account(""), dict[str, int]()
    for kind in (PostingKind.CREDIT_TAKEN_BACK, PostingKind.RECEIVABLE_MET):
        for posting_id, amounts in posted[kind].items():
            for account_id, fen in amounts.items():
                if account_id.startswith(prefix):
                    owed[account_id] = owed.get(account_id, 0) + fen
            if kind is PostingKind.RECEIVABLE_MET and not _is_met(amounts, holder_of):
                yield posting_id, f"meets what is owed by {dict(amounts)}"
    for account_id, fen in owed.items():
        if fen > 0:
            yield account_id.removeprefix(prefix), f"{fen} fen more were met than were owed"


def _is_met(amounts: Mapping[str, int], holder_of: Mapping[str, str]) -> bool:
    """Tells whether one person's purses paid that person's receivables."""
    persons = set()
    for account_id, fen in amounts.items():
        kind, _, person_id = account_id.partition(":")
        if (kind == "receivable") != (fen > 0) or kind not in ("receivable", "person", "carried"):
            return False
        persons.add(holder_of.get(person_id, person_id))
    return len(persons) == 1


def closing_faults(
    orders: Iterable[AccountOrder],
    transfers: Iterable[Transfer],
    closed: Collection[tuple[str, str]],
) -> Iterator[Fault]:
    """Yields accounts that were paid out or moved and not closed, and the other way round."""
    left = {
        (each.person_id, each.order_id)
        for each in orders
        if each.kind is AccountOrderKind.PAY_OUT and each.state is AccountOrderState.CARRIED_OUT
    }
    left |= {(each.person_id, each.transfer_id) for each in transfers if each.posting_id}
    yield from (
        (person_id, "the account was left, and not closed") for person_id, _ in left - set(closed)
    )
    yield from (
        (person_id, "was closed by nothing that is there") for person_id, _ in set(closed) - left
    )


def transfer_faults(
    transfers: Sequence[Transfer],
    credits: Mapping[str, Credit],
    posted: Mapping[PostingKind, Posted],
    others: Mapping[tuple[str, str], Transfer],
) -> Iterator[Fault]:
    """Yields transfers that were not booked as they say, or arrived otherwise than they left.

    `credits` are those of incoming ones by id, `others` the outgoing ones of other regions that
    are here, by region and number.
    """
    known: dict[PostingKind, set[str]] = {
        PostingKind.TRANSFERRED_OUT: set(),
        PostingKind.TRANSFER_PAID: set(),
    }
    for each in transfers:
        if each.direction is Direction.IN:
            yield from (
                (each.transfer_id, detail) for detail in _incoming_faults(each, credits, others)
            )
            continue
        is_out = each.state not in (TransferState.REQUESTED, TransferState.CANCELLED)
        if is_out and not are_two_operators(each.maker, each.checker):
            yield each.transfer_id, f"was requested by {each.maker}, recorded by {each.checker}"
        on_its_way, own = transfer_account(each.transfer_id), _purses(each.person_id)
        moved = posted[PostingKind.TRANSFERRED_OUT].get(each.posting_id or "", {})
        paid = posted[PostingKind.TRANSFER_PAID].get(each.payment_posting_id or "", {})
        known[PostingKind.TRANSFERRED_OUT].add(each.posting_id or "")
        known[PostingKind.TRANSFER_PAID].add(each.payment_posting_id or "")
        is_paid = each.state in (TransferState.MONEY_OUT, TransferState.IN)
        amount_fen = each.amount_fen or 0
        owed = {on_its_way: -amount_fen, payment_account(each.transfer_id): amount_fen}
        if moved.get(on_its_way, 0) != (amount_fen if is_out else 0) or (
            moved.keys() - {on_its_way, *own}
        ):
            yield each.transfer_id, f"is {each.state.name} of {amount_fen} fen, posted {moved}"
        if dict(paid) != (owed if is_paid else {}):
            yield each.transfer_id, f"is {each.state.name} of {amount_fen} fen, paid {paid}"
    for kind, ids in known.items():
        yield from ((each, "no transfer was made by it") for each in posted[kind].keys() - ids)


def _incoming_faults(
    transfer: Transfer,
    credits: Mapping[str, Credit],
    others: Mapping[tuple[str, str], Transfer],
) -> Iterator[str]:
    credit = credits.get(transfer.credit_id or "")
    key = incoming_key(transfer.other_region, transfer.transfer_number)
    if credit is None or (credit.amount_fen, credit.source, credit.business_key) != (
        transfer.amount_fen,
        TRANSFER,
        key,
    ):
        yield f"was not credited with {transfer.amount_fen} fen"
    other = others.get((transfer.other_region, transfer.transfer_number))
    if other is not None and other.amount_fen != transfer.amount_fen:
        yield f"{transfer.amount_fen} fen arrived, {other.amount_fen} left"


def _purses(person_id: str) -> set[str]:
    return {person_account(person_id), carried_account(person_id)}


def waiting_faults(
    orders: Iterable[AccountOrder], credits: Mapping[str, Credit]
) -> Iterator[Fault]:
    """Yields credits that wait without an order that does, and the other way round."""
    waiting = {
        each.credit_id
        for each in orders
        if each.kind is AccountOrderKind.CREDIT and each.state is AccountOrderState.PROPOSED
    }
    there = {credit_id for credit_id, each in credits.items() if each.state is CreditState.WAITING}
    yield from ((str(each), "waits on one side alone") for each in waiting ^ there)
