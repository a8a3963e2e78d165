"""What every step of a policy worked with: the numbers of a trace, by name.

A record is a tuple of whole numbers: their order here is what the hash of every stored
settlement stands for and never changes. Amounts are in fen; `row_index` is that of the
table's row which held. Nothing else of a trace is made while a bill is adjudicated.
"""

from array import array
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from yibao_common.values.errors import InvariantError

# Stands for "no limit" in records.
NO_LIMIT = -1

# Whether this machine's numbers begin with their least byte.
_IS_LITTLE_ENDIAN = array("q", [1]).tobytes()[0] == 1


class NotApplied(NamedTuple):
    """A step that does not apply to the bill."""

    row_index: int = -1


NOT_APPLIED = NotApplied()


class ClassifyRecord(NamedTuple):
    """The sums of a leg's lines, as `classify` opens the lots with them."""

    row_index: int
    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int


class PaidRecord(NamedTuple):
    """What `given` or `account` found: what could be paid of, what there was to pay, paid."""

    row_index: int
    base_fen: int
    available_fen: int
    paid_fen: int


class DeductibleRecord(NamedTuple):
    """What a `deductible` found.

    `of_fen` is what its amount is a share of, in the window so far, NO_LIMIT where it is
    none; `earlier_fen` what the window has paid; `left_fen` what counters leave.
    """

    row_index: int
    base_fen: int
    of_fen: int
    amount_fen: int
    earlier_fen: int
    left_fen: int
    paid_fen: int


class TiersRecord(NamedTuple):
    """What `tiers` found along its brackets: where the base lies, what shaped the payment.

    `before_fen` is the fee of the window before, `on_top_fen` what lies under the brackets,
    `shift_fen` a threshold that an amount decides, `carry` the fraction of a fen owed, in
    ppm; `fee_left_fen` and `left_fen` are what counters leave of fee and payment.
    """

    row_index: int
    base_fen: int
    before_fen: int
    on_top_fen: int
    shift_fen: int
    carry: int
    fee_left_fen: int
    left_fen: int
    below_fen: int
    covered_fen: int
    paid_fen: int
    overflow_fen: int


class DueRecord(NamedTuple):
    """What `tiers` with `less` found: the window's fee, what is due of it, what was paid.

    `paid_before_fen` was paid in the window by earlier bills, `paid_now_fen` by earlier
    steps of this one; `arrears_fen` is owed for earlier bills.
    """

    row_index: int
    base_fen: int
    fee_fen: int
    shift_fen: int
    due_fen: int
    paid_before_fen: int
    paid_now_fen: int
    left_fen: int
    paid_fen: int
    arrears_fen: int


Record = NotApplied | ClassifyRecord | PaidRecord | DeductibleRecord | TiersRecord | DueRecord


def trace_digest(prefix: bytes, records: Iterable[tuple[int, ...]]) -> bytes:
    """Returns the SHA-256 (32 bytes) that stands for a trace.

    Hashed are `prefix` and, as 64-bit big-endian integers, the length and the numbers of
    each record.

    Raises InvariantError where a number does not fit: no bill has one.
    """
    numbers: list[int] = []
    for record in records:
        numbers.append(len(record))
        numbers += record
    try:
        packed = array("q", numbers)
    except OverflowError as error:
        raise InvariantError(f"a trace holds what is no number of 64 bits: {error}") from error
    if _IS_LITTLE_ENDIAN:
        packed.byteswap()
    return sha256(prefix + packed.tobytes()).digest()
