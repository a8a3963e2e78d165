"""Bills of records that became one person are compared as of one person (T-12, T-31)."""

import datetime as dt

import pytest
from support.charges import ADMITTED, assert_books_are_right, carrying
from support.databases import Databases
from support.reviews import kinds, same_bill
from support.settlement_world import ACCOUNT_STEP, OTHER_HOSPITAL, POLICY_FILE, REGION, TODAY, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.review import ReviewKind


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def settled_in_a_visit(world: World, person: str) -> Settlement:
    visit = world.register(person, start_date=TODAY)
    return world.settle(visit, person, bill=same_bill(world, visit))


@pytest.mark.parametrize("merges", [1, 2])
def test_the_survivors_bill_is_compared_with_those_of_the_retired(
    world: World, merges: int
) -> None:
    first_record, *survivors = world.enrol(1 + merges)
    first = settled_in_a_visit(world, first_record)
    holder = first_record
    for survivor in survivors:
        world.merge(holder, survivor)
        holder = survivor
    second = settled_in_a_visit(world, holder)
    assert kinds(second) == [ReviewKind.SAME_BILL]
    review = world.queries.review(REGION, second.review_id)
    assert review is not None
    assert review.findings[0].settlement_ids == (first.settlement_id,)
    assert_books_are_right(world)


@pytest.mark.parametrize("other_record", ["survivor", "third"])
def test_a_bill_of_the_retireds_visit_is_compared_with_all_of_the_person(
    world: World, other_record: str
) -> None:
    retired, survivor, third = world.enrol(3)
    visit = world.register(retired, start_date=TODAY)
    first = settled_in_a_visit(world, {"survivor": survivor, "third": third}[other_record])
    world.merge(third, survivor)
    world.merge(retired, survivor)
    second = world.settle(visit, survivor, bill=same_bill(world, visit))
    assert kinds(second) == [ReviewKind.SAME_BILL]
    review = world.queries.review(REGION, second.review_id)
    assert review is not None
    assert review.findings[0].settlement_ids == (first.settlement_id,)


def test_others_are_not_compared_with_the_merged(world: World) -> None:
    retired, survivor, other = world.enrol(3)
    settled_in_a_visit(world, retired)
    world.merge(retired, survivor)
    assert not settled_in_a_visit(world, other).review_id


def test_stays_of_both_records_that_share_days_are_reviewed(world: World) -> None:
    retired, survivor = world.enrol(2)
    first = world.register(retired, institution_id=OTHER_HOSPITAL)
    bill = world.bill(first, service_date=ADMITTED.replace(day=10))
    world.settle(first, retired, bill=bill, institution_id=OTHER_HOSPITAL)
    world.merge(retired, survivor)
    second = world.register(survivor, start_date=ADMITTED.replace(day=9))
    assert kinds(world.settle(second, survivor)) == [ReviewKind.STAYS_OVERLAP]


def test_the_visits_of_a_month_are_those_of_both_records(databases: Databases) -> None:
    world = World(
        databases.open("yibao_settlement"),
        policy_file=(POLICY_FILE.read_bytes() + ACCOUNT_STEP).replace(b'["2*"]', b'["2*", "1*"]'),
    )
    retired, survivor = world.enrol(2)

    def visit(person: str, number: int) -> Settlement:
        day = ADMITTED + dt.timedelta(days=number % 19)
        visit_id = world.register(person, care_type="11", start_date=day)
        line = ChargedLine(1, "A1", str(10 + number), "1", 1_000 + 100 * number)
        bill = carrying(world, visit_id, line, service_date=day)
        return world.settle(visit_id, person, bill=bill)

    assert not any(visit(retired, number).review_id for number in range(12))
    world.merge(retired, survivor)
    assert not any(visit(survivor, number).review_id for number in range(12, 20))
    assert kinds(visit(survivor, 20)) == [ReviewKind.VISIT_COUNT]
