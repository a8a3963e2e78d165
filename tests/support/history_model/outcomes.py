"""What came of an operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told: sums of the counter, and how many later bills were moved.

    The sums are those of a bill or, of a refund and a reversal, what is given back.
    """

    column: Column = NOTHING
    later_adjusted: int = 0
    amount_fen: int = 0


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
