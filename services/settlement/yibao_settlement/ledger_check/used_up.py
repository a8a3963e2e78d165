"""What settlements come to in benefit years and windows, beside what is kept there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import accumulate
from yibao_settlement.rules.benefit.keeping import KeptPlace, is_set

# A person's year, or a scope of windows, which belongs to nobody by itself.
Row = tuple[str, KeptPlace]


@dataclass(slots=True)
class UsedUp:
    """What rows of years and windows come to, by those who hold the persons' accounts."""

    sums: dict[Row, dict[str, int]] = field(default_factory=dict)
    # What settlements left of numbers that are set and not added to.
    _left: dict[tuple[Row, str], set[int]] = field(default_factory=dict)

    def count(self, record: SettlementRecord, *, holder_id: str) -> None:
        """Adds what a settlement used up; one that was reversed uses up nothing.

        Raises InvariantError where something falls below zero.
        """
        for place, added in record.additions(holder_id=holder_id).items():
            row = ("" if place.scope else holder_id, place)
            added_up = self.sums.setdefault(row, {})
            plain = {name: each for name, each in added.items() if not is_set(name)}
            for name in added.keys() - plain.keys():
                left = record.effective.year_before.get(name, 0) + added[name]
                self._left.setdefault((row, name), set()).add(left)
            if record.reversal is None:
                self.sums[row] = accumulate(added_up, plain.items())

    def faults(self, kept: Mapping[Row, Mapping[str, int] | None]) -> Iterator[tuple[str, str]]:
        """Yields each row that is kept otherwise, and how."""
        for row in sorted(self.sums.keys() | kept.keys()):
            holder_id, place = row
            subject = f"{holder_id} in {place.year}" if place.year else f"windows of {place.scope}"
            derived, stored = self.sums.get(row, {}), kept.get(row, {})
            if stored is None:
                yield subject, f"keeps what cannot be read, derived {derived}"
                continue
            plain = {name: each for name, each in stored.items() if not is_set(name)}
            if plain != derived:
                yield subject, f"keeps {dict(stored)}, derived {derived}"
            for name, value in stored.items():
                if is_set(name) and value not in self._left.get((row, name), ()):
                    yield subject, f"keeps {value} as {name}, which no settlement left"


def row_of_year(person_id: str, year: int) -> Row:
    """Returns the row of a person's benefit year."""
    return person_id, KeptPlace(year=year)


def row_of_scope(scope: str) -> Row:
    """Returns the row of a scope of windows."""
    return "", KeptPlace(scope=scope)
