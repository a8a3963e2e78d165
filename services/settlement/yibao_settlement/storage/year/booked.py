"""What the ledger checker reads of closed years: closings, statements, and what the audit tells."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.year.close import CONFIRM_METHOD
from yibao_settlement.application.year.take import FINISH_METHOD
from yibao_settlement.rules.year.close import Taking, YearClose
from yibao_settlement.rules.year.statement import YearStatement
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.told import audit_pairs
from yibao_settlement.storage.year.record import (
    CLOSE_COLUMNS,
    TAKING_COLUMNS,
    close_from,
    taking_from,
)
from yibao_settlement.storage.year.statement import STATEMENT_COLUMNS, statement_from


class BookedClose(NamedTuple):
    """A closed year, and how far its statements are taken; None where that cannot be read."""

    close: YearClose
    taking: Taking | None


class BookedStatement(NamedTuple):
    """A stored statement; None where it cannot be read.

    `account_fen` is what entries of the record's account come to, through the year's last month.
    """

    benefit_year: int
    person_id: str
    statement: YearStatement | None
    account_fen: int


def closed_years(connection: sa.Connection, region: str) -> list[BookedClose]:
    """Returns everything that closed a year, the first year first."""
    close = tables.year_close.c
    columns = [close[name] for name in (*CLOSE_COLUMNS, *TAKING_COLUMNS)]
    rows = connection.execute(
        sa.select(*columns)
        .where(close.region == region, close.close_time.is_not(None))
        .order_by(close.benefit_year)
    )
    found = []
    for row in map(tuple, rows):
        split = len(CLOSE_COLUMNS)
        try:
            taking = taking_from(row[split:])
        except InvariantError:
            taking = None
        found.append(BookedClose(close_from(row[:split]), taking))
    return found


def years_with_statements(connection: sa.Connection, region: str) -> list[int]:
    """Returns the years that there are statements of."""
    table = tables.year_statement.c
    query = sa.select(table.benefit_year).where(table.region == region).distinct()
    return sorted(connection.execute(query).scalars())


def booked_statements(
    connection: sa.Connection, region: str, years: Sequence[int], person_ids: Sequence[str]
) -> Iterator[BookedStatement]:
    """Yields the statements of records; `years` are all that there are statements of."""
    selects = [
        Select(
            *(tables.year_statement, ("person_id",), region, "person_id", person_ids),
            equal=("benefit_year", str(year)),
        )
        for year in years
    ]
    for year, rows in zip(years, execute(connection, selects), strict=True):
        if rows:
            yield from _statements(connection, region, year, [row[0] for row in rows])


def _statements(
    connection: sa.Connection, region: str, year: int, person_ids: Sequence[str]
) -> Iterator[BookedStatement]:
    table, entry = tables.year_statement, tables.entry.c
    purses = [f"{kind}:" for kind in ("person", "carried")]
    held = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.amount_fen), 0))
        .where(
            entry.region == table.c.region,
            sa.or_(
                *(
                    entry.account_id == sa.literal(each) + sa.cast(table.c.person_id, sa.String)
                    for each in purses
                )
            ),
            entry.month <= sa.cast(table.c.benefit_year, sa.Integer) * 100 + 12,
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(*(table.c[name] for name in STATEMENT_COLUMNS), held).where(
            table.c.region == region,
            table.c.benefit_year == year,
            table.c.person_id.in_(person_ids),
        )
    )
    for row in rows:
        *stored, account_fen = tuple(row)
        try:
            statement = statement_from(region, tuple(stored))
        except InvariantError:
            statement = None
        yield BookedStatement(row.benefit_year, row.person_id, statement, int(account_fen))


def audited_years(
    connection: sa.Connection, region: str
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Returns what the audit tells of closings, and of statements all taken, by closing.

    `checker` is who confirmed.
    """
    event = tables.audit.event.c
    found: dict[str, dict[str, dict[str, str]]] = {CONFIRM_METHOD: {}, FINISH_METHOD: {}}
    rows = connection.execute(
        sa.select(event.method, event.detail, event.caller).where(
            event.region == region, event.method.in_(sorted(found))
        )
    )
    for method, detail, caller in rows:
        told = audit_pairs(detail)
        if method == CONFIRM_METHOD:
            told = {**told, "checker": caller}
        found[method][told.get("close", "")] = told
    return found[CONFIRM_METHOD], found[FINISH_METHOD]
