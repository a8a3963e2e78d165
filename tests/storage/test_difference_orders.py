"""Paying out, collecting and writing off what lies between funds and persons."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world, stay_bill
from support.charges import assert_books_are_right, refusal
from support.databases import Databases, as_owner
from support.differences import (
    FUND,
    confirm,
    confirm_command,
    difference,
    propose,
    propose_command,
    reject,
    settle,
)
from support.reviews import CHECKER
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.difference_service_pb2 import ProposeDifferenceOrderResponse
from yibao_common.commands.request import Outcome
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.difference.order import check_fund
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.difference_order import OrderKind, OrderState, is_dust
from yibao_settlement.storage import tables

PAY_OUT, COLLECT, WRITE_OFF = OrderKind.PAY_OUT, OrderKind.COLLECT, OrderKind.WRITE_OFF


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def person_with(world: World, *, owes: bool) -> tuple[str, int]:
    """Returns a person who owes something, or is owed it, and how much, above zero.

    The deductible of a second stay is lower, and a limit of the year is used up by the first.
    """
    (person,) = world.enrol()
    ids = []
    for institution in (HOSPITAL, OTHER_HOSPITAL):
        visit = world.register(person, start_date=TODAY, institution_id=institution)
        bill = stay_bill(world, visit, TODAY, 900_000 if owes else 2_000_000)
        settled = world.settle(visit, person, bill=bill, institution_id=institution)
        ids.append(settled.settlement_id)
    world.reverse(ids[0])
    found = difference(world, person).difference_fen
    owed_fen = -found if owes else found
    assert owed_fen > 1
    return person, owed_fen


def entries_of(world: World, posting_id: str) -> dict[str, int]:
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, entry.amount_fen).where(entry.posting_id == posting_id)
        )
        return {row.account_id: row.amount_fen for row in rows}


def test_what_a_person_owes_is_collected_by_two_operators(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    proposed = propose(world, person, COLLECT, owed_fen)
    assert (OrderState(proposed.state), proposed.maker) == (OrderState.PROPOSED, AGENCY)
    assert difference(world, person).difference_fen == -owed_fen
    done = confirm(world, proposed)
    assert (OrderState(done.state), done.maker, done.checker) == (
        OrderState.CARRIED_OUT,
        AGENCY,
        CHECKER,
    )
    assert entries_of(world, done.posting_id) == {
        f"difference:{person}": owed_fen,
        f"payment:{done.order_id}": -owed_fen,
    }
    told = difference(world, person)
    assert (told.difference_fen, told.settled_fen(COLLECT)) == (0, owed_fen)
    assert [each.order_id for each in told.orders] == [done.order_id]
    assert_books_are_right(world)


def test_what_is_owed_to_a_person_is_paid_out(world: World) -> None:
    person, owed_fen = person_with(world, owes=False)
    first = settle(world, person, PAY_OUT, owed_fen - 1)
    assert entries_of(world, first.posting_id) == {
        f"difference:{person}": 1 - owed_fen,
        f"payment:{first.order_id}": owed_fen - 1,
    }
    settle(world, person, PAY_OUT, 1)
    told = difference(world, person)
    assert (told.difference_fen, told.settled_fen(PAY_OUT)) == (0, owed_fen)
    assert_books_are_right(world)


def test_a_fund_bears_what_is_written_off(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    done = settle(world, person, WRITE_OFF, owed_fen)
    assert entries_of(world, done.posting_id) == {
        f"difference:{person}": owed_fen,
        f"writeoff:{FUND}": -owed_fen,
    }
    told = difference(world, person)
    assert (told.difference_fen, told.settled_fen(WRITE_OFF)) == (0, owed_fen)
    assert_books_are_right(world)


@pytest.mark.parametrize("kind", [PAY_OUT, COLLECT, WRITE_OFF])
@pytest.mark.parametrize("owes", [True, False])
def test_nothing_is_settled_beyond_what_is_owed_or_the_other_way(
    world: World, kind: OrderKind, owes: bool
) -> None:
    person, owed_fen = person_with(world, owes=owes)
    is_that_way = (kind is PAY_OUT) != owes
    amount_fen = owed_fen + 1 if is_that_way else 1
    error = refusal(lambda: propose(world, person, kind, amount_fen))
    assert error.reason is Reason.DIFFERENCE_NOT_OPEN
    assert error.metadata == {"difference_fen": str(-owed_fen if owes else owed_fen)}


def test_the_balance_is_looked_at_again_when_the_checker_confirms(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, owed_fen)
    bill = difference(world, person).rows[0].record
    world.reverse(bill.settlement_id, institution_id=bill.institution_id)
    assert difference(world, person).difference_fen == 0
    error = refusal(lambda: confirm(world, order))
    assert (error.reason, error.metadata) == (
        Reason.DIFFERENCE_NOT_OPEN,
        {"difference_fen": "0"},
    )
    assert OrderState(reject(world, order).state) is OrderState.REJECTED
    assert_books_are_right(world)


def test_what_a_batch_posts_counts_for_what_comes_behind_it(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, owed_fen)
    bill = difference(world, person).rows[0].record
    reversing = world.reverse_command(bill.settlement_id, institution_id=bill.institution_id)
    _, refused = world.work(REGION, [reversing, confirm_command(world, order)])
    assert isinstance(refused, RuleError)
    assert refused.reason is Reason.DIFFERENCE_NOT_OPEN
    assert_books_are_right(world)


def test_the_checker_is_another_operator_and_confirms_what_it_read(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, owed_fen)
    for act in (confirm, reject):
        error = refusal(lambda act=act: act(world, order, caller=AGENCY))
        assert error.reason is Reason.SAME_MAKER_AND_CHECKER
    error = refusal(lambda: confirm(world, order, amount_fen=owed_fen - 1))
    assert (error.reason, error.metadata) == (
        Reason.DIFFERENCE_ORDER_STATE,
        {"state": "PROPOSED"},
    )
    other = dataclasses.replace(confirm_command(world, order), kind=WRITE_OFF)
    assert refusal(lambda: world.run(other)).reason is Reason.DIFFERENCE_ORDER_STATE
    assert difference(world, person).difference_fen == -owed_fen


def test_a_closed_order_stays_closed_and_one_waits_at_a_time(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, 1)
    error = refusal(lambda: propose(world, person, WRITE_OFF, 1))
    assert (error.reason, error.metadata) == (
        Reason.DIFFERENCE_ORDER_WAITS,
        {"order_id": order.order_id},
    )
    assert reject(world, order).reject_reason == "wrong bank account"
    for act in (confirm, reject):
        error = refusal(lambda act=act: act(world, order))
        assert (error.reason, error.metadata) == (
            Reason.DIFFERENCE_ORDER_STATE,
            {"state": "REJECTED"},
        )
    done = settle(world, person, COLLECT, owed_fen)
    assert refusal(lambda: confirm(world, done)).reason is Reason.DIFFERENCE_ORDER_STATE
    assert [each.state for each in difference(world, person).orders] == [
        OrderState.CARRIED_OUT,
        OrderState.REJECTED,
    ]
    assert_books_are_right(world)


def test_of_an_unknown_person_there_is_nothing_to_settle(world: World) -> None:
    error = refusal(lambda: propose(world, new_id(), COLLECT, 1))
    assert error.reason is Reason.ACCOUNT_NOT_FOUND
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, owed_fen)
    order.order_id = new_id()
    error = refusal(lambda: confirm(world, order))
    assert (error.reason, error.metadata) == (
        Reason.DIFFERENCE_ORDER_NOT_FOUND,
        {"order_id": order.order_id},
    )


def test_records_that_were_merged_are_one_person_and_settled_under_the_survivor(
    world: World,
) -> None:
    person, owed_fen = person_with(world, owes=True)
    waiting = propose(world, person, COLLECT, owed_fen)
    survivor, _ = person_with(world, owes=True)
    world.merge(person, survivor)
    for act in (
        lambda: propose(world, person, COLLECT, 1),
        lambda: confirm(world, waiting),
    ):
        assert refusal(act).reason is Reason.PERSON_MERGED
    assert OrderState(reject(world, waiting).state) is OrderState.REJECTED
    # Both stays are of one person by now, and decided so.
    open_fen = -difference(world, survivor).difference_fen
    order = settle(world, survivor, COLLECT, open_fen)
    told = difference(world, survivor)
    assert (told.difference_fen, told.settled_fen(COLLECT)) == (0, open_fen)
    assert [each.order_id for each in told.orders] == [order.order_id, waiting.order_id]
    assert_books_are_right(world)


def test_a_repeated_request_is_answered_as_before(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    asked = propose_command(world, person, COLLECT, owed_fen)
    first = world.run(asked)
    assert world.run(asked) == first
    (order,) = difference(world, person).orders
    assert order.person_id == person
    proposed = ProposeDifferenceOrderResponse.FromString(first).order
    assert proposed.order_id == order.order_id
    confirming = confirm_command(world, proposed)
    done = world.run(confirming)
    assert world.run(confirming) == done
    assert world.new_worker()(REGION, [asked, confirming]) == [first, done]
    assert difference(world, person).difference_fen == 0
    assert_books_are_right(world)


def test_of_confirmations_at_once_one_is_carried_out(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    order = propose(world, person, COLLECT, owed_fen)
    workers = [world.new_worker() for _ in range(4)]

    def confirming(worker_number: int) -> Outcome[bytes]:
        (outcome,) = workers[worker_number](REGION, [confirm_command(world, order)])
        return outcome

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(confirming, range(4)))
    assert sum(isinstance(each, bytes) for each in outcomes) == 1
    assert difference(world, person).difference_fen == 0
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("kind", "fund_type", "is_right"),
    [
        (WRITE_OFF, FUND, True),
        (WRITE_OFF, None, False),
        (WRITE_OFF, "999999", False),
        (COLLECT, FUND, False),
        (PAY_OUT, None, True),
    ],
)
def test_a_fund_that_has_paid_bears_a_loss_and_nothing_else(
    world: World, kind: OrderKind, fund_type: str | None, is_right: bool
) -> None:
    person_with(world, owes=True)
    if is_right:
        check_fund(world.queries, REGION, kind, fund_type)
        return
    error = refusal(lambda: check_fund(world.queries, REGION, kind, fund_type))
    assert [each.field for each in error.faults] == ["fund_type"]


@pytest.mark.parametrize(
    ("difference_fen", "is_little"),
    [(0, False), (1, True), (-1, True), (99, True), (-99, True), (100, False), (-100, False)],
)
def test_nobody_is_asked_for_less_than_the_least_amount(
    difference_fen: int, is_little: bool
) -> None:
    assert is_dust(difference_fen, dust_fen=100) is is_little


def test_orders_are_listed_in_pages_the_first_one_first(world: World) -> None:
    orders = []
    for _ in range(3):
        person, _ = person_with(world, owes=True)
        orders.append(propose(world, person, COLLECT, 1).order_id)
        order = difference(world, person).orders[0]
    confirm(world, propose(world, person_with(world, owes=True)[0], COLLECT, 1))
    listed = world.queries.difference_orders(REGION, OrderState.PROPOSED, after=None, limit=2)
    assert [each.order_id for each in listed] == orders[:2]
    listed = world.queries.difference_orders(REGION, OrderState.PROPOSED, after=orders[1], limit=2)
    assert listed == [order]
    assert len(world.queries.difference_orders(REGION, None, after=None, limit=9)) == 4


def altered(world: World, statement: sa.Update) -> list[str]:
    """Returns what the ledger checker says of a difference after something was altered."""
    with as_owner(world.database) as connection:
        assert connection.execute(statement).rowcount
    return [each.detail for each in check_ledger(world.database).drifts]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"amount_fen": 1}, "posted"),
        ({"state": 3}, "names a posting"),
        ({"checker": AGENCY}, "was proposed by"),
        ({"posting_id": None}, "no order was carried out by it"),
        ({"kind": 3, "fund_type": FUND}, "posted"),
    ],
)
def test_the_checker_finds_an_order_that_was_altered(
    world: World, values: dict[str, object], says: str
) -> None:
    person, owed_fen = person_with(world, owes=True)
    settle(world, person, COLLECT, owed_fen)
    found = altered(world, sa.update(tables.difference_order).values(**values))
    assert any(says in each for each in found), found


def test_the_checker_finds_a_difference_that_no_bill_and_no_order_explains(world: World) -> None:
    person, owed_fen = person_with(world, owes=True)
    entry = tables.entry
    # Both entries of an adjustment, so that it sums to zero still.
    statement = (
        sa.update(entry)
        .where(entry.c.kind == 6)
        .values(
            amount_fen=sa.case(
                (entry.c.account_id == f"difference:{person}", entry.c.amount_fen - 1),
                else_=entry.c.amount_fen + 1,
            )
        )
    )
    found = altered(world, statement)
    comes = f"difference is {-owed_fen - 1} fen, bills and orders come to {-owed_fen}"
    assert comes in found
