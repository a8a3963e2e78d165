"""Which visits, bills and credits the engine takes, on both databases."""

import datetime as dt

import pytest
from support.databases import Databases
from support.settlement_world import (
    NOW,
    OTHER_HOSPITAL,
    PHARMACY_WITHOUT_ECERT,
    REGION,
    TODAY,
    World,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.storage.ledger.posting import account_balances


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def reason_of(call: "object") -> Reason:
    assert isinstance(call, RuleError), call
    return call.reason


def assert_books_are_right(world: World, *, settlements: int) -> None:
    report = check_ledger(world.database)
    assert report.drifts == []
    assert report.settlements == settlements


def test_another_hospital_can_neither_settle_nor_reverse_nor_tell_that_it_exists(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    settlement = world.settle(visit, person)
    foreign = world.settle_command(visit, person, institution_id=OTHER_HOSPITAL)
    assert reason_of(world.work(REGION, [foreign])[0]) is Reason.VISIT_NOT_FOUND
    reverse = world.reverse_command(settlement.settlement_id, institution_id=OTHER_HOSPITAL)
    assert reason_of(world.work(REGION, [reverse])[0]) is Reason.SETTLEMENT_NOT_FOUND
    agency = world.reverse_command(settlement.settlement_id, institution_id=None)
    assert isinstance(world.work(REGION, [agency])[0], bytes)


def test_a_code_is_used_once_whatever_it_is_used_for(world: World) -> None:
    """I-02: a screenshot shown again is refused."""
    (person,) = world.enrol()
    code = world.code(person)
    visit = world.register(person, code=code)
    again = world.settle_command(visit, person, code=code)
    assert reason_of(world.work(REGION, [again])[0]) is Reason.QR_ALREADY_USED
    other = world.visit_command(person, code=code)
    assert reason_of(world.work(REGION, [other])[0]) is Reason.QR_ALREADY_USED


def test_a_newer_code_supersedes_the_older_ones(world: World) -> None:
    """I-01: a refreshed code makes the older ones invalid, whatever their minute."""
    (person,) = world.enrol()
    visit = world.register(person)
    seen = NOW + dt.timedelta(seconds=60)
    assert isinstance(
        world.run(world.settle_command(visit, person, code=world.code(person, issue_time=seen))),
        bytes,
    )
    for seconds, reason in ((-1, Reason.QR_SUPERSEDED), (0, Reason.QR_SUPERSEDED), (1, None)):
        code = world.code(person, issue_time=seen + dt.timedelta(seconds=seconds))
        (outcome,) = world.work(REGION, [world.settle_command(visit, person, code=code)])
        assert (None if isinstance(outcome, bytes) else reason_of(outcome)) is reason


def test_of_two_codes_of_a_second_in_one_batch_one_pays(world: World) -> None:
    """I-01: neither is the newer one."""
    (person,) = world.enrol()
    visit = world.register(person)
    codes = [world.code(person, issue_time=NOW + dt.timedelta(seconds=60)) for _ in range(2)]
    settled, refused = world.work(
        REGION, [world.settle_command(visit, person, code=code) for code in codes]
    )
    assert isinstance(settled, bytes)
    assert reason_of(refused) is Reason.QR_SUPERSEDED


def test_the_code_of_another_person_does_not_pay(world: World) -> None:
    """I-03: cards and certificates may not be lent."""
    person, other = world.enrol(2)
    visit = world.register(person)
    command = world.settle_command(visit, person, code=world.code(other))
    assert reason_of(world.work(REGION, [command])[0]) is Reason.NOT_CARDHOLDER


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"status": 2}, Reason.PERSON_NOT_ENROLLED),
        ({"start_date": dt.date(2026, 11, 2)}, Reason.PERSON_NOT_ENROLLED),
        ({"end_date": dt.date(2026, 10, 31)}, Reason.PERSON_NOT_ENROLLED),
        ({"enrolments": ()}, Reason.PERSON_NOT_ENROLLED),
    ],
)
def test_a_visit_needs_an_enrolment_that_pays(
    world: World, facts: dict[str, object], reason: Reason
) -> None:
    (person,) = world.enrol(1, **facts)
    assert reason_of(world.work(REGION, [world.visit_command(person)])[0]) is reason


@pytest.mark.parametrize(
    ("institution_id", "reason"),
    [
        ("H99901900099", Reason.INSTITUTION_NOT_DESIGNATED),
        ("H11010500001", Reason.OFFSITE_NOT_REGISTERED),
        (PHARMACY_WITHOUT_ECERT, Reason.INSTITUTION_NO_ECERT),
    ],
)
def test_a_visit_needs_an_institution_of_the_region(
    world: World, institution_id: str, reason: Reason
) -> None:
    """T-03, T-05, I-11, I-30: agreement, e-certificate service, own region."""
    (person,) = world.enrol()
    command = world.visit_command(person, institution_id=institution_id)
    assert reason_of(world.work(REGION, [command])[0]) is reason


def test_a_visit_number_is_registered_once(world: World) -> None:
    person, other = world.enrol(2)
    world.register(person, provider_visit_number="V-7")
    again = world.visit_command(other, provider_visit_number="V-7")
    assert reason_of(world.work(REGION, [again])[0]) is Reason.VISIT_EXISTS


@pytest.mark.parametrize(
    ("service_date", "settles"),
    [
        (dt.date(2026, 10, 31), False),
        (dt.date(2026, 11, 1), True),
        (TODAY, True),
        (TODAY + dt.timedelta(days=1), False),
    ],
)
def test_the_service_date_lies_between_the_visit_and_today(
    world: World, service_date: dt.date, settles: bool
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit, service_date=service_date)
    (outcome,) = world.work(REGION, [world.settle_command(visit, person, bill=bill)])
    if settles:
        assert isinstance(outcome, bytes)
    else:
        assert reason_of(outcome) is Reason.SERVICE_DATE_INVALID


def test_every_faulty_line_is_told_at_once_and_nothing_is_stored(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    lines = (
        ChargedLine(1, "A1", "10.00", "1", 1_000),
        ChargedLine(1, "NOPE", "10.00", "1", 1_000),
        ChargedLine(3, "OLD", "10.00", "1", 999),
    )
    bill = world.bill(visit, lines=lines, total_fen=5_000)
    command = world.settle_command(visit, person, bill=bill)
    (outcome,) = world.work(REGION, [command])
    assert isinstance(outcome, RuleError)
    assert [(fault.field, fault.reason) for fault in outcome.faults] == [
        ("bill.lines[2].amount_fen", Reason.LINE_AMOUNT_MISMATCH),
        ("bill.lines[1].line_number", Reason.LINE_NUMBER_REPEATED),
        ("bill.total_fen", Reason.BILL_TOTAL_MISMATCH),
        # These alone would refuse a line and not the bill.
        ("bill.lines[1].item_code", Reason.CATALOGUE_ITEM_UNKNOWN),
        ("bill.lines[2].item_code", Reason.CATALOGUE_ITEM_UNKNOWN),
    ]
    assert outcome.reason is Reason.FIELDS_INVALID
    assert_books_are_right(world, settlements=0)


def test_a_policy_without_a_row_for_the_person_refuses_the_bill(world: World) -> None:
    (person,) = world.enrol(1, person_class="15")
    visit = world.register(person)
    (outcome,) = world.work(REGION, [world.settle_command(visit, person)])
    assert isinstance(outcome, RuleError)
    assert outcome.reason is Reason.POLICY_NO_MATCHING_ROW
    assert outcome.metadata["step_id"] == "P1"
    assert_books_are_right(world, settlements=0)


def test_a_region_without_a_policy_for_the_insurance_type_refuses_the_bill(world: World) -> None:
    (person,) = world.enrol(1, insurance_type="310")
    visit = world.register(person)
    (outcome,) = world.work(REGION, [world.settle_command(visit, person)])
    assert reason_of(outcome) is Reason.POLICY_NOT_FOUND


def test_what_exceeds_the_price_ceiling_is_own_cost(world: World) -> None:
    """T-07: 150.00 against a ceiling of 100.00, and the item's own share of 30 %."""
    (person,) = world.enrol()
    visit = world.register(person)
    lines = (ChargedLine(1, "B2", "150.00", "10", 150_000),)
    bill = world.bill(visit, lines=lines, total_fen=150_000)
    settlement = world.settle(visit, person, bill=bill)
    line = settlement.lines[0]
    assert (line.over_limit_fen, line.first_self_pay_fen, line.eligible_fen) == (
        50_000,
        30_000,
        70_000,
    )
    assert line.first_self_pay_ratio_ppm == 300_000


def test_a_new_benefit_year_starts_empty_and_a_late_bill_counts_in_its_own(world: World) -> None:
    """T-08: accumulators start anew, the account is carried over unchanged."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 5_000))
    visit = world.register(person)
    first = world.settle(visit, person)
    world.clock.now = dt.datetime(2027, 1, 10, 4, 0, tzinfo=dt.UTC)
    january = world.bill(visit, service_date=dt.date(2027, 1, 5))
    next_year = world.settle(visit, person, bill=january)
    assert list(next_year.year_before) == []
    late = world.settle(visit, person, bill=world.bill(visit, service_date=dt.date(2026, 12, 31)))
    before = {item.name: item.value for item in late.year_before}
    assert before["fund.390100"] == first.fund_total_fen
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert (standing.benefit_year, standing.balance_fen) == (2027, 5_000)
    assert_books_are_right(world, settlements=3)
    # Reversing in a year that is over takes back there.
    world.reverse(first.settlement_id)
    world.reverse(next_year.settlement_id)
    assert_books_are_right(world, settlements=3)


def test_a_recharge_is_posted_against_a_source_of_its_own(world: World) -> None:
    """I-29: a recharge credits the medical account and is told from the allocation."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 700))
    world.run(world.credit_command(person, 50, source="recharge"))
    with world.database.read() as connection:
        sources = account_balances(connection, REGION, "source:")
    assert sources == [("source:allocation", -700), ("source:recharge", -50)]
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == 750


def test_a_credit_to_a_person_nobody_enrolled_is_refused(world: World) -> None:
    command = world.credit_command(new_id(), 1)
    assert reason_of(world.work(REGION, [command])[0]) is Reason.PERSON_NOT_ENROLLED
    assert_books_are_right(world, settlements=0)


@pytest.mark.parametrize(
    ("start_date", "registers"),
    [
        (TODAY - dt.timedelta(days=32), False),
        (TODAY - dt.timedelta(days=31), True),
        (TODAY, True),
        (TODAY + dt.timedelta(days=1), False),
    ],
)
def test_a_visit_is_registered_within_31_days_of_its_beginning(
    world: World, start_date: dt.date, registers: bool
) -> None:
    (person,) = world.enrol()
    command = world.visit_command(person, start_date=start_date)
    (outcome,) = world.work(REGION, [command])
    if registers:
        assert isinstance(outcome, bytes)
    else:
        assert reason_of(outcome) is Reason.VISIT_DATE_INVALID
