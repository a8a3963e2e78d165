"""What each year brought to a personal account."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.account_statement import Movement, statement_of


class AccountYear(NamedTuple):
    """A calendar year of an account, in fen; the present one as of now."""

    year: int
    opening: Purses
    credited_fen: int
    paid_fen: int
    family_fen: int
    moved_fen: int
    closing: Purses


def years_of(
    booked: Iterable[Movement], *, region: str, person_id: str, today: dt.date, year: int = 0
) -> list[AccountYear]:
    """Returns the years of an account by all that was ever booked of it, the newest first.

    From the first movement on to the present one; of one `year` alone where it is told, which
    lies in that span or has nothing.
    """
    movements = list(booked)
    first = min([shanghai_day(each.move_time).year for each in movements], default=today.year)
    wanted = range(today.year, first - 1, -1)
    if year:
        wanted = range(year, year - 1, -1) if year in wanted else range(0)
    found = []
    for each in wanted:
        start = dt.date(each, 1, 1)
        end = min(dt.date(each, 12, 31), today)
        told = statement_of(
            movements, region=region, person_id=person_id, start_date=start, end_date=end
        )
        # The rest of the year before is of earlier years from New Year on.
        opening = Purses(0, told.opening.balance_fen)
        sums = (told.credited_fen, told.paid_fen, told.family_fen, told.moved_fen)
        found.append(AccountYear(each, opening, *sums, told.closing))
    return found
