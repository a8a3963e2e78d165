"""Ranges of records, each of which one process closes at a time."""

import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows
from yibao_settlement.application.account_close.rows import Part
from yibao_settlement.rules.account_close.close import AccountSums
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.tables import account_close_part

_COLUMNS = ("number", "after_id", "until_id", "reached_id", "is_done", *AccountSums._fields)
_part = account_close_part.c
_SELECTED = [_part[name] for name in _COLUMNS]


def count_records(connection: sa.Connection, region: str) -> int:
    """Returns how many records there are: persons that are known, and who has an account."""
    query = sa.select(sa.func.count()).select_from(_all_records(region))
    return int(connection.execute(query).scalar_one())


def sums_of(connection: sa.Connection, region: str, close_id: str) -> AccountSums:
    """Returns what all parts of a closing come to by now."""
    sums = [sa.func.coalesce(sa.func.sum(_part[name]), 0) for name in AccountSums._fields]
    row = connection.execute(sa.select(*sums).where(*_of_close(region, close_id))).one()
    # PostgreSQL sums to a number without a limit.
    return AccountSums(*map(int, row))


def has_parts(connection: sa.Connection, region: str, close_id: str) -> bool:
    """Tells whether the records of a closing are parted."""
    query = sa.select(_part.number).where(*_of_close(region, close_id)).limit(1)
    return connection.execute(query).first() is not None


def insert_parts(connection: sa.Connection, region: str, close_id: str, *, persons: int) -> None:
    """Parts all records that there are into ranges of so many; part 0 has none."""
    records = _all_records(region)
    number = sa.func.row_number().over(order_by=records.c.person_id).label("number")
    numbered = sa.select(records.c.person_id, number).subquery()
    query = (
        sa.select(numbered.c.person_id)
        .where(numbered.c.number % persons == 0)
        .order_by(numbered.c.number)
    )
    ends = [*connection.execute(query).scalars(), None]
    parts = [Part(0, None, None, None, True)]
    for at, until_id in enumerate(ends):
        parts.append(Part(at + 1, ends[at - 1] if at else None, until_id))
    rows = [(region, close_id, *each[:5], *each.sums) for each in parts]
    insert_rows(connection, account_close_part, ("region", "close_id", *_COLUMNS), rows)


def claim_part(connection: sa.Connection, region: str, close_id: str) -> Part | None:
    """Locks a part that is not done and that no other process works on, None without one."""
    row = connection.execute(
        sa.select(*_SELECTED)
        .where(*_of_close(region, close_id), _part.is_done.is_(False))
        .order_by(_part.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    return None if row is None else _part_from(tuple(row))


def retried_part(connection: sa.Connection, region: str, close_id: str) -> Part:
    """Returns the part of those that could not be closed at first."""
    query = sa.select(*_SELECTED).where(*_of_close(region, close_id), _part.number == 0)
    return _part_from(tuple(connection.execute(query).one()))


def count_left(connection: sa.Connection, region: str, close_id: str) -> int:
    """Returns how many parts are not done, whoever works on them."""
    query = sa.select(sa.func.count()).where(*_of_close(region, close_id), _part.is_done.is_(False))
    return connection.execute(query).scalar_one()


def set_part(connection: sa.Connection, region: str, close_id: str, part: Part) -> None:
    """Stores how far a part is, whose row was locked."""
    changed = connection.execute(
        sa.update(account_close_part)
        .where(*_of_close(region, close_id), _part.number == part.number)
        .values(reached_id=part.reached_id, is_done=part.is_done, **part.sums._asdict())
    )
    assert changed.rowcount == 1, close_id


def _part_from(row: Row) -> Part:
    number, after_id, until_id, reached_id, is_done, *sums = row
    return Part(number, after_id, until_id, reached_id, is_done, AccountSums(*sums))


def _all_records(region: str) -> sa.Subquery:
    person, standing = tables.person.c, tables.person_standing.c
    return sa.union(
        sa.select(person.person_id).where(person.region == region),
        sa.select(standing.person_id).where(standing.region == region),
    ).subquery()


def _of_close(region: str, close_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _part.region == region, _part.close_id == close_id
