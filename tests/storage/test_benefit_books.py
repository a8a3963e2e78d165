"""What is booked and kept of bills by `yibao-policy/2` is proved, and what was altered named."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, policy_text, put_policy, stay_bill
from support.charges import assert_books_are_right, charged, listed, of_uploaded, upload
from support.databases import Databases, as_owner
from support.due_of_the_year import DUE_OF_THE_YEAR
from support.old_databases import upgrade_to
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_pb2 import OwnCostReason, Settlement
from yibao_settlement.application.charge.results import LineResult
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.bill import Approval, ChargedLine, LineDetails
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch import transaction
from yibao_settlement.storage.settlement.window import read_windows

DAY = dt.timedelta(days=1)
# The amount of a deductible stays that of the first bill of the year.
FIRST_AMOUNT = policy_text().replace(
    "      window: stay\n      by: [care_group, count.stays]",
    "      window: year\n      make_up: false\n      by: [care_group, count.stays]",
)


def posted(settlement: Settlement) -> dict[str, int]:
    return {entry.account_id: entry.amount_fen for entry in settlement.entries}


def kept(world: World, person: str) -> dict[str, int]:
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    return dict(standing.accumulators)


def test_what_is_owed_for_earlier_bills_goes_to_the_person_and_not_to_the_institution(
    databases: Databases,
) -> None:
    world = benefit_world(databases, text=DUE_OF_THE_YEAR.format(region=REGION))
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    first = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 1_500_000))
    assert (first.fund_total_fen, first.arrears_total_fen, posted(first)) == (0, 0, {})
    poor = world.period(entitlement_groups=("2303",))
    world.feed(world.insured(person, enrolments=(poor,)))
    second = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 100_000))
    (payment,) = second.fund_payments
    assert (payment.amount_fen, payment.arrears_fen) == (100_000, 420_000)
    assert (second.fund_total_fen, second.arrears_total_fen) == (100_000, 420_000)
    assert second.cash_fen == 0
    assert posted(second) == {
        "fund:390200": -520_000,
        f"difference:{person}": 420_000,
        f"payable:{HOSPITAL}": 100_000,
    }
    assert_books_are_right(world)
    assert posted(world.reverse(second.settlement_id)) == {
        account: -fen for account, fen in posted(second).items()
    }
    assert_books_are_right(world)


def test_lines_of_own_cost_are_the_same_in_both_formats(databases: Databases) -> None:
    """Outside cover, for limited use, not approved: of class A, they are excluded in full."""
    told = []
    for world in (benefit_world(databases), World(databases.open("yibao_settlement"))):
        (person,) = world.enrol(start_date=TODAY)
        world.feed(world.insured(person, start_date=TODAY))
        visit = admit(world, person, TODAY)
        with as_owner(world.database) as connection:
            connection.execute(sa.update(tables.visit).values(start_date=TODAY.replace(day=1)))
        lines = (
            ChargedLine(1, "A1", "1.00", "1", 100, LineDetails(charge_date=TODAY.replace(day=2))),
            ChargedLine(2, "A1", "2.00", "1", 200, LineDetails(approval=Approval.NOT_APPROVED)),
            ChargedLine(3, "B1", "4.00", "1", 400),
            ChargedLine(4, "C1", "8.00", "1", 800),
        )
        bill = world.bill(visit, lines=lines, total_fen=1_500)
        settlement = world.settle(visit, person, bill=bill)
        told.append([(line.excluded_fen, line.own_cost_reason) for line in settlement.lines])
        assert_books_are_right(world)
    outside, limited = (
        OwnCostReason.OWN_COST_REASON_OUTSIDE_COVER,
        OwnCostReason.OWN_COST_REASON_LIMITED_USE,
    )
    assert told[0] == told[1] == [(100, outside), (200, limited), (0, 0), (800, 0)]


def test_an_amount_that_is_kept_goes_when_its_bill_does_and_stays_with_the_survivor(
    databases: Databases,
) -> None:
    world = benefit_world(databases, text=FIRST_AMOUNT)
    retired, survivor = world.enrol(2)
    settled = {}
    # The first bill of each decides the amount for the year: a visit 50.00, a stay 1,000.00.
    for person, care_type in ((retired, "11"), (survivor, "2101")):
        visit = admit(world, person, TODAY, care_type=care_type)
        settled[person] = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 20_000))
    assert kept(world, retired)["390 year:2026 D1.amount"] == 5_000
    assert kept(world, survivor)["390 year:2026 D1.amount"] == 100_000
    world.reverse(settled[retired].settlement_id)
    assert kept(world, retired) == {}
    visit = world.register(retired, care_type="11", start_date=TODAY)
    again = world.settle(visit, retired, bill=stay_bill(world, visit, TODAY, 20_000))
    assert again.deductible_fen == settled[retired].deductible_fen == 5_000
    world.feed(world.insured(retired, merged_into=survivor), world.insured(survivor))
    assert kept(world, survivor)["390 year:2026 D1.amount"] == 100_000
    # Of one person the first bill is the survivor's, and the other one's is below its amount.
    assert kept(world, survivor)["390 year:2026 D1.paid"] == 40_000
    assert_books_are_right(world)
    visit = world.register(survivor, care_type="11", start_date=TODAY)
    later = world.settle(visit, survivor, bill=stay_bill(world, visit, TODAY, 200_000))
    assert later.deductible_fen == 60_000
    assert_books_are_right(world)
    # In whatever order they are taken back, nothing falls below nothing.
    for settlement in (settled[survivor], again, later):
        world.reverse(settlement.settlement_id)
        assert_books_are_right(world)
    assert [name for name in kept(world, survivor) if not name.endswith((".amount", ".year"))] == []


@pytest.fixture
def world(databases: Databases) -> World:
    made = benefit_world(databases)
    (person,) = made.enrol()
    visit = admit(made, person, TODAY)
    made.settle(visit, person)
    return made


Record = dict[str, Any]


def _of_benefit(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record["benefit"].update(changes)


def _of_benefit_facts(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record["benefit"]["facts"].update(changes)


def _without(name: str) -> Callable[[Record], None]:
    return lambda record: record.pop(name)


def _added(name: str, value: int) -> Callable[[Record], None]:
    return lambda record: record["accumulations"].update({name: value})


@pytest.mark.parametrize(
    ("alter", "invariants"),
    [
        (_of_benefit(stay_id="0190b5c4-7d3a-7f60-8a51-000000000001"), {8}),
        (_of_benefit(given=[["630100", 1]]), {8, 12}),
        (_of_benefit(other_payments=[]), {4, 5, 8, 12}),
        (_of_benefit(arrears=[["P1", 1]]), {4, 5, 8, 12}),
        (_of_benefit_facts(age=1), {8}),
        (_of_benefit_facts(care_type="11"), {8, 12}),
        (_of_benefit_facts(age="1"), {4}),
        (_of_benefit_facts(sort="x"), {4}),
        (_of_benefit(admission_date="x"), {4}),
        (_without("benefit"), {4}),
        (_added("390 year:2026 P1.before", 1), {8}),
        (_added("nowhere", 1), {6, 8}),
    ],
)
def test_an_altered_record_is_named(
    world: World, alter: Callable[[Record], None], invariants: set[int]
) -> None:
    table = tables.settlement
    with as_owner(world.database) as connection:
        (row,) = connection.execute(sa.select(table)).all()
        record = json.loads(row.record)
        alter(record)
        connection.execute(sa.update(table).values(record=json.dumps(record)))
    drifts = check_ledger(world.database).drifts
    found = {
        INVARIANTS.index(each.invariant) for each in drifts if each.subject == row.settlement_id
    }
    assert found == invariants


@pytest.mark.parametrize(
    ("name", "value"), [("D1.paid", 1), ("count.stays@year:2026", 7), ("D1.paid", None)]
)
def test_an_altered_window_is_named(world: World, name: str, value: int | None) -> None:
    table = tables.benefit_window
    with as_owner(world.database) as connection:
        visit = connection.execute(sa.select(tables.visit.c.visit_id)).scalar_one()
        stored = connection.execute(
            sa.select(table.c.amounts).where(table.c.scope == visit)
        ).scalar_one()
        amounts = {**json.loads(stored), f"390 stay:{visit} {name}": value}
        connection.execute(
            sa.update(table).where(table.c.scope == visit).values(amounts=json.dumps(amounts))
        )
    drifts = check_ledger(world.database).drifts
    assert [(INVARIANTS.index(each.invariant), each.subject) for each in drifts] == [
        (each, f"windows of {visit}") for each in ((6,) if value is None else (6, 13))
    ]


def test_a_database_of_before_settles_by_the_second_format_once_it_is_upgraded(
    databases: Databases,
) -> None:
    world = World(databases.owned().open("yibao_settlement"))
    (person,) = world.enrol()
    visit = admit(world, person, TODAY - DAY)
    bill = stay_bill(world, visit, TODAY - DAY, 300_000, is_interim=True)
    first = world.settle(visit, person, bill=bill)
    set_version = "UPDATE alembic_version_settlement SET version_num = '{}'"
    with as_owner(world.database) as connection:
        newest = connection.execute(
            sa.text("SELECT version_num FROM alembic_version_settlement")
        ).scalar_one()
        connection.execute(sa.text("DROP TABLE benefit_window"))
        connection.execute(sa.text(set_version.format("0018")))
    upgrade_to(world.database, "yibao_settlement", "0019")
    with as_owner(world.database) as connection:
        connection.execute(sa.text(set_version.format(newest)))
    assert_books_are_right(world)
    put_policy(world, policy_text(start=TODAY.isoformat()))
    world.run(world.discharge_command(visit))
    second = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 300_000))
    assert first.policy_version != second.policy_version
    assert second.deductible_fen == 100_000
    assert_books_are_right(world)
    for settlement in (second, first):
        world.reverse(settlement.settlement_id)
    assert kept(world, person) == {}
    assert_books_are_right(world)


def test_uploaded_lines_are_told_what_is_made_of_them_before_and_after(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    visit = world.register(person)
    told = upload(
        world,
        visit,
        charged("L1"),
        charged("L2", "B1"),
        charged("L3", "B2", 150),
        charged("L4", "C1"),
    )
    parts = [each[2:7] for each in told if isinstance(each, LineResult)]
    assert parts == [
        (0, 0, 0, 0, 10_000),
        (100_000, 0, 0, 1_000, 9_000),
        # The item has a share of its own, and a ceiling.
        (300_000, 0, 5_000, 3_000, 7_000),
        (None, 10_000, 0, 0, 0),
    ]
    assert [each.result for each in listed(world, visit)] == told
    world.settle(visit, person, bill=of_uploaded(world, visit, 45_000))
    assert [each.result for each in listed(world, visit)] == told
    assert_books_are_right(world)


def test_a_region_without_such_policies_asks_for_no_windows(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def noted(*each: Any, **more: Any) -> object:
        asked.append(each)
        return read_windows(*each, **more)

    monkeypatch.setattr(transaction, "read_windows", noted)
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    settlement = world.settle(visit, person)
    world.reverse(settlement.settlement_id)
    assert asked == []
    put_policy(world, policy_text(start=(TODAY + DAY).isoformat()))
    world.settle(visit, person)
    assert len(asked) == 1
