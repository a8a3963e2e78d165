"""What every step of a policy worked with: the numbers of a trace, by name.

A record is a tuple of whole numbers, because that is what `trace_digest` hashes: their
order here is what the hash of every stored settlement stands for and never changes.
Amounts are in fen; `row_index` is that of the table's row which held.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError

# Stands for "no cap" in records.
NO_CAP = -1


class NotApplied(NamedTuple):
    """A step that does not apply to the bill."""

    row_index: int = -1


NOT_APPLIED = NotApplied()


class ClassifySums(NamedTuple):
    """The sums of a bill's lines, as `classify` opens the work sheet with them."""

    row_index: int
    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int


class ClassifiedLine(NamedTuple):
    """A line as `classify` split it: its class as a number, its share or OWN_COST."""

    line_number: int
    catalogue_class: int
    ratio_ppm: int
    amount_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int


class ClassifyRecord(tuple[int, ...]):
    """What `classify` found: ClassifySums, and behind them a ClassifiedLine for each line.

    They stand one behind the other without nesting, as they are hashed.
    """

    __slots__ = ()

    @property
    def row_index(self) -> int:
        """Returns the row that held."""
        return self[0]

    @property
    def sums(self) -> ClassifySums:
        """Returns the sums."""
        return ClassifySums(*self[: len(ClassifySums._fields)])

    def lines(self) -> Iterator[ClassifiedLine]:
        """Yields the lines in their order."""
        size = len(ClassifiedLine._fields)
        for at in range(len(ClassifySums._fields), len(self), size):
            yield ClassifiedLine(*self[at : at + size])


class DeductibleRecord(NamedTuple):
    """What a `deductible` step found.

    `used_fen` was paid earlier in the year; `annual_cap_fen` may be NO_CAP.
    """

    row_index: int
    base_fen: int
    used_fen: int
    annual_cap_fen: int
    paid_fen: int


class TiersRecord(NamedTuple):
    """What a `tiers` step found: the base, what shaped the payment, and its four parts.

    `before_fen` is the base of earlier bills, `carried` the fraction of a fen (in ppm) that
    the year's rounding brought forward, `used_fen` what the cap had been used, or NO_CAP.
    """

    row_index: int
    base_fen: int
    deductible_fen: int
    before_fen: int
    carried: int
    used_fen: int
    below_fen: int
    paid_fen: int
    copay_fen: int
    overflow_fen: int

    @property
    def left(self) -> tuple[int, ...]:
        """Returns what the step leaves to later ones, in the order of `TiersStep.leaves`."""
        return self.base_fen, *self[-4:]


class AccountRecord(NamedTuple):
    """What the `account` step found: the balance, what is left of each of COST_PARTS, paid."""

    row_index: int
    balance_fen: int
    copay_fen: int
    deductible_fen: int
    first_self_pay_fen: int
    over_limit_fen: int
    excluded_fen: int
    paid_fen: int

    @property
    def left(self) -> tuple[int, ...]:
        """Returns what is left of each of COST_PARTS, in their order."""
        return self[2:-1]


Record = NotApplied | ClassifyRecord | DeductibleRecord | TiersRecord | AccountRecord


def trace_digest(prefix: bytes, records: Sequence[tuple[int, ...]]) -> bytes:
    """Returns the SHA-256 (32 bytes) that stands for a trace.

    Hashed are `prefix` (the policy's `trace_prefix`) and, as 64-bit big-endian integers,
    the length and the numbers of each step's record.

    Raises InvariantError where a number does not fit: no bill has one.
    """
    numbers: list[int] = []
    for record in records:
        numbers.append(len(record))
        numbers += record
    try:
        packed = struct.pack(f">{len(numbers)}q", *numbers)
    except struct.error as error:
        raise InvariantError(f"a trace holds what is no number of 64 bits: {error}") from error
    return hashlib.sha256(prefix + packed).digest()
