"""A person's standing: personal account with its purses, benefit year, newest codes presented."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason

Accumulators = Mapping[str, int]

# How names of fractions end, of which policies of the second format owe or are owed some.
CARRY_END = ".carry"


class Purses(NamedTuple):
    """What an account holds of this year's money (当年) and of earlier years' (历年), in fen."""

    current_year_fen: int = 0
    carried_fen: int = 0

    @property
    def balance_fen(self) -> int:
        """What the account holds."""
        return self.current_year_fen + self.carried_fen


NO_PURSES = Purses()


class Carried(NamedTuple):
    """Of what a bill found in the account and took from it, what was of earlier years, in fen."""

    before_fen: int = 0
    paid_fen: int = 0


NOTHING_CARRIED = Carried()


class Standing(NamedTuple):
    """What a person's next command starts from.

    `benefit_year` is 0 before the first settlement; `accumulators` are those of that
    year, names to fen (or counts), zeros left out. `newest_codes` tells the newest issue
    second among the codes presented lately, by signer. `merged_into` is the person whose
    account took this one over. Of `balance_fen`, `carried_fen` is of years before
    `account_year`, which is 0 before the account first holds anything. Bills stand in the
    order of their settlements' ids, so that the next one has to exceed `newest_settlement_id`;
    the ids of holds are among these. `hold_expire_time` is when the first of the person's
    holds runs out, None where there is none.
    """

    person_id: str
    balance_fen: int
    benefit_year: int
    accumulators: Accumulators
    newest_codes: Mapping[str, int]
    merged_into: str | None = None
    carried_fen: int = 0
    account_year: int = 0
    newest_settlement_id: str | None = None
    hold_expire_time: dt.datetime | None = None


def new_standing(person_id: str) -> Standing:
    """Returns the standing of a person of whom nothing is booked yet."""
    return Standing(person_id, 0, 0, {}, {})


def carried_over(standing: Standing, year: int) -> Standing:
    """Returns the standing in a calendar year: what is left of a year before is carried over."""
    if standing.account_year >= year:
        return standing
    return standing._replace(carried_fen=standing.balance_fen, account_year=year)


def purses_in(standing: Standing, year: int) -> Purses:
    """Returns what the purses hold in a calendar year."""
    if not standing.balance_fen:
        return NO_PURSES
    standing = carried_over(standing, year)
    return Purses(standing.balance_fen - standing.carried_fen, standing.carried_fen)


def taken_of_carried(purses: Purses, amount_fen: int, *, carried_first: bool) -> int:
    """Returns how much of what an account pays is of earlier years, in fen.

    No national rule says which money goes first; a region does.
    """
    if carried_first:
        return min(purses.carried_fen, amount_fen)
    return max(amount_fen - purses.current_year_fen, 0)


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
