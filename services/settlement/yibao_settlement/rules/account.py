"""A person's standing: personal account, benefit year, newest codes presented."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason

Accumulators = Mapping[str, int]

# How names of fractions end, of which policies of the second format owe or are owed some.
CARRY_END = ".carry"


class Standing(NamedTuple):
    """What a person's next command starts from.

    `benefit_year` is 0 before the first settlement; `accumulators` are those of that
    year, names to fen (or counts), zeros left out. `newest_codes` tells the newest issue
    second among the codes presented lately, by signer. `merged_into` is the person whose
    account took this one over.
    """

    person_id: str
    balance_fen: int
    benefit_year: int
    accumulators: Accumulators
    newest_codes: Mapping[str, int]
    merged_into: str | None = None


def new_standing(person_id: str) -> Standing:
    """Returns the standing of a person of whom nothing is booked yet."""
    return Standing(person_id, 0, 0, {}, {})


def accumulate(before: Accumulators, changes: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Returns `before` with `changes` added; what comes to zero is left out.

    Raises InvariantError where something falls below zero: a reversal takes back what was
    added. Only a fraction of a fen that is carried may be less than nothing.
    """
    after = dict(before)
    for name, change in changes:
        value = after.get(name, 0) + change
        if value < 0 and not name.endswith(CARRY_END):
            raise InvariantError(f"{name} of a year falls to {value}")
        if value:
            after[name] = value
        else:
            after.pop(name, None)
    return after


def check_not_merged(standing: Standing) -> None:
    """Raises PERSON_MERGED where another person's account took this one over."""
    if standing.merged_into is not None:
        raise RuleError(
            Reason.PERSON_MERGED,
            f"person {standing.person_id} was merged into {standing.merged_into}",
            person_id=standing.person_id,
            merged_into=standing.merged_into,
        )
