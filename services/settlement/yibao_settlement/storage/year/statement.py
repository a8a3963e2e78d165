"""Closing statements as stored: beside keys, number and time a JSON object.

sums                        an array, as `YearSums`
windows                     an array of arrays: name, value
difference_balance_fen, account_balance_fen
bills                       an array of arrays, as `BillMark`
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row
from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.year.statement import Amounts, BillMark, YearStatement, YearSums
from yibao_settlement.storage import tables

STATEMENT_COLUMNS = ("benefit_year", "person_id", "number", "take_time", "statement")
_ROWS_AT_ONCE = 1_000


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sums: YearSums
    windows: Amounts
    difference_balance_fen: int
    account_balance_fen: int
    bills: tuple[BillMark, ...]


_encode = msgspec.json.Encoder().encode
_stored = msgspec.json.Decoder(_Stored).decode
_sums = msgspec.json.Decoder(YearSums).decode


def sums_text(sums: YearSums) -> str:
    """Returns sums as stored: a JSON array."""
    return _encode(sums).decode()


def sums_from(stored: str) -> YearSums:
    """Returns stored sums; raises InvariantError where it is something else."""
    try:
        return _sums(stored)
    except msgspec.DecodeError as error:
        raise InvariantError(f"sums of a year: {error}") from error


def insert_statements(statements: Iterable[YearStatement]) -> Insert:
    """Returns what writes closing statements."""
    rows = [(*each[:5], _encode(_Stored(*each[5:])).decode()) for each in statements]
    return Insert(tables.year_statement, ("region", *STATEMENT_COLUMNS), rows)


def statement_from(region: str, row: Row) -> YearStatement:
    """Returns the statement in a row of STATEMENT_COLUMNS.

    Raises InvariantError where it is not what was written.
    """
    benefit_year, person_id, number, take_time, text = row
    try:
        stored = _stored(text)
    except msgspec.DecodeError as error:
        raise InvariantError(f"statement {number} of {benefit_year}: {error}") from error
    return YearStatement(
        region,
        benefit_year,
        person_id,
        number,
        take_time,
        stored.sums,
        stored.windows,
        stored.difference_balance_fen,
        stored.account_balance_fen,
        stored.bills,
    )


def find_statements(
    connection: sa.Connection, region: str, benefit_year: int, person_ids: Collection[str]
) -> dict[str, YearStatement]:
    """Returns the closing statements of records of a year, by record."""
    table = tables.year_statement
    rows = connection.execute(
        sa.select(*(table.c[name] for name in STATEMENT_COLUMNS)).where(
            table.c.region == region,
            table.c.benefit_year == benefit_year,
            table.c.person_id.in_(sorted(person_ids)),
        )
    )
    found = [statement_from(region, tuple(row)) for row in rows]
    return {each.person_id: each for each in found}


def page_of_statements(
    connection: sa.Connection, region: str, benefit_year: int, *, after: str | None, limit: int
) -> list[YearStatement]:
    """Returns at most `limit` closing statements of a year behind a record, by its id."""
    table = tables.year_statement
    query = (
        sa.select(*(table.c[name] for name in STATEMENT_COLUMNS))
        .where(table.c.region == region, table.c.benefit_year == benefit_year)
        .order_by(table.c.person_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(table.c.person_id > after)
    rows = connection.execute(query)
    return [statement_from(region, tuple(row)) for row in rows]


def rows_in_order(
    connection: sa.Connection, region: str, benefit_year: int
) -> Iterator[tuple[int, str, YearStatement | None]]:
    """Yields number, record and statement, None where it cannot be read, in order of numbers."""
    table = tables.year_statement
    after = 0
    while True:
        rows = connection.execute(
            sa.select(*(table.c[name] for name in STATEMENT_COLUMNS))
            .where(
                table.c.region == region,
                table.c.benefit_year == benefit_year,
                table.c.number > after,
            )
            .order_by(table.c.number)
            .limit(_ROWS_AT_ONCE)
        ).all()
        for row in rows:
            try:
                statement = statement_from(region, tuple(row))
            except InvariantError:
                yield row.number, row.person_id, None
            else:
                yield row.number, row.person_id, statement
        if len(rows) < _ROWS_AT_ONCE:
            return
        after = rows[-1].number
