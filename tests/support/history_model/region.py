"""What is settled about a region before anything happens in it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from .terms import Terms


class RefundOrder(enum.Enum):
    """Who gets back first what a refund frees of the person's part."""

    ACCOUNT_FIRST = "account_first"
    CASH_FIRST = "cash_first"


class OwnDebts(enum.Enum):
    """What becomes of later bills of the institution for which the person would owe more."""

    DIFFERENCE = "difference"
    RESTATE = "restate"
    REFUSE = "refuse"


class Wrong(enum.Enum):
    """Ways to be wrong, which the checks must catch."""

    SUBTRACT = "a reversal takes off what the bill added, and later bills stay"
    RATIO = "a refund gives back the same share of every part"
    HOLD_LEAK = "a hold is given up, and later bills stay"
    AGAINST_ORIGINAL = "an adjustment is measured from the first amounts, not the last"
    ACCOUNT_AS_CASH = "what a purse paid too much is owed in cash"
    MOVED_FORGOTTEN = "what was put back into a purse still counts as paid by it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Persons, institutions, versions of the policy by name, and flags.

    `sharers` names for a person the relative whose purse pays after their own.
    """

    persons: tuple[str, ...]
    institutions: tuple[str, ...]
    versions: Mapping[str, Terms]
    in_force: str
    sharers: Mapping[str, str] = field(default_factory=dict)
    refund_order: RefundOrder = RefundOrder.ACCOUNT_FIRST
    newest_first: bool = False
    own_debts: OwnDebts = OwnDebts.DIFFERENCE
    wrong: Wrong | None = None

    @property
    def terms(self) -> Terms:
        """The terms of new bills."""
        return self.versions[self.in_force]

    def owners(self, person_id: str) -> tuple[str, str]:
        """Returns whose purses pay for a person; the same twice where nobody shares."""
        return person_id, self.sharers.get(person_id, person_id)
