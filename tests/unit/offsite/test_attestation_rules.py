"""What of a registration is attested, to whom, and when an attestation is taken back."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.attestation import (
    AT_ONCE,
    Entry,
    check_attestable,
    check_place,
    stated_digest,
)
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.rules.registration.kinds import Origin

NOW = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
TODAY, DAY = dt.date(2026, 11, 2), dt.timedelta(days=1)
CARE = RegisteredCare(
    registration_id="0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c4f",
    person_id="0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e",
    category=4,
    treatment_region="500000",
    terms=3,
    benefits=(1, 2, 3),
    start_date=TODAY,
    end_date=dt.date(2027, 5, 2),
    is_void=False,
    origin=1,
    version=1,
)
ENTRY = Entry(1, 7, CARE.registration_id, stated_digest(CARE), NOW + 30 * DAY)


def told(**changes: object) -> RegisteredCare:
    return dataclasses.replace(CARE, version=2, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "from_day"),
    [
        ({}, dt.date(2027, 5, 3)),
        ({"end_date": None}, None),
        ({"end_date": TODAY}, TODAY + DAY),
        ({"end_date": TODAY - DAY}, TODAY),
        ({"end_date": dt.date(2027, 11, 2)}, dt.date(2027, 11, 3)),
        ({"end_date": dt.date.max}, None),
        ({"is_void": True}, AT_ONCE),
        ({"terms": 5}, AT_ONCE),
        ({"category": 5}, AT_ONCE),
        ({"benefits": (1,)}, AT_ONCE),
        ({"treatment_region": "440100"}, AT_ONCE),
        ({"start_date": TODAY + DAY}, AT_ONCE),
        ({"origin": 2}, AT_ONCE),
        ({"benefits": (3, 2, 1)}, dt.date(2027, 5, 3)),
    ],
)
def test_a_bit_is_set_by_what_settlement_is_told(
    change: dict[str, object], from_day: dt.date | None
) -> None:
    assert ENTRY.withdrawn_by(told(**change)).withdraw_date == from_day


def test_what_is_taken_back_at_once_stays_so() -> None:
    void = ENTRY.withdrawn_by(told(is_void=True))
    assert void.withdrawn_by(told()) == void


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"end_date": None}, None),
        ({"end_date": TODAY}, None),
        ({"end_date": TODAY - DAY}, "ENDED"),
        # A hospital's mark of another visit, whatever day it is of.
        ({"origin": Origin.DEEMED.value, "end_date": TODAY}, "DEEMED"),
        ({"start_date": TODAY + DAY}, None),
        ({"is_void": True}, "REVOKED"),
        # Cancelled before its first day, which is still to come.
        ({"start_date": TODAY + 9 * DAY, "end_date": TODAY + 8 * DAY}, "ENDED"),
        ({"start_date": TODAY + 9 * DAY, "end_date": TODAY + 9 * DAY}, None),
    ],
)
def test_what_covers_today_or_a_day_to_come_is_attested(
    change: dict[str, object], state: str | None
) -> None:
    if state is None:
        check_attestable(told(**change), today=TODAY)
        return
    with pytest.raises(RuleError) as refused:
        check_attestable(told(**change), today=TODAY)
    assert refused.value.reason is Reason.REGISTRATION_STATE
    assert refused.value.metadata["state"] == state


@pytest.mark.parametrize(
    ("treatment_region", "institution_id", "exists"),
    [
        ("500000", "H50011200001", True),
        ("500000", "P50024300001", True),
        ("330100", "H33010600001", True),
        ("330100", "H33020600001", False),
        ("330100", "H50011200001", False),
        ("429004", "H42900400001", True),
        ("429004", "H42900500001", False),
    ],
)
def test_a_registration_exists_for_institutions_of_its_city(
    treatment_region: str, institution_id: str, exists: bool
) -> None:
    care = told(treatment_region=treatment_region)
    if exists:
        check_place(care, institution_id=institution_id)
        return
    with pytest.raises(RuleError) as refused:
        check_place(care, institution_id=institution_id)
    assert refused.value.reason is Reason.REGISTRATION_NOT_FOUND
