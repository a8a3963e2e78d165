"""What an account pays of a corrected bill: by a code or none, beside holds, after New Year."""

import datetime as dt

import pytest
from support.benefit_world import admit, at, benefit_world
from support.charges import assert_books_are_right
from support.corrections import charged, correct, correct_command, record_of, settle, tried
from support.databases import Databases
from support.holds import confirm, hold
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles, limits and an account."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def balance(world: World, person: str) -> int:
    standing = world.queries.standing(REGION, person)
    return 0 if standing is None else standing.balance_fen


def refused(world: World, settlement_id: str, *items: tuple[str, int], **changes: object) -> Reason:
    with pytest.raises(RuleError) as refusal:
        world.run(correct_command(world, settlement_id, charged(*items), **changes))
    return refusal.value.reason


def test_without_a_code_the_account_pays_at_most_what_it_paid(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 90_000))
    old_id = settle(world, person, ("A1", 60_000), account_used=True)
    paid_fen = record_of(world, old_id).account_fen
    assert 0 < paid_fen < 90_000
    answer = correct(world, old_id, charged(("A1", 2_000_000)))
    new = answer.settlement
    assert (new.account_fen, new.cash_fen > 0) == (paid_fen, True)
    assert new.account_balance_fen == balance(world, person) == 90_000 - paid_fen
    # It is told so later too, though the bill was decided on less.
    assert record_of(world, new.settlement_id).balance_after_fen == 90_000 - paid_fen
    again = correct(world, new.settlement_id, charged(("A1", 10_000)))
    assert again.settlement.account_fen < paid_fen
    assert balance(world, person) == 90_000 - again.settlement.account_fen
    assert_books_are_right(world)


def test_with_a_code_the_account_pays_what_it_can_and_the_code_is_used(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 90_000))
    old_id = settle(world, person, ("A1", 60_000), account_used=True)
    code = world.code(person)
    told = tried(world, correct_command(world, old_id, charged(("A1", 2_000_000)), code=code))
    answer = correct(world, old_id, charged(("A1", 2_000_000)), code=code)
    assert answer.amounts == told.amounts
    assert (answer.settlement.account_fen, balance(world, person)) == (90_000, 0)
    new_id = answer.settlement.settlement_id
    assert refused(world, new_id, ("A1", 1_000), code=code) is Reason.QR_ALREADY_USED
    (stranger,) = world.enrol()
    other = refused(world, new_id, ("A1", 1_000), code=world.code(stranger))
    assert other is Reason.NOT_CARDHOLDER
    assert_books_are_right(world)


def test_money_of_earlier_years_goes_back_and_pays_again_after_new_year(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    old_id = settle(world, person, ("A1", 60_000), account_used=True)
    paid_fen = record_of(world, old_id).account_fen
    at(world, dt.date(2027, 1, 20))
    world.run(world.credit_command(person, 1_000))
    answer = correct(world, old_id, charged(("A1", 70_000)))
    new = record_of(world, answer.settlement.settlement_id)
    # What was of this year then is of an earlier one by now, and no other money pays.
    assert (new.carried.paid_fen, new.account_fen) == (paid_fen, paid_fen)
    assert new.benefit_year == 2026
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen - standing.carried_fen == 1_000
    assert answer.settlement.carried_balance_fen == standing.carried_fen == 50_000 - paid_fen
    assert_books_are_right(world)


def test_what_a_hold_reserves_pays_no_corrected_bill(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 90_000))
    old_id = settle(world, person, ("A1", 60_000), account_used=True)
    paid_fen = record_of(world, old_id).account_fen
    visit_id = admit(world, person, TODAY)
    lines = charged(("A1", 2_000_000))
    bill = world.bill(visit_id, lines=lines, total_fen=2_000_000, account_used=True)
    world.run(world.discharge_command(visit_id))
    held = hold(world, visit_id, person, bill=bill)
    answer = correct(world, old_id, charged(("A1", 3_000_000)), code=world.code(person))
    assert answer.settlement.account_fen == paid_fen
    assert confirm(world, held.hold_id).account_fen == 90_000 - paid_fen
    assert balance(world, person) == 0
    assert_books_are_right(world)
