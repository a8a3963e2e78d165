"""Persons' standings as stored: account and current benefit year, and earlier years."""

from collections.abc import Collection, Iterator, Mapping

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.account import Accumulators, Standing
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

STANDING_COLUMNS = (
    *("person_id", "balance_fen", "benefit_year", "accumulators", "newest_codes", "merged_into"),
    *("carried_fen", "account_year", "newest_settlement_id", "hold_expire_time"),
)
# What every command of a person writes: neither the mark of a merge, which the feed sets, nor
# the purses, which few bills move, nor when holds run out.
_WRITTEN = (*STANDING_COLUMNS[1:5], "newest_settlement_id")
_PURSES = ("carried_fen", "account_year")
_YEAR_COLUMNS = ("person_id", "benefit_year", "accumulators")


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, int]).decode


def amounts_json(amounts: Mapping[str, int]) -> str:
    """Returns amounts by name as stored: a JSON object with sorted names."""
    return _encode(amounts).decode()


def amounts_from(stored: str) -> dict[str, int]:
    """Returns stored amounts by name.

    Raises InvariantError where it is something else.
    """
    try:
        return _decode(stored)
    except msgspec.DecodeError as error:
        raise InvariantError(f"stored amounts: {error}") from error


def standing_from(row: Row) -> Standing:
    """Returns the standing in a row of STANDING_COLUMNS."""
    person_id, balance_fen, benefit_year, accumulators, newest_codes, *rest = row
    years, codes = amounts_from(accumulators), amounts_from(newest_codes)
    return Standing(person_id, balance_fen, benefit_year, years, codes, *rest)


def standing_row(standing: Standing) -> Row:
    """Returns a row of STANDING_COLUMNS."""
    return (
        standing.person_id,
        standing.balance_fen,
        standing.benefit_year,
        amounts_json(standing.accumulators),
        amounts_json(standing.newest_codes),
        standing.merged_into,
        standing.carried_fen,
        standing.account_year,
        standing.newest_settlement_id,
        standing.hold_expire_time,
    )


def lock_standings(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> tuple[dict[str, Standing], set[str]]:
    """Locks the standings of persons in the order of their ids, and returns them.

    Persons of whom nothing is booked yet get a row to lock, without which two processes
    would each see nothing; returned, too, are those whose row is new.
    """
    lock = Select(
        tables.person_standing,
        STANDING_COLUMNS,
        region,
        "person_id",
        sorted(person_ids),
        order_by=("person_id",),
        for_update=True,
    )
    (rows,) = execute(connection, [lock])
    missing = sorted(set(person_ids) - {row[0] for row in rows})
    if missing:
        new = [(region, *standing_row(_empty(person_id))) for person_id in missing]
        insert = Insert(
            tables.person_standing, ("region", *STANDING_COLUMNS), new, skip_existing=True
        )
        _, rows = execute(connection, [insert, lock])
    standings = {row[0]: standing_from(row) for row in rows}
    if standings.keys() != set(person_ids):
        raise InvariantError("a person's standing was not locked")
    # Where another process was first, it booked something.
    return standings, {each for each in missing if standings[each] == _empty(each)}


def drop_standings(connection: sa.Connection, region: str, person_ids: Collection[str]) -> None:
    """Takes away rows that were made to be locked, and of which nothing was booked."""
    if person_ids:
        table = tables.person_standing
        connection.execute(
            sa.delete(table).where(
                table.c.region == region, table.c.person_id.in_(sorted(person_ids))
            )
        )


def read_years(wanted: Wanted, person_ids: Collection[str]) -> Read:
    """Reads the earlier years of persons."""
    return Read(
        wanted.select(tables.closed_year, _YEAR_COLUMNS, "person_id", person_ids), _keep_years
    )


def write_standings(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the standings and the earlier years that changed."""
    region, changes = working_set.region, working_set.changes
    standings = [working_set.standings[person_id] for person_id in sorted(changes.person_ids)]
    yield Update(
        tables.person_standing,
        ("region", "person_id"),
        _WRITTEN,
        [(region, *row[:5], row[-2]) for row in map(standing_row, standings)],
    )
    yield Update(
        tables.person_standing,
        ("region", "person_id"),
        _PURSES,
        [
            (region, person_id, standing.carried_fen, standing.account_year)
            for person_id in sorted(changes.purses)
            for standing in (working_set.standings[person_id],)
        ],
    )
    years = [
        (region, *year_row(person_id, year, working_set.closed_years[person_id, year]))
        for person_id, year in sorted(changes.closed_years)
    ]
    columns = ("region", *_YEAR_COLUMNS)
    yield Insert(tables.closed_year, columns, years, skip_existing=True)
    yield Update(tables.closed_year, columns[:-1], columns[-1:], years)


def year_row(person_id: str, benefit_year: int, accumulators: Accumulators) -> Row:
    """Returns an earlier year as a row: person, year, accumulators."""
    return person_id, benefit_year, amounts_json(accumulators)


def _empty(person_id: str) -> Standing:
    """Returns the standing of a person of whom nothing is booked."""
    return Standing(person_id, 0, 0, {}, {})


def _keep_years(working_set: WorkingSet, rows: list[Row]) -> None:
    for person_id, benefit_year, accumulators in rows:
        working_set.closed_years[person_id, benefit_year] = amounts_from(accumulators)


def find_standing(connection: sa.Connection, region: str, person_id: str) -> Standing | None:
    """Returns the standing of a person, or None."""
    table = tables.person_standing
    columns = [table.c[name] for name in STANDING_COLUMNS]
    row = connection.execute(
        sa.select(*columns).where(table.c.region == region, table.c.person_id == person_id)
    ).one_or_none()
    return None if row is None else standing_from(tuple(row))
