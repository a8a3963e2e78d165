"""All that is stored; an operation works on a copy, which is kept whole or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.benefit_oracle.memory import Memory

from .ledger import Entries, Period, Posting, merged
from .operations import Correct, Refund, Reverse
from .outcomes import OverrideSums
from .region import Region
from .settlements import ALIVE, Settlement, State


@dataclass(frozen=True, slots=True)
class Input:
    """A version of what a settlement is decided on, and what caused it."""

    settlement_id: str
    kind: str
    cause: str
    maker: str = ""
    checker: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """A proposal to take a bill back before later ones, with the sums that were told of it."""

    act: Refund | Reverse | Correct
    maker: str
    sums: OverrideSums
    is_carried_out: bool = False


@dataclass
class Books:
    """The tables. `windows` are those after a person's last bill, `told` cash by answers.

    `told` maps institutions, and persons with the sign turned, to cash in fen.
    """

    region: Region
    settlements: dict[str, Settlement] = field(default_factory=dict)
    windows: dict[str, Memory] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)
    statements: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    overrides: dict[str, Override] = field(default_factory=dict)
    # Records that were merged, to those that stay.
    merged: dict[str, str] = field(default_factory=dict)
    now: int = 0
    last_place: int = 0

    def copy(self) -> "Books":
        """Returns books that can be written without changing these."""
        mutable = {
            name: value.copy()
            for name, value in vars(self).items()
            if isinstance(value, (dict, list))
        }
        return Books(**{**vars(self), **mutable})

    def holder(self, person_id: str) -> str:
        """Returns the record that stands for a person, itself unless it was merged."""
        while person_id in self.merged:
            person_id = self.merged[person_id]
        return person_id

    def records(self, person_id: str) -> list[str]:
        """Returns the records that are one person by now."""
        holder = self.holder(person_id)
        return [each for each in self.region.persons if self.holder(each) == holder]

    def owners(self, person_id: str) -> tuple[str, str]:
        """Returns whose purses pay for a person by now; see `Region.owners`."""
        own, sharer = self.region.owners(person_id)
        return self.holder(own), self.holder(sharer)

    def balance_fen(self, account: str, person_id: str) -> int:
        """Returns what an account of a person holds, that of each record."""
        names = self.records(person_id)
        return sum(self.balances.get(f"{account}:{name}", 0) for name in names)

    def alive(self, person_id: str) -> list[Settlement]:
        """Returns the surviving and held bills of a person, of each record, by place."""
        holder = self.holder(person_id)
        found = [
            each
            for each in self.settlements.values()
            if self.holder(each.person_id) == holder and each.state in ALIVE
        ]
        return sorted(found, key=lambda each: each.place)

    def windows_of(self, person_id: str) -> Memory:
        """Returns what the windows of a person remember."""
        return self.windows.get(self.holder(person_id)) or self.region.terms.no_windows()

    def available_fen(self, owner: str) -> int:
        """Returns what a purse holds beyond what holds have reserved of it."""
        return self.balances.get(f"person:{owner}", 0) - self.reserved_fen(owner)

    def reserved_fen(self, owner: str) -> int:
        """Returns what holds have reserved of a purse."""
        return sum(
            fen
            for each in self.settlements.values()
            if each.state is State.HELD
            for fen in self.drawn_from(owner, each)
        )

    def drawn_from(self, owner: str, settlement: Settlement) -> Iterator[int]:
        """Yields what the counter's column draws from the purses of `owner`."""
        owners = self.owners(settlement.person_id)
        for purse_owner, fen in zip(owners, settlement.counter.purses, strict=True):
            if purse_owner == owner:
                yield fen

    def next_place(self) -> int:
        """Gives the next place."""
        self.last_place += 1
        return self.last_place

    def period(self, institution_id: str = "") -> Period:
        """Returns the open month."""
        return Period(institution_id, self.months.get(institution_id, 0))

    def post(
        self, kind: str, subject: str, cause: str, entries: Entries, *, institution_id: str = ""
    ) -> bool:
        """Posts what is not zero; tells whether anything was."""
        made = merged(entries)
        if made:
            self.postings.append(Posting(kind, subject, cause, made, self.period(institution_id)))
        for account, fen in made.items():
            self.balances[account] = self.balances.get(account, 0) + fen
        return bool(made)

    def tell(self, who: str, cash_fen: int) -> None:
        """Notes cash that an answer tells of."""
        self.told[who] = self.told.get(who, 0) + cash_fen
