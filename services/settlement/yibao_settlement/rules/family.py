"""Paying a person's bills from relatives' accounts (共济): who may, how much, and what goes back.

A relative who agreed is a giver, the person whose bill it is the receiver. The receiver's own
account pays first; then givers pay in the order in which they agreed, each within what is
left of the limits of the link. The benefit ratio stays the receiver's (SC 2025-07-04; issue 11).
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yibao_settlement.rules.account import Purses, taken_of_carried
from yibao_settlement.rules.ledger import Entry, balanced, carried_account, person_account


class Relation(enum.IntEnum):
    """What a giver is to the receiver."""

    SPOUSE = 1
    PARENT = 2
    CHILD = 3
    OTHER = 4
    SIBLING = 5
    GRANDPARENT = 6
    GRANDCHILD = 7


class Giver(NamedTuple):
    """A relative who agreed that the own account pays a person's bills, and on which terms.

    It holds from `start_date` to `end_date`, both included, None without an end. No limit is
    None; one of a payment is of a bill, one of a year of what bills of a calendar year took,
    less what came back of it.
    """

    giver_id: str
    link_id: str = ""
    relation: int = 0
    start_date: dt.date = dt.date.min
    end_date: dt.date | None = None
    payment_limit_fen: int | None = None
    year_limit_fen: int | None = None

    def is_in_force(self, on: dt.date) -> bool:
        """Tells whether it holds on a day: that on which a bill is settled."""
        return self.start_date <= on and (self.end_date is None or on <= self.end_date)

    def most_fen(self, used_fen: int) -> int | None:
        """Returns what it allows of a bill where `used_fen` of the year is used; None: all."""
        limits = [self.payment_limit_fen]
        if self.year_limit_fen is not None:
            limits.append(self.year_limit_fen - used_fen)
        known = [each for each in limits if each is not None]
        return max(min(known), 0) if known else None


class Offer(NamedTuple):
    """What a giver's account may pay of a bill: at most `most_fen`, out of its `purses`."""

    giver: Giver
    purses: Purses
    most_fen: int


class FamilyPart(NamedTuple):
    """What a giver's account pays of a bill, in fen; `carried_fen` of it was of earlier years.

    Money of earlier years paid `carried_first`, or that of the year: it goes back in reverse.
    """

    giver_id: str
    link_id: str
    relation: int
    amount_fen: int
    carried_fen: int = 0
    carried_first: bool = False

    def less(self, amount_fen: int) -> "FamilyPart":
        """Returns the part of which so much stays paid: what paid first stays."""
        carried_fen = max(amount_fen - (self.amount_fen - self.carried_fen), 0)
        if self.carried_first:
            carried_fen = min(self.carried_fen, amount_fen)
        return self._replace(amount_fen=amount_fen, carried_fen=carried_fen)


def used_of_year_fen(paid_fen: Mapping[str, int]) -> int:
    """Returns what a year's limit has used, by what a giver paid of each bill, less what came back.

    What came back of a bill of a record that was merged into the receiver's since was given by
    another link: without the payment it stands below zero, and frees nothing of this limit.
    """
    return sum(max(fen, 0) for fen in paid_fen.values())


def offer_of(giver: Giver, purses: Purses, *, used_fen: int) -> Offer:
    """Returns what a giver's account may pay, of which purses hold so much unreserved."""
    holds_fen = max(purses.balance_fen, 0)
    most_fen = giver.most_fen(used_fen)
    return Offer(giver, purses, holds_fen if most_fen is None else min(holds_fen, most_fen))


def offered_fen(offers: Iterable[Offer]) -> int:
    """Returns what relatives may pay together."""
    return sum(each.most_fen for each in offers)


def drawn(
    offers: Iterable[Offer], amount_fen: int, *, carried_first: bool
) -> tuple[FamilyPart, ...]:
    """Returns what each giver pays of an amount, in order, until nothing is left of it."""
    parts = []
    for giver, purses, most_fen in offers:
        fen = min(most_fen, amount_fen)
        if fen:
            carried_fen = taken_of_carried(purses, fen, carried_first=carried_first)
            told = (giver.giver_id, giver.link_id, giver.relation)
            parts.append(FamilyPart(*told, fen, carried_fen, carried_first))
            amount_fen -= fen
    return tuple(parts)


def family_fen(parts: Iterable[FamilyPart]) -> int:
    """Returns what relatives pay together (acct_mulaid_pay)."""
    return sum([part.amount_fen for part in parts])


def kept(parts: Sequence[FamilyPart], amount_fen: int) -> tuple[FamilyPart, ...]:
    """Returns the parts of which so much stays paid: who paid last gets back first."""
    found = []
    for part in parts:
        fen = min(part.amount_fen, amount_fen)
        if fen:
            found.append(part.less(fen))
            amount_fen -= fen
    return tuple(found)


def gone_back(before: Sequence[FamilyPart], after: Sequence[FamilyPart]) -> tuple[FamilyPart, ...]:
    """Returns what goes back to each giver, the last one first, where `after` stays paid."""
    stays = {(part.giver_id, part.link_id): part for part in after}
    found = []
    for part in reversed(before):
        stay = stays.get((part.giver_id, part.link_id))
        fen = part.amount_fen - (0 if stay is None else stay.amount_fen)
        carried_fen = part.carried_fen - (0 if stay is None else stay.carried_fen)
        if fen:
            found.append(part._replace(amount_fen=fen, carried_fen=carried_fen))
    return tuple(found)


def after_moves(parts: Sequence[FamilyPart], moved_fen: int) -> tuple[FamilyPart, ...]:
    """Returns what relatives still pay of a bill of which so much was moved into accounts.

    What an account had paid too much goes back to them before the receiver gets any.
    """
    return kept(parts, max(family_fen(parts) - moved_fen, 0)) if moved_fen else tuple(parts)


class TakenOut(NamedTuple):
    """Of what was moved into accounts and is taken out again, what is whose.

    `family_fen` had gone to relatives: it stays with them, and what the counter gives back for
    them fills the account instead. `own_fen` had gone to the receiver.
    """

    family_fen: int
    own_fen: int


def taken_out(
    taken_fen: int, *, moved_fen: int, family_before_fen: int, family_back_fen: int, back_fen: int
) -> TakenOut:
    """Returns whose that is which is taken out of the account again as a bill gives back.

    Of a bill relatives paid `family_before_fen`, of which the counter gives back
    `family_back_fen`, and `back_fen` of the account in all.
    """
    was_fen = min(moved_fen, family_before_fen)
    is_fen = min(moved_fen - taken_fen, family_before_fen - family_back_fen)
    fen = min(taken_fen, max(was_fen - is_fen, 0), family_back_fen)
    # The receiver gives out no more than what comes back to the own purses.
    fen = max(fen, taken_fen - (back_fen - family_back_fen))
    return TakenOut(fen, taken_fen - fen)


def family_kept_fen(
    parts_fen: int, *, own_most_fen: int, family_most_fen: int, account_fen: int, own_first: bool
) -> int:
    """Returns what of `account_fen` relatives still pay of what is left of a bill.

    The own account keeps first, so that relatives get back first (A3); `own_first` lets the
    own account get back first instead. No part is more than its `most`.
    """
    if own_first:
        return min(parts_fen, family_most_fen, account_fen)
    return min(parts_fen, family_most_fen, max(account_fen - own_most_fen, 0))


def family_entries(
    parts: Iterable[tuple[str, int, int]], *, receiver_id: str, is_receiver_carried: bool = False
) -> tuple[Entry, ...]:
    """Returns the entries that bring relatives' money into the receiver's account, or back.

    A part is who holds the giver's account by now, what it gives and what of it is of earlier
    years, in fen; less than nothing goes back to it. What comes in waits among this year's money
    of the receiver for the bill that takes it in the same transaction, or that is held.
    """
    account = carried_account if is_receiver_carried else person_account
    amounts: dict[str, int] = {}
    for giver_id, fen, carried_fen in parts:
        for account_id, change_fen in (
            (person_account(giver_id), carried_fen - fen),
            (carried_account(giver_id), -carried_fen),
            (account(receiver_id), fen),
        ):
            amounts[account_id] = amounts.get(account_id, 0) + change_fen
    return balanced([Entry(account_id, fen) for account_id, fen in amounts.items() if fen])
