"""Ways by which care elsewhere could be paid that nothing entitles to."""

import datetime as dt

import pytest
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.elsewhere_world import (
    PLACE,
    START,
    THERE,
    admit_there,
    elsewhere_world,
    tell_registered,
)
from support.holds import confirm, confirm_command, hold
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks, OutpatientKind
from yibao_settlement.rules.elsewhere.registered import Benefit

DEEMED, DAY = 4, dt.timedelta(days=1)
EMERGENCY = CareMarks(admission_kind=AdmissionKind.EMERGENCY)
OUTPATIENT_EMERGENCY = CareMarks(outpatient_kind=OutpatientKind.EMERGENCY)
OF_EMERGENCIES = (Benefit.INPATIENT, Benefit.OUTPATIENT)


@pytest.fixture
def world(databases: Databases) -> World:
    return elsewhere_world(databases)


def refused(world: World, command: Command) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    return refusal.value


def deem(world: World, person: str, day: dt.date) -> None:
    """Has offsite's feed tell what settlement told it of an emergency."""
    told = {"category": 6, "benefits": OF_EMERGENCIES, "origin": DEEMED, "version": 1}
    tell_registered(world, person, "emergency", start_date=day, end_date=day, **told)


def test_what_is_deemed_of_one_visit_covers_no_other_one(world: World) -> None:
    # 医保发〔2022〕22号, article 34: the mark counts for the visit that bears it.
    (person,) = world.enrol()
    world.register(
        person,
        institution_id=THERE,
        care_type="13",
        start_date=TODAY,
        marks=OUTPATIENT_EMERGENCY,
    )
    deem(world, person, TODAY)
    stay = world.visit_command(person, institution_id=THERE, start_date=TODAY)
    assert refused(world, stay).reason is Reason.OFFSITE_NOT_REGISTERED
    ordinary = world.visit_command(person, institution_id=THERE, start_date=TODAY, care_type="11")
    assert refused(world, ordinary).reason is Reason.OFFSITE_NOT_REGISTERED


def test_an_emergency_that_offsite_was_told_of_ends_with_its_mark(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    deem(world, person, START)
    ordinary = CareMarks(admission_kind=AdmissionKind.ORDINARY)
    world.run(world.update_command(visit, CareFacts(), institution_id=THERE, marks=ordinary))
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    command = world.settle_command(visit, person, bill=bill, institution_id=THERE)
    assert refused(world, command).reason is Reason.OFFSITE_NOT_REGISTERED


def test_what_a_third_party_bears_is_not_settled_through_a_hold_of_before(world: World) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY - DAY, 1_100_000)._replace(is_interim=True)
    quote = hold(world, visit, person, bill=bill, institution_id=THERE)
    marks = CareMarks(is_trauma=True, is_third_partys=True)
    world.run(world.update_command(visit, CareFacts(), institution_id=THERE, marks=marks))
    command = confirm_command(world, quote.hold_id, institution_id=THERE)
    assert refused(world, command).reason is Reason.THIRD_PARTY_LIABLE
    cleared = marks._replace(is_third_partys=False)
    world.run(world.update_command(visit, CareFacts(), institution_id=THERE, marks=cleared))
    assert confirm(world, quote.hold_id, institution_id=THERE).fund_total_fen == 800_000
    assert_books_are_right(world)


def test_what_was_found_void_pays_no_bill_that_was_held_before(world: World) -> None:
    (person,) = world.enrol()
    told = tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    quote = hold(world, visit, person, bill=bill, institution_id=THERE)
    void = {"registration_id": told.registration_id, "is_void": True, "version": 2}
    tell_registered(world, person, "long_term", **void)
    command = confirm_command(world, quote.hold_id, institution_id=THERE)
    assert refused(world, command).reason is Reason.OFFSITE_NOT_REGISTERED
