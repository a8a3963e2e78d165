"""Tables: rows of which one is chosen by facts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from yibao_settlement.rules.benefit.conditions import Condition, FactValue

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Row(Generic[Value]):
    """A row: what it says where `when` holds; None is the row `otherwise`.

    `clause` cites document and clause, empty where neither row nor step says one.
    """

    when: Condition | None
    value: Value
    clause: str


@dataclass(frozen=True, slots=True)
class Table(Generic[Value]):
    """Rows that ask for the facts `by`; of no bill do two hold that are not in order."""

    by: tuple[str, ...]
    rows: tuple[Row[Value], ...]

    def find(self, value_of: Callable[[str], FactValue]) -> int | None:
        """Returns the index of the first row that holds, None without one: none is guessed."""
        for index, row in enumerate(self.rows):
            if row.when is None or row.when.holds(value_of):
                return index
        return None
