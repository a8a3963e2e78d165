"""Booking a credit, and meeting with it what the account owes for credits that were wrong.

Every way by which money is credited comes through here: a caller's, an allocation's, what a
second person confirms, and what another region sends.
"""

from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.rules.account import Purses, purses_in
from yibao_settlement.rules.credit.credit import (
    TRANSFER,
    Credit,
    CreditKey,
    CreditState,
    account_closed,
    check_repeats,
    drawn,
    is_insured_anew,
    met_of,
)
from yibao_settlement.rules.credit.order import AccountOrder, AccountOrderKind
from yibao_settlement.rules.credit.posting import met_entries
from yibao_settlement.rules.hold import unreserved
from yibao_settlement.rules.ledger import (
    PostingKind,
    carried_account,
    credit_entries,
    person_account,
    receivable_account,
)

CREDIT_METHOD = "CreditAccount"


class AskedCredit(NamedTuple):
    """What is to be credited under a key, in fen; above `second_above_fen` by two persons."""

    key: CreditKey
    amount_fen: int
    is_carried: bool
    second_above_fen: int | None


class Credited(NamedTuple):
    """A credit, whether it was there before, and what the account owes now."""

    credit: Credit
    is_repeated: bool
    claims: AccountClaims


def take_credit(
    asked: AskedCredit, request: Request, working_set: WorkingSet, ids: Ids
) -> Credited:
    """Credits an account once by its key, or proposes so where a second person is needed.

    Raises RuleError CREDIT_KEY_USED where the key was used for something else, ACCOUNT_CLOSED.
    """
    state, key = working_set.credits, asked.key
    known = state.holding(keys_of_one(working_set, key))
    if known is not None:
        check_repeats(known, amount_fen=asked.amount_fen, is_carried=asked.is_carried)
        return Credited(known, True, claims_of(working_set, key.person_id))
    check_opens(working_set, key.person_id, key.source)
    credit = Credit(
        working_set.region,
        ids(),
        *key,
        asked.amount_fen,
        asked.is_carried,
        CreditState.WAITING,
        None,
        None,
        0,
        working_set.now,
    )
    limit_fen = asked.second_above_fen
    if limit_fen is not None and asked.amount_fen > limit_fen:
        credit = _propose(credit, request, working_set, ids)
    else:
        credit = book_credit(credit, request, working_set, ids)
    return Credited(credit, False, claims_of(working_set, key.person_id))


def book_credit(credit: Credit, request: Request, working_set: WorkingSet, ids: Ids) -> Credit:
    """Posts a credit that is new or was confirmed, puts it on record and meets what is owed.

    A closed account opens with it; `check_opens` comes first.
    """
    person_id, amount_fen = credit.person_id, credit.amount_fen
    account_id = (carried_account if credit.is_carried else person_account)(person_id)
    entries = credit_entries(source=credit.source, account_id=account_id, amount_fen=amount_fen)
    posting_id = credit.credit_id if credit.order_id is None else ids()
    working_set.credits.reopen(person_id, working_set.now)
    working_set.carry_over(person_id, request, ids)
    working_set.change_person(person_id, balance_change_fen=amount_fen)
    if credit.is_carried:
        working_set.move_carried(person_id, amount_fen)
    working_set.post(posting_id, PostingKind.CREDIT, entries, request)
    working_set.audit.add(
        entry_of(
            request._replace(method=CREDIT_METHOD),
            at=working_set.now,
            subject_ids=(person_id, posting_id),
            detail=credit_detail(posting_id, account_id, amount_fen, source=credit.source),
        )
    )
    booked = credit._replace(state=CreditState.BOOKED, posting_id=posting_id)
    if credit.credit_id in working_set.credits.by_id:
        working_set.credits.change(booked)
    else:
        working_set.credits.add(booked)
    meet_receivables(person_id, request, working_set, ids, carried_first=credit.is_carried)
    return booked


def credit_detail(
    posting_id: str, account_id: str, amount_fen: int, *, source: str
) -> dict[str, str]:
    """Returns what the audit tells of a credit; the ledger checker compares it."""
    return {
        "posting": posting_id,
        "account": account_id,
        "amount_fen": str(amount_fen),
        "source": source,
    }


def meet_receivables(
    person_id: str, request: Request, working_set: WorkingSet, ids: Ids, *, carried_first: bool
) -> None:
    """Meets what is owed for wrong credits with all that holds do not reserve of the account."""
    owed = owed_of(working_set, person_id)
    if not owed:
        return
    owed_fen = sum(fen for _, fen in owed)
    taken = take_out(person_id, owed_fen, request, working_set, ids, carried_first=carried_first)
    if not taken.balance_fen:
        return
    entries = met_entries(taken, met_of(owed, taken.balance_fen), person_id=person_id)
    working_set.post(ids(), PostingKind.RECEIVABLE_MET, entries, request)


def take_out(
    person_id: str,
    amount_fen: int,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    carried_first: bool,
) -> Purses:
    """Takes out of the purses what holds do not reserve, `amount_fen` at the most; returns it.

    The caller posts it.
    """
    standing = working_set.carry_over(person_id, request, ids)
    purses = available(working_set, person_id)
    taken = drawn(purses, amount_fen, carried_first=carried_first)
    if taken.carried_fen:
        working_set.move_carried(person_id, -taken.carried_fen)
    if taken.balance_fen:
        working_set.change_person(person_id, balance_change_fen=-taken.balance_fen)
    assert standing.balance_fen >= taken.balance_fen, person_id
    return taken


def available(working_set: WorkingSet, person_id: str) -> Purses:
    """Returns what the purses hold that holds do not reserve."""
    year = working_set.account_year
    purses = purses_in(working_set.standing(person_id), year)
    held = [each.reserved for each in working_set.holds.of(person_id)]
    return unreserved(purses, held, year=year)


def owed_of(working_set: WorkingSet, person_id: str) -> list[tuple[str, int]]:
    """Returns what is owed for wrong credits of a person, by account in fen, the largest id last.

    Records that were merged are one person. What the batch has posted so far counts.
    """
    sums: dict[str, int] = {}
    prefix = receivable_account("")
    stored = working_set.credits.receivables.items()
    posted = [entry for each in working_set.changes.postings for entry in each.entries]
    for account_id, fen in (*stored, *posted):
        owner = account_id.removeprefix(prefix)
        if owner != account_id and working_set.holder_of(owner) == person_id:
            sums[account_id] = sums.get(account_id, 0) - fen
    return sorted((account_id, fen) for account_id, fen in sums.items() if fen > 0)


def claims_of(working_set: WorkingSet, person_id: str) -> AccountClaims:
    """Returns what is owed of an account, and whether it is closed."""
    owed_fen = sum(fen for _, fen in owed_of(working_set, person_id))
    return AccountClaims(owed_fen, is_closed(working_set, person_id))


def is_closed(working_set: WorkingSet, person_id: str) -> bool:
    """Tells whether the account of a record was closed; one merged into it may have been."""
    return person_id in working_set.credits.closed


def check_opens(working_set: WorkingSet, person_id: str, source: str) -> None:
    """Checks that an account is open, or opens once money comes from a source.

    It does for what another region sends, and for who is insured anew since it was closed. Raises
    RuleError ACCOUNT_CLOSED where it is closed and stays so.
    """
    left = working_set.credits.closed.get(person_id)
    if left is None:
        return
    leaves = [(each, cause in working_set.credits.orders) for cause, each in left.items()]
    enrolments = working_set.enrolments.get(person_id, ())
    is_dead = working_set.death_dates.get(person_id) is not None
    is_opened = source == TRANSFER or is_insured_anew(enrolments, leaves, now=working_set.now)
    if is_dead or not is_opened:
        raise account_closed(person_id)


def keys_of_one(working_set: WorkingSet, key: CreditKey) -> set[CreditKey]:
    """Returns a key as of every record of the person."""
    records = {each for each, holder in working_set.survivors.items() if holder == key.person_id}
    return {key._replace(person_id=each) for each in records | {key.person_id}}


def _propose(credit: Credit, request: Request, working_set: WorkingSet, ids: Ids) -> Credit:
    """Keeps a credit that a second person is to confirm."""
    order = AccountOrder(
        working_set.region,
        ids(),
        AccountOrderKind.CREDIT,
        credit.person_id,
        credit.amount_fen,
        credit.credit_id,
        None,
        None,
        f"{credit.source} {credit.business_key}",
        request.caller.path,
        working_set.now,
    )
    waiting = credit._replace(order_id=order.order_id)
    working_set.credits.add(waiting)
    put_order(order, request, working_set)
    return waiting


def put_order(order: AccountOrder, request: Request, working_set: WorkingSet) -> None:
    """Keeps an order that is new, and puts it on record."""
    working_set.credits.propose(order)
    working_set.audit.add(
        entry_of(
            request._replace(method=PROPOSED),
            at=working_set.now,
            subject_ids=(order.person_id, order.order_id),
            detail=order_detail(order, reason=order.reason),
        )
    )


# As what the audit tells of an order that is proposed, whichever request does so.
PROPOSED = "ProposeAccountOrder"


def order_detail(order: AccountOrder, **more: str) -> dict[str, str]:
    """Returns what the audit tells of an order; the ledger checker compares it."""
    told = {"order": order.order_id, "kind": order.kind.name, "amount_fen": str(order.amount_fen)}
    if order.credit_id is not None:
        told["credit"] = order.credit_id
    return told | {name: text for name, text in more.items() if text}
