"""The two columns of a settlement: what a bill costs whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Payer(NamedTuple):
    """A step of a policy that pays, and the ledger account that it pays from.

    `account_id` is empty where the insurer owes nobody: what others had paid already.
    """

    step_id: str
    account_id: str


class Purses(NamedTuple):
    """Fen of the person's own purse, and of the relative's who shares theirs."""

    own_fen: int = 0
    shared_fen: int = 0

    @property
    def fen(self) -> int:
        """Both."""
        return self.own_fen + self.shared_fen

    def plus(self, other: "Purses", *, sign: int = 1) -> "Purses":
        """Returns both sums; with `sign` -1, both differences."""
        return Purses(
            self.own_fen + sign * other.own_fen, self.shared_fen + sign * other.shared_fen
        )

    def at_most(self, other: "Purses") -> "Purses":
        """Returns the lesser of each."""
        return Purses(min(self.own_fen, other.own_fen), min(self.shared_fen, other.shared_fen))


NO_PURSES = Purses()


@dataclass(frozen=True, slots=True)
class Column:
    """Parts of a bill's fee; `paid` has no zeros.

    `arrears` are what payers owe the person for earlier bills: no part of the fee, and never
    in the counter's column.
    """

    paid: Mapping[Payer, int] = field(default_factory=dict)
    purses: Purses = NO_PURSES
    cash_fen: int = 0
    arrears: Mapping[Payer, int] = field(default_factory=dict)

    @property
    def fee_fen(self) -> int:
        """What all parts come to."""
        return sum(self.paid.values()) + self.person_fen

    @property
    def person_fen(self) -> int:
        """What the person bears, from purses and in cash."""
        return self.purses.fen + self.cash_fen

    @property
    def arrears_fen(self) -> int:
        """What all payers owe for earlier bills."""
        return sum(self.arrears.values())

    def by_account(self) -> dict[str, int]:
        """Returns what leaves each account of the insurer, arrears included."""
        found: dict[str, int] = {}
        for parts in (self.paid, self.arrears):
            for payer, fen in parts.items():
                if payer.account_id:
                    found[payer.account_id] = found.get(payer.account_id, 0) + fen
        return found

    def at_counter(self) -> "Column":
        """Returns the same without arrears."""
        return replace(self, arrears={})

    def parts(self) -> list[int]:
        """Returns every part, none of which may be negative."""
        return [*self.paid.values(), *self.arrears.values(), *self.purses, self.cash_fen]


NOTHING = Column()


def changes(new: Mapping[str, int], old: Mapping[str, int]) -> dict[str, int]:
    """Returns new less old by key, without zeros."""
    found = {key: new.get(key, 0) - old.get(key, 0) for key in {**old, **new}}
    return {key: fen for key, fen in found.items() if fen}
