"""A year is closed in random histories: its statement stays, whatever becomes of its bills (H11).

The model knows no statements; product and model agree on every bill and entry as if none had
been taken, so that funds paid no more (H14), and the statement with what came later is the
present.
"""

import dataclasses
import datetime as dt
import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from support.databases import Databases, in_turns
from support.history_model.bills import Bill, Line
from support.history_model.examples import DAY, FACTS, region_of
from support.history_model.operations import Operation, PassTime, Reverse, Settle
from support.history_model.world import World as Model
from support.played_compared import assert_alike, run_both
from support.played_histories import Played, played_in
from support.random_histories import random_operations
from support.years import confirm, find, propose, take_all, told

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.year.find import ToldStatement
from yibao_settlement.rules.year.close import YearState
from yibao_settlement.rules.year.statement import YearStatement
from yibao_settlement.storage import tables

YEAR = 2026
LAST_DAY = dt.date(YEAR, 12, 31)
# So that New Year comes after some operations, and the last visit can still be registered.
NOVEMBER = dt.datetime(YEAR, 11, 25, 4, tzinfo=dt.UTC)
# Until somewhere in January.
FIFTY_DAYS = PassTime(op_id="new year", seconds=50 * 24 * 3_600)


@dataclasses.dataclass(slots=True)
class PlayedYear(Played):
    """Someone whose bills are all of one year: those that are settled later come late."""

    @property
    def day(self) -> dt.date:
        return min(shanghai_day(self.world.clock.now), LAST_DAY)


def played_year(databases: Databases) -> PlayedYear:
    played = played_in(databases)
    return PlayedYear(played.world, played.person)


def stored(played: Played) -> str:
    with played.world.database.read() as connection:
        text: str = connection.execute(sa.select(tables.year_statement.c.statement)).scalar_one()
        return text


def now(played: Played) -> ToldStatement:
    (found,) = told(played.world, played.person, YEAR)
    return found


def steps(seed: int, model: Model) -> Iterator[Operation | None]:
    """Yields the operations of a history with a New Year, and None where the year is closed."""
    chance = random.Random(seed)  # when it is closed is no secret
    end, is_over = chance.randrange(10, 18), False
    for number, operation in enumerate(random_operations(seed, model)):
        states = {each.state.value for each in model.books.settlements.values()}
        # What is held would run out, and the history goes on with it.
        if number >= end and not is_over and "HELD" not in states:
            is_over = True
            yield FIFTY_DAYS
        yield operation
        if is_over and chance.random() < 0.3:
            yield None


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(6)), indirect=["databases"])
def test_a_statement_stays_whatever_becomes_of_its_bills(databases: Databases, seed: int) -> None:
    played, model = played_year(databases), Model(region_of({"refund_order": "account_first"}))
    world = played.world
    world.clock.now = NOVEMBER
    taken: tuple[YearStatement, str] | None = None
    later = 0
    for step in steps(seed, model):
        if step is not None:
            run_both(played, model, step)
        elif find(world, YEAR).state is YearState.OVER and find(world, YEAR).counts.bill_count:
            confirm(world, propose(world, YEAR))
            take_all(world)
            statement = now(played).statement
            assert statement is not None
            taken = statement, stored(played)
        if taken is not None:
            present = now(played)
            assert (present.statement, stored(played)) == taken
            assert present.sums == taken[0].sums.plus(present.between)
            later += bool(present.changes)
    assert taken is not None
    assert later
    assert_alike(played, model)


def stay(name: str, yuan: int) -> Bill:
    words = {"visit": name, "date": DAY, "admitted": DAY, "facts": FACTS}
    return Bill(words, (Line(yuan * 1_000_000, 10_000, {"class": "01"}),))


def test_the_example_of_closing_a_year(databases: Databases) -> None:
    """docs/concepts/closing-a-year.md, to the fen; the first two bills are those of X1."""
    played, model = played_year(databases), Model(region_of({"refund_order": "account_first"}))
    world = played.world
    world.clock.now = NOVEMBER
    for number, institution in enumerate(("H1", "H2"), 1):
        bill = stay(f"s{number}", 20_000)
        settled = Settle(op_id=f"A{number}", person_id="p1", institution_id=institution, bill=bill)
        run_both(played, model, settled)
    world.clock.now = dt.datetime(YEAR + 1, 1, 5, 4, tzinfo=dt.UTC)
    confirm(world, propose(world, YEAR))
    take_all(world)
    world.clock.now = dt.datetime(YEAR + 1, 1, 10, 4, tzinfo=dt.UTC)
    run_both(played, model, Reverse(op_id="R", settlement_id="A1"))
    found = now(played)
    assert found.statement is not None
    columns = [
        (
            each.bill_count,
            each.total_fen,
            each.counter.fund_fen,
            each.counter.cash_fen,
            each.effective.fund_fen,
            each.effective.cash_fen,
            each.difference_fen,
        )
        for each in (found.statement.sums, found.between, found.sums)
    ]
    assert columns == [
        (2, 4_000_000, 3_144_000, 856_000, 3_144_000, 856_000, 0),
        (-1, -2_000_000, -1_546_000, -454_000, -1_598_000, -402_000, -52_000),
        (1, 2_000_000, 1_598_000, 402_000, 1_546_000, 454_000, -52_000),
    ]
    assert_alike(played, model)
