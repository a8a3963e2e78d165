"""What is kept of a settlement."""

import enum
from dataclasses import dataclass, replace

from support.benefit_oracle.memory import Memory

from .bills import Bill
from .columns import NO_PURSES, NOTHING, Column, Purses
from .terms import Terms


class State(enum.Enum):
    """What became of a settlement."""

    HELD = "HELD"
    SETTLED = "SETTLED"
    REVERSED = "REVERSED"
    CORRECTED = "CORRECTED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


ALIVE = frozenset({State.HELD, State.SETTLED})


@dataclass(frozen=True)
class Settlement:
    """A settlement as it is now.

    `counter_terms` and `counter_windows` are those on which the counter's column was made,
    with what the account and the person bore then; `terms` those of the effective column.
    `moved` was put into purses of what they had paid too much. `expires` is in seconds.
    """

    settlement_id: str
    place: int
    person_id: str
    institution_id: str
    state: State
    bill: Bill
    terms: Terms
    counter_terms: Terms
    counter_windows: Memory
    first_account_fen: int
    first_person_fen: int
    counter: Column = NOTHING
    effective: Column = NOTHING
    moved: Purses = NO_PURSES
    expires: int = 0
    revision: int = 1
    # Whether a third party is liable, by now and as the counter showed it.
    is_liable: bool = False
    was_liable: bool = False

    @property
    def bill_now(self) -> Bill:
        """The bill as the effective column values it."""
        return self.bill.as_own_cost() if self.is_liable else self.bill

    @property
    def bill_at_counter(self) -> Bill:
        """The bill as the counter's column values it."""
        return self.bill.as_own_cost() if self.was_liable else self.bill

    @property
    def due(self) -> Purses:
        """What each purse paid too much and has not got back."""
        return self.counter.purses.plus(self.moved, sign=-1).plus(self.effective.purses, sign=-1)

    def emptied(self, state: State) -> "Settlement":
        """Returns the settlement with nothing in either column."""
        return replace(self, state=state, counter=NOTHING, effective=NOTHING, moved=NO_PURSES)

    def amounts(self) -> tuple[object, ...]:
        """Returns what a new revision is made for."""
        return self.state, self.bill, self.counter, self.effective, self.moved
