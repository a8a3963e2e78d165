"""People for the sandbox: valid in form, and plainly not real."""

import datetime as dt
import random

from yibao_common.values.citizen_number import parse_citizen_number
from yibao_common.values.errors import RuleError

# Of Beijing by its first two digits; GB/T 2260 has no division whose number begins like this.
_NO_DIVISION = "1199"
# A stay that ends today began at the same age.
_STEADY_DAYS = 62


def citizen_number(birth_date: dt.date, *, choose: random.Random) -> str:
    """Returns a citizen number (公民身份号码) that nobody can bear."""
    division = f"{_NO_DIVISION}{choose.randrange(100):02d}"
    body = f"{division}{birth_date:%Y%m%d}{choose.randrange(1000):03d}"
    (number,) = (body + check for check in "0123456789X" if _is_valid(body + check))
    return number


def birth_date(age: int, *, today: dt.date, choose: random.Random) -> dt.date:
    """Returns a day of birth of somebody who is `age` on `today` and was two months before."""
    # A day that exists in every year.
    latest = dt.date(today.year - age, today.month, min(today.day, 28))
    return latest - dt.timedelta(days=choose.randrange(_STEADY_DAYS, _STEADY_DAYS + 270))


def _is_valid(number: str) -> bool:
    try:
        parse_citizen_number(number)
    except RuleError:
        return False
    return True
