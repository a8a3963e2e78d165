"""What a policy would have made of settled bills: sums, who gains, who loses, by how much."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_common.values.reasons import Reason

# The first age of each group; the last one is open.
_AGES = (0, 18, 45, 60, 75)
# Differences told one by one.
LARGEST = 20


class Borne(NamedTuple):
    """Who bears how much of a bill, in fen: funds and others by name, then the person."""

    funds: Mapping[str, int]
    personal_fen: int


class SimulatedBill(NamedTuple):
    """A settled bill, and what the policy makes of it."""

    settlement_id: str
    person_id: str
    institution_level: str
    age: int
    total_fen: int
    before: Borne
    after: Borne


@dataclass(slots=True)
class Sums:
    """Sums of bills before and after, in fen."""

    bills: int = 0
    total_fen: int = 0
    fund_before_fen: int = 0
    fund_after_fen: int = 0
    personal_before_fen: int = 0
    personal_after_fen: int = 0

    def add(self, bill: SimulatedBill) -> None:
        """Adds a bill."""
        self.bills += 1
        self.total_fen += bill.total_fen
        self.fund_before_fen += bill.total_fen - bill.before.personal_fen
        self.fund_after_fen += bill.total_fen - bill.after.personal_fen
        self.personal_before_fen += bill.before.personal_fen
        self.personal_after_fen += bill.after.personal_fen


class Difference(NamedTuple):
    """What the person bears of a settled bill, and would bear by the policy; in fen."""

    settlement_id: str
    personal_before_fen: int
    personal_after_fen: int

    @property
    def size_fen(self) -> int:
        """How far apart both are."""
        return abs(self.personal_after_fen - self.personal_before_fen)


@dataclass(slots=True)
class Moved:
    """Persons who bear more, or less, over all their bills, and how much in all."""

    persons: int = 0
    sum_fen: int = 0

    def add(self, fen: int) -> None:
        """Adds a person."""
        self.persons += 1
        self.sum_fen += fen


class Undecided(NamedTuple):
    """Bills that the policy refuses for one reason; one of them is named."""

    bills: int
    settlement_id: str


@dataclass(slots=True)
class Tally:
    """Adds up simulated bills, the bills of a person one after the other.

    `by_fund` has what each fund, and others who pay, pay before and after. `reasons` and
    `examples` are of bills that the policy does not decide: they are in no sum.
    """

    all: Sums = field(default_factory=Sums)
    by_level: dict[str, Sums] = field(default_factory=dict)
    by_age: dict[int, Sums] = field(default_factory=dict)
    by_fund: dict[str, list[int]] = field(default_factory=dict)
    winners: Moved = field(default_factory=Moved)
    losers: Moved = field(default_factory=Moved)
    unmoved_persons: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, str] = field(default_factory=dict)
    _largest: list[tuple[int, str, Difference]] = field(default_factory=list)
    _person_id: str = ""
    _person_fen: int = 0

    def add(self, bill: SimulatedBill) -> None:
        """Adds a bill that the policy decides."""
        self._turn_to(bill.person_id)
        self._person_fen += bill.after.personal_fen - bill.before.personal_fen
        self.all.add(bill)
        self.by_level.setdefault(bill.institution_level, Sums()).add(bill)
        self.by_age.setdefault(_first_age(bill.age), Sums()).add(bill)
        for place, funds in enumerate((bill.before.funds, bill.after.funds)):
            for fund, fen in funds.items():
                self.by_fund.setdefault(fund, [0, 0])[place] += fen
        told = Difference(bill.settlement_id, bill.before.personal_fen, bill.after.personal_fen)
        if told.size_fen:
            entry = (told.size_fen, bill.settlement_id, told)
            if len(self._largest) < LARGEST:
                heapq.heappush(self._largest, entry)
            else:
                heapq.heappushpop(self._largest, entry)

    def refuse(self, settlement_id: str, reason: Reason) -> None:
        """Counts a bill that the policy does not decide."""
        self.reasons[reason] += 1
        self.examples.setdefault(reason, settlement_id)

    def close(self) -> None:
        """Counts the last person; call it once, behind the last bill."""
        self._turn_to("")

    def largest(self) -> list[Difference]:
        """Returns the largest differences, the largest first."""
        return [told for _, _, told in sorted(self._largest, reverse=True)]

    def undecided(self) -> dict[Reason, Undecided]:
        """Returns the bills that the policy does not decide, the most frequent reason first."""
        return {
            reason: Undecided(bills, self.examples[reason])
            for reason, bills in self.reasons.most_common()
        }

    def _turn_to(self, person_id: str) -> None:
        if person_id == self._person_id:
            return
        if self._person_id:
            if self._person_fen > 0:
                self.losers.add(self._person_fen)
            elif self._person_fen < 0:
                self.winners.add(-self._person_fen)
            else:
                self.unmoved_persons += 1
        self._person_id, self._person_fen = person_id, 0


def _first_age(age: int) -> int:
    return max(first for first in _AGES if first <= max(age, 0))


def age_group(first_age: int) -> str:
    """Returns how an age group is called: `18-44`, `75+`."""
    later = [each for each in _AGES if each > first_age]
    return f"{first_age}-{later[0] - 1}" if later else f"{first_age}+"
