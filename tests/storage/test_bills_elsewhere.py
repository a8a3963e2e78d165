"""Bills of care elsewhere that are taken back, returned of, corrected, and charged by own codes."""

from typing import Any

import pytest
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.corrections import correct
from support.databases import Databases
from support.elsewhere_world import (
    PLACE,
    START,
    THERE,
    admit_there,
    elsewhere_world,
    tell_registered,
)
from support.own_codes import own
from support.sent import trips_made
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, NOW, REGION, TODAY, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.work import Work
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.mapping import Act, CodeMapping, MappingRow, MappingState
from yibao_settlement.rules.refund import AskedReturn


@pytest.fixture
def world(databases: Databases) -> World:
    return elsewhere_world(databases)


def refused(world: World, command: Command) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    return refusal.value


def settled(world: World, visit: str, person: str, amount: int = 1_100_000) -> Settlement:
    """Settles a bill of class A items of 11,000.00 there, 10,000.00 above the deductible."""
    bill = stay_bill(world, visit, TODAY, amount)
    return world.settle(visit, person, bill=bill, institution_id=THERE)


def test_a_stay_and_its_bill_elsewhere_make_the_trips_of_one_at_home(
    postgres_databases: Databases,
) -> None:
    world = elsewhere_world(postgres_databases)

    def trips_at(institution_id: str) -> int:
        (person,) = world.enrol()
        tell_registered(world, person, "long_term")
        with trips_made() as made:
            visit = admit_there(world, person, institution_id=institution_id)
            bill = stay_bill(world, visit, TODAY, 1_100_000)
            world.settle(visit, person, bill=bill, institution_id=institution_id)
        return len(made)

    # The second time, so that reference data are at hand.
    places = (HOSPITAL, THERE)
    (_, _, at_home, elsewhere) = [trips_at(each) for each in (*places, *places)]
    assert elsewhere == at_home


def test_an_earlier_bill_taken_back_decides_those_elsewhere_on_their_own_terms(
    world: World,
) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "temporary")
    first = world.register(person, start_date=TODAY, care_type="11")
    first_bill = world.settle(first, person, bill=stay_bill(world, first, TODAY, 5_000))
    visit = admit_there(world, person)
    later = settled(world, visit, person)
    told = tell_registered(world, person, "long_term", start_date=START)
    world.reverse(first_bill.settlement_id)
    assert later.fund_total_fen == 600_000
    record = world.queries.settlement(REGION, later.settlement_id)
    assert record is not None
    assert record.effective.fund_total_fen == 600_000
    assert told.terms == "long_term"
    assert_books_are_right(world)


def test_own_codes_and_suspensions_are_those_of_the_institutions_region(world: World) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    suspension = Suspension(
        new_id(), SuspendedKind.INSTITUTION, THERE, "", "", TODAY, TODAY, "稽核", NOW, "agency/li"
    )

    def put(work: Work) -> None:
        row = MappingRow("NN1", "院内项目", "101", "A1", START)
        told = CodeMapping(new_id(), THERE, row, MappingState.IN_FORCE, Act(NOW, "agency/li"))
        work.mappings.insert([told])

    def suspend(work: Work) -> None:
        work.institutions.add_suspension(suspension)
        work.reference.raise_epoch()

    def lines(number: int) -> dict[str, Any]:
        line = own("NN1", 11_000 + number)
        return {"lines": (line,), "total_fen": line.amount_fen, "bill_number": f"B{number}"}

    before = world.bill(visit, **lines(0))
    command = world.settle_command(visit, person, bill=before, institution_id=THERE)
    assert refused(world, command).reason is Reason.OWN_CODE_UNMAPPED
    transactions_of(world.database).change(PLACE, put)
    interim = world.bill(visit, **lines(0), is_interim=True)
    first = world.settle(visit, person, bill=interim, institution_id=THERE)
    assert first.fund_total_fen == 800_000
    # Suspended since by the other region: what is charged from then on is not payable.
    transactions_of(world.database).change(PLACE, suspend)
    later = world.bill(visit, **lines(1), is_interim=True)
    command = world.settle_command(visit, person, bill=later, institution_id=THERE)
    assert refused(world, command).reason is Reason.INSTITUTION_SUSPENDED
    (other,) = world.enrol()
    tell_registered(world, other, "long_term")
    admission = world.visit_command(other, institution_id=THERE, start_date=TODAY)
    assert refused(world, admission).reason is Reason.INSTITUTION_SUSPENDED
    assert_books_are_right(world)


def test_what_is_returned_and_reversed_elsewhere_is_decided_on_the_terms_of_the_bill(
    world: World,
) -> None:
    (person,) = world.enrol()
    told = tell_registered(world, person, "temporary")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 600_000, 500_000)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    assert settlement.fund_total_fen == 600_000
    # What is registered since is no bill's any more.
    tell_registered(world, person, "long_term", registration_id=told.registration_id, version=2)
    world.refund(settlement.settlement_id, AskedReturn(2), institution_id=THERE)
    left = world.queries.settlement(REGION, settlement.settlement_id)
    # 60 % of 5,000.00, as its own terms have it.
    assert left is not None
    assert left.fund_total_fen == 300_000
    reversed_ = world.reverse(settlement.settlement_id, institution_id=THERE)
    assert reversed_.settlement_id == settlement.settlement_id
    assert_books_are_right(world)


def test_a_bill_elsewhere_is_corrected_on_its_own_terms(databases: Databases) -> None:
    world = elsewhere_world(databases)
    (person,) = world.enrol()
    told = tell_registered(world, person, "temporary")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    tell_registered(world, person, "temporary", registration_id=told.registration_id, is_void=True)
    lines = stay_bill(world, visit, TODAY, 700_000).lines
    corrected = correct(world, settlement.settlement_id, lines, institution_id=THERE)
    # 60 % of 6,000.00.
    assert corrected.settlement.fund_total_fen == 360_000
    assert_books_are_right(world)
