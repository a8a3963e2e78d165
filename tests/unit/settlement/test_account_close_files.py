"""Files of interest and counters: what they say, and every mistake at once with its line."""

import pytest
from support.account_closes import COUNTERS, RULES

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.account_close import load_account_close
from yibao_settlement.rules.account_close.counters import OnClaim, UsedUp
from yibao_settlement.rules.account_close.interest import BookOn, DayCount, Rounding

ABOVE = '  restart_above: {window: "390 year:2026 counter.ci", amount_fen: 30_000_000}\n'


def load(text: str) -> object:
    return load_account_close(text.encode(), name="rules.yaml")


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as refusal:
        load(text)
    assert refusal.value.reason is Reason.ACCOUNT_CLOSE_FILE_INVALID
    return [(fault.field, fault.message) for fault in refusal.value.faults]


def test_a_file_says_how_accounts_earn_and_what_is_counted() -> None:
    text = RULES + COUNTERS + ABOVE
    found = load_account_close(text.encode(), name="rules.yaml")
    assert found.interest is not None
    assert found.counters is not None
    assert (found.interest.day_count, found.interest.book_on) == (
        DayCount.ACTUAL_365,
        BookOn.NEW_YEAR,
    )
    assert found.interest.current_year.rates[0].rate_ppm == 3_500
    assert found.interest.carried.rounding is Rounding.HALF_UP
    assert found.counters.on_claim is OnClaim.KEEP
    assert found.counters.restart_above == UsedUp("390 year:2026 counter.ci", 30_000_000)
    assert len(found.version) == 64
    assert load_account_close((text + "\n").encode(), name="").version != found.version


def test_either_part_may_be_left_out_and_not_both() -> None:
    head, interest = RULES.split("interest:\n")
    only_counters = load_account_close((head + COUNTERS).encode(), name="rules.yaml")
    assert only_counters.interest is None
    assert load_account_close(RULES.encode(), name="rules.yaml").counters is None
    assert any("nothing would be done" in message for _, message in faults(head))
    assert interest


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("yibao-account-close/1", "yibao-account-close/2", 1, "expected one of"),
        ("cites: 国发〔1998〕44号\n", "", 1, "is missing"),
        ("actual/365", "actual/366", 5, "actual/365, actual/360, monthly_average"),
        ("new_year", "new_years", 6, "expected one of new_year, posting"),
        ('"310"', "310", 4, "expected an insurance type such as 310, in quotes"),
        ("3_500", "0.35", 10, "expected a whole number from 0 to 200000"),
        ("3_500", "200_001", 10, "expected a whole number from 0 to 200000"),
        ("2020-01-01, rate_ppm: 11", "2020-13-01, rate_ppm: 11", 14, "expected a day"),
        ("half_up", "up", 8, "expected one of half_up, down"),
        ("on_claim: keep", "on_claim: lose", 17, "expected one of keep, restart"),
        ("rate_ppm: 3_500", "rate: 3_500", 10, "is not a key here"),
    ],
)
def test_each_mistake_is_told_with_its_line(
    before: str, after: str, line: int, message: str
) -> None:
    text = RULES + COUNTERS
    assert before in text
    found = faults(text.replace(before, after, 1))
    assert any(
        field.startswith(f"rules.yaml:{line}") and message in told for field, told in found
    ), found


def test_rates_rise_by_their_days() -> None:
    one = "      - {from: 2020-01-01, rate_ppm: 3_500}\n"
    for day, is_right in (("2020-01-02", True), ("2020-01-01", False), ("2019-12-31", False)):
        text = RULES.replace(one, one + f"      - {{from: {day}, rate_ppm: 1}}\n")
        if is_right:
            load(text)
        else:
            assert any("not behind that of the rate before" in told for _, told in faults(text))


def test_all_mistakes_are_told_at_once() -> None:
    text = RULES.replace("actual/365", "365").replace("half_up", "up").replace("11_000", "-1")
    assert len(faults(text)) == 4
