"""A settlement database with books, for tests of the ledger checker."""

from support.databases import Databases
from support.settlement_world import World


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
