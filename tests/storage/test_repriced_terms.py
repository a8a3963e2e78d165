"""What a bill costs on other terms is what it would have cost, had its days had them then."""

import datetime as dt

import pytest
from support.benefit_world import benefit_world, policy_text
from support.charges import assert_books_are_right
from support.corrections import charged, correct, record_of, settle
from support.databases import Databases
from support.repricings import ALL, persons, put_items, reprice
from support.settlement_world import AGENCY, REGION, TODAY, World

from yibao_common.values.caller import parse_caller
from yibao_common.values.reasons import Reason
from yibao_settlement.application.feed import InsuredPerson
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.policy.split import OwnCost
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.repricing import Liability, PersonState, RepricedTerm

SINCE = dt.date(2014, 1, 1)
BETTER = policy_text(start="2026-01-01").replace("amount: 100_000", "amount: 50_000")
GROUPS = ("GENERAL",)
BILL = (("A1", 600_000), ("B1", 300_000), ("B2", 50_000), ("C1", 20_000))


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region that settles by either format."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def insure(world: World, person: str, **facts: object) -> None:
    """Tells other periods of a person than those that stood."""
    told: InsuredPerson = world.insured(person, **facts)
    world.feed(told)


def assert_costs_as(world: World, settlement_id: str, anew: str) -> None:
    """Asserts that a bill costs by now what another one cost as it was settled."""
    by_now, new = record_of(world, settlement_id), record_of(world, anew)
    assert by_now.effective.fund_payments == new.fund_payments
    assert by_now.effective.cash_fen == new.cash_fen
    assert by_now.effective.deductible_fen == new.deductible_fen
    assert by_now.in_effect.facts == new.facts
    lines = [
        line._replace(excluded_fen=0, first_self_pay_fen=0, eligible_fen=0) for line in new.lines
    ]
    assert [each[:4] for each in by_now.in_effect.lines] == [each[:4] for each in lines]
    assert_explained(world, by_now)
    assert_books_are_right(world)


def assert_explained(world: World, record: SettlementRecord) -> None:
    found = find_both_columns(world.queries, REGION, record.settlement_id, parse_caller(AGENCY))
    assert (found.effective is not None) == record.is_revised


def test_items_count_as_the_catalogue_says_by_now(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    put_items(
        world,
        CatalogueItem("B1", "乙类药", "01", None, "", SINCE, None),
        CatalogueItem("B2", "乙类耗材", "02", 200_000, "80.00", SINCE, None),
    )
    reprice(world, bill, terms=(RepricedTerm.POLICY,))
    assert record_of(world, bill).newest_terms is None
    reprice(world, bill, terms=(RepricedTerm.CATALOGUE,))
    assert record_of(world, bill).is_revised
    (other,) = world.enrol()
    assert_costs_as(world, bill, settle(world, other, *BILL))


def test_an_item_without_a_row_of_its_day_keeps_the_person_as_is(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    put_items(world, CatalogueItem("B1", "乙类药", "02", None, "", SINCE, dt.date(2020, 1, 1)))
    proposed = reprice(world, bill, terms=(RepricedTerm.CATALOGUE,))
    (refused,) = persons(world, proposed.repricing_id)
    assert (refused.state, refused.reason) == (
        PersonState.REFUSED,
        Reason.CATALOGUE_ITEM_UNKNOWN.name,
    )
    assert record_of(world, bill).newest_terms is None


def test_facts_are_those_of_the_enrolment_by_now(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    insure(world, person, entitlement_groups=GROUPS)
    reprice(world, bill, terms=(RepricedTerm.POLICY, RepricedTerm.CATALOGUE))
    assert record_of(world, bill).newest_terms is None
    reprice(world, bill, terms=(RepricedTerm.ENROLMENT,))
    now = record_of(world, bill)
    assert (now.facts.entitlement_groups, now.in_effect.facts.entitlement_groups) == ((), GROUPS)
    assert_books_are_right(world)


def test_without_cover_all_is_own_cost_and_with_it_again_as_it_was(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    before = record_of(world, bill)
    insure(world, person, end_date=TODAY - dt.timedelta(days=1))
    done = reprice(world, bill, terms=(RepricedTerm.ENROLMENT,))
    assert done.fund_change_fen == -before.fund_total_fen
    gone = record_of(world, bill)
    assert (gone.effective.fund_total_fen, gone.effective.cash_fen) == (0, gone.total_fen)
    assert {own.own_cost for own in gone.in_effect.particulars if own} == {OwnCost.OUTSIDE_COVER}
    assert_books_are_right(world)
    insure(world, person)
    reprice(world, bill, terms=(RepricedTerm.ENROLMENT,))
    again = record_of(world, bill)
    assert again.effective.costs_as(before.effective)
    assert not again.is_revised
    assert_books_are_right(world)


def test_p8_what_a_third_party_is_liable_for_goes_back_to_the_funds(world: World) -> None:
    """Case P8: decided after discharge, the fund's part is taken back as what differs."""
    (person,) = world.enrol()
    bill, later = settle(world, person, *BILL), settle(world, person, *BILL)
    before = record_of(world, bill)
    done = reprice(world, bill, terms=(), liability=Liability.THIRD_PARTY)
    now = record_of(world, bill)
    assert (now.effective.fund_total_fen, now.effective.cash_fen) == (0, now.total_fen)
    assert now.counter == before.counter
    # The later bill is the first of the year by now, as this one was.
    assert record_of(world, later).effective.fund_payments == before.fund_payments
    assert done.fund_change_fen == (
        record_of(world, later).effective.fund_total_fen
        - record_of(world, later).fund_total_fen
        - before.fund_total_fen
    )
    assert_explained(world, now)
    assert_books_are_right(world)
    # Whatever else is asked for anew, the liability stays until it is taken back.
    put_items(world, CatalogueItem("B1", "乙类药", "01", None, "", SINCE, None))
    reprice(world, bill)
    assert record_of(world, bill).effective.fund_total_fen == 0
    reprice(world, bill, liability=Liability.NOBODY_ELSE)
    (other,) = world.enrol()
    assert_costs_as(world, bill, settle(world, other, *BILL))


def test_a_correction_of_a_stay_with_a_third_party_is_own_cost_too(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    reprice(world, bill, terms=(), liability=Liability.THIRD_PARTY)
    answer = correct(world, bill, charged(("A1", 500_000)))
    assert answer.settlement.fund_total_fen == 0
    assert_books_are_right(world)


@pytest.mark.parametrize("terms", [(), ALL], ids=["liability alone", "all terms"])
def test_what_is_corrected_while_a_third_party_is_liable_may_be_the_funds_again(
    world: World, terms: tuple[RepricedTerm, ...]
) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    reprice(world, bill, terms=(), liability=Liability.THIRD_PARTY)
    new = correct(world, bill, charged(*BILL)).settlement.settlement_id
    reprice(world, new, terms=terms, liability=Liability.NOBODY_ELSE)
    (other,) = world.enrol()
    assert_costs_as(world, new, settle(world, other, *BILL))


def test_lines_of_a_repriced_bill_are_returned_from_both_columns(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person, *BILL)
    put_items(world, CatalogueItem("B1", "乙类药", "01", None, "", SINCE, None))
    reprice(world, bill)
    world.refund(bill, AskedReturn(1))
    now = record_of(world, bill)
    assert now.total_fen == sum(fen for _, fen in BILL[1:])
    assert now.newest_terms is not None
    assert now.newest_terms.number == 2
    (other,) = world.enrol()
    anew = settle(world, other, *BILL)
    world.refund(anew, AskedReturn(1))
    assert_costs_as(world, bill, anew)


def test_a_repriced_bill_is_corrected_on_its_terms_and_reversed(world: World) -> None:
    (person,) = world.enrol()
    bill, later = settle(world, person, *BILL), settle(world, person, ("A1", 400_000))
    put_items(world, CatalogueItem("B1", "乙类药", "01", None, "", SINCE, None))
    insure(world, person, entitlement_groups=GROUPS)
    reprice(world, bill)
    answer = correct(world, bill, charged(*BILL))
    new = record_of(world, answer.settlement.settlement_id)
    (other,) = world.enrol(entitlement_groups=GROUPS)
    anew = record_of(world, settle(world, other, *BILL))
    assert (new.fund_payments, new.cash_fen, new.facts) == (
        anew.fund_payments,
        anew.cash_fen,
        anew.facts,
    )
    assert_books_are_right(world)
    world.reverse(new.settlement_id)
    (third,) = world.enrol()
    alone = record_of(world, settle(world, third, ("A1", 400_000)))
    assert record_of(world, later).effective.fund_payments == alone.fund_payments
    assert_books_are_right(world)
