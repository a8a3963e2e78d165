"""A person's standing: personal account, benefit year, newest code presented."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Accumulators = Mapping[str, int]

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person's next command starts from.

    `benefit_year` is 0 before the first settlement; `accumulators` are those of that
    year, names to fen (or counts), zeros left out.
    """

    person_id: str
    balance_fen: int
    benefit_year: int
    accumulators: Accumulators
    newest_code_time: dt.datetime


def new_standing(person_id: str) -> Standing:
    """Returns the standing of a person of whom nothing is booked yet."""
    return Standing(person_id, 0, 0, {}, EPOCH)


def accumulate(before: Accumulators, changes: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Returns `before` with `changes` added; what comes to zero is left out.

    Asserts that nothing falls below zero: a reversal takes back what was added.
    """
    after = dict(before)
    for name, change in changes:
        value = after.get(name, 0) + change
        assert value >= 0, (name, value)
        if value:
            after[name] = value
        else:
            after.pop(name, None)
    return after
