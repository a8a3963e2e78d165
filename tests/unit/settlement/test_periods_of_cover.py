"""Which period of cover pays for care on a day, and why none does."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.enrolment import Enrolment, check_enrolled, check_premium

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 6, 30)
DAY = dt.timedelta(days=1)
PERIOD = Enrolment("first", "390", "15", (), 1, FIRST, LAST, False, False)
NEXT = PERIOD._replace(enrolment_id="next", person_class="16", start_date=LAST + DAY, end_date=None)
SUSPENDED = PERIOD._replace(enrolment_id="suspended", status=2)
EMPLOYEE = PERIOD._replace(enrolment_id="employee", insurance_type="310")
MATERNITY = PERIOD._replace(enrolment_id="maternity", insurance_type="510")
PENDING = PERIOD._replace(enrolment_id="pending", is_premium_pending=True)


@pytest.mark.parametrize(
    ("on", "enrolment_id"),
    [(FIRST, "first"), (LAST, "first"), (LAST + DAY, "next"), (LAST + 400 * DAY, "next")],
)
def test_the_day_of_care_decides_the_period(on: dt.date, enrolment_id: str) -> None:
    assert check_enrolled([NEXT, PERIOD], on=on).enrolment_id == enrolment_id


@pytest.mark.parametrize(
    ("periods", "on", "metadata"),
    [
        ([], FIRST, {"enrolment_status": "UNKNOWN"}),
        ([PERIOD], FIRST - DAY, {"enrolment_status": "1", "start_date": "2026-01-01"}),
        ([PERIOD], LAST + DAY, {"enrolment_status": "1", "start_date": "2026-01-01"}),
        ([SUSPENDED], FIRST, {"enrolment_status": "2", "start_date": "2026-01-01"}),
        (
            [PERIOD._replace(status=0)],
            FIRST,
            {"enrolment_status": "0", "start_date": "2026-01-01"},
        ),
        # Of several, the one that was last in force is told, else the first to come.
        (
            [PERIOD, NEXT._replace(end_date=LAST + 2 * DAY)],
            LAST + 3 * DAY,
            {"enrolment_status": "1", "start_date": "2026-07-01"},
        ),
        ([NEXT, PERIOD], FIRST - DAY, {"enrolment_status": "1", "start_date": "2026-01-01"}),
    ],
)
def test_without_a_normal_period_on_that_day_nothing_is_paid(
    periods: list[Enrolment], on: dt.date, metadata: dict[str, str]
) -> None:
    with pytest.raises(RuleError) as caught:
        check_enrolled(periods, on=on)
    assert caught.value.reason is Reason.PERSON_NOT_ENROLLED
    assert caught.value.metadata == metadata


@pytest.mark.parametrize(
    ("periods", "insurance_type", "enrolment_id"),
    [
        ([MATERNITY, EMPLOYEE], "", "employee"),
        ([MATERNITY, EMPLOYEE], "510", "maternity"),
        ([PERIOD, EMPLOYEE], "", "employee"),
        ([PERIOD, EMPLOYEE], "390", "first"),
        ([SUSPENDED, MATERNITY], "390", "maternity"),
        ([PENDING, MATERNITY], "", "maternity"),
        ([PENDING, EMPLOYEE], "390", "pending"),
    ],
)
def test_of_several_periods_on_a_day_one_pays(
    periods: list[Enrolment], insurance_type: str, enrolment_id: str
) -> None:
    for order in (periods, periods[::-1]):
        found = check_enrolled(order, on=FIRST, insurance_type=insurance_type)
        assert found.enrolment_id == enrolment_id


def test_nothing_is_paid_before_the_premium_of_a_newborn_is_received() -> None:
    # Rule T-16.
    check_premium(PERIOD)
    with pytest.raises(RuleError) as caught:
        check_premium(PENDING)
    assert caught.value.reason is Reason.PREMIUM_NOT_RECEIVED
    assert caught.value.metadata == {}
