"""What institutions are owed month by month, in plain sums: nothing of the service is asked.

An act is known by what its counter was answered. A payer is a fund's type, `treasury` or `person`.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

PERSON, TREASURY = "person", "treasury"
Key = tuple[str, int, str, str]


class Act(NamedTuple):
    """An act: of which month and types, its sums in fen, and what each payer owes for it."""

    key: Key
    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    payers: dict[str, int]


@dataclass
class Declared:
    """A declared month as the oracle has it."""

    key: Key
    acts: list[Act]
    state: str = "DECLARED"
    deducted: Counter[str] = field(default_factory=Counter)
    offset: Counter[str] = field(default_factory=Counter)
    deposit: Counter[str] = field(default_factory=Counter)
    # What is withheld of it, as deposit and as reserve, and neither released nor forfeited.
    withheld: Counter[str] = field(default_factory=Counter)

    @property
    def declared(self) -> Counter[str]:
        return added(*(each.payers for each in self.acts))

    @property
    def payable(self) -> Counter[str]:
        paid = self.declared
        for less in (self.deducted, self.offset, self.deposit):
            paid.subtract(less)
        return Counter({payer: fen for payer, fen in paid.items() if fen})


class Oracle:
    """All months of all institutions."""

    def __init__(self, ratio_ppm: int) -> None:
        self.ratio_ppm = ratio_ppm
        self.acts: list[Act] = []
        self.declared: dict[str, Declared] = {}
        # Balances of the ledger's accounts, and what funds got back.
        self.balances: Counter[str] = Counter()

    def act(self, act: Act) -> None:
        self.acts.append(act)
        self.balances[f"payable:{act.key[0]}"] += sum(act.payers.values())

    def of(self, key: Key) -> list[Act]:
        return [each for each in self.acts if each.key == key]

    def sums(self, key: Key) -> tuple[int, int, int, int, int]:
        """Returns how many acts there are, and their total, funds, account and cash."""
        acts = self.of(key)
        columns = list(zip(*(each[1:5] for each in acts), strict=True)) or [()] * 4
        total, fund, account, cash = (sum(each) for each in columns)
        return len(acts), total, fund, account, cash

    def funds(self, key: Key) -> dict[str, int]:
        paid = added(*(each.payers for each in self.of(key)))
        return {payer: fen for payer, fen in paid.items() if payer.isdigit() and fen}

    def standing(self, key: Key) -> str | None:
        ended = ("WITHDRAWN", "REJECTED")
        found = [
            name
            for name, each in self.declared.items()
            if each.key == key and each.state not in ended
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def declare(self, name: str, key: Key) -> None:
        assert self.standing(key) is None
        self.declared[name] = Declared(key, self.of(key))

    def left_to_deduct(self, name: str, fund: str, waiting: int) -> int:
        of = self.declared[name]
        taken = of.deducted[fund] + of.offset[fund] + waiting
        return max(max(of.declared[fund], 0) - taken, 0)

    def deduct(self, name: str, kind: int, fund: str, fen: int) -> None:
        of = self.declared[name]
        institution = of.key[0]
        (of.offset if kind == 30 else of.deducted)[fund] += fen
        self.balances[f"payable:{institution}"] -= fen
        if kind == 30:
            self.balances[f"prepaid:{institution}"] += fen
        elif kind == 40:
            self.balances[f"deposit:{institution}:{fund}"] += fen
            of.withheld[fund] += fen
        else:
            self.balances[f"back:{fund}"] += fen

    def due(self, *names: str) -> int:
        """Returns what the bank would pay for declarations, after deposits."""
        due = 0
        for name in names:
            of = self.declared[name]
            due += sum(of.payable.values()) - sum(self.deposits(name).values())
        return due

    def deposits(self, name: str) -> Counter[str]:
        of, found = self.declared[name], Counter[str]()
        for payer, fen in of.declared.items():
            base = fen - of.deducted[payer]
            if payer.isdigit() and base > 0:
                found[payer] = base * self.ratio_ppm // 1_000_000
        for payer, fen in of.deducted.items():
            if payer not in of.declared and fen < 0:
                found[payer] = -fen * self.ratio_ppm // 1_000_000
        return found

    def order(self, *names: str) -> None:
        """Withholds deposits, as the confirmation of a payment does."""
        for name in names:
            of = self.declared[name]
            for fund, fen in self.deposits(name).items():
                of.deposit[fund] += fen
                of.withheld[fund] += fen
                self.balances[f"payable:{of.key[0]}"] -= fen
                self.balances[f"deposit:{of.key[0]}:{fund}"] += fen

    def pay(self, institution: str, fen: int) -> None:
        self.balances[f"payable:{institution}"] -= fen
        self.balances["payment"] += fen

    def release(self, name: str, fund: str, fen: int, *, forfeits: bool) -> None:
        of = self.declared[name]
        of.withheld[fund] -= fen
        assert of.withheld[fund] >= 0
        self.balances[f"deposit:{of.key[0]}:{fund}"] -= fen
        to = f"back:{fund}" if forfeits else f"payable:{of.key[0]}"
        self.balances[to] += fen


def added(*several: dict[str, int]) -> Counter[str]:
    """Returns sums by payer, of which none is left out because it is not positive."""
    found: Counter[str] = Counter()
    for each in several:
        found.update(each)
    return found
