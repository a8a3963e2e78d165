"""Both columns of a settlement are derived again: the effective one on what stands before it."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world, stay_bill
from support.databases import Databases, as_owner
from support.holds import hold
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    OTHER_HOSPITAL,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.settlement_service_pb2 import ExplainSettlementResponse
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.explanation import explanation_message
from yibao_settlement.storage import tables

OF_OTHER_HOSPITAL = f"institution/{OTHER_HOSPITAL}"
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles and limits."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def settle(world: World, person: str, institution: str, *amounts: int) -> str:
    visit_id = admit(world, person, TODAY, institution_id=institution)
    world.run(world.discharge_command(visit_id, institution_id=institution))
    bill = stay_bill(world, visit_id, TODAY, *amounts, account_used=True)
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def explained(world: World, settlement_id: str, caller: str) -> ExplainSettlementResponse:
    asked = (REGION, settlement_id, parse_caller(caller))
    return explanation_message(find_both_columns(world.queries, *asked))


@pytest.fixture
def person(world: World) -> str:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    return person


@pytest.fixture
def bills(world: World, person: str) -> list[str]:
    """Three stays: the first one reaches the limits of the year, the others are elsewhere."""
    return [
        settle(world, person, HOSPITAL, 30_000_000, 300_000),
        settle(world, person, OTHER_HOSPITAL, 700_000),
        settle(world, person, OTHER_HOSPITAL, 1_000_000, 900_001),
    ]


def test_a_bill_that_costs_what_it_did_has_one_column(world: World, bills: list[str]) -> None:
    assert not explained(world, bills[2], AGENCY).HasField("effective")


def test_the_effective_column_names_the_bills_that_stand_before(
    world: World, bills: list[str]
) -> None:
    first, second, third = bills
    world.refund(first, AskedReturn(line_number=1))
    answer = explained(world, third, AGENCY)
    found = answer.effective.windows
    assert any(window.value != window.counter_value for window in found)
    parts = [part for window in found for part in window.parts]
    assert {part.settlement_id for part in parts} == {first, second}
    for window in found:
        assert sum(part.value for part in window.parts) == window.value, window.name
        named = [part.settlement_id for part in window.parts]
        assert named == sorted(named)


def test_the_steps_come_to_what_it_costs_now(world: World, bills: list[str]) -> None:
    _, _, third = bills
    world.reverse(bills[0])
    answer = explained(world, third, AGENCY)
    now, counter = answer.settlement.effective, answer.settlement
    assert now.fund_total_fen != counter.fund_total_fen
    paid = {each.step_id: each.amount_fen for each in now.fund_payments}
    told = {each.step_id: each.amount_fen for each in answer.effective.trace}
    assert {step_id: told[step_id] for step_id in paid} == paid
    # The account, which is asked last, bears what the step of it says.
    assert answer.effective.trace[-1].amount_fen == now.account_fen
    before = {each.step_id: each.amount_fen for each in answer.trace}
    assert {each.step_id: before[each.step_id] for each in counter.fund_payments} == {
        each.step_id: each.amount_fen for each in counter.fund_payments
    }


def test_an_institution_is_told_of_its_own_bills_alone(world: World, bills: list[str]) -> None:
    first, second, third = bills
    refund = world.refund(first, AskedReturn(line_number=1))
    answer = explained(world, third, OF_OTHER_HOSPITAL)
    parts = [part for window in answer.effective.windows for part in window.parts]
    assert {part.settlement_id for part in parts} == {second}
    sent = answer.SerializeToString()
    for secret in (first, refund.refund.refund_id, HOSPITAL):
        assert secret.encode() not in sent


def test_bills_of_merged_records_are_named_too(world: World, person: str, bills: list[str]) -> None:
    (survivor,) = world.enrol()
    at(world, TODAY + DAY)
    later = settle(world, survivor, HOSPITAL, 800_000, 900_000)
    world.merge(person, survivor)
    answer = explained(world, later, AGENCY)
    parts = [part for window in answer.effective.windows for part in window.parts]
    assert {part.settlement_id for part in parts} == set(bills)


def test_a_bill_that_is_held_is_named_too(world: World, person: str) -> None:
    first = settle(world, person, HOSPITAL, 30_000_000)
    visit_id = admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
    world.run(world.discharge_command(visit_id, institution_id=OTHER_HOSPITAL))
    bill = stay_bill(world, visit_id, TODAY, 700_000)
    held = hold(world, visit_id, person, bill=bill, institution_id=OTHER_HOSPITAL)
    third = settle(world, person, OTHER_HOSPITAL, 1_900_001)
    world.reverse(first)
    found = explained(world, third, AGENCY).effective.windows
    assert {part.settlement_id for window in found for part in window.parts} == {held.hold_id}
    for window in found:
        assert sum(part.value for part in window.parts) == window.value, window.name


def test_a_column_that_was_altered_is_not_explained(world: World, bills: list[str]) -> None:
    world.reverse(bills[0])
    adjustment = tables.adjustment.c
    with as_owner(world.database) as connection:
        (stored,) = connection.execute(
            sa.select(adjustment.effective).where(adjustment.settlement_id == bills[2])
        ).scalars()
        amounts = stored.index('"amounts":[') + len('"amounts":[')
        deductible, account, cash, *_ = stored[amounts:].split("]")[0].split(",")
        altered = stored.replace(
            f"{deductible},{account},{cash}", f"{deductible},{account},{int(cash) + 1}"
        )
        assert altered != stored
        connection.execute(
            sa.update(tables.adjustment)
            .where(adjustment.settlement_id == bills[2])
            .values(effective=altered)
        )
    with pytest.raises(RuleError) as refusal:
        explained(world, bills[2], AGENCY)
    assert refusal.value.reason is Reason.TRACE_MISMATCH
