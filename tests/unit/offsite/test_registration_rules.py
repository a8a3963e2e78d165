"""Registration for care elsewhere: places, days and categories (rules O-01, O-02, O-12)."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.calendar import SHANGHAI, shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration import (
    Application,
    Category,
    Registration,
    State,
    cancel,
    check_no_overlap,
    half_a_year_after,
    register,
)

REGION = "330100"
# Just past midnight in Shanghai, still 1 November in UTC.
NOW = dt.datetime(2026, 11, 2, 0, 30, tzinfo=SHANGHAI)
TODAY = shanghai_day(NOW)
LONG_TERM = (Category.RETIRED_RESETTLED, Category.LONG_TERM_RESIDENT, Category.POSTED_WORKER)
TEMPORARY = (Category.REFERRAL, Category.OTHER_TEMPORARY)
DAY = dt.timedelta(days=1)


def _application(
    category: Category = Category.OTHER_TEMPORARY,
    *,
    treatment_region: str = "310000",
    start_date: dt.date = TODAY,
    expected_end_date: dt.date | None = None,
    is_urgent: bool = False,
) -> Application:
    return Application(
        "person", category, treatment_region, start_date, expected_end_date, is_urgent
    )


def _register(application: Application, *, region: str = REGION) -> Registration:
    return register(application, region=region, registration_id="r", now=NOW, today=TODAY)


def _refusal(application: Application, *, region: str = REGION) -> RuleError:
    with pytest.raises(RuleError) as caught:
        _register(application, region=region)
    return caught.value


def test_a_registration_says_what_was_applied_for() -> None:
    registration = _register(_application(Category.REFERRAL))
    assert registration == Registration(
        REGION,
        "r",
        "person",
        Category.REFERRAL,
        "310000",
        State.ACTIVE,
        TODAY,
        dt.date(2027, 5, 2),
        NOW,
        None,
    )


@pytest.mark.parametrize("province", ["71", "81", "82"])
@pytest.mark.parametrize("category", [Category.REFERRAL, Category.RETIRED_RESETTLED])
def test_hong_kong_macao_and_taiwan_are_excluded(province: str, category: Category) -> None:
    # Rule O-12.
    end = TODAY + dt.timedelta(days=400)
    for rest in ("0000", "0100", "0101"):
        refused = _refusal(
            _application(category, treatment_region=province + rest, expected_end_date=end)
        )
        assert refused.reason is Reason.REGION_EXCLUDED


@pytest.mark.parametrize(
    "treatment_region",
    [
        "310000",
        "310100",
        "110000",
        "500200",
        "330200",
        "320500",
        "429004",
        "469001",
        "659001",
    ],
)
def test_cities_and_municipalities_are_taken(treatment_region: str) -> None:
    registration = _register(_application(treatment_region=treatment_region))
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
    refused = _refusal(_application(treatment_region=treatment_region))
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
    application = _application(treatment_region=treatment_region)
    if is_elsewhere:
        _register(application, region=region)
    else:
        assert _refusal(application, region=region).reason is Reason.FIELD_OUT_OF_RANGE


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (dt.date(2026, 11, 2), dt.date(2027, 5, 2)),
        (dt.date(2026, 11, 30), dt.date(2027, 5, 30)),
        (dt.date(2026, 8, 31), dt.date(2027, 2, 28)),
        (dt.date(2027, 8, 29), dt.date(2028, 2, 29)),
        (dt.date(2027, 8, 31), dt.date(2028, 2, 29)),
    ],
)
def test_half_a_year_ends_on_the_day_of_the_same_number_or_the_last_of_the_month(
    start: dt.date, end: dt.date
) -> None:
    assert half_a_year_after(start) == end


@pytest.mark.parametrize("category", LONG_TERM)
@pytest.mark.parametrize(("beyond", "is_taken"), [(0 * DAY, False), (DAY, True)])
def test_a_long_term_stay_is_longer_than_half_a_year(
    category: Category, beyond: dt.timedelta, is_taken: bool
) -> None:
    # Rule O-02.
    application = _application(category, expected_end_date=half_a_year_after(TODAY) + beyond)
    if is_taken:
        registration = _register(application)
        assert registration.end_date is None
        return
    refused = _refusal(application)
    assert refused.reason is Reason.STAY_TOO_SHORT
    assert refused.metadata == {"half_year_end": "2027-05-02"}


@pytest.mark.parametrize("category", LONG_TERM)
def test_the_end_of_a_long_term_stay_has_to_be_told(category: Category) -> None:
    refused = _refusal(_application(category))
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
    assert _register(_application(category, expected_end_date=expected)).end_date == end


def test_a_stay_does_not_end_before_it_begins() -> None:
    refused = _refusal(_application(expected_end_date=TODAY - DAY))
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
    # Rule O-01.
    application = _application(
        category,
        start_date=TODAY - days_late * DAY,
        expected_end_date=dt.date(2028, 1, 1),
        is_urgent=is_urgent,
    )
    if is_taken:
        assert _register(application).start_date == TODAY - days_late * DAY
        return
    refused = _refusal(application)
    assert refused.reason is Reason.REGISTER_IN_ADVANCE
    earliest = TODAY - (7 if is_urgent else 0) * DAY
    assert refused.metadata == {"earliest_start_date": earliest.isoformat()}


@pytest.mark.parametrize("category", [*LONG_TERM, Category.OTHER_TEMPORARY])
def test_only_a_referral_can_be_urgent(category: Category) -> None:
    end = dt.date(2028, 1, 1)
    refused = _refusal(_application(category, is_urgent=True, expected_end_date=end))
    assert [fault.field for fault in refused.faults] == ["is_urgent"]


def test_all_faulty_fields_are_told_at_once() -> None:
    refused = _refusal(
        _application(Category.LONG_TERM_RESIDENT, treatment_region="320505", is_urgent=True)
    )
    assert refused.reason is Reason.FIELDS_INVALID
    fields = [fault.field for fault in refused.faults]
    assert fields == ["treatment_region", "is_urgent", "expected_end_date"]


def test_cancelling_notes_the_time_and_happens_once() -> None:
    registration = _register(_application())
    later = NOW + DAY
    cancelled = cancel(registration, now=later)
    assert cancelled == dataclasses.replace(registration, state=State.CANCELLED, cancel_time=later)
    with pytest.raises(RuleError) as caught:
        cancel(cancelled, now=later)
    assert caught.value.reason is Reason.REGISTRATION_STATE
    assert caught.value.metadata == {"registration_id": "r", "state": "CANCELLED"}


NOVEMBER = (dt.date(2026, 11, 1), dt.date(2026, 11, 30))


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        (dt.date(2026, 12, 1), None, False),
        (dt.date(2026, 11, 30), None, True),
        (dt.date(2026, 10, 1), dt.date(2026, 10, 31), False),
        (dt.date(2026, 10, 1), dt.date(2026, 11, 1), True),
        (dt.date(2026, 10, 1), None, True),
        (dt.date(2026, 11, 10), dt.date(2026, 11, 20), True),
    ],
)
def test_two_registrations_of_a_place_do_not_share_a_day(
    start: dt.date, end: dt.date | None, overlaps: bool
) -> None:
    made = _register(_application())
    known = dataclasses.replace(
        made, registration_id="known", start_date=NOVEMBER[0], end_date=NOVEMBER[1]
    )
    new = dataclasses.replace(made, start_date=start, end_date=end)
    for one, other in ((new, known), (known, new)):
        if overlaps:
            with pytest.raises(RuleError) as caught:
                check_no_overlap(one, [other])
            assert caught.value.reason is Reason.REGISTRATION_EXISTS
            assert caught.value.metadata == {"registration_id": other.registration_id}
        else:
            check_no_overlap(one, [other])


def test_cancelled_ones_and_those_of_other_places_do_not_count() -> None:
    new = _register(_application(treatment_region="310000"))
    check_no_overlap(
        new,
        [cancel(new, now=NOW), dataclasses.replace(new, treatment_region="110000")],
    )


def test_a_municipality_is_one_place_under_all_its_codes() -> None:
    new = _register(_application(treatment_region="310000"))
    with pytest.raises(RuleError, match="REGISTRATION_EXISTS"):
        check_no_overlap(new, [dataclasses.replace(new, treatment_region="310100")])
