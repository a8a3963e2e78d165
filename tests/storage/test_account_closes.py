"""Accounts of a year are closed: interest, once, and what was held is carried over (T-08)."""

import pytest
from support.account_closes import close_accounts, closed, find
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import settle
from support.databases import Databases
from support.settlement_world import REGION, World
from support.years import JANUARY, close

LINES = (("A1", 1_000_000), ("B1", 500_000))


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def test_interest_is_carried_into_the_new_year_with_what_was_held(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    settle(world, person, *LINES, account_used=False)
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    (told,) = closed(world, person)
    print(told)
    standing = world.queries.standing(REGION, person)
    print(standing, find(world))
    assert standing is not None
    assert standing.balance_fen == standing.carried_fen == 300_000 + told.closed.earned.interest_fen
    assert_books_are_right(world)
