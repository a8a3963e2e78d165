"""Persons of one region treated in another: registered, decided, booked and held."""

import datetime as dt
from typing import Any

import pytest
from support.benefit_examples import EXAMPLES
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.elsewhere_world import (
    ALONE,
    PHARMACY_THERE,
    PLACE,
    START,
    THERE,
    admit_there,
    elsewhere_world,
    lift,
    put_audit_hold,
    put_scope,
    tell_registered,
)
from support.holds import confirm, confirm_command, hold
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks, OutpatientKind
from yibao_settlement.rules.elsewhere.registered import Benefit
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms
from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.storage.elsewhere.tables import deemed_registration

DAY = dt.timedelta(days=1)
EMERGENCY = CareMarks(admission_kind=AdmissionKind.EMERGENCY)


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


@pytest.mark.parametrize(
    ("terms", "fund_fen"),
    [
        ("long_term", 800_000),
        ("referral", 700_000),
        ("emergency", 700_000),
        ("temporary", 600_000),
    ],
)
def test_a_stay_elsewhere_is_paid_on_the_terms_of_its_registration(
    world: World, terms: str, fund_fen: int
) -> None:
    # Rule O-03.
    (person,) = world.enrol()
    told = tell_registered(world, person, terms)
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    shown = trial(world.queries, REGION, bill, institution_id=THERE, now=world.clock.now)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)

    assert settlement.fund_total_fen == shown.record.fund_total_fen == fund_fen
    stored = world.queries.settlement(REGION, settlement.settlement_id)
    assert stored is not None
    assert stored.benefit is not None
    assert stored.benefit.facts.offsite == terms
    assert stored.benefit.elsewhere is not None
    assert stored.benefit.elsewhere.registration_id == told.registration_id
    # It is booked in the region of the person, owed to the hospital of the other.
    owed = {entry.account_id: entry.amount_fen for entry in settlement.entries}
    assert owed == {"fund:390100": -fund_fen, f"payable:{THERE}": fund_fen}
    kept = world.queries.visit(REGION, visit)
    assert kept is not None
    assert kept.elsewhere is not None
    assert kept.elsewhere.place_region == PLACE
    assert_books_are_right(world)


def policy_of(case: str) -> str:
    """Returns the policy of an acceptance case, as one of residents of the region."""
    text = (EXAMPLES / case / "policy.yaml").read_text(encoding="utf-8")
    return text.replace('"999000"', f'"{REGION}"').replace(
        'insurance_type: "310"', 'insurance_type: "390"'
    )


@pytest.mark.parametrize(
    ("case", "terms", "marks", "fund_fen"),
    [
        # O3: emergency, unregistered, local 85 %: 75 %; other temporary 65 %.
        ("O3", "", EMERGENCY, 750_000),
        ("O3", "temporary", CareMarks(), 650_000),
        # O4: 10,000 eligible, first self-pay 10 %, deductible 1,000, 60 %: 4,800.00.
        ("O4", "temporary", CareMarks(), 480_000),
        # One of two mechanisms each: a factor on the ratio, a table of its own.
        ("OFF-datong", "temporary", CareMarks(), 510_000),
        ("OFF-ningde", "temporary", CareMarks(), 405_000),
    ],
)
def test_cases_o3_and_o4_and_terms_of_other_places_are_settled(
    databases: Databases, case: str, terms: str, marks: CareMarks, fund_fen: int
) -> None:
    world = elsewhere_world(databases, text=policy_of(case))
    (person,) = world.enrol()
    if terms:
        tell_registered(world, person, terms)
    visit = admit_there(world, person, marks=marks)
    assert settled(world, visit, person, 1_000_000).fund_total_fen == fund_fen
    assert_books_are_right(world)


def test_without_a_registration_care_elsewhere_is_refused(world: World) -> None:
    # Rule I-30.
    (person,) = world.enrol()
    refusal = refused(world, world.visit_command(person, institution_id=THERE))
    assert refusal.reason is Reason.OFFSITE_NOT_REGISTERED
    assert refusal.metadata["treatment_region"] == PLACE
    tell_registered(world, person, "temporary", start_date=START, end_date=START - DAY)
    assert refused(world, world.visit_command(person, institution_id=THERE)).reason in (
        Reason.OFFSITE_REGISTRATION_EXPIRED,
    )
    # At home nothing of it is asked.
    world.register(person)


def test_unregistered_persons_are_paid_less_where_their_region_says_so(
    databases: Databases,
) -> None:
    world = elsewhere_world(databases, ElsewhereTerms(is_unregistered_reduced=True))
    (person,) = world.enrol()
    assert settled(world, admit_there(world, person), person).fund_total_fen == 500_000
    told = world.visit_command(person, institution_id=THERE, care_type="11", start_date=TODAY)
    assert refused(world, told).reason is Reason.OFFSITE_BENEFIT_NOT_OPEN
    assert_books_are_right(world)


def test_a_registration_before_the_bill_is_settled_covers_the_stay(databases: Databases) -> None:
    world = elsewhere_world(databases, ElsewhereTerms(is_unregistered_reduced=True))
    (person,) = world.enrol()
    visit = admit_there(world, person)
    tell_registered(world, person, "temporary", start_date=TODAY)
    assert settled(world, visit, person).fund_total_fen == 600_000


def test_a_stay_that_began_in_time_is_covered_after_a_cancellation_not_after_a_void(
    world: World,
) -> None:
    person, other = world.enrol(2)
    visits = {}
    for each in (person, other):
        told = tell_registered(world, each, "temporary")
        visits[each] = admit_there(world, each)
        ended: dict[str, Any] = {"registration_id": told.registration_id, "end_date": START}
        tell_registered(world, each, "temporary", is_void=each == other, version=2, **ended)
    assert settled(world, visits[person], person).fund_total_fen == 600_000
    bill = stay_bill(world, visits[other], TODAY, 1_100_000)
    command = world.settle_command(visits[other], other, bill=bill, institution_id=THERE)
    assert refused(world, command).reason is Reason.OFFSITE_NOT_REGISTERED


def test_institutions_are_recognised_by_their_own_region_alone(world: World) -> None:
    # Rule O-03.
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    refusal = refused(world, world.visit_command(person, institution_id=ALONE))
    assert refusal.reason is Reason.OFFSITE_INSTITUTION_NOT_OPEN
    # Another process of the service notices what the other region says, too.
    put_scope(world, InstitutionScope(ALONE, START, "1", ("11",), True, True))
    refusal = refused(world, world.visit_command(person, institution_id=ALONE))
    assert refusal.reason is Reason.INSTITUTION_NOT_NETWORKED
    put_scope(world, InstitutionScope(ALONE, START, "1", (), True, True))
    admit_there(world, person, institution_id=ALONE)


def test_an_emergency_counts_as_registered_and_offsite_is_to_be_told_once(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    assert settled(world, visit, person).fund_total_fen == 700_000
    with world.database.read() as connection:
        (told,) = connection.execute(deemed_registration.select()).all()
    assert (told.visit_id, told.person_id, told.treatment_region) == (visit, person, PLACE)
    assert (told.start_date, told.tell_time) == (START, None)


def test_an_emergency_that_is_not_marked_any_more_is_none(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person, marks=EMERGENCY)
    facts = CareFacts(department="内科")
    world.run(
        world.update_command(
            visit,
            facts,
            institution_id=THERE,
            marks=CareMarks(admission_kind=AdmissionKind.ORDINARY),
        )
    )
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    command = world.settle_command(visit, person, bill=bill, institution_id=THERE)
    assert refused(world, command).reason is Reason.OFFSITE_NOT_REGISTERED


def test_an_audit_holds_bills_until_it_is_closed(world: World) -> None:
    # Rule O-07.
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    there, at_home = admit_there(world, person), None
    (neighbour,) = world.enrol()
    at_home = world.register(neighbour)
    for visit, whose, institution in ((there, person, THERE), (at_home, neighbour, HOSPITAL)):
        held = put_audit_hold(world, visit, whose)
        bill = stay_bill(world, visit, TODAY, 1_100_000)
        command = world.settle_command(visit, whose, bill=bill, institution_id=institution)
        assert refused(world, command).reason is Reason.AUDIT_HOLD
        with pytest.raises(RuleError) as refusal:
            trial(world.queries, REGION, bill, institution_id=institution, now=world.clock.now)
        assert refusal.value.reason is Reason.AUDIT_HOLD
        lift(world, held)
        assert world.settle(visit, whose, bill=bill, institution_id=institution).settlement_id


def test_a_bill_that_was_held_before_is_not_confirmed_while_an_audit_holds_it(
    world: World,
) -> None:
    # Rule O-07.
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    visit = admit_there(world, person)
    bill = stay_bill(world, visit, TODAY, 1_100_000)
    quote = hold(world, visit, person, bill=bill, institution_id=THERE)
    audited = put_audit_hold(world, visit, person)
    command = confirm_command(world, quote.hold_id, institution_id=THERE)
    assert refused(world, command).reason is Reason.AUDIT_HOLD
    lift(world, audited)
    confirmed = confirm(world, quote.hold_id, institution_id=THERE)
    assert confirmed.fund_total_fen == 800_000
    assert_books_are_right(world)


def test_what_a_third_party_bears_waits_until_the_hospital_clears_it(world: World) -> None:
    (person,) = world.enrol()
    marks = CareMarks(is_trauma=True, is_third_partys=True)
    visit = world.register(person, care_type="22", marks=marks)
    command = world.settle_command(visit, person)
    assert refused(world, command).reason is Reason.THIRD_PARTY_LIABLE
    cleared = marks._replace(is_third_partys=False)
    world.run(world.update_command(visit, CareFacts(), marks=cleared))
    world.settle(visit, person)


def test_marks_are_asked_for_all_at_once_of_persons_of_elsewhere(world: World) -> None:
    (person,) = world.enrol()
    tell_registered(world, person, "long_term")
    told = world.visit_command(person, institution_id=THERE, care_type="22")
    assert [each.field for each in refused(world, told).faults] == ["marks.is_trauma"]
    world.register(person, care_type="22")


def test_renal_failure_without_dialysis_opens_no_dialysis_elsewhere(world: World) -> None:
    # Rule O-05.
    (person,) = world.enrol(diseases=(RegisteredDisease("M07800", START, None),))
    tell_registered(world, person, "long_term")
    told: dict[str, Any] = {"institution_id": THERE, "care_type": "14", "start_date": TODAY}
    for code in ("M07801", "M07800"):
        command = world.visit_command(person, **told, facts=CareFacts(disease_code=code))
        assert refused(world, command).reason is Reason.OFFSITE_DISEASE_NOT_QUALIFIED


def test_a_chronic_disease_elsewhere_asks_for_the_own_qualification(world: World) -> None:
    # Rule O-05, settled directly.
    (person,) = world.enrol(diseases=(RegisteredDisease("M01601", START, None),))
    (other,) = world.enrol()
    for each in (person, other):
        tell_registered(world, each, "long_term")
    asked = {
        "institution_id": PHARMACY_THERE,
        "care_type": "14",
        "start_date": TODAY,
        "facts": CareFacts(disease_code="M01600"),
    }
    world.register(person, **asked)
    refusal = refused(world, world.visit_command(other, **asked))
    assert refusal.reason is Reason.OFFSITE_DISEASE_NOT_QUALIFIED
    tell_registered(world, other, "long_term", benefits=(Benefit.INPATIENT,))


@pytest.mark.parametrize(("is_open", "account_fen"), [(False, 0), (True, 2_000)])
def test_the_account_pays_outpatients_elsewhere_by_flag(
    databases: Databases, is_open: bool, account_fen: int
) -> None:
    # Rule O-04.
    world = elsewhere_world(databases, ElsewhereTerms(is_account_open=is_open))
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    tell_registered(world, person, "long_term")
    visit = admit_there(world, person, care_type="11", start_date=TODAY)
    bill = stay_bill(world, visit, TODAY, 10_000, account_used=True)
    settlement = world.settle(visit, person, bill=bill, institution_id=THERE)
    assert (settlement.account_fen, settlement.fund_total_fen) == (account_fen, 8_000)
    assert settlement.cash_fen == 2_000 - account_fen
    assert_books_are_right(world)


def test_an_outpatient_emergency_elsewhere_is_paid_without_a_registration(world: World) -> None:
    (person,) = world.enrol()
    marks = CareMarks(outpatient_kind=OutpatientKind.EMERGENCY)
    visit = admit_there(world, person, care_type="13", start_date=TODAY, marks=marks)
    bill = stay_bill(world, visit, TODAY, 10_000)
    assert world.settle(visit, person, bill=bill, institution_id=THERE).fund_total_fen == 7_000
