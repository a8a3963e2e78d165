"""Random tables: rows that cannot hold together, and nearly always one that holds."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from .facts import CODES, NUMBERS, SETS

Row = dict[str, Any]

MOST_ROWS = 6


def table(
    chance: random.Random, row: Callable[[], Row], counts: list[str], *, by_chance: float = 0.5
) -> dict[str, Any]:
    """Returns `by` and `rows` with what `row` makes; `counts` are facts that count."""
    if chance.random() >= by_chance:
        return {"rows": [row()]}
    facts = [*CODES, *SETS, *NUMBERS, *counts, *counts]
    by = list(dict.fromkeys(chance.choices(facts, k=chance.choice((1, 1, 1, 2)))))
    if counts and chance.random() < 0.3:
        by = [chance.choice(counts)]
    cells = [dict(zip(by, cell, strict=True)) for cell in cells_of(chance, by)]
    rows: list[Row] = [{"when": when, **row()} for when in cells[:MOST_ROWS]]
    if len(cells) > len(rows) or chance.random() < 0.2:
        rows[-1]["when"] = "otherwise"
    elif len(rows) > 1 and chance.random() < 0.02:
        # A bill may find no row.
        rows.pop()
    return {"by": by, "rows": rows}


def cells_of(chance: random.Random, by: list[str]) -> Iterator[tuple[Any, ...]]:
    """Yields the cells of a table, of which each fact's conditions exclude one another."""
    return itertools.product(*(conditions(chance, fact) for fact in by))


def conditions(chance: random.Random, fact: str) -> list[Any]:
    """Returns conditions on a fact, of which one always holds."""
    if chance.random() < 0.1:
        return ["any"]
    if fact in CODES:
        return _of_codes(chance, list(CODES[fact]))
    if fact in SETS:
        return _of_sets(chance, list(SETS[fact]))
    return _of_numbers(chance, NUMBERS.get(fact, 4))


def _of_codes(chance: random.Random, codes: list[str]) -> list[Any]:
    chance.shuffle(codes)
    at = chance.randint(1, len(codes) - 1)
    return [some[0] if len(some) == 1 else some for some in (codes[:at], codes[at:])]


def _of_sets(chance: random.Random, codes: list[str]) -> list[Any]:
    chance.shuffle(codes)
    first, second, third = codes
    return chance.choice(
        [
            [first, "none"],
            [[first, second], third, "none"],
            [{"all": [first, second]}, first, {"none": [first]}],
            [{"any": [first, third], "none": [second]}, second, "none"],
            [{"all": [first], "none": [third]}, {"any": [third]}, {"none": [first, third]}],
        ]
    )


def _of_numbers(chance: random.Random, most: int) -> list[Any]:
    """Returns stretches of numbers from 0 up without a gap."""
    cuts = sorted(chance.sample(range(1, most + 1), chance.randint(1, 2)))
    rows: list[Any] = [{"to": cuts[0] - 1}]
    if len(cuts) == 2:
        last = cuts[1] - 1
        rows.append(last if cuts[0] == last else {"from": cuts[0], "to": last})
    return [*rows, {"from": cuts[-1]}]


def condition(chance: random.Random, counts: list[str]) -> dict[str, Any]:
    """Returns a conjunction for `applies`."""
    if chance.random() < 0.6:
        return {"care_group": chance.choice(["inpatient", ["inpatient", "chronic"], "outpatient"])}
    facts = [*CODES, *SETS, *NUMBERS, *counts]
    found: dict[str, Any] = {}
    for fact in chance.sample(facts, chance.choice((1, 1, 2))):
        one = chance.choice([each for each in conditions(chance, fact) if each != "none"])
        found[fact] = one
    return found
