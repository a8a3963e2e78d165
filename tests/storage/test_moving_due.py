"""What is due to an account is moved into it, and taken out again, on both databases."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world, stay_bill
from support.charges import assert_books_are_right, refusal
from support.crashing import POINTS, CrashingTransactions
from support.databases import Databases, as_owner
from support.differences import difference, move, move_all, move_command
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.difference_service_pb2 import MoveDueResponse
from yibao_common.commands.request import Outcome
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import find_account
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.credential import Viewer
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.account import Purses, purses_in
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

NEXT_YEAR = NOW.replace(year=NOW.year + 1, month=1, day=5)
CREDIT_FEN = 1_000_000


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


class PowerFailureError(Exception):
    """The process is gone."""


class Due(NamedTuple):
    """A person to whose account something is due, for which bill."""

    person: str
    settlement_id: str
    due_fen: int
    account_fen: int


def stay(world: World, person: str, institution: str, fen: int, **changes: Any) -> str:
    visit = world.register(person, start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit, TODAY, fen, **changes)
    return world.settle(visit, person, bill=bill, institution_id=institution).settlement_id


def person_with_due(
    world: World, *, current_fen: int = CREDIT_FEN, carried_fen: int = 0, first_fen: int = 2_000_000
) -> Due:
    """Settles two stays, the second one by the account, and reverses the first one.

    That had used up a limit of the year: the second one costs the person less now.
    """
    (person,) = world.enrol()
    if carried_fen:
        world.run(world.credit_command(person, carried_fen, is_carried=True))
    if current_fen:
        world.run(world.credit_command(person, current_fen))
    first = stay(world, person, HOSPITAL, first_fen)
    second = stay(world, person, OTHER_HOSPITAL, 2_000_000, account_used=True)
    world.reverse(first)
    record = world.queries.settlement(REGION, second)
    assert record is not None
    due_fen = difference(world, person).due_fen
    assert 0 < due_fen < record.account_fen
    return Due(person, second, due_fen, record.account_fen)


def purses(world: World, person: str) -> Purses:
    standing = find_account(
        world.queries, REGION, person, Viewer(None), now=world.clock.now
    ).standing
    return purses_in(standing, world.clock.now.year)


def posted(world: World, kind: PostingKind) -> list[dict[str, int]]:
    """Returns the entries of every posting of a kind."""
    entry = tables.entry.c
    found: dict[str, dict[str, int]] = {}
    with world.database.read() as connection:
        for row in connection.execute(
            sa.select(entry.posting_id, entry.account_id, entry.amount_fen)
            .where(entry.kind == int(kind))
            .order_by(entry.posting_id)
        ):
            found.setdefault(row.posting_id, {})[row.account_id] = row.amount_fen
    return list(found.values())


def test_what_is_due_goes_into_the_account_once(world: World) -> None:
    due = person_with_due(world)
    before = purses(world, due.person)
    answer = move(world, due.person)
    assert (answer.amount_fen, answer.settlement_count) == (due.due_fen, 1)
    assert posted(world, PostingKind.MOVE) == [
        {f"due:{due.person}": -due.due_fen, f"person:{due.person}": due.due_fen}
    ]
    assert purses(world, due.person) == before._replace(
        current_year_fen=before.current_year_fen + due.due_fen
    )
    told = difference(world, due.person)
    assert (told.due_fen, told.moved_fen) == (0, due.due_fen)
    assert [(each.settlement_id, each.amount_fen) for each in told.moves] == [
        (due.settlement_id, due.due_fen)
    ]
    error = refusal(lambda: world.run(move_command(world, due.person, due.due_fen)))
    assert (error.reason, error.metadata) == (Reason.DUE_NOT_OPEN, {"due_fen": "0"})
    assert_books_are_right(world)


def test_a_reversal_takes_out_again_what_was_moved_and_spent(world: World) -> None:
    due = person_with_due(world)
    move(world, due.person)
    # Everything is spent, so that the reversal alone brings what it takes out.
    visit = world.register(due.person, care_type="11", start_date=TODAY)
    bill = stay_bill(world, visit, TODAY, 9_000_000, account_used=True)
    world.settle(visit, due.person, bill=bill)
    assert purses(world, due.person).balance_fen == 0
    before = len(posted(world, PostingKind.ADJUSTMENT))
    answer = world.reverse(due.settlement_id, institution_id=OTHER_HOSPITAL)
    left_fen = due.account_fen - due.due_fen
    assert answer.account_balance_fen == left_fen
    assert purses(world, due.person) == Purses(left_fen, 0)
    taken = posted(world, PostingKind.ADJUSTMENT)[before]
    assert taken[f"person:{due.person}"] == -due.due_fen
    told = difference(world, due.person)
    assert (told.moved_fen, [each.amount_fen for each in told.moves]) == (
        0,
        [-due.due_fen, due.due_fen],
    )
    assert_books_are_right(world)


def test_what_a_bill_took_of_earlier_years_comes_back_there_first(world: World) -> None:
    carried_fen = 300_000
    due = person_with_due(world, current_fen=300_000, carried_fen=carried_fen)
    assert due.due_fen > carried_fen
    move(world, due.person)
    current_fen = due.due_fen - carried_fen
    assert posted(world, PostingKind.MOVE) == [
        {
            f"due:{due.person}": -due.due_fen,
            f"person:{due.person}": current_fen,
            f"carried:{due.person}": carried_fen,
        }
    ]
    assert purses(world, due.person) == Purses(current_fen, carried_fen)
    assert_books_are_right(world)
    world.reverse(due.settlement_id, institution_id=OTHER_HOSPITAL)
    assert purses(world, due.person) == Purses(300_000, carried_fen)
    assert_books_are_right(world)


@pytest.mark.parametrize("moves_first", [True, False])
def test_money_of_a_year_that_is_over_is_carried_over(world: World, moves_first: bool) -> None:
    due = person_with_due(world)
    if moves_first:
        move(world, due.person)
    world.clock.now = NEXT_YEAR
    if not moves_first:
        move(world, due.person)
        assert posted(world, PostingKind.MOVE)[0][f"carried:{due.person}"] == due.due_fen
    left_fen = CREDIT_FEN - due.account_fen + due.due_fen
    assert purses(world, due.person) == Purses(0, left_fen)
    assert_books_are_right(world)
    world.reverse(due.settlement_id, institution_id=OTHER_HOSPITAL)
    assert purses(world, due.person) == Purses(0, CREDIT_FEN)
    told = difference(world, due.person)
    assert (told.due_fen, told.moved_fen, told.difference_fen) == (0, 0, 0)
    assert_books_are_right(world)


def test_what_was_moved_stays_with_the_account_whatever_the_bill_costs_later(
    world: World,
) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, CREDIT_FEN))
    zeroth = stay(world, person, HOSPITAL, 900_000)
    first = stay(world, person, HOSPITAL, 2_000_000)
    second = stay(world, person, OTHER_HOSPITAL, 2_000_000, account_used=True)
    world.reverse(first)
    moved_fen = move(world, person).amount_fen
    assert moved_fen
    record = world.queries.settlement(REGION, second)
    assert record is not None
    before = record.effective
    # The deductible of a first stay is higher: what the account does not bear is cash.
    world.reverse(zeroth)
    told = difference(world, person)
    assert told.due_fen >= 0
    record = world.queries.settlement(REGION, second)
    assert record is not None
    assert record.effective.fund_total_fen != before.fund_total_fen
    assert record.effective.account_fen + moved_fen + told.due_fen == record.account_fen
    assert_books_are_right(world)


def test_records_that_were_merged_are_one_person(world: World) -> None:
    due = person_with_due(world)
    other = person_with_due(world)
    world.merge(due.person, other.person)
    command = move_command(world, due.person, due.due_fen)
    assert refusal(lambda: world.run(command)).reason is Reason.PERSON_MERGED
    # Both stays are of one person by now, and decided so.
    before, due_fen = purses(world, other.person), difference(world, other.person).due_fen
    answer = move(world, other.person)
    assert answer.amount_fen == due_fen > 0
    assert purses(world, other.person).balance_fen == before.balance_fen + due_fen
    told = difference(world, other.person)
    assert (told.due_fen, told.moved_fen) == (0, due_fen)
    assert_books_are_right(world)
    moved_fen = {each.settlement_id: each.amount_fen for each in told.moves}
    world.reverse(due.settlement_id, institution_id=OTHER_HOSPITAL)
    told = difference(world, other.person)
    assert told.moved_fen == due_fen - moved_fen.get(due.settlement_id, 0)
    assert_books_are_right(world)


def test_what_was_moved_for_a_record_is_known_after_its_merge(world: World) -> None:
    due, other = person_with_due(world), person_with_due(world)
    for each in (due, other):
        move(world, each.person)
    world.merge(due.person, other.person)
    told = difference(world, other.person)
    assert told.moved_fen == due.due_fen + other.due_fen
    assert told.due_fen >= 0
    assert_books_are_right(world)
    for each in (due, other):
        world.reverse(each.settlement_id, institution_id=OTHER_HOSPITAL)
        assert_books_are_right(world)
    told = difference(world, other.person)
    assert (told.due_fen, told.moved_fen, told.difference_fen) == (0, 0, 0)
    assert purses(world, other.person) == Purses(2 * CREDIT_FEN, 0)


def test_another_amount_than_was_read_and_an_unknown_person_are_refused(world: World) -> None:
    due = person_with_due(world)
    error = refusal(lambda: world.run(move_command(world, due.person, due.due_fen - 1)))
    assert (error.reason, error.metadata) == (
        Reason.DUE_NOT_OPEN,
        {"due_fen": str(due.due_fen)},
    )
    error = refusal(lambda: world.run(move_command(world, new_id(), 1)))
    assert error.reason is Reason.ACCOUNT_NOT_FOUND
    assert posted(world, PostingKind.MOVE) == []


def test_what_comes_before_in_a_batch_counts(world: World) -> None:
    due = person_with_due(world)
    command = move_command(world, due.person, due.due_fen)
    reversing = world.reverse_command(due.settlement_id, institution_id=OTHER_HOSPITAL)
    moved, again, _ = world.work(
        REGION, [command, move_command(world, due.person, due.due_fen), reversing]
    )
    assert isinstance(moved, bytes)
    assert not isinstance(again, bytes)
    assert again.reason is Reason.DUE_NOT_OPEN
    assert purses(world, due.person) == Purses(CREDIT_FEN, 0)
    assert_books_are_right(world)


def test_a_repeated_request_is_answered_as_before(world: World) -> None:
    due = person_with_due(world)
    command = move_command(world, due.person, due.due_fen)
    first = world.run(command)
    assert MoveDueResponse.FromString(first).amount_fen == due.due_fen
    assert world.new_worker()(REGION, [command, command]) == [first, first]
    assert len(posted(world, PostingKind.MOVE)) == 1


@pytest.mark.parametrize("point", POINTS)
def test_what_is_cut_off_anywhere_has_one_effect_once_it_is_repeated(
    world: World, point: str
) -> None:
    due = person_with_due(world)
    moving = move_command(world, due.person, due.due_fen)
    taking = world.reverse_command(due.settlement_id, institution_id=OTHER_HOSPITAL)
    for command, purse_fen in (
        (moving, CREDIT_FEN - due.account_fen + due.due_fen),
        (taking, CREDIT_FEN),
    ):
        crashing = CrashingTransactions(
            SettlementTransactions(world.database, ReferenceCache()), point, PowerFailureError()
        )
        with pytest.raises(PowerFailureError):
            BatchWork(crashing, clock=world.clock, ids=new_id)(REGION, [command])
        first = world.new_worker()(REGION, [command])
        assert world.new_worker()(REGION, [command]) == first
        assert purses(world, due.person) == Purses(purse_fen, 0)
        assert_books_are_right(world)
    assert len(difference(world, due.person).moves) == 2


def test_of_several_at_once_one_moves(world: World) -> None:
    due = person_with_due(world)
    workers = [world.new_worker() for _ in range(4)]

    def moving(number: int) -> Outcome[bytes]:
        (outcome,) = workers[number](REGION, [move_command(world, due.person, due.due_fen)])
        return outcome

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(moving, range(4)))
    assert sum(isinstance(each, bytes) for each in outcomes) == 1
    assert_books_are_right(world)


def test_a_program_moves_what_is_due_to_all_page_by_page(world: World) -> None:
    dues = sorted(person_with_due(world) for _ in range(3))
    # One account gets nothing, and one record was merged.
    (retired,) = world.enrol()
    world.run(world.credit_command(retired, 5))
    world.merge(retired, dues[0].person)
    request_id = new_id()
    page = move_all(world, limit=2, request_id=request_id)
    assert (page.person_count, page.settlement_count) == (2, 2)
    assert page.amount_fen == dues[0].due_fen + dues[1].due_fen
    assert page.last_person_id == dues[1].person
    # Its repeat is answered as before, though other persons are due by now.
    assert move_all(world, limit=2, request_id=request_id) == page
    page = move_all(world, limit=2, after=page.last_person_id)
    assert (page.person_count, page.amount_fen, page.last_person_id) == (1, dues[2].due_fen, "")
    page = move_all(world)
    assert (page.person_count, page.amount_fen, page.last_person_id) == (0, 0, "")
    assert len(posted(world, PostingKind.MOVE)) == 3
    assert_books_are_right(world)


Damage = Callable[[sa.Connection, Due], None]


def say_less_was_moved(connection: sa.Connection, due: Due) -> None:
    connection.execute(sa.update(tables.due_move).values(amount_fen=due.due_fen - 1))


def say_it_went_into_the_other_purse(connection: sa.Connection, due: Due) -> None:
    connection.execute(sa.update(tables.due_move).values(carried_fen=due.due_fen))


def say_it_went_from_one_purse_into_the_other(connection: sa.Connection, due: Due) -> None:
    connection.execute(sa.update(tables.due_move).values(carried_fen=due.due_fen + 1))


def forget_that_it_was_moved(connection: sa.Connection, due: Due) -> None:
    connection.execute(sa.delete(tables.due_move))


def say_it_was_moved_of_another_bill(connection: sa.Connection, due: Due) -> None:
    connection.execute(sa.update(tables.due_move).values(settlement_id=new_id()))


def move_more_into_the_account(connection: sa.Connection, due: Due) -> None:
    entry = tables.entry
    is_move = entry.c.kind == int(PostingKind.MOVE)
    for account, fen in ((f"due:{due.person}", -1), (f"person:{due.person}", 1)):
        connection.execute(
            sa.update(entry)
            .where(is_move, entry.c.account_id == account)
            .values(amount_fen=entry.c.amount_fen + fen)
        )


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (say_less_was_moved, "into the account, not"),
        (say_it_went_into_the_other_purse, "into the account, not"),
        (say_it_went_from_one_purse_into_the_other, "out of the other"),
        (forget_that_it_was_moved, "no settlement knows it"),
        (say_it_was_moved_of_another_bill, "there is no such settlement"),
        (move_more_into_the_account, "due is -1 fen, bills and orders come to 0"),
    ],
)
def test_the_checker_finds_a_move_that_was_altered(world: World, damage: Damage, says: str) -> None:
    due = person_with_due(world)
    move(world, due.person)
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        damage(connection, due)
    found = [each.detail for each in check_ledger(world.database).drifts]
    assert any(says in each for each in found), found


def test_the_checker_finds_what_was_taken_out_of_an_account_and_not_said(world: World) -> None:
    due = person_with_due(world)
    move(world, due.person)
    world.clock.now += dt.timedelta(seconds=1)
    world.reverse(due.settlement_id, institution_id=OTHER_HOSPITAL)
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.due_move).where(tables.due_move.c.amount_fen < 0))
    found = [each.detail for each in check_ledger(world.database).drifts]
    assert f"is reversed, {due.due_fen} fen stay moved" in found
