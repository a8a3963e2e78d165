"""Cards, e-certificates and periods of cover at the counter, on both databases."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import (
    HOSPITAL,
    NOW,
    PHARMACY_WITHOUT_ECERT,
    REGION,
    TODAY,
    World,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.credential import CredentialState
from yibao_settlement.storage import tables

DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
DEVICE, OTHER_DEVICE = "00000000000000d1", "00000000000000d2"


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refusal(world: World, command: Command) -> Reason | None:
    (outcome,) = world.work(REGION, [command])
    return outcome.reason if isinstance(outcome, RuleError) else None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CredentialState.USABLE, None),
        (CredentialState.NOT_ACTIVATED, Reason.CARD_NOT_ACTIVATED),
        (CredentialState.RESTRICTED, Reason.CARD_RESTRICTED_NOT_ACTIVATED),
        (CredentialState.LOST, Reason.CARD_REPORTED_LOST),
        (CredentialState.SUSPENDED, Reason.CARD_SUSPENDED),
        (CredentialState.REPLACED, Reason.CARD_CLOSED),
        (CredentialState.CLOSED, Reason.CARD_CLOSED),
    ],
)
def test_a_cards_code_issued_before_is_refused_once_the_feed_tells_of_its_state(
    world: World, state: CredentialState, reason: Reason | None
) -> None:
    # Rules I-19 to I-22 and I-04 at settlement; the e-certificate pays on.
    (person,) = world.enrol()
    both = (world.ecert(person), world.card(person))
    world.feed(world.insured(person, credentials=both))
    visit = world.register(person)
    code = world.code(person, is_cards=True)
    both = (world.ecert(person), world.card(person, state))
    world.feed(world.insured(person, credentials=both))
    assert refusal(world, world.settle_command(visit, person, code=code)) is reason
    registering = world.visit_command(person, code=world.code(person, is_cards=True))
    assert refusal(world, registering) is reason
    assert refusal(world, world.settle_command(visit, person)) is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CredentialState.SUSPENDED, Reason.ECERT_SUSPENDED),
        (CredentialState.CLOSED, Reason.ECERT_NOT_ACTIVATED),
    ],
)
def test_an_e_certificates_code_issued_before_is_refused(
    world: World, state: CredentialState, reason: Reason
) -> None:
    """I-04: a holder who was suspended pays with no code, of whatever mode."""
    (person,) = world.enrol()
    visit = world.register(person)
    codes = (world.code(person), world.code(person, device_certificate_id=DEVICE))
    world.feed(world.insured(person, credentials=(world.ecert(person, state),)))
    for code in codes:
        assert refusal(world, world.settle_command(visit, person, code=code)) is reason


def test_a_code_of_a_revoked_phone_is_refused_and_that_of_another_is_not(world: World) -> None:
    """The status list that says so may be a minute late."""
    (person,) = world.enrol()
    visit = world.register(person)
    codes = [world.code(person, device_certificate_id=each) for each in (DEVICE, OTHER_DEVICE)]
    revoked = world.ecert(person)._replace(revoked_device_certificate_ids=("0" * 16, DEVICE))
    world.feed(world.insured(person, credentials=(revoked,)))
    refused = world.settle_command(visit, person, code=codes[0])
    assert refusal(world, refused) is Reason.QR_REVOKED
    world.settle(visit, person, code=codes[1])


def test_codes_of_before_are_refused_once_the_feed_tells_since_when_they_count(
    world: World,
) -> None:
    """I-03: a relative showed one of them who may not any more."""
    (person,) = world.enrol()
    visit = world.register(person)
    before, after = world.code(person), world.code(person)
    assert before.issue_second < after.issue_second
    since = world.ecert(person)._replace(codes_since_second=after.issue_second)
    world.feed(world.insured(person, credentials=(since,)))
    refused = world.settle_command(visit, person, code=before)
    assert refusal(world, refused) is Reason.QR_WITHDRAWN
    assert refusal(world, world.visit_command(person, code=before)) is Reason.QR_WITHDRAWN
    world.settle(visit, person, code=after)


def test_a_credential_that_is_gone_from_the_feed_is_nobodys(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    world.feed(world.insured(person, credentials=()))
    assert refusal(world, world.settle_command(visit, person)) is Reason.NOT_CARDHOLDER
    assert refusal(world, world.visit_command(person)) is Reason.PERSON_NOT_ENROLLED


def test_where_no_e_certificate_is_taken_the_card_is(world: World) -> None:
    """I-11: the physical card has no such restriction."""
    (person,) = world.enrol()
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))
    with_ecert = world.visit_command(person, institution_id=PHARMACY_WITHOUT_ECERT)
    assert refusal(world, with_ecert) is Reason.INSTITUTION_NO_ECERT
    of_phone = world.code(person, device_certificate_id=DEVICE)
    offline = world.visit_command(person, institution_id=PHARMACY_WITHOUT_ECERT, code=of_phone)
    assert refusal(world, offline) is Reason.INSTITUTION_NO_ECERT
    swiped = world.code(person, is_cards=True)
    visit = world.register(
        person, institution_id=PHARMACY_WITHOUT_ECERT, code=swiped, care_type="41"
    )
    # Nor does the e-certificate pay for what the card registered.
    pay = world.settle_command(visit, person, institution_id=PHARMACY_WITHOUT_ECERT)
    assert refusal(world, pay) is Reason.INSTITUTION_NO_ECERT
    swiped = world.code(person, is_cards=True)
    anew = pay.request._replace(request_id=new_id())
    pay = pay._replace(request=anew, code=swiped)
    # The code is good; the example policy has no row for pharmacies.
    assert refusal(world, pay) is Reason.POLICY_NO_MATCHING_ROW


def test_a_newer_code_supersedes_those_of_its_own_card_or_phone_alone(world: World) -> None:
    """I-01: one clock orders the codes of a signer, none those of two."""
    (person,) = world.enrol()
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))
    visit = world.register(person, code=world.code(person, issue_time=NOW))
    older = NOW - SECOND
    makers = (
        {"is_cards": True},
        {"device_certificate_id": DEVICE},
        {"device_certificate_id": OTHER_DEVICE},
    )
    for maker in makers:
        # Older than what the issuer signed last, and the first of its own signer.
        first = world.code(person, issue_time=older, **maker)
        assert refusal(world, world.settle_command(visit, person, code=first)) is None
    for maker in ({}, *makers):
        oldest = world.code(person, issue_time=older - SECOND, **maker)
        command = world.settle_command(visit, person, code=oldest)
        assert refusal(world, command) is Reason.QR_SUPERSEDED


def test_a_phones_code_is_used_once_by_certificate_and_id(world: World) -> None:
    """I-02 in mode B: the same id of another phone is another code."""
    (person,) = world.enrol()
    visit = world.register(person)
    code = world.code(person, device_certificate_id=DEVICE)
    assert refusal(world, world.settle_command(visit, person, code=code)) is None
    again = world.settle_command(visit, person, code=code)
    assert refusal(world, again) is Reason.QR_ALREADY_USED
    other = code._replace(device_certificate_id=OTHER_DEVICE)
    assert refusal(world, world.settle_command(visit, person, code=other)) is None
    with world.database.read() as connection:
        signers = connection.execute(sa.select(tables.used_code.c.signer)).scalars().all()
    assert sorted(signers) == sorted([world.subject(person), DEVICE, OTHER_DEVICE])
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize(
    ("service_date", "reason"),
    [
        (TODAY - 2 * DAY, None),
        (TODAY - DAY, None),
        (TODAY, Reason.PERSON_NOT_ENROLLED),
    ],
)
def test_the_service_date_decides_whether_there_is_cover(
    world: World, service_date: dt.date, reason: Reason | None
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    world.feed(world.insured(person, end_date=TODAY - DAY))
    bill = world.bill(visit, service_date=service_date)
    assert refusal(world, world.settle_command(visit, person, bill=bill)) is reason


def test_a_bill_is_decided_by_the_period_of_its_own_day(world: World) -> None:
    """The class changed in the middle of a stay, and then the insurance."""
    (person,) = world.enrol()
    visit = world.register(person)
    changed = TODAY - DAY
    periods = (
        world.period(end_date=changed - DAY),
        world.period(start_date=changed, end_date=changed, entitlement_groups=("2305",)),
        world.period(start_date=TODAY, insurance_type="310", person_class="11"),
    )
    world.feed(world.insured(person, enrolments=periods))

    def settled(service_date: dt.date) -> object:
        bill = world.bill(visit, service_date=service_date)
        settlement = world.settle(visit, person, bill=bill)
        facts = settlement.facts
        return (settlement.insurance_type, facts.person_class, list(facts.entitlement_groups))

    assert settled(changed - DAY) == ("390", "16", [])
    assert settled(changed) == ("390", "16", ["2305"])
    # Nobody made a policy for employees here.
    with pytest.raises(RuleError) as caught:
        settled(TODAY)
    assert caught.value.reason is Reason.POLICY_NOT_FOUND
    assert caught.value.metadata["insurance_type"] == "310"
    assert check_ledger(world.database).drifts == []


def test_a_newborns_care_is_paid_once_the_premium_is_received(world: World) -> None:
    """T-16: care counts from birth, and nothing is paid before."""
    born = TODAY - 3 * DAY
    facts = {"start_date": born, "birth_date": born, "person_class": "16"}
    (newborn,) = world.enrol(1, is_premium_pending=True, **facts)
    visit = world.register(newborn, start_date=born)
    bill = world.bill(visit, service_date=born)
    command = world.settle_command(visit, newborn, bill=bill)
    assert refusal(world, command) is Reason.PREMIUM_NOT_RECEIVED
    world.feed(world.insured(newborn, **facts))
    paid = world.settle(visit, newborn, bill=bill)
    assert (paid.service_date.day, paid.facts.age) == (born.day, 0)


def test_a_visit_keeps_the_institution_that_registered_it(world: World) -> None:
    (person,) = world.enrol()
    world.feed(world.insured(person, credentials=(world.card(person),)))
    visit = world.register(person, code=world.code(person, is_cards=True))
    settlement = world.settle(visit, person, code=world.code(person, is_cards=True))
    assert settlement.institution_id == HOSPITAL
