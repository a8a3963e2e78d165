"""A settlement database with books, for tests of the ledger checker."""

import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import REGION, World

from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from


def booked_world(databases: Databases) -> World:
    """Returns a world of one person: a credit, a bill that stands and one reversed."""
    made = World(databases.open("yibao_settlement"))
    (person,) = made.enrol()
    made.run(made.credit_command(person, 50_000))
    visit = made.register(person)
    made.settle(visit, person, bill=made.bill(visit, account_used=True))
    reversed_ = made.settle(visit, person)
    made.reverse(reversed_.settlement_id)
    return made


def kept_years(world: World) -> dict[tuple[str, int], dict[str, int]]:
    """Returns what the years of persons keep, the current ones and those before."""
    standing, closed = tables.person_standing.c, tables.closed_year.c
    current = sa.select(standing.person_id, standing.benefit_year, standing.accumulators)
    earlier = sa.select(closed.person_id, closed.benefit_year, closed.accumulators)
    with world.database.read() as connection:
        rows = [
            *connection.execute(
                current.where(standing.region == REGION, standing.benefit_year > 0)
            ),
            *connection.execute(earlier.where(closed.region == REGION)),
        ]
    return {(person_id, year): amounts_from(amounts) for person_id, year, amounts in rows}


def kept_windows(world: World) -> dict[str, dict[str, int]]:
    """Returns what windows smaller than a year keep, by scope."""
    window = tables.benefit_window.c
    query = sa.select(window.scope, window.amounts).where(window.region == REGION)
    with world.database.read() as connection:
        return {scope: amounts_from(amounts) for scope, amounts in connection.execute(query)}
