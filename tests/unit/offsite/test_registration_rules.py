"""Registration for care elsewhere: places, days and categories (rules O-01, O-02, O-12)."""

import datetime as dt
from typing import Any

import pytest
from support.registrations import (
    APP,
    CLERK,
    DAY,
    LONG,
    LONG_TERM,
    NATIONAL,
    NOW,
    REGION,
    SAMPLE,
    TODAY,
    application,
    referral,
    registered,
)

from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.decide import months_after
from yibao_offsite.rules.registration.kinds import (
    Benefit,
    Category,
    Channel,
    Origin,
    TaskKind,
    Terms,
)
from yibao_offsite.rules.registration.registration import Application, Registration, Task
from yibao_offsite.rules.registration.states import State

TEMPORARY = (Category.REFERRAL, Category.OTHER_TEMPORARY)


def _refusal(asked: Application, **others: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        registered(asked, **others)
    return caught.value


def test_a_registration_says_what_was_applied_for_and_what_the_region_gives() -> None:
    asked = application(Category.REFERRAL)
    assert registered(asked) == Registration(
        region=REGION,
        registration_id="r",
        application=asked,
        state=State.ACTIVE,
        end_date=dt.date(2027, 5, 2),
        register_time=NOW,
        registered_by="agency/330100/wang",
        handed_in_by="agency/330100/wang",
        origin=Origin.AGENCY,
        terms=Terms.REFERRAL,
        benefits=(Benefit.INPATIENT, Benefit.OUTPATIENT, Benefit.CHRONIC),
        change_allowed_date=TODAY,
        rules_version=NATIONAL.version,
        # Thirty days before the last day of cover.
        task=Task(TaskKind.EXPIRY, dt.date(2027, 4, 2)),
    )


@pytest.mark.parametrize("province", ["71", "81", "82"])
@pytest.mark.parametrize("category", list(Category))
def test_hong_kong_macao_and_taiwan_are_excluded(province: str, category: Category) -> None:
    # Rule O-12.
    for rest in ("0000", "0100", "0101"):
        asked = application(category, treatment_region=province + rest, expected_end_date=LONG)
        assert _refusal(asked).reason is Reason.REGION_EXCLUDED


@pytest.mark.parametrize(
    "treatment_region",
    [
        *("310000", "310100", "110000", "500200", "330200", "320500"),
        *("429004", "469001", "659001"),
    ],
)
def test_cities_and_municipalities_are_taken(treatment_region: str) -> None:
    # Rule O-03: a registration is to a city, and names no institution.
    registration = registered(application(treatment_region=treatment_region))
    assert registration.treatment_region == treatment_region


@pytest.mark.parametrize(
    ("treatment_region", "message"),
    [
        ("320505", "district"),
        ("310115", "district"),
        ("320000", "whole province"),
        ("460000", "whole province"),
        ("330100", "outside"),
    ],
)
def test_districts_whole_provinces_and_the_own_city_are_refused(
    treatment_region: str, message: str
) -> None:
    refused = _refusal(application(treatment_region=treatment_region))
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE
    assert [(fault.field, message in fault.message) for fault in refused.faults] == [
        ("treatment_region", True)
    ]


@pytest.mark.parametrize(
    ("region", "treatment_region", "is_elsewhere"),
    [
        ("500100", "500000", False),
        ("500100", "500200", False),
        ("330110", "330100", False),
        ("429004", "429005", True),
        ("429004", "429004", False),
        ("330000", "330100", True),
    ],
)
def test_elsewhere_is_another_city_or_municipality(
    region: str, treatment_region: str, is_elsewhere: bool
) -> None:
    asked = application(treatment_region=treatment_region)
    if is_elsewhere:
        registered(asked, region=region)
    else:
        assert _refusal(asked, region=region).reason is Reason.FIELD_OUT_OF_RANGE


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (dt.date(2026, 11, 2), dt.date(2027, 5, 2)),
        (dt.date(2026, 11, 30), dt.date(2027, 5, 30)),
        (dt.date(2026, 8, 31), dt.date(2027, 2, 28)),
        (dt.date(2026, 8, 28), dt.date(2027, 2, 28)),
        (dt.date(2027, 8, 29), dt.date(2028, 2, 29)),
        (dt.date(2027, 8, 31), dt.date(2028, 2, 29)),
        (dt.date(2028, 2, 29), dt.date(2028, 8, 29)),
    ],
)
def test_half_a_year_ends_on_the_day_of_the_same_number_or_the_last_of_the_month(
    start: dt.date, end: dt.date
) -> None:
    # Case O5.
    assert months_after(start, 6) == end
    now = dt.datetime.combine(start, dt.time(12), SHANGHAI)
    granted = registered(application(start_date=start), now=now)
    assert granted.end_date == end
    assert granted.covers(start)
    assert granted.covers(end)
    assert not granted.covers(start - DAY)
    assert not granted.covers(end + DAY)


@pytest.mark.parametrize("category", LONG_TERM)
@pytest.mark.parametrize(("beyond", "is_taken"), [(0 * DAY, False), (DAY, True)])
def test_a_long_term_stay_is_longer_than_half_a_year(
    category: Category, beyond: dt.timedelta, is_taken: bool
) -> None:
    # Rule O-02.
    asked = application(category, expected_end_date=months_after(TODAY, 6) + beyond)
    if is_taken:
        assert registered(asked).end_date is None
        return
    refused = _refusal(asked)
    assert refused.reason is Reason.STAY_TOO_SHORT
    assert refused.metadata == {"half_year_end": "2027-05-02"}


@pytest.mark.parametrize("category", LONG_TERM)
def test_the_end_of_a_long_term_stay_has_to_be_told(category: Category) -> None:
    refused = _refusal(application(category))
    assert refused.reason is Reason.FIELD_REQUIRED
    assert [fault.field for fault in refused.faults] == ["expected_end_date"]


@pytest.mark.parametrize("category", TEMPORARY)
@pytest.mark.parametrize(
    ("expected", "end"),
    [
        (None, dt.date(2027, 5, 2)),
        (TODAY, dt.date(2027, 5, 2)),
        (dt.date(2027, 5, 1), dt.date(2027, 5, 2)),
        (dt.date(2027, 5, 2), dt.date(2027, 5, 2)),
        (dt.date(2027, 5, 3), dt.date(2027, 5, 3)),
    ],
)
def test_temporary_cover_lasts_at_least_half_a_year(
    category: Category, expected: dt.date | None, end: dt.date
) -> None:
    assert registered(application(category, expected_end_date=expected)).end_date == end


@pytest.mark.parametrize(
    ("category", "end"), [(Category.EMERGENCY, TODAY), (Category.MATERNITY, LONG)]
)
def test_an_emergency_is_of_the_visit_that_begins_with_it_however_long_is_asked_for(
    category: Category, end: dt.date
) -> None:
    assert registered(application(category, expected_end_date=LONG)).end_date == end


def test_a_referral_is_of_a_hospital_that_may_refer_whoever_applies() -> None:
    for by, channel in ((CLERK, Channel.WINDOW), (APP, Channel.APP)):
        asked = application(Category.REFERRAL, channel=channel, referral=referral("H33010000009"))
        refused = _refusal(asked, by=by, rules=SAMPLE)
        assert refused.reason is Reason.REFERRAL_NOT_ENTITLED
        assert refused.metadata == {"institution_id": "H33010000009"}
        entitled = application(Category.REFERRAL, channel=channel, referral=referral())
        registered(entitled, by=by, rules=SAMPLE)
        # A region that names no hospital says of none that it may not.
        registered(asked, by=by)


def test_a_stay_does_not_end_before_it_begins() -> None:
    refused = _refusal(application(expected_end_date=TODAY - DAY))
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in refused.faults] == ["expected_end_date"]


@pytest.mark.parametrize(
    ("category", "is_urgent", "days_late", "is_taken"),
    [
        (Category.REFERRAL, True, 7, True),
        (Category.REFERRAL, True, 8, False),
        (Category.REFERRAL, True, 0, True),
        (Category.REFERRAL, False, 0, True),
        (Category.REFERRAL, False, 1, False),
        (Category.OTHER_TEMPORARY, False, 0, True),
        (Category.OTHER_TEMPORARY, False, 1, False),
        (Category.RETIRED_RESETTLED, False, 0, True),
        (Category.RETIRED_RESETTLED, False, 1, False),
        (Category.REFERRAL, False, -30, True),
    ],
)
def test_only_an_urgent_referral_is_registered_up_to_seven_days_late(
    category: Category, is_urgent: bool, days_late: int, is_taken: bool
) -> None:
    # Rules O-01 and O-02: nothing else is registered for days that are over.
    begun = TODAY - days_late * DAY
    for fields in ({"start_date": begun}, {"start_date": TODAY, "admission_date": begun}):
        asked = application(category, expected_end_date=LONG, is_urgent=is_urgent, **fields)
        if is_taken:
            assert registered(asked).start_date == fields["start_date"]
            continue
        refused = _refusal(asked)
        assert refused.reason is Reason.REGISTER_IN_ADVANCE
        earliest = TODAY - (7 if is_urgent else 0) * DAY
        assert refused.metadata == {"earliest_start_date": earliest.isoformat()}


@pytest.mark.parametrize(
    ("now", "is_taken"),
    [
        (dt.datetime(2026, 3, 1, 8, tzinfo=SHANGHAI), True),
        (dt.datetime(2026, 3, 8, 23, 59, 59, tzinfo=SHANGHAI), True),
        (dt.datetime(2026, 3, 9, 0, 0, 0, tzinfo=SHANGHAI), False),
    ],
)
def test_who_was_admitted_on_the_first_of_march_is_registered_until_the_eighth(
    now: dt.datetime, is_taken: bool
) -> None:
    # Case O1 of rule O-01; the days are those of Shanghai.
    asked = application(Category.REFERRAL, start_date=dt.date(2026, 3, 1), is_urgent=True)
    if is_taken:
        assert registered(asked, now=now).state is State.ACTIVE
    else:
        assert _refusal(asked, now=now).reason is Reason.REGISTER_IN_ADVANCE


@pytest.mark.parametrize("category", [*LONG_TERM, Category.OTHER_TEMPORARY, Category.EMERGENCY])
def test_only_a_referral_can_be_urgent(category: Category) -> None:
    refused = _refusal(application(category, is_urgent=True, expected_end_date=LONG))
    assert [fault.field for fault in refused.faults] == ["is_urgent"]


def test_all_faulty_fields_are_told_at_once() -> None:
    asked = application(Category.LONG_TERM_RESIDENT, treatment_region="320505", is_urgent=True)
    refused = _refusal(asked)
    assert refused.reason is Reason.FIELDS_INVALID
    fields = [fault.field for fault in refused.faults]
    assert fields == ["treatment_region", "is_urgent", "expected_end_date"]
