"""The persons of repricings as stored: what a batch reads of them and writes, and their sums."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Row, Statement, Update
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.repricing.state import Key
from yibao_settlement.rules.repricing import PersonState, Progress, RepricedPerson, Sums
from yibao_settlement.storage import tables

_SUMS = Sums._fields
_COLUMNS = ("repricing_id", "person_id", "state", *_SUMS, "reason")
_CHANGING = ("state", *_SUMS, "reason")
_MOVING = (PersonState.SIMULATED, PersonState.CARRIED_OUT)


def find_repriced_persons(
    connection: sa.Connection, region: str, keys: Collection[Key]
) -> dict[Key, RepricedPerson]:
    """Returns those of some persons of repricings that there are."""
    person = tables.repriced_person.c
    rows = connection.execute(
        sa.select(*(person[name] for name in _COLUMNS)).where(
            person.region == region,
            sa.tuple_(person.repricing_id, person.person_id).in_(sorted(keys)),
        )
    )
    return {(row[0], row[1]): person_from(tuple(row)) for row in rows}


def person_from(row: Row) -> RepricedPerson:
    """Returns the person in a row of columns by their names in the table, but the region."""
    repricing_id, person_id, state, *sums, reason = row
    return RepricedPerson(repricing_id, person_id, PersonState(state), Sums(*sums), reason or "")


def write_repriced_persons(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes how far repricings came with persons."""
    repriced = working_set.repriced
    persons = [repriced.known[key] for key in dict.fromkeys(repriced.changed)]
    yield Update(
        tables.repriced_person,
        ("region", "repricing_id", "person_id"),
        _CHANGING,
        [
            (
                *(working_set.region, each.repricing_id, each.person_id, int(each.state)),
                *each.sums,
                each.reason or None,
            )
            for each in persons
        ],
    )


def insert_persons(
    connection: sa.Connection, region: str, repricing_id: str, person_ids: Collection[str]
) -> None:
    """Writes that persons wait to be simulated."""
    sums = dict.fromkeys(_SUMS, 0)
    waiting = {"region": region, "repricing_id": repricing_id, "state": int(PersonState.WAITING)}
    connection.execute(
        sa.insert(tables.repriced_person),
        [{**waiting, **sums, "person_id": each} for each in person_ids],
    )


def progress_of(connection: sa.Connection, region: str, repricing_id: str) -> Progress:
    """Returns how far a repricing came."""
    person = tables.repriced_person.c
    rows = connection.execute(
        sa.select(
            person.state,
            sa.func.count(),
            *(sa.func.coalesce(sa.func.sum(person[name]), 0) for name in _SUMS),
        )
        .where(person.region == region, person.repricing_id == repricing_id)
        .group_by(person.state)
    ).all()
    counts = {PersonState(row[0]): row[1] for row in rows}
    moving = [row[2:] for row in rows if PersonState(row[0]) in _MOVING]
    sums = Sums(*(sum(int(each[at]) for each in moving) for at in range(len(_SUMS))))
    return Progress(counts, sums)


def persons_of(
    connection: sa.Connection,
    region: str,
    repricing_id: str,
    states: Collection[PersonState],
    *,
    after: str | None,
    limit: int,
) -> list[RepricedPerson]:
    """Returns at most `limit` persons of a repricing in one of some states, by their ids."""
    person = tables.repriced_person.c
    query = (
        sa.select(*(person[name] for name in _COLUMNS))
        .where(
            person.region == region,
            person.repricing_id == repricing_id,
            person.state.in_([int(each) for each in states]),
        )
        .order_by(person.person_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(person.person_id > after)
    return [person_from(tuple(row)) for row in connection.execute(query)]
