"""What is asked after a read broke off is answered from what is stored by then."""

import contextlib

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_world import World

from yibao_common.db.database import Database
from yibao_settlement.storage import tables


def _break_off(database: Database, *, writes: bool) -> Exception:
    """Reads no more than one of several rows, and returns the error that was the end of it."""
    try:
        with database.write() if writes else database.read() as connection:
            rows = iter(connection.execute(sa.select(tables.institution)))
            raise ValueError(next(rows))
    except ValueError as error:
        # Whoever holds the error holds what was being read.
        return error


def _rename(database: Database, name: str) -> None:
    with as_owner(database) as connection:
        connection.execute(sa.update(tables.institution).values(institution_name=name))


def _names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(sa.select(tables.institution.c.institution_name)).scalars())


@pytest.mark.parametrize("writes", [False, True])
def test_a_read_that_broke_off_keeps_no_old_snapshot(databases: Databases, writes: bool) -> None:
    world = World(databases.open("yibao_settlement"))
    error = _break_off(world.database, writes=writes)
    _rename(world.database, "renamed")
    assert _names(world.database) == {"renamed"}
    assert isinstance(error, ValueError)


def test_a_change_that_broke_off_leaves_others_to_write(databases: Databases) -> None:
    world = World(databases.open("yibao_settlement"))
    url = world.database.engine.url.render_as_string(hide_password=False)
    error = _break_off(world.database, writes=True)
    other = Database(url)
    with contextlib.closing(other):
        _rename(other, "by another process")
        _rename(world.database, "by this one")
        assert _names(other) == {"by this one"}
    assert isinstance(error, ValueError)
