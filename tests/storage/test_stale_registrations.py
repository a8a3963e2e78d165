"""Whoever may be registered elsewhere unknown to settlement is paid on nobody's reduced terms."""

import datetime as dt
from typing import Any

import pytest
from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.corrections import correct, correct_command, tried
from support.databases import Databases
from support.elsewhere_world import (
    THERE,
    admit_there,
    elsewhere_world,
    hear_offsite,
    tell_registered,
)
from support.holds import confirm, hold, hold_command
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms

MOST = dt.timedelta(hours=24)
LATER = MOST + dt.timedelta(seconds=1)
REDUCED = ElsewhereTerms(is_unregistered_reduced=True, max_news_age=MOST)
REFUSING = ElsewhereTerms(max_news_age=MOST)


def refusal_of(world: World, command: Command) -> Reason:
    with pytest.raises(RuleError) as refusal:
        world.run(command)
    return refusal.value.reason


@pytest.fixture
def world(databases: Databases) -> World:
    world = elsewhere_world(databases, REDUCED)
    hear_offsite(world, world.clock.now - MOST)
    return world


def bill_there(world: World, visit: str, amount: int = 1_100_000) -> dict[str, Any]:
    return {"bill": stay_bill(world, visit, TODAY, amount), "institution_id": THERE}


def test_a_visit_and_its_bills_wait_for_news_that_are_older_than_allowed(world: World) -> None:
    person, other = world.enrol(2)
    visit = admit_there(world, person)
    bill = bill_there(world, visit)
    hear_offsite(world, world.clock.now - LATER)
    stale = Reason.OFFSITE_FEED_STALE
    assert refusal_of(world, world.visit_command(other, institution_id=THERE)) is stale
    assert refusal_of(world, world.settle_command(visit, person, **bill)) is stale
    assert refusal_of(world, hold_command(world, visit, person, **bill)) is stale
    with pytest.raises(RuleError) as refusal:
        trial(world.queries, REGION, **bill, now=world.clock.now)
    assert refusal.value.reason is stale
    # At home nothing of it is asked.
    world.settle(world.register(other), other)
    hear_offsite(world, world.clock.now)
    # News came, and told of nothing: 50 %.
    shown = trial(world.queries, REGION, **bill, now=world.clock.now)
    assert shown.record.fund_total_fen == 500_000
    assert world.settle(visit, person, **bill).fund_total_fen == 500_000
    assert_books_are_right(world)


def test_who_was_never_heard_of_is_as_unknown_as_who_was_long_ago(databases: Databases) -> None:
    world = elsewhere_world(databases, REDUCED)
    (person,) = world.enrol()
    command = world.visit_command(person, institution_id=THERE)
    assert refusal_of(world, command) is Reason.OFFSITE_FEED_STALE
    hear_offsite(world, None)
    assert refusal_of(world, command) is Reason.OFFSITE_FEED_STALE
    hear_offsite(world, world.clock.now)
    world.run(command)


def test_what_is_known_goes_on_to_hold_however_old_it_is(world: World) -> None:
    person, other = world.enrol(2)
    tell_registered(world, person, "temporary")
    hear_offsite(world, world.clock.now - 30 * MOST)
    visit = admit_there(world, person)
    assert world.settle(visit, person, **bill_there(world, visit)).fund_total_fen == 600_000
    emergency = admit_there(world, other, marks=CareMarks(admission_kind=AdmissionKind.EMERGENCY))
    assert world.settle(emergency, other, **bill_there(world, emergency)).fund_total_fen == 700_000


def test_a_region_that_refuses_whoever_is_not_registered_says_that_news_are_old(
    databases: Databases,
) -> None:
    world = elsewhere_world(databases, REFUSING)
    (person,) = world.enrol()
    command = world.visit_command(person, institution_id=THERE)
    hear_offsite(world, world.clock.now - LATER)
    assert refusal_of(world, command) is Reason.OFFSITE_FEED_STALE
    hear_offsite(world, world.clock.now - MOST)
    assert refusal_of(world, command) is Reason.OFFSITE_NOT_REGISTERED


def test_without_an_offsite_reduced_terms_ask_for_no_news(databases: Databases) -> None:
    world = elsewhere_world(databases, ElsewhereTerms(is_unregistered_reduced=True))
    (person,) = world.enrol()
    visit = admit_there(world, person)
    assert world.settle(visit, person, **bill_there(world, visit)).fund_total_fen == 500_000


def test_a_correction_gives_back_on_reduced_terms_and_pays_no_more_until_there_are_news(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person)
    settlement = world.settle(visit, person, **bill_there(world, visit))
    hear_offsite(world, world.clock.now - LATER)
    more = stay_bill(world, visit, TODAY, 1_300_000).lines
    less = stay_bill(world, visit, TODAY, 900_000).lines
    command = correct_command(world, settlement.settlement_id, more, institution_id=THERE)
    assert refusal_of(world, command) is Reason.OFFSITE_FEED_STALE
    with pytest.raises(RuleError) as refusal:
        tried(world, command)
    assert refusal.value.reason is Reason.OFFSITE_FEED_STALE
    corrected = correct(world, settlement.settlement_id, less, institution_id=THERE).settlement
    assert corrected.fund_total_fen == 400_000
    hear_offsite(world, world.clock.now)
    corrected = correct(world, corrected.settlement_id, more, institution_id=THERE).settlement
    assert corrected.fund_total_fen == 600_000
    assert_books_are_right(world)


def test_what_was_quoted_while_news_were_fresh_is_confirmed(world: World) -> None:
    (person,) = world.enrol()
    visit = admit_there(world, person)
    quote = hold(world, visit, person, **bill_there(world, visit))
    hear_offsite(world, world.clock.now - LATER)
    assert confirm(world, quote.hold_id, institution_id=THERE).fund_total_fen == 500_000
