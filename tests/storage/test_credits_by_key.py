"""Credits take effect once by their keys; wrong ones are taken back by two operators (A2, T-33)."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.credits import (
    balance,
    book,
    claims,
    confirm,
    credit,
    propose_correction,
    propose_pay_out,
    reject,
    take_back,
)
from support.databases import Databases
from support.settlement_world import AGENCY, NOW, REGION, TODAY, World

from yibao.settlement.v1 import credit_pb2 as pb
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account_statement import find_account_statement
from yibao_settlement.application.credential import Viewer
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.ledger_check.report import CREDITS, ORDERS_OF_ACCOUNTS
from yibao_settlement.rules.account_statement import AccountStatement
from yibao_settlement.rules.credit.order import PayOutCause
from yibao_settlement.storage import tables

KEY: dict[str, Any] = {"business_key": "202611"}


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refused(reason: Reason) -> "pytest.RaisesExc[RuleError]":
    return pytest.raises(RuleError, check=lambda error: error.reason is reason)


def test_a_month_is_credited_once_whatever_the_request_ids(world: World) -> None:
    """T-33: once per business key."""
    (person,) = world.enrol()
    first = credit(world, person, 16_000, **KEY)
    again = credit(world, person, 16_000, **KEY)
    assert (first.is_repeated, again.is_repeated) == (False, True)
    assert again.credit == first.credit
    assert balance(world, person) == again.account.balance_fen == 16_000
    assert credit(world, person, 16_000, business_key="202612").account.balance_fen == 32_000
    # A bank's number may look like a month.
    assert credit(world, person, 1, source="recharge", **KEY).account.balance_fen == 32_001
    assert check_ledger(world.database).drifts == []


def test_two_of_one_batch_under_one_key_are_one_credit(world: World) -> None:
    (person,) = world.enrol()
    commands = [world.credit_command(person, 16_000, **KEY) for _ in range(3)]
    assert all(isinstance(each, bytes) for each in world.work(REGION, commands))
    assert balance(world, person) == 16_000
    assert len(book(world).credits(REGION, person, before=None, limit=10)) == 1


def test_another_amount_under_a_key_is_refused_and_names_both(world: World) -> None:
    (person,) = world.enrol()
    first = credit(world, person, 16_000, **KEY)
    with refused(Reason.CREDIT_KEY_USED) as refusal:
        credit(world, person, 16_001, **KEY)
    assert refusal.value.metadata == {
        "credit_id": first.credit.credit_id,
        "business_key": "202611",
        "credited_fen": "16000",
        "amount_fen": "16001",
    }
    with refused(Reason.CREDIT_KEY_USED):
        credit(world, person, 16_000, is_carried=True, **KEY)
    assert balance(world, person) == 16_000


def test_requests_of_before_there_were_keys_credit_each_time(world: World) -> None:
    (person,) = world.enrol()
    for number in (1, 2):
        told = credit(world, person, 500)
        assert told.account.balance_fen == 500 * number
    assert {each.business_key for each in book(world).credits(REGION, person, before=None, limit=9)}
    assert check_ledger(world.database).drifts == []


def test_the_key_of_a_merged_record_is_that_of_who_stands_in_its_place(world: World) -> None:
    retired, survivor = world.enrol(2)
    credit(world, retired, 16_000, **KEY)
    world.merge(retired, survivor)
    assert credit(world, survivor, 16_000, **KEY).is_repeated
    assert balance(world, survivor) == 16_000
    assert check_ledger(world.database).drifts == []


def test_a_wrong_credit_is_taken_back_and_its_key_is_free_again(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 16_000, **KEY)
    credit(world, person, 300)
    order = propose_correction(world, told.credit.credit_id, 16_000)
    assert balance(world, person) == 16_300
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        confirm(world, order.order_id, caller=AGENCY)
    with refused(Reason.ACCOUNT_ORDER_STATE):
        confirm(world, order.order_id, amount_fen=15_999)
    with refused(Reason.ACCOUNT_ORDER_WAITS):
        propose_correction(world, told.credit.credit_id, 1)
    done = confirm(world, order.order_id)
    assert (done.state, done.receivable_fen) == (pb.ACCOUNT_ORDER_STATE_CARRIED_OUT, 0)
    assert balance(world, person) == 300
    with refused(Reason.ACCOUNT_ORDER_STATE):
        confirm(world, order.order_id)
    with refused(Reason.CREDIT_NOT_LEFT):
        propose_correction(world, told.credit.credit_id, 1)
    assert credit(world, person, 12_000, **KEY).account.balance_fen == 12_300
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize(("back_fen", "owed_fen"), [(4_999, 0), (5_000, 0), (5_001, 1)])
def test_no_balance_falls_below_zero_and_the_rest_is_owed(
    world: World, back_fen: int, owed_fen: int
) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 1_055_000, **KEY)
    spent = spend_most(world, person)
    left = balance(world, person)
    credit(world, person, 5_000 - left) if left < 5_000 else None
    assert balance(world, person) == 5_000, spent
    done = take_back(world, told.credit.credit_id, back_fen)
    assert done.receivable_fen == owed_fen == claims(world, person).receivable_fen
    assert balance(world, person) == max(5_000 - back_fen, 0)
    assert check_ledger(world.database).drifts == []


def spend_most(world: World, person: str) -> int:
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    left = balance(world, person)
    if left > 5_000:
        credit_ = book(world).credits(REGION, person, before=None, limit=1)[0]
        take_back(world, credit_.credit_id, left - 5_000)
    return settled.account_fen


def test_later_credits_meet_what_is_owed_first(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 20_000, **KEY)
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    assert settled.account_fen == 20_000
    assert take_back(world, told.credit.credit_id, 20_000).receivable_fen == 20_000
    assert credit(world, person, 8_000).account.receivable_fen == 12_000
    assert balance(world, person) == 0
    # What a bill gives back is the account's, until the next credit meets the rest.
    world.reverse(settled.settlement_id)
    assert (balance(world, person), claims(world, person).receivable_fen) == (20_000, 12_000)
    after = credit(world, person, 1_000).account
    assert (after.balance_fen, after.receivable_fen) == (9_000, 0)
    kinds = [each.kind.name for each in statement(world, person).movements]
    assert kinds == [
        *("CREDIT", "SETTLEMENT", "CREDIT", "RECEIVABLE_MET"),
        *("REVERSAL", "CREDIT", "RECEIVABLE_MET"),
    ]
    assert check_ledger(world.database).drifts == []


def statement(world: World, person: str) -> AccountStatement:
    return find_account_statement(
        world.queries, REGION, person, Viewer(None), start_date=TODAY, end_date=TODAY, now=NOW
    )


def test_the_account_and_its_statement_tell_what_is_owed(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 20_000, **KEY)
    visit = world.register(person)
    world.settle(visit, person, bill=world.bill(visit, account_used=True))
    take_back(world, told.credit.credit_id, 20_000)
    assert claims(world, person) == (20_000, False)
    assert statement(world, person).receivable_fen == 20_000


def test_what_a_year_left_is_taken_out_of_the_purse_that_it_is_in(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 10_000, **KEY)
    world.clock.now = dt.datetime(2027, 1, 5, 4, tzinfo=dt.UTC)
    credit(world, person, 3_000, business_key="202701")
    take_back(world, told.credit.credit_id, 10_000)
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert (standing.balance_fen, standing.carried_fen) == (3_000, 0)
    assert check_ledger(world.database).drifts == []


def test_what_was_confirmed_in_the_year_that_follows_is_taken_out_of_its_money(
    world: World,
) -> None:
    """In the purse of a year is what was booked in it, whenever it was proposed."""
    (person,) = world.enrol()
    credit(world, person, 300)
    waiting = credit(world, person, 900, second_above_fen=800, business_key="K").credit
    world.clock.now = NOW + dt.timedelta(days=60)
    confirm(world, waiting.order_id)
    take_back(world, waiting.credit_id, 900)
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert (standing.account_year, standing.balance_fen, standing.carried_fen) == (2027, 300, 300)
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize(("amount_fen", "waits"), [(100_000, False), (100_001, True)])
def test_a_large_credit_takes_effect_once_a_second_person_confirms_it(
    world: World, amount_fen: int, waits: bool
) -> None:
    (person,) = world.enrol()
    told = credit(world, person, amount_fen, second_above_fen=100_000, **KEY)
    assert (told.credit.state == pb.CREDIT_STATE_WAITING) is waits
    assert balance(world, person) == (0 if waits else amount_fen)
    again = credit(world, person, amount_fen, second_above_fen=100_000, **KEY)
    assert again.is_repeated
    if waits:
        with refused(Reason.SAME_MAKER_AND_CHECKER):
            confirm(world, told.credit.order_id, caller=AGENCY)
        confirm(world, told.credit.order_id)
    assert balance(world, person) == amount_fen
    assert check_ledger(world.database).drifts == []


def test_a_large_credit_that_is_rejected_frees_its_key(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 9_000, second_above_fen=1, **KEY)
    reject(world, told.credit.order_id)
    assert balance(world, person) == 0
    again = credit(world, person, 8_000, **KEY)
    assert (again.is_repeated, again.account.balance_fen) == (False, 8_000)
    assert check_ledger(world.database).drifts == []


def test_an_account_is_paid_out_after_a_death_by_two_operators(world: World) -> None:
    (person,) = world.enrol()
    credit(world, person, 73_155)
    with refused(Reason.CASH_NOT_PAID):
        propose_pay_out(world, person, 73_155)
    with refused(Reason.CASH_NOT_PAID):
        propose_pay_out(world, person, 73_155, PayOutCause.EMIGRATION)
    world.feed(dataclasses.replace(world.insured(person), death_date=TODAY))
    with refused(Reason.PAY_OUT_NOT_OPEN) as refusal:
        propose_pay_out(world, person, 73_154)
    assert refusal.value.metadata == {"payable_fen": "73155"}
    order = propose_pay_out(world, person, 73_155)
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        confirm(world, order.order_id, caller=AGENCY)
    assert confirm(world, order.order_id).state == pb.ACCOUNT_ORDER_STATE_CARRIED_OUT
    assert (balance(world, person), claims(world, person).is_closed) == (0, True)
    with refused(Reason.ACCOUNT_CLOSED):
        credit(world, person, 1)
    assert check_ledger(world.database).drifts == []


def test_heirs_get_what_is_left_of_what_the_account_owes(world: World) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 20_000, **KEY)
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    take_back(world, told.credit.credit_id, 15_000)
    world.reverse(settled.settlement_id)
    world.feed(dataclasses.replace(world.insured(person), death_date=TODAY))
    confirm(world, propose_pay_out(world, person, 5_000).order_id)
    assert (balance(world, person), claims(world, person)) == (0, (0, True))
    assert check_ledger(world.database).drifts == []


def _alter(world: World, table: sa.Table, **values: object) -> None:
    with world.database.write() as connection:
        connection.execute(sa.update(table).values(**values))


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("table", "values", "broken"),
    [
        (tables.accounts.credit, {"amount_fen": 1}, CREDITS),
        (tables.accounts.credit, {"is_carried": True}, CREDITS),
        (tables.accounts.credit, {"source": "recharge"}, CREDITS),
        (tables.accounts.credit, {"state": 1}, CREDITS),
        (tables.accounts.credit, {"taken_back_fen": 5}, ORDERS_OF_ACCOUNTS),
        (tables.accounts.account_order, {"checker": AGENCY}, ORDERS_OF_ACCOUNTS),
        (tables.accounts.account_order, {"amount_fen": 1}, ORDERS_OF_ACCOUNTS),
        (tables.accounts.account_order, {"receivable_fen": 1}, ORDERS_OF_ACCOUNTS),
        (tables.accounts.account_order, {"state": 1}, ORDERS_OF_ACCOUNTS),
    ],
)
def test_credits_and_orders_that_were_altered_are_found(
    world: World, table: sa.Table, values: dict[str, object], broken: str
) -> None:
    (person,) = world.enrol()
    told = credit(world, person, 16_000, **KEY)
    take_back(world, told.credit.credit_id, 6_000)
    assert check_ledger(world.database).drifts == []
    _alter(world, table, **values)
    assert broken in {each.invariant for each in check_ledger(world.database).drifts}
