import datetime as dt

import pytest

from yibao_common.values.citizen_number import CitizenNumber, Gender, parse_citizen_number
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # The examples of GB 11643.
        ("11010519491231002X", CitizenNumber("110105", dt.date(1949, 12, 31), Gender.FEMALE)),
        ("440524188001010014", CitizenNumber("440524", dt.date(1880, 1, 1), Gender.MALE)),
    ],
)
def test_a_citizen_number_says_region_birth_date_and_gender(text: str, said: CitizenNumber) -> None:
    assert parse_citizen_number(text) == said


def _with_check_character(first_17: str) -> str:
    """Finds the last character by the definition: the weighted sum is 1 modulo 11."""
    for check, value in zip("0123456789X", range(11), strict=True):
        values = [*map(int, first_17), value]
        if sum(each * 2 ** (17 - place) for place, each in enumerate(values)) % 11 == 1:
            return first_17 + check
    raise AssertionError("one of eleven fits")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.FIELD_MALFORMED),
        ("1101051949123100", Reason.FIELD_MALFORMED),
        ("11010519491231002", Reason.FIELD_MALFORMED),
        ("11010519491231002x", Reason.FIELD_MALFORMED),
        ("11010519491231002X0", Reason.FIELD_MALFORMED),
        ("11010519491231002X\n", Reason.FIELD_MALFORMED),
        ("01010519491231002X", Reason.FIELD_MALFORMED),
        ("１10105194912310021", Reason.FIELD_MALFORMED),
        ("110105194912310021", Reason.CITIZEN_NUMBER_INVALID),
        ("110105194912310020", Reason.CITIZEN_NUMBER_INVALID),
        ("11010519491231003X", Reason.CITIZEN_NUMBER_INVALID),
        (_with_check_character("11010520230229001"), Reason.CITIZEN_NUMBER_INVALID),
        (_with_check_character("11010520231301001"), Reason.CITIZEN_NUMBER_INVALID),
        (_with_check_character("11010500000101001"), Reason.CITIZEN_NUMBER_INVALID),
    ],
)
def test_a_wrong_citizen_number_is_refused_and_not_repeated(text: str, reason: Reason) -> None:
    with pytest.raises(RuleError) as refusal:
        parse_citizen_number(text)
    assert refusal.value.reason is reason
    assert len(text) < 5 or text not in str(refusal.value)


def test_the_leap_day_of_a_leap_year_exists() -> None:
    number = parse_citizen_number(_with_check_character("11010520240229001"))
    assert number.birth_date == dt.date(2024, 2, 29)


def test_every_single_wrong_digit_is_noticed() -> None:
    good = "11010519491231002X"
    for place in range(17):
        for digit in "0123456789":
            changed = good[:place] + digit + good[place + 1 :]
            if changed != good:
                with pytest.raises(RuleError):
                    parse_citizen_number(changed)
