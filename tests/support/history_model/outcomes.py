"""What came of an operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .columns import NOTHING, Column
from .ledger import Posting


@dataclass(frozen=True, slots=True)
class BillNow:
    """A bill that an operation made or changed, as it is after it."""

    settlement_id: str
    state: str
    place: int
    fee_fen: int
    counter: Column
    effective: Column


class OverrideSums(NamedTuple):
    """What both operators read: how many later bills move or are held, what that takes of funds.

    `back` is what the counter gives back; by a correction together with the bill in its place.
    """

    adjusted_count: int
    held_count: int
    fund_change_fen: int
    back: Column


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told: sums of the counter, and how many later bills were moved.

    The sums are those of a bill or, of a refund and a reversal, what is given back. `restated`
    are later bills of the institution with those in their places, for which its counter asks
    `restated_cash_fen`.
    """

    column: Column = NOTHING
    later_adjusted: int = 0
    amount_fen: int = 0
    restated: Mapping[str, str] = field(default_factory=dict)
    restated_cash_fen: int = 0
    override: OverrideSums | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer or the refusal, and all that was written, bill by bill and entry by entry.

    Holds that had run out end before an operation is looked at: what that wrote is here, even
    where the operation is refused.
    """

    op_id: str
    answer: Answer = Answer()
    refused: str = ""
    why: Mapping[str, object] = field(default_factory=dict)
    postings: tuple[Posting, ...] = ()
    bills: Mapping[str, BillNow] = field(default_factory=dict)
