"""The annual close: killed and begun again (Y1), and bills of the old year behind it (Y3)."""

import datetime as dt
import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.account_closes import (
    COUNTERS,
    RULES,
    close_accounts,
    closed,
    closing_of,
    confirm,
    find,
    propose,
    run_all,
)
from support.benefit_world import admit, benefit_world, explained, policy_text, stay_bill, tried
from support.charges import assert_books_are_right
from support.corrections import record_of, settle
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import REGION, World
from support.years import JANUARY, YEAR, close, settle_late, told

from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.account_close.run import AccountClosing
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.rules.account_close.close import AccountCloseState
from yibao_settlement.rules.account_close.counters import Counters
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.record import StoredAccountCloses
from yibao_settlement.storage.account_close.tables import closed_account

LINES = (("A1", 1_000_000), ("B1", 500_000))
# Where a process dies: with a page stored and not committed, or before it takes the next one.
POINTS = {"before the commit": "set_part", "after the commit": "claim_part"}
PERSONS = 200


def account_of(world: World, person: str) -> tuple[int, int]:
    """Returns what an account holds, and what of it is of earlier years."""
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    return standing.balance_fen, standing.carried_fen


def held_by_all(world: World) -> int:
    """Returns what all accounts hold by their entries."""
    entry = tables.entry.c
    purses = sa.or_(entry.account_id.like("person:%"), entry.account_id.like("carried:%"))
    with world.database.read() as connection:
        return int(
            connection.execute(sa.select(sa.func.sum(entry.amount_fen)).where(purses)).scalar_one()
        )


def close_and_die(url: str, now: str, point: str, at: int) -> None:
    """Closes accounts in a process of its own, which is killed at a point of a page."""
    left, inner = [at], getattr(StoredAccountCloses, point)

    def dying(self: StoredAccountCloses, *arguments: object) -> object:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(self, *arguments)

    setattr(StoredAccountCloses, point, dying)

    def clock() -> dt.datetime:
        return dt.datetime.fromisoformat(now)

    database = Database(url)
    closing = AccountClosing(
        transactions_of(database, clock=clock),
        read_rules=read_rules,
        clock=clock,
        ids=new_id,
        part_size=60,
    )
    (close,) = closing.going_on(REGION)
    while True:
        closing.next_page(close, limit=20)


@pytest.mark.long
@pytest.mark.parametrize(
    ("databases", "point"),
    [("sqlite", "after the commit"), ("postgresql", "before the commit")],
    indirect=["databases"],
)
def test_y1_killed_in_the_middle_and_started_again_nobody_is_closed_twice(
    databases: Databases, point: str
) -> None:
    """Y1: sum after = sum before + interest; the others come in, from two processes at once."""
    world = benefit_world(databases)
    persons = world.enrol(PERSONS)
    for first in range(0, PERSONS, 128):
        some = enumerate(persons[first : first + 128], first)
        world.work(REGION, [world.credit_command(each, 100_000 + at) for at, each in some])
    world.clock.now = JANUARY
    close(world)
    before_fen = held_by_all(world)
    confirm(world, propose(world))
    url = world.database.engine.url.render_as_string(hide_password=False)
    arguments = (url, JANUARY.isoformat(), POINTS[point], 6)
    child = multiprocessing.get_context("spawn").Process(target=close_and_die, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    # Five pages of twenty, the third one of a range of sixty full: a fourth tells that it ends.
    passed = find(world).sums
    assert passed.person_count == 80
    assert held_by_all(world) == before_fen + passed.interest_fen
    assert find(world).close.state is AccountCloseState.RUNNING

    def go_on() -> None:
        closing = closing_of(world)
        while going_on := closing.going_on(REGION):
            closing.next_page(going_on[0], limit=20)

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(go_on) for _ in range(2)]:
            each.result(timeout=60)
    done = find(world)
    assert done.close.state is AccountCloseState.DONE
    assert (done.sums.person_count, done.sums.balance_fen) == (PERSONS, before_fen)
    assert held_by_all(world) == before_fen + done.sums.interest_fen
    with world.database.read() as connection:
        rows = connection.execute(sa.select(closed_account.c.person_id)).scalars().all()
        entry = tables.entry.c
        postings = connection.execute(
            sa.select(entry.account_id).where(
                entry.kind == 20, entry.account_id.not_like("source:%")
            )
        ).scalars()
        assert sorted(postings) == sorted(f"carried:{each}" for each in persons)
    assert sorted(rows) == sorted(persons)
    assert_books_are_right(world)


def test_y3_last_years_settlement_reversed_in_january_frees_last_years_limits(
    databases: Databases,
) -> None:
    """Y3: its money goes to today's balance, as earlier years' and without interest."""
    world = benefit_world(databases)
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    bill = settle(world, person, *LINES, account_used=True)
    paid_fen = record_of(world, bill).account_fen
    assert paid_fen == 300_000
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    (before,) = closed(world, person)
    assert before.closed.earned == (0, 0, 0, 0)
    assert account_of(world, person) == (0, 0)
    world.reverse(bill)
    assert account_of(world, person) == (paid_fen, paid_fen)
    (now,) = told(world, person)
    assert now.windows == ()
    assert now.sums.bill_count == 0
    assert [each.closed for each in closed(world, person)] == [before.closed]
    assert_books_are_right(world)
    # A late bill of the old year finds its limits free, and takes today's money.
    late = record_of(world, settle_late(world, person, *LINES))
    assert late.benefit_year == YEAR
    assert late.fund_total_fen > 0
    # Of the year that follows the returned money earns from its day on.
    world.clock.now = dt.datetime(2028, 1, 10, 4, 0, tzinfo=dt.UTC)
    close(world, 2027)
    close_accounts(world, 2027)
    (following,) = closed(world, person, 2027)
    assert sum(each.balance_sum_fen for each in following.carried_spans) == paid_fen * 356
    assert_books_are_right(world)


def test_bills_of_the_old_year_race_with_the_close_and_each_fen_is_there(
    databases: Databases,
) -> None:
    """One reverses and settles bills of last year while another one closes accounts."""
    world = benefit_world(databases)
    persons = world.enrol(6)
    bills = {}
    for each in persons:
        world.run(world.credit_command(each, 500_000))
        bills[each] = settle(world, each, *LINES, account_used=True)
    world.clock.now = JANUARY
    close(world)
    before_fen = held_by_all(world)
    confirm(world, propose(world))
    commands = [world.reverse_command(bills[each]) for each in persons]
    worker = world.new_worker()

    def reverse() -> None:
        for command in commands:
            (outcome,) = worker(REGION, [command])
            assert isinstance(outcome, bytes), outcome

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(reverse), pool.submit(run_all, world, limit=1)]:
            done.result(timeout=60)
    assert find(world).sums.balance_fen == before_fen
    assert all(account_of(world, each)[0] >= 500_000 for each in persons)
    assert_books_are_right(world)


ASKING = """
    by: [years_unclaimed, months_insured]
    rows:
      - when: {years_unclaimed: {from: 1}, months_insured: {from: 48}}
        limit: 1_100_000
      - when: otherwise
        limit: 1_000_000
"""


def test_counters_of_the_close_decide_bills_of_the_year_behind_it(databases: Databases) -> None:
    """Covered since 2014: one had no bill in 2026, of one a fund paid, which asks for nobody."""
    plain = "\n    rows:\n      - limit: 2_000_000\n"
    text = policy_text().replace(plain, ASKING)
    assert ASKING in text
    world = benefit_world(databases, text=text)
    claimed, unclaimed = world.enrol(2)
    day = dt.date(2026, 11, 15)
    visit = admit(world, claimed, day)
    with pytest.raises(RuleError, match="FACT_MISSING"):
        world.settle(visit, claimed, bill=stay_bill(world, visit, day, 9_000_000))
    (told_now,) = world.enrol(
        years_unclaimed=0, insured_months_before=1, start_date=dt.date(2026, 1, 1)
    )
    visit = admit(world, told_now, day)
    world.settle(visit, told_now, bill=stay_bill(world, visit, day, 9_000_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world, rules=RULES + COUNTERS)
    found = {each: closed(world, each)[0].closed.counters for each in (unclaimed, told_now)}
    assert found[unclaimed] == Counters("390", 156, 1)
    assert found[told_now] == Counters("390", 13, 0)
    today = dt.date(2027, 1, 10)
    for person, limit_fen in ((unclaimed, 1_100_000), (told_now, 1_000_000)):
        visit = admit(world, person, today)
        bill = stay_bill(world, visit, today, 9_000_000)
        shown = tried(world, bill)
        settled = world.settle(visit, person, bill=bill)
        assert shown.fund_total_fen == settled.fund_total_fen == limit_fen
        assert explained(world, settled.settlement_id)
    # A late bill of the year before finds none: they are of the year behind.
    late = admit(world, unclaimed, dt.date(2026, 12, 20))
    with pytest.raises(RuleError, match="FACT_MISSING"):
        world.settle(late, unclaimed, bill=stay_bill(world, late, dt.date(2026, 12, 31), 100_000))
    assert_books_are_right(world)
