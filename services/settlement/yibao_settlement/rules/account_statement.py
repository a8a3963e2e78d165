"""The statement of a personal account: what it held, what moved it, what it holds.

What the purses hold of a day follows the calendar: the rest of a year is money of earlier years
from New Year on, though that is booked with the next movement alone.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_settlement.rules.account import NO_PURSES, Purses
from yibao_settlement.rules.ledger import PostingKind

_BY_BILLS = frozenset({PostingKind.SETTLEMENT, PostingKind.REVERSAL, PostingKind.REFUND})


class AccountIds(NamedTuple):
    """How the ledger names what a person's account holds, and where credits come from."""

    current_year: str
    carried: str
    sources: Mapping[str, str]


class MovedBill(NamedTuple):
    """The settlement that a movement is of."""

    settlement_id: str
    institution_id: str
    institution_name: str
    bill_number: str


class MovedRelative(NamedTuple):
    """A relative by whom an account moved: the name masked, what the giver is to the receiver."""

    relation: int
    relative_name_masked: str
    amount_fen: int


class Movement(NamedTuple):
    """What moved an account at one time; `change` is what each purse got, negative what it gave.

    `credit_source` is empty but for a credit, `bill` None where it is of no settlement or of
    several.
    """

    posting_id: str
    kind: PostingKind
    move_time: dt.datetime
    change: Purses
    credit_source: str = ""
    bill: MovedBill | None = None
    # Of money of relatives: who gave for the own bill, or whose bill it was.
    relatives: tuple[MovedRelative, ...] = ()

    @property
    def amount_fen(self) -> int:
        """What came into the account, or negative, went out."""
        return self.change.balance_fen


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """What moved an account from `start_date` to `end_date`, both included, the oldest first.

    `receivable_fen` is what it owes by now for credits that were taken back.
    """

    region: str
    person_id: str
    start_date: dt.date
    end_date: dt.date
    opening: Purses
    movements: tuple[Movement, ...]
    closing: Purses
    receivable_fen: int = 0

    @property
    def credited_fen(self) -> int:
        """The sum of credits."""
        return self._sum(PostingKind.CREDIT)

    @property
    def paid_fen(self) -> int:
        """What bills took, less what came back of them."""
        return -self._sum(*_BY_BILLS)

    @property
    def family_fen(self) -> int:
        """What came from relatives for own bills, less what went to them."""
        return self._sum(PostingKind.FAMILY)

    @property
    def moved_fen(self) -> int:
        """The sum of all else."""
        whole_fen = self.closing.balance_fen - self.opening.balance_fen
        return whole_fen - self.credited_fen + self.paid_fen - self.family_fen

    def _sum(self, *kinds: PostingKind) -> int:
        return sum(each.amount_fen for each in self.movements if each.kind in kinds)


def statement_of(
    booked: Iterable[Movement],
    *,
    region: str,
    person_id: str,
    start_date: dt.date,
    end_date: dt.date,
    receivable_fen: int = 0,
) -> AccountStatement:
    """Returns the statement of an account by all that was ever booked of it, in any order."""
    opening = closing = NO_PURSES
    movements = []
    for each in _by_calendar(booked, until=end_date):
        day = shanghai_day(each.move_time)
        if day > end_date:
            break
        closing = _added(closing, each.change)
        if day < start_date:
            opening = closing
        else:
            movements.append(each)
    return AccountStatement(
        *(region, person_id, start_date, end_date, opening, tuple(movements), closing),
        receivable_fen,
    )


def _by_calendar(booked: Iterable[Movement], *, until: dt.date) -> Iterator[Movement]:
    """Yields movements in their order, with each year's rest carried over at New Year."""
    held, last_year = NO_PURSES, None
    for _, at_once in itertools.groupby(sorted(booked, key=_order), lambda each: each.move_time):
        for each in _in_turn(at_once, held):
            year = shanghai_day(each.move_time).year
            if _is_rest(each, held) and last_year is not None and last_year < year:
                each = each._replace(move_time=_new_year(last_year + 1))
            yield each
            held, last_year = _added(held, each.change), year
    if last_year is not None and last_year < until.year and held.current_year_fen:
        rest_fen = held.current_year_fen
        yield Movement(
            "", PostingKind.CARRY_OVER, _new_year(last_year + 1), Purses(-rest_fen, rest_fen)
        )


def _in_turn(at_once: Iterable[Movement], held: Purses) -> Iterator[Movement]:
    """Yields what was booked at one time in an order in which no purse falls below zero.

    Ids do not tell it: a bill's is made before that of what it is paid with, such as what
    relatives give for it or what the bill gives back that it corrects. A rest is carried over
    before anything else.
    """
    left = list(at_once)
    while left:
        at = next((at for at, each in enumerate(left) if _is_rest(each, held)), None)
        if at is None:
            at = next(
                (at for at, each in enumerate(left) if min(_added(held, each.change)) >= 0), 0
            )
        held = _added(held, left[at].change)
        yield left.pop(at)


def _is_rest(each: Movement, held: Purses) -> bool:
    """Tells whether it carries over all that an account held of a year."""
    is_carry_over = each.kind is PostingKind.CARRY_OVER
    return is_carry_over and each.change.current_year_fen == -held.current_year_fen < 0


def _order(each: Movement) -> tuple[dt.datetime, str]:
    return each.move_time, each.posting_id


def _new_year(year: int) -> dt.datetime:
    return shanghai_midnight(dt.date(year, 1, 1))


def _added(held: Purses, change: Purses) -> Purses:
    return Purses(
        held.current_year_fen + change.current_year_fen, held.carried_fen + change.carried_fen
    )
