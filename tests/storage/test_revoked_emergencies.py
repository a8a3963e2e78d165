"""An emergency whose record offsite revoked pays its own visit as an emergency no more."""

from typing import Any

import pytest
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.corrections import correct, correct_command
from support.databases import Databases
from support.elsewhere_world import (
    THERE,
    admit_there,
    elsewhere_world,
    put_on_record,
    tell_registered,
)
from support.holds import confirm, confirm_command, hold
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms

EMERGENCY = CareMarks(admission_kind=AdmissionKind.EMERGENCY)


@pytest.fixture
def world(databases: Databases) -> World:
    return elsewhere_world(databases)


def refusal_of(world: World, command: Command) -> Reason:
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    return refusal.value.reason


def revoke(world: World, told: RegisteredCare) -> None:
    void: dict[str, Any] = {
        "registration_id": told.registration_id,
        "origin": told.origin,
        "is_void": True,
    }
    tell_registered(world, told.person_id, told.terms, **void, version=2)


def test_a_bill_is_not_settled_by_the_mark_of_an_emergency_that_was_revoked(world: World) -> None:
    person, other = world.enrol(2)
    visit, neighbours = (admit_there(world, each, marks=EMERGENCY) for each in (person, other))
    told = put_on_record(world, visit, person)
    put_on_record(world, neighbours, other)
    bill: dict[str, Any] = {
        "bill": stay_bill(world, visit, TODAY, 1_100_000),
        "institution_id": THERE,
    }
    shown = trial(world.queries, REGION, **bill, now=world.clock.now)
    assert shown.record.fund_total_fen == 700_000
    revoke(world, told)
    command = world.settle_command(visit, person, **bill)
    assert refusal_of(world, command) is Reason.OFFSITE_NOT_REGISTERED
    with pytest.raises(RuleError) as refusal:
        trial(world.queries, REGION, **bill, now=world.clock.now)
    assert refusal.value.reason is Reason.OFFSITE_NOT_REGISTERED
    # Marking it anew brings nothing back.
    update = world.update_command(visit, CareFacts(), institution_id=THERE, marks=EMERGENCY)
    world.run(update)
    assert refusal_of(world, command) is Reason.OFFSITE_NOT_REGISTERED
    # Another one's stands, and who registers is paid by that.
    theirs = {"bill": stay_bill(world, neighbours, TODAY, 1_100_000), "institution_id": THERE}
    assert world.settle(neighbours, other, **theirs).fund_total_fen == 700_000
    tell_registered(world, person, "temporary")
    assert world.settle(visit, person, **bill).fund_total_fen == 600_000
    assert_books_are_right(world)


def test_a_region_may_pay_what_its_hospitals_marked_all_the_same(databases: Databases) -> None:
    world = elsewhere_world(databases, ElsewhereTerms(is_revoked_emergency_paid=True))
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    bill: dict[str, Any] = {
        "bill": stay_bill(world, visit, TODAY, 1_100_000),
        "institution_id": THERE,
    }
    quote = hold(world, visit, person, **bill)
    revoke(world, put_on_record(world, visit, person))
    assert confirm(world, quote.hold_id, institution_id=THERE).fund_total_fen == 700_000


def test_a_hold_is_not_confirmed_of_an_emergency_that_was_revoked(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    bill: dict[str, Any] = {
        "bill": stay_bill(world, visit, TODAY, 1_100_000),
        "institution_id": THERE,
    }
    quote = hold(world, visit, person, **bill)
    revoke(world, put_on_record(world, visit, person))
    command = confirm_command(world, quote.hold_id, institution_id=THERE)
    assert refusal_of(world, command) is Reason.OFFSITE_NOT_REGISTERED


def test_a_correction_pays_no_more_of_an_emergency_that_was_revoked(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    revoke(world, put_on_record(world, visit, person))
    more, less = (stay_bill(world, visit, TODAY, fen).lines for fen in (1_300_000, 900_000))
    command = correct_command(world, settlement.settlement_id, more, institution_id=THERE)
    assert refusal_of(world, command) is Reason.OFFSITE_NOT_REGISTERED
    corrected = correct(world, settlement.settlement_id, less, institution_id=THERE)
    assert corrected.settlement.fund_total_fen == 560_000
    assert_books_are_right(world)
