"""A death that identity told of, by its day: what is paid, what is refused, on both databases."""

import dataclasses
import datetime as dt

import pytest
from support.databases import Databases, as_owner
from support.refusals import reason_of
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.credential import CredentialState

DAY = dt.timedelta(days=1)
DIED = TODAY - DAY


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def died(world: World, person_id: str, day: dt.date = DIED) -> None:
    """Tells of a death as identity does: credentials are closed, cover ends."""
    period = world.period(end_date=day)
    closed = world.ecert(person_id, CredentialState.CLOSED)
    told = world.insured(person_id, enrolments=(period,), credentials=(closed,))
    world.feed(dataclasses.replace(told, death_date=day))


def test_days_up_to_a_death_are_paid_without_a_code(world: World) -> None:
    """I-31: the last bill of a stay is settled by the hospital alone, on record."""
    (person,) = world.enrol()
    visit = world.register(person)
    before = world.settle(visit, person, bill=world.bill(visit, service_date=DIED - DAY))
    died(world, person)
    settled = world.settle(visit, person, code=None, bill=world.bill(visit, service_date=DIED))
    assert settled.fund_total_fen == before.fund_total_fen > 0
    report = check_ledger(world.database)
    assert report.settlements == 2
    assert report.drifts == []
    world.reverse(settled.settlement_id)
    assert check_ledger(world.database).drifts == []


def test_days_after_a_death_are_refused(world: World) -> None:
    """I-31: whether a code is shown or not, tried or settled."""
    (person,) = world.enrol()
    visit = world.register(person)
    died(world, person)
    bill = world.bill(visit, service_date=TODAY)
    command = world.settle_command(visit, person, code=None, bill=bill)
    with pytest.raises(RuleError) as caught:
        world.run(command)
    assert caught.value.reason is Reason.PERSON_DECEASED
    assert caught.value.metadata == {"death_date": DIED.isoformat()}
    now = world.clock.now
    tried = reason_of(lambda: trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=now))
    assert tried is Reason.PERSON_DECEASED
    earlier = world.bill(visit, service_date=DIED)
    found = trial(world.queries, REGION, earlier, institution_id=HOSPITAL, now=now)
    assert found.record.fund_total_fen > 0


def test_a_code_of_who_died_pays_nothing(world: World) -> None:
    """I-31: whoever holds the phone now is not the person."""
    (person,) = world.enrol()
    visit = world.register(person)
    code = world.code(person)
    died(world, person)
    bill = world.bill(visit, service_date=DIED)
    refused = reason_of(lambda: world.settle(visit, person, code=code, bill=bill))
    assert refused is Reason.ECERT_NOT_ACTIVATED


def test_no_visit_is_registered_for_who_died(world: World) -> None:
    """I-31: not for days before either; what was not registered is claimed by papers."""
    (person,) = world.enrol()
    code = world.code(person)
    died(world, person)
    refused = reason_of(lambda: world.register(person, code=code, start_date=DIED))
    assert refused is Reason.PERSON_DECEASED


def test_the_living_show_a_code(world: World) -> None:
    """I-31: a bill without one is refused, also once the report of a death was revoked."""
    (person,) = world.enrol()
    visit = world.register(person)
    for _ in range(2):
        with pytest.raises(RuleError) as caught:
            world.settle(visit, person, code=None)
        assert caught.value.reason is Reason.FIELD_REQUIRED
        assert [fault.field for fault in caught.value.faults] == ["presentation"]
        died(world, person)
        world.feed(world.insured(person))
    assert world.settle(visit, person).settlement_id


def test_a_bill_without_a_code_that_the_audit_does_not_tell_of_is_found(world: World) -> None:
    """I-31: nobody slips a settlement under a death."""
    (person,) = world.enrol()
    visit = world.register(person)
    died(world, person)
    world.settle(visit, person, code=None, bill=world.bill(visit, service_date=DIED))
    with as_owner(world.database) as connection:
        connection.exec_driver_sql("DELETE FROM audit_subject")
    told = [each.detail for each in check_ledger(world.database).drifts]
    assert "its request has 0 codes used up for 1 bills" in told
