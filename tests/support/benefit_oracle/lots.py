"""Lots: the unpaid fen of a bill, with what steps have written on them."""

from dataclasses import dataclass, field

PARTS = ("eligible", "prepay", "over_limit", "excluded")


@dataclass
class Lot:
    """Some fen of one part of one line group that nobody has paid yet."""

    fen: int
    part: str
    group: str
    tags: frozenset[str] = frozenset()

    def carries(self, name: str) -> bool:
        """Tells whether a name in a base means this lot."""
        whole, _, group = name.rpartition(".")
        return (
            name in ("total", self.part)
            or name in self.tags
            or (group == self.group and (whole == self.part or whole in self.tags))
        )


@dataclass
class Split:
    """The lots of a leg, what payers took of them, and the amounts that steps leave."""

    groups: list[str]
    lots: list[Lot] = field(default_factory=list)
    takes: list[tuple[str, str, str, int]] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)

    def base(self, names: list[str]) -> list[Lot]:
        """Returns the lots that `names` mean now, in their order, each once."""
        found: list[Lot] = []
        for name in names:
            found += [
                lot
                for lot in self.lots
                if lot.carries(name) and not any(lot is other for other in found)
            ]
        return found

    def cut(self, lot: Lot, fen: int) -> tuple[Lot, Lot]:
        """Puts two lots in the place of one, the first of them `fen` long."""
        assert 0 <= fen <= lot.fen
        first = Lot(fen, lot.part, lot.group, lot.tags)
        second = Lot(lot.fen - fen, lot.part, lot.group, lot.tags)
        at = next(index for index, other in enumerate(self.lots) if other is lot)
        self.lots[at : at + 1] = [first, second]
        return first, second

    def tag(self, lot: Lot, step: str, *tags: str) -> None:
        """Writes tags of `step` on a lot and counts its fen under them."""
        lot.tags |= {f"{step}.{tag}" for tag in tags}
        for tag in tags:
            self.count(f"{step}.{tag}", lot.group, lot.fen)

    def count(self, name: str, group: str, fen: int) -> None:
        """Adds to an amount and to the same amount of a group."""
        for each in (name, f"{name}.{group}"):
            self.amounts[each] = self.amounts.get(each, 0) + fen

    def take(self, lot: Lot, step: str, fen: int) -> None:
        """Lets the payer of `step` pay `fen` of a lot."""
        assert 0 <= fen <= lot.fen
        lot.fen -= fen
        self.takes.append((step, lot.part, lot.group, fen))
        self.count(f"{step}.paid", lot.group, fen)

    def leaves(self, step: str, *tags: str) -> None:
        """Says which amounts `step` leaves, 0 until lots are tagged."""
        for tag in tags:
            for name in (f"{step}.{tag}", *(f"{step}.{tag}.{group}" for group in self.groups)):
                self.amounts.setdefault(name, 0)


def total(lots: list[Lot]) -> int:
    """Returns the fen of lots."""
    return sum(lot.fen for lot in lots)
