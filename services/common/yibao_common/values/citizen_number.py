"""The citizen number (公民身份号码, GB 11643): form, checksum and what it says."""

import datetime as dt
import enum
import re
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

_FORM = re.compile(r"([1-9][0-9]{5})([0-9]{8})([0-9]{3})([0-9X])")
# ISO 7064 MOD 11-2, as GB 11643 prescribes.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"


class Gender(enum.Enum):
    """Gender by GB/T 2261.1."""

    MALE = 1
    FEMALE = 2


@dataclass(frozen=True, slots=True)
class CitizenNumber:
    """What a citizen number says: where it was issued, birth date and gender.

    `region` is the division at the time of issue; it may no longer exist.
    """

    region: str
    birth_date: dt.date
    gender: Gender


def parse_citizen_number(text: str) -> CitizenNumber:
    """Returns what the 18 characters of `text` say.

    Raises:
        RuleError: FIELD_MALFORMED where they are not 17 digits and a digit or capital
            X, CITIZEN_NUMBER_INVALID where checksum or birth date is wrong. The
            message never repeats the number.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise RuleError(
            Reason.FIELD_MALFORMED, "must be 17 digits followed by a digit or a capital X"
        )
    region, birth, sequence, check = form.groups()
    if with_check_character(text[:-1])[-1] != check:
        raise RuleError(Reason.CITIZEN_NUMBER_INVALID, "the check character does not fit")
    try:
        birth_date = dt.date(int(birth[:4]), int(birth[4:6]), int(birth[6:]))
    except ValueError:
        raise RuleError(Reason.CITIZEN_NUMBER_INVALID, "the birth date does not exist") from None
    gender = Gender.MALE if int(sequence[2]) % 2 else Gender.FEMALE
    return CitizenNumber(region, birth_date, gender)


def with_check_character(digits: str) -> str:
    """Returns the number whose first 17 characters are `digits`."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + _CHECK_CHARACTERS[total % 11]
