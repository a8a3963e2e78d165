"""People for the sandbox: valid in form, and plainly not real."""

import datetime as dt
import random

from yibao_common.values.citizen_number import parse_citizen_number
from yibao_common.values.errors import RuleError

# Of Beijing by its first two digits; GB/T 2260 has no division of this number.
_NO_DIVISION = "119999"


def citizen_number(birth_date: dt.date, *, choose: random.Random) -> str:
    """Returns a citizen number (公民身份号码) that nobody can bear."""
    body = f"{_NO_DIVISION}{birth_date:%Y%m%d}{choose.randrange(1000):03d}"
    (number,) = (body + check for check in "0123456789X" if _is_valid(body + check))
    return number


def birth_date(age: int, *, today: dt.date) -> dt.date:
    """Returns a day of birth of somebody who is `age` on the day `today`."""
    # The first of January exists in every year and is over on every day.
    return dt.date(today.year - age, 1, 1)


def _is_valid(number: str) -> bool:
    try:
        parse_citizen_number(number)
    except RuleError:
        return False
    return True
