"""What a counter is told of the holder of a code: what stands today, and what ended last."""

import datetime as dt

import pytest
from support.benefit_world import policy_text
from support.settlement_world import ACCOUNT_STEP, POLICY_FILE

from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.resolution import diseases_shown, enrolments_shown, lets_account_pay

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)
LONG_AGO = dt.date(2014, 1, 1)


def period(
    name: str, start: dt.date, end: dt.date | None, *, of: str = "390", status: int = 1
) -> Enrolment:
    return Enrolment(name, of, "16", (), status, start, end, False, False)


OPEN = period("open", LONG_AGO, None)
NEXT = period("next", TODAY + DAY, None)
ENDED = period("ended", LONG_AGO, TODAY - DAY)
SUSPENDED = period("suspended", LONG_AGO, None, status=2)
BEFORE = period("before", LONG_AGO - 9 * DAY, LONG_AGO - DAY)
EMPLOYEE = period("employee", LONG_AGO, TODAY - 2 * DAY, of="310")
MATERNITY = period("maternity", TODAY, TODAY, of="510")


@pytest.mark.parametrize(
    ("periods", "shown"),
    [
        ((), []),
        ((OPEN,), ["open"]),
        # The first and the last day are of a period.
        ((period("a", TODAY, TODAY),), ["a"]),
        ((period("a", LONG_AGO, TODAY), NEXT), ["a"]),
        # What has not begun is none of today's.
        ((NEXT,), []),
        ((ENDED, NEXT), ["ended"]),
        # What pays nothing is told: a counter says why.
        ((SUSPENDED,), ["suspended"]),
        # Of an insurance that is there, what was before is not told; of another one it is.
        ((BEFORE, OPEN), ["open"]),
        ((BEFORE, ENDED), ["ended"]),
        ((ENDED, BEFORE), ["ended"]),
        ((OPEN, EMPLOYEE), ["employee", "open"]),
        ((MATERNITY, OPEN, EMPLOYEE), ["employee", "open", "maternity"]),
    ],
)
def test_what_covers_today_is_told_and_of_other_insurances_what_ended_last(
    periods: tuple[Enrolment, ...], shown: list[str]
) -> None:
    assert [each.enrolment_id for each in enrolments_shown(periods, on=TODAY)] == shown


@pytest.mark.parametrize(
    ("end_date", "is_shown"), [(None, True), (TODAY, True), (TODAY - DAY, False)]
)
def test_a_disease_is_told_until_its_last_day(end_date: dt.date | None, is_shown: bool) -> None:
    diseases = [RegisteredDisease("M03900", LONG_AGO, end_date)]
    assert bool(diseases_shown(diseases, on=TODAY)) is is_shown


def test_a_disease_that_is_registered_from_a_later_day_on_is_told() -> None:
    later = RegisteredDisease("M03900", TODAY + DAY, None)
    assert diseases_shown([later], on=TODAY) == [later]


def without_account(text: str) -> str:
    """Returns a policy of the second format whose account pays nothing."""
    return text[: text.index("  - account:")] + text[text.index("counters:") :]


@pytest.mark.parametrize(
    ("text", "pays"),
    [
        (POLICY_FILE.read_bytes(), False),
        (POLICY_FILE.read_bytes() + ACCOUNT_STEP, True),
        (without_account(policy_text()).encode(), False),
        (policy_text().encode(), True),
    ],
)
def test_an_account_may_pay_where_the_policy_has_it_pay(text: bytes, pays: bool) -> None:
    assert lets_account_pay(load_any_policy(text, name="policy")) is pays
    assert not lets_account_pay(None)
