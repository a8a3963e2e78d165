"""What opens and ends a stay, what its bills wait for, and who is there at a first use."""

import datetime as dt
from typing import Any

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis, Operation, fact_faults
from yibao_settlement.rules.stay import (
    StandingBill,
    check_bill,
    end_of,
    is_open,
    missing_for_settlement,
)
from yibao_settlement.rules.visit import DischargeWay, Institution, Visit, check_first_use

REGION, HOSPITAL = "999019", "H99901900001"
FIRST = dt.date(2026, 1, 1)
DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STAY = Visit(
    *("visit", "person", HOSPITAL, "V1", "2101", FIRST, dt.date(1950, 1, 1)),
    *("390", "16", (), "2", NOW),
    stay_id="visit",
)
DISCHARGED = STAY._replace(end_date=FIRST + 9 * DAY, discharge_way=DischargeWay.ORDERED)
MAIN = Diagnosis("I10.x00", "特发性高血压", True)
INTERIM = StandingBill("s1", FIRST + DAY, True)
LAST = StandingBill("s2", FIRST + 2 * DAY, False)
LEFT = {"end_date": FIRST, "discharge_way": DischargeWay.ORDERED}


@pytest.mark.parametrize(
    ("visit", "bills", "is_open_now", "end"),
    [
        (STAY, [], True, None),
        (STAY, [INTERIM], True, None),
        (STAY, [INTERIM, LAST], False, LAST.service_date),
        (DISCHARGED, [], False, FIRST + 9 * DAY),
        (DISCHARGED, [LAST], False, FIRST + 9 * DAY),
        (STAY._replace(cancel_time=NOW), [], False, None),
        (STAY._replace(stay_id=None), [], False, None),
        (STAY._replace(care_type="11"), [], False, None),
    ],
)
def test_a_stay_is_open_until_its_discharge_or_last_bill(
    visit: Visit, bills: list[StandingBill], is_open_now: bool, end: dt.date | None
) -> None:
    assert is_open(visit, bills) is is_open_now
    assert end_of(visit, bills) == end


@pytest.mark.parametrize(
    ("care_type", "changes", "bills", "is_required", "missing"),
    [
        ("11", {}, [], True, ()),
        ("2101", {}, [], False, ()),
        ("2101", {}, [], True, ("end_date", "diagnoses")),
        ("2101", {}, [INTERIM], False, ("end_date", "diagnoses")),
        ("2101", LEFT, [], False, ("diagnoses",)),
        # Its end was not told: its last bill was taken back while another stay was open.
        ("2101", {"end_date": FIRST}, [], False, ()),
        ("2101", {**LEFT, "facts": CareFacts(diagnoses=(MAIN,))}, [], True, ()),
        ("2102", {}, [], False, ("disease_code",)),
        ("14", {}, [], False, ("disease_code",)),
        ("14", {"facts": CareFacts(disease_code="M03900")}, [], True, ()),
        ("14", {"stay_id": None}, [], True, ()),
        ("2102", {"stay_id": None, **LEFT}, [], False, ("diagnoses", "disease_code")),
    ],
)
def test_what_the_last_bill_waits_for_is_told(
    care_type: str,
    changes: dict[str, Any],
    bills: list[StandingBill],
    is_required: bool,
    missing: tuple[str, ...],
) -> None:
    visit = STAY._replace(care_type=care_type, **changes)
    told = missing_for_settlement(visit, bills, is_discharge_required=is_required)
    assert told == missing
    if not missing:
        check_bill(visit, bills, is_interim=False, is_discharge_required=is_required)
        return
    with pytest.raises(RuleError) as caught:
        check_bill(visit, bills, is_interim=False, is_discharge_required=is_required)
    assert caught.value.reason is Reason.VISIT_INCOMPLETE
    assert [fault.field for fault in caught.value.faults] == [f"visit.{each}" for each in missing]


def test_an_interim_bill_waits_for_the_diagnosis_and_for_no_discharge() -> None:
    with pytest.raises(RuleError, match="main diagnosis") as caught:
        check_bill(STAY, [], is_interim=True, is_discharge_required=True)
    assert [fault.field for fault in caught.value.faults] == ["visit.diagnoses"]
    told = STAY._replace(facts=CareFacts(diagnoses=(MAIN,)))
    check_bill(told, [INTERIM], is_interim=True, is_discharge_required=True)


@pytest.mark.parametrize(
    ("code", "is_good"),
    [
        ("I10.x00", True),
        ("E11.900", True),
        ("C34.900x001", True),
        ("A17.000+", True),
        ("I10", True),
        ("i10.x00", False),
        ("I10.X00", False),
        ("I1.x00", False),
        ("I10.", False),
        ("M03900", False),
        ("高血压", False),
    ],
)
def test_a_diagnosis_has_a_code_of_the_insurance_edition(code: str, is_good: bool) -> None:
    facts = CareFacts(diagnoses=(MAIN._replace(diagnosis_code=code),))
    faults = [fault.field for fault in fact_faults(facts, first_day=FIRST, last_day=FIRST)]
    assert faults == ([] if is_good else ["diagnoses[0].diagnosis_code"])


@pytest.mark.parametrize(
    ("code", "is_good"),
    [("47.0100", True), ("36.0600x004", True), ("47", True), ("4.01", False), ("47.A1", False)],
)
def test_an_operation_has_a_code_of_the_insurance_edition(code: str, is_good: bool) -> None:
    facts = CareFacts(operations=(Operation(code, "示例手术", FIRST),))
    faults = [fault.field for fault in fact_faults(facts, first_day=FIRST, last_day=FIRST)]
    assert faults == ([] if is_good else ["operations[0].operation_code"])


@pytest.mark.parametrize(
    ("mains", "is_good"),
    [
        ((), True),
        ((True,), True),
        ((True, False), True),
        ((False,), False),
        ((False, True), False),
        ((True, True), False),
    ],
)
def test_one_diagnosis_is_the_main_one_and_stands_first(
    mains: tuple[bool, ...], is_good: bool
) -> None:
    facts = CareFacts(diagnoses=tuple(MAIN._replace(is_main=each) for each in mains))
    reasons = [fault.reason for fault in fact_faults(facts, first_day=FIRST, last_day=FIRST)]
    assert reasons == ([] if is_good else [Reason.MAIN_DIAGNOSIS_INVALID])


@pytest.mark.parametrize(
    ("visit", "ended", "after_days", "is_there"),
    [
        (STAY, None, 400, True),
        (STAY, FIRST + 9 * DAY, 9, True),
        (STAY, FIRST + 9 * DAY, 10, False),
        (STAY._replace(care_type="11"), None, 31, True),
        (STAY._replace(care_type="11"), None, 32, False),
    ],
)
def test_a_card_is_first_used_while_the_visit_lasts(
    visit: Visit, ended: dt.date | None, after_days: int, is_there: bool
) -> None:
    """I-25: a visit that is over proves nobody's presence."""
    institution = Institution(HOSPITAL, "示例医院", "2", True, FIRST, None)

    def check() -> None:
        check_first_use(
            institution,
            HOSPITAL,
            visit,
            ended=ended,
            person_id="person",
            region=REGION,
            on=FIRST + after_days * DAY,
        )

    if is_there:
        check()
        return
    with pytest.raises(RuleError, match="is over") as caught:
        check()
    assert caught.value.reason is Reason.REGISTRATION_REQUIRED
