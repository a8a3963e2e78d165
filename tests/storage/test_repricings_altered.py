"""The ledger checker finds terms that nobody decided on, or that value something else."""

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import record_of, settle
from support.databases import Databases, as_owner
from support.repricings import reprice
from support.settlement_world import AGENCY, World

from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.repricing import Liability
from yibao_settlement.storage import tables

TERMS, REPRICING = tables.settlement_terms, tables.repricing
BILL = (("A1", 600_000), ("B1", 300_000))
Alter = Callable[[sa.Connection], None]


def values(table: sa.Table, **changed: object) -> Alter:
    def alter(connection: sa.Connection) -> None:
        connection.execute(sa.update(table).values(**changed))

    return alter


def gone(table: sa.Table) -> Alter:
    def alter(connection: sa.Connection) -> None:
        connection.execute(sa.delete(table))

    return alter


def of_lines(at: int, value: object) -> Alter:
    """Alters a value of the first line of the terms."""

    def alter(connection: sa.Connection) -> None:
        lines = json.loads(connection.execute(sa.select(TERMS.c.lines)).scalar_one())
        lines[0][at] = value
        connection.execute(sa.update(TERMS).values(lines=json.dumps(lines)))

    return alter


def of_terms(name: str, value: object) -> Alter:
    """Alters what stands beside the lines."""

    def alter(connection: sa.Connection) -> None:
        terms = json.loads(connection.execute(sa.select(TERMS.c.terms)).scalar_one())
        terms[name] = value
        connection.execute(sa.update(TERMS).values(terms=json.dumps(terms)))

    return alter


@pytest.fixture
def world(databases: Databases) -> World:
    """A person with two bills, of which the first one is a third party's by now."""
    world = benefit_world(databases)
    (person,) = world.enrol()
    bill, _ = settle(world, person, *BILL), settle(world, person, *BILL)
    reprice(world, bill, terms=(), liability=Liability.THIRD_PARTY)
    assert record_of(world, bill).newest_terms is not None
    assert_books_are_right(world)
    return world


# Who decided so is of terms; what a bill costs on them is of the fold; what cannot be read is
# told of the settlement.
TOLD, FOLDED, READ = INVARIANTS[20], INVARIANTS[12], INVARIANTS[4]


@pytest.mark.parametrize(
    ("alter", "invariant"),
    [
        (gone(REPRICING), TOLD),
        (values(REPRICING, checker=AGENCY, maker=AGENCY), TOLD),
        (values(REPRICING, checker=AGENCY.upper(), maker=AGENCY), TOLD),
        (values(REPRICING, state=1), TOLD),
        (values(REPRICING, state=3), TOLD),
        (values(TERMS, cause=2), TOLD),
        (values(TERMS, number=2), TOLD),
        (of_lines(3, 600_001), TOLD),
        (of_lines(1, "B2"), TOLD),
        (of_lines(10, "2"), TOLD),
        (gone(TERMS), FOLDED),
        (of_lines(11, None), FOLDED),
        (values(TERMS, policy_version="0" * 64), FOLDED),
        (of_terms("benefit", None), FOLDED),
        (of_terms("facts", 3), READ),
        (values(TERMS, lines="[[]]"), READ),
        (values(TERMS, cause=99), READ),
    ],
)
def test_terms_that_were_altered_are_told(world: World, alter: Alter, invariant: str) -> None:
    with as_owner(world.database) as connection:
        alter(connection)
    assert invariant in {drift.invariant for drift in check_ledger(world.database).drifts}
