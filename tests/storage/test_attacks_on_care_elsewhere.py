"""Ways by which care elsewhere could be paid that nothing entitles to."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.corrections import correct, correct_command
from support.databases import Databases
from support.elsewhere_world import (
    PLACE,
    START,
    THERE,
    admit_there,
    elsewhere_world,
    lift,
    put_audit_hold,
    tell_registered,
)
from support.holds import confirm, confirm_command, hold
from support.settlement_parts import transactions_of
from support.settlement_world import NOW, REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.correct import CorrectSettlement
from yibao_settlement.application.work import Work
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks, OutpatientKind
from yibao_settlement.rules.elsewhere.registered import Benefit
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.visit import Institution

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
    told: dict[str, Any] = {
        "category": 6,
        "benefits": OF_EMERGENCIES,
        "origin": DEEMED,
        "version": 1,
    }
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
    void: dict[str, Any] = {"registration_id": told.registration_id, "is_void": True, "version": 2}
    tell_registered(world, person, "long_term", **void)
    command = confirm_command(world, quote.hold_id, institution_id=THERE)
    assert refused(world, command).reason is Reason.OFFSITE_NOT_REGISTERED


def test_nothing_more_is_paid_by_a_correction_of_what_no_bill_would_be_settled_of(
    world: World,
) -> None:
    (person,) = world.enrol()
    told = tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY - DAY, 200_000)._replace(is_interim=True)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    more = stay_bill(world, visit, TODAY - DAY, 1_100_000).lines
    less = stay_bill(world, visit, TODAY - DAY, 150_000).lines

    def to(lines: Sequence[ChargedLine], settlement_id: str) -> CorrectSettlement:
        return correct_command(world, settlement_id, lines, institution_id=THERE)

    held = put_audit_hold(world, visit, person)
    assert refused(world, to(more, settlement.settlement_id)).reason is Reason.AUDIT_HOLD
    # What goes back to the funds is taken at any time.
    corrected = correct(world, settlement.settlement_id, less, institution_id=THERE)
    assert corrected.settlement.fund_total_fen == 40_000
    lift(world, held)
    id = corrected.settlement.settlement_id
    marks = CareMarks(is_trauma=True, is_third_partys=True)
    world.run(world.update_command(visit, CareFacts(), institution_id=THERE, marks=marks))
    assert refused(world, to(more, id)).reason is Reason.THIRD_PARTY_LIABLE
    cleared = marks._replace(is_third_partys=False)
    world.run(world.update_command(visit, CareFacts(), institution_id=THERE, marks=cleared))
    void: dict[str, Any] = {"registration_id": told.registration_id, "is_void": True, "version": 2}
    tell_registered(world, person, "long_term", **void)
    refusal = refused(world, to(more, id))
    assert refusal.reason is Reason.OFFSITE_NOT_REGISTERED
    # Nothing of this bill is held: what is told is what may be done of a settled one.
    assert "correct to no more than was paid" in str(refusal)
    assert_books_are_right(world)


@pytest.mark.parametrize("by", [{"institution_id": THERE}, {"caller": f"agency/{REGION}/li"}])
def test_what_the_other_region_suspended_is_paid_by_nobodys_correction(
    world: World, by: dict[str, str]
) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    suspension = Suspension(
        new_id(), SuspendedKind.INSTITUTION, THERE, "", "", TODAY, TODAY, "稽核", NOW, "agency/li"
    )

    def suspend(work: Work) -> None:
        work.institutions.add_suspension(suspension)
        work.reference.raise_epoch()

    transactions_of(world.database).change(PLACE, suspend)
    lines = stay_bill(world, visit, TODAY, 1_200_000).lines
    command = correct_command(world, settlement.settlement_id, lines, **by)
    assert refused(world, command).reason is Reason.INSTITUTION_SUSPENDED


def test_an_institution_whose_agreement_with_home_is_over_treats_elsewhere(world: World) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "temporary")

    def agree(end: dt.date | None) -> None:
        def put(work: Work) -> None:
            own = Institution(THERE, "外地医院", "2", True, START, end)
            work.catalogue.put_institutions([own])
            work.reference.raise_epoch()

        transactions_of(world.database).change(REGION, put)

    agree(None)
    before = admit_there(world, person)
    bill = stay_bill(world, before, TODAY, 1_100_000)
    agree(TODAY - DAY)
    # Its agreement covered the stay until then, and no registration does so for it.
    command = world.settle_command(before, person, bill=bill, institution_id=THERE)
    assert refused(world, command).reason is Reason.INSTITUTION_NOT_DESIGNATED
    earlier = stay_bill(world, before, TODAY - DAY, 1_100_000)
    assert (
        world.settle(before, person, bill=earlier, institution_id=THERE).fund_total_fen == 800_000
    )
    (other,) = world.enrol()
    tell_registered(world, other, "temporary")
    visit = admit_there(world, other)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    assert world.settle(visit, other, bill=bill, institution_id=THERE).fund_total_fen == 600_000
    assert_books_are_right(world)
