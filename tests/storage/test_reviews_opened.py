"""What puts a bill under review, on both databases."""

import datetime as dt
from typing import Any

import pytest
from support.charges import ADMITTED, assert_books_are_right, carrying, charged, put_items
from support.databases import Databases
from support.reviews import (
    LINES,
    kinds,
    same_bill,
    twice,
)
from support.settlement_world import (
    ACCOUNT_STEP,
    AGENCY,
    OTHER_HOSPITAL,
    POLICY_FILE,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.review.listing import ReviewWish
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.rules.bill import Approval, CatalogueItem, ChargedLine, LineDetails
from yibao_settlement.rules.review import Finding, ReviewKind


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_a_likely_duplicate_of_another_visit_is_paid_and_reviewed(world: World) -> None:
    # Rule T-31.
    _, first, second = twice(world)
    assert not first.review_id
    assert second.review_id
    assert ReviewKind.SAME_BILL in kinds(second)
    assert second.total_fen == first.total_fen
    (review,) = world.queries.reviews(REGION, ReviewWish(), after=None, limit=10)
    assert review.review_id == second.review_id
    finding = review.findings[0]
    assert finding.settlement_ids == (first.settlement_id,)
    kept = find_settlement(world.queries, REGION, second.settlement_id, parse_caller(AGENCY))
    assert kept.review == review.note
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        ((LINES[0]._replace(quantity="89", amount_fen=890_000),), {}),
        ((LINES[0]._replace(item_code="B1"),), {}),
        (LINES, {"service_date": TODAY - dt.timedelta(days=1)}),
    ],
    ids=["total", "items", "day"],
)
def test_what_differs_is_no_duplicate(
    world: World, lines: tuple[ChargedLine, ...], changes: dict[str, Any]
) -> None:
    (person,) = world.enrol()
    first, second = world.register(person, start_date=TODAY - dt.timedelta(days=1)), ""
    world.settle(first, person, bill=carrying(world, first, *lines, **changes))
    second = world.register(person, start_date=TODAY)
    assert not world.settle(second, person, bill=same_bill(world, second)).review_id


def test_another_institution_and_another_person_are_told_apart(world: World) -> None:
    person, other = world.enrol(2)
    visit = world.register(person, start_date=TODAY)
    world.settle(visit, person, bill=same_bill(world, visit))
    elsewhere = world.register(person, start_date=TODAY, institution_id=OTHER_HOSPITAL)
    bill = same_bill(world, elsewhere)
    settled = world.settle(elsewhere, person, bill=bill, institution_id=OTHER_HOSPITAL)
    assert not settled.review_id
    visit = world.register(other, start_date=TODAY)
    assert not world.settle(visit, other, bill=same_bill(world, visit)).review_id


def test_a_reversed_bill_makes_no_duplicate(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first = world.settle(visit, person, bill=same_bill(world, visit))
    world.reverse(first.settlement_id)
    world.run(world.cancel_command(visit))
    again = world.register(person)
    assert not world.settle(again, person, bill=same_bill(world, again)).review_id


def test_lines_of_one_bill_that_all_stand_in_another_are_reviewed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    x_ray = ChargedLine(2, "B1", "80", "1", 8_000)
    first = world.settle(visit, person, bill=same_bill(world, visit))
    more = world.settle(visit, person, bill=carrying(world, visit, *LINES, x_ray))
    assert kinds(more) == [ReviewKind.LINES_AGAIN]
    fewer = world.settle(visit, person, bill=carrying(world, visit, x_ray))
    assert kinds(fewer) == [ReviewKind.LINES_AGAIN]
    review = world.queries.review(REGION, more.review_id)
    assert review is not None
    assert review.findings[0].settlement_ids == (first.settlement_id,)


def test_a_bill_of_the_visit_with_lines_cut_otherwise_is_reviewed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first = world.settle(visit, person, bill=same_bill(world, visit))
    halves = [LINES[0]._replace(line_number=n, quantity="45", amount_fen=450_000) for n in (1, 2)]
    again = world.settle(visit, person, bill=carrying(world, visit, *halves))
    assert kinds(again) == [ReviewKind.SAME_BILL]
    review = world.queries.review(REGION, again.review_id)
    assert review is not None
    assert review.findings[0].settlement_ids == (first.settlement_id,)


def test_lines_with_other_ids_are_not_reviewed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    world.settle(visit, person, bill=carrying(world, visit, charged("L1")))
    other = world.settle(visit, person, bill=carrying(world, visit, charged("L2")))
    assert not other.review_id


@pytest.mark.parametrize(("start_day", "is_reviewed"), [(9, True), (10, False), (11, False)])
def test_stays_that_share_days_are_reviewed(
    world: World, start_day: int, is_reviewed: bool
) -> None:
    # Rule T-31; the day of discharge may be that of another admission.
    (person,) = world.enrol()
    first = world.register(person, institution_id=OTHER_HOSPITAL)
    bill = world.bill(first, service_date=ADMITTED.replace(day=10))
    world.settle(first, person, bill=bill, institution_id=OTHER_HOSPITAL)
    second = world.register(person, start_date=ADMITTED.replace(day=start_day))
    settled = world.settle(second, person)
    assert kinds(settled) == ([ReviewKind.STAYS_OVERLAP] if is_reviewed else [])
    assert bool(settled.review_id) is is_reviewed


def outpatients(databases: Databases) -> World:
    """Returns a world whose policy pays outpatient care as it does a stay."""
    policy_file = POLICY_FILE.read_bytes() + ACCOUNT_STEP
    return World(
        databases.open("yibao_settlement"),
        policy_file=policy_file.replace(b'["2*"]', b'["2*", "1*"]'),
    )


def outpatient_bill(world: World, person: str, start_date: dt.date, yuan: int) -> Settlement:
    visit = world.register(person, care_type="11", start_date=start_date)
    line = ChargedLine(1, "A1", str(yuan), "1", yuan * 100)
    return world.settle(visit, person, bill=carrying(world, visit, line, service_date=start_date))


def test_the_21st_outpatient_visit_of_a_month_is_reviewed(databases: Databases) -> None:
    # Rule T-12 and case D3: the 20th is settled; a reversed one does not count.
    world = outpatients(databases)
    (person,) = world.enrol()
    # Of another month.
    outpatient_bill(world, person, dt.date(2026, 10, 31), 1)
    settled = [
        outpatient_bill(world, person, ADMITTED + dt.timedelta(days=at % 19), 10 + at)
        for at in range(20)
    ]
    assert not any(each.review_id for each in settled)
    world.reverse(settled[3].settlement_id)
    assert not outpatient_bill(world, person, TODAY, 50).review_id
    reviewed = outpatient_bill(world, person, TODAY, 51)
    assert kinds(reviewed) == [ReviewKind.VISIT_COUNT]
    review = world.queries.review(REGION, reviewed.review_id)
    assert review is not None
    assert review.findings[0].visit_count == 21
    # Another bill of the same visit is no visit more.
    visit = reviewed.visit_id
    assert not world.settle(visit, person, bill=world.bill(visit)).review_id
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("person_class", "code", "approval", "is_reviewed"),
    [
        ("13", "XC1", Approval.NONE, True),
        ("13", "XC1", Approval.NOT_APPROVED, True),
        ("13", "XC1", Approval.APPROVED, False),
        ("13", "003401000230600", Approval.NONE, False),
        ("13", "A1", Approval.NONE, False),
        ("16", "XC1", Approval.NONE, False),
    ],
)
def test_drugs_outside_the_catalogue_of_a_retired_cadre_need_an_approval(
    databases: Databases, person_class: str, code: str, approval: Approval, is_reviewed: bool
) -> None:
    # Rule T-14.
    policy_file = (POLICY_FILE.read_bytes() + ACCOUNT_STEP).replace(
        b'person_class: "16"', b'person_class: ["16", "13"]'
    )
    world = World(databases.open("yibao_settlement"), policy_file=policy_file)
    for each in ("XC1", "003401000230600"):
        put_items(world, CatalogueItem(each, "丙类", "03", None, "", dt.date(2014, 1, 1), None))
    (person,) = world.enrol(person_class=person_class)
    visit = world.register(person)
    line = ChargedLine(7, code, "50", "1", 5_000, LineDetails(approval=approval))
    settled = world.settle(visit, person, bill=carrying(world, visit, *LINES, line))
    assert bool(settled.review_id) is is_reviewed
    if is_reviewed:
        review = world.queries.review(REGION, settled.review_id)
        assert review is not None
        assert review.findings == (Finding(ReviewKind.UNAPPROVED_DRUG, line_numbers=(2,)),)
