"""Postings, and the entries that the columns make."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .columns import Purses, changes
from .settlements import Settlement


class Period(NamedTuple):
    """The open month of an institution (of all, where it is empty), counted from 0."""

    institution_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Posting:
    """Entries of one kind and cause that sum to zero; `subject` is a settlement or person."""

    kind: str
    subject: str
    cause: str
    entries: Mapping[str, int]
    period: Period


Entries = Iterable[tuple[str, int]]


def merged(entries: Entries) -> dict[str, int]:
    """Returns one entry an account, none of zero."""
    found: dict[str, int] = {}
    for account, fen in entries:
        found[account] = found.get(account, 0) + fen
    return {account: fen for account, fen in found.items() if fen}


def counter_entries(old: Settlement, new: Settlement, owners: tuple[str, str]) -> Entries:
    """Yields what an institution's act moves: the counter's column and nothing else."""
    paid = changes(new.counter.by_account(), old.counter.by_account())
    for account, fen in paid.items():
        yield account, -fen
    drawn = new.counter.purses.plus(old.counter.purses, sign=-1)
    yield from _of_purses("person", owners, drawn, sign=-1)
    yield f"payable:{new.institution_id}", sum(paid.values()) + drawn.fen


def adjustment_entries(
    old: Settlement, new: Settlement, person_id: str, owners: tuple[str, str], taken: Purses
) -> Entries:
    """Yields what moves the effective column away from the counter's, funds to `person_id`.

    `taken` is what a refund gave back to purses that had it already.
    """
    for account, fen in changes(gap(new), gap(old)).items():
        yield account, -fen
    yield from _of_purses("due", owners, new.due.plus(old.due, sign=-1))
    yield f"difference:{person_id}", owed_fen(new) - owed_fen(old)
    yield from _of_purses("person", owners, taken, sign=-1)


def gap(settlement: Settlement) -> dict[str, int]:
    """Returns what each payer bears beyond what the counter showed."""
    return changes(settlement.effective.by_account(), settlement.counter.by_account())


def owed_fen(settlement: Settlement) -> int:
    """Returns what a person is owed in money for a settlement."""
    effective = settlement.effective
    return settlement.counter.cash_fen - effective.cash_fen + effective.arrears_fen


def _of_purses(account: str, owners: tuple[str, str], purses: Purses, *, sign: int = 1) -> Entries:
    for owner, fen in zip(owners, purses, strict=True):
        yield f"{account}:{owner}", sign * fen
