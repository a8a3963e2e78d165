"""A person's closing statement of a benefit year: a snapshot that never changes.

It tells what the bills of the year that stood came to, in both columns, and of which bills, in
which revision, so that it can be made again at any time. What comes later is told beside it.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.ledger import fund_account

Amounts = tuple[tuple[str, int], ...]


class YearColumn(NamedTuple):
    """Who bore how much of a year's bills, in fen.

    `payers` are funds and other bearers by the names of their accounts, sorted; what they owe
    of earlier bills, `arrears_fen`, is among it and no part of the fees.
    """

    payers: Amounts = ()
    account_fen: int = 0
    cash_fen: int = 0
    arrears_fen: int = 0

    @property
    def fund_fen(self) -> int:
        """What the funds bore."""
        funds = fund_account("")
        return sum(fen for account_id, fen in self.payers if account_id.startswith(funds))

    def plus(self, other: "YearColumn") -> "YearColumn":
        """Returns the sum of two."""
        return YearColumn(
            merged_amounts(self.payers, other.payers),
            *(mine + theirs for mine, theirs in zip(self[1:], other[1:], strict=True)),
        )

    def minus(self, other: "YearColumn") -> "YearColumn":
        """Returns what lies between another one and this."""
        return YearColumn(
            merged_amounts(self.payers, [(name, -fen) for name, fen in other.payers]),
            *(mine - theirs for mine, theirs in zip(self[1:], other[1:], strict=True)),
        )


class YearSums(NamedTuple):
    """What bills of a year come to: how many, their fees in fen, and who bore them.

    `counter` is what institutions showed, `effective` what the bills cost whom behind those
    before them. What lies between is owed to the person, `difference_fen`, negative where the
    person owes it, and to the person's account, `due_fen`, as far as it was not moved there.
    """

    bill_count: int = 0
    total_fen: int = 0
    counter: YearColumn = YearColumn()
    effective: YearColumn = YearColumn()
    difference_fen: int = 0
    due_fen: int = 0

    def plus(self, other: "YearSums") -> "YearSums":
        """Returns the sum of two."""
        return YearSums(
            self.bill_count + other.bill_count,
            self.total_fen + other.total_fen,
            self.counter.plus(other.counter),
            self.effective.plus(other.effective),
            self.difference_fen + other.difference_fen,
            self.due_fen + other.due_fen,
        )

    def minus(self, other: "YearSums") -> "YearSums":
        """Returns what lies between another one and this."""
        return YearSums(
            self.bill_count - other.bill_count,
            self.total_fen - other.total_fen,
            self.counter.minus(other.counter),
            self.effective.minus(other.effective),
            self.difference_fen - other.difference_fen,
            self.due_fen - other.due_fen,
        )


NO_SUMS = YearSums()


class BillMark(NamedTuple):
    """How far a bill had come when a statement was taken: the horizon of its postings.

    `revision` counts what its effective column was told, 1 as settled; `refund_count` how often
    something of it had been returned; `moved_fen` is what of it was in the account again.
    """

    settlement_id: str
    revision: int
    refund_count: int
    moved_fen: int


class YearStatement(NamedTuple):
    """A record's closing statement of a benefit year.

    `number` counts the statements of the year in the order in which they were taken. `windows`
    are what the bills used up of the year, names to fen or counts, sorted by name.
    `difference_balance_fen` is what was owed to the person by then, of all years, and
    `account_balance_fen` what the account held at the end of the year, which is carried
    forward. `bills` are those that it is of, those of the year that follows too where they
    used something up of this one; sums are of the year's own.
    """

    region: str
    benefit_year: int
    person_id: str
    number: int
    take_time: dt.datetime
    sums: YearSums
    windows: Amounts
    difference_balance_fen: int
    account_balance_fen: int
    bills: tuple[BillMark, ...]


def merged_amounts(some: Iterable[tuple[str, int]], others: Iterable[tuple[str, int]]) -> Amounts:
    """Returns amounts of both by name, sorted; those that come to nothing are left out."""
    sums: dict[str, int] = {}
    for name, fen in (*some, *others):
        sums[name] = sums.get(name, 0) + fen
    return amounts_of(sums)


def amounts_of(sums: Mapping[str, int]) -> Amounts:
    """Returns amounts by name, sorted, without zeros."""
    return tuple(sorted((name, fen) for name, fen in sums.items() if fen))


def digest_with(digest: bytes, statement: YearStatement) -> bytes:
    """Returns the digest of a year's statements with one more, 32 bytes of SHA-256.

    It follows from all that the statement says and from every one before it.
    """
    return hashlib.sha256(digest + repr(_plain(statement)).encode()).digest()


def _plain(value: object) -> object:
    """Returns a value of tuples, texts and numbers alone, which has one text for good."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def statement_not_found(person_id: str, benefit_year: int) -> RuleError:
    """Returns the refusal where nothing of a person was closed with a year."""
    return RuleError(
        Reason.YEAR_STATEMENT_NOT_FOUND,
        f"person {person_id} has no closing statement of {benefit_year}",
        person_id=person_id,
        benefit_year=str(benefit_year),
    )
