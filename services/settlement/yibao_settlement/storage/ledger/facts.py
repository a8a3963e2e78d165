"""What the ledger checker compares, read from one snapshot of the live database."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Row, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class BookedSettlement:
    """A settlement with its postings, amounts in fen.

    `record` is None where what is stored cannot be read. `benefit_year` is that of its
    column. `visit_parties` are the person and institution of its visit, None without one.
    `posted` and `taken_back` map accounts to what the settlement and its reversal posted;
    `code_uses` counts the codes used up by its request.
    """

    settlement_id: str
    record: SettlementRecord | None
    benefit_year: int
    visit_parties: tuple[str, str] | None
    posted: Mapping[str, int]
    taken_back: Mapping[str, int]
    code_uses: int


def regions(connection: sa.Connection) -> list[str]:
    """Returns every region of which anything is booked or enrolled."""
    found: set[str] = set()
    for table in (tables.entry, tables.settlement, tables.person_standing, tables.person):
        found.update(connection.execute(sa.select(table.c.region).distinct()).scalars())
    return sorted(found)


def unbalanced_postings(connection: sa.Connection, region: str) -> list[tuple[str, int]]:
    """Returns postings whose entries do not sum to zero, with their sums in fen."""
    entry = tables.entry.c
    total = sa.func.sum(entry.amount_fen)
    rows = connection.execute(
        sa.select(entry.posting_id, total)
        .where(entry.region == region)
        .group_by(entry.posting_id)
        .having(total != 0)
    )
    return [(row[0], int(row[1])) for row in rows]


def account_sums(connection: sa.Connection, region: str) -> dict[str, int]:
    """Returns every account with the sum of all its entries in fen."""
    entry = tables.entry.c
    rows = connection.execute(
        sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
        .where(entry.region == region)
        .group_by(entry.account_id)
    )
    return {row[0]: int(row[1]) for row in rows}


def wrong_checkpoints(connection: sa.Connection, region: str) -> list[tuple[str, int, int]]:
    """Returns checkpoints that differ from their entries: account, kept, summed, in fen."""
    entry, checkpoint = tables.entry.c, tables.account_checkpoint.c
    total = sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)
    rows = connection.execute(
        sa.select(checkpoint.account_id, checkpoint.balance_fen, total)
        .join_from(
            tables.account_checkpoint,
            tables.entry,
            sa.and_(
                entry.region == checkpoint.region,
                entry.account_id == checkpoint.account_id,
                entry.posting_id <= checkpoint.through_posting_id,
            ),
            isouter=True,
        )
        .where(checkpoint.region == region)
        .group_by(checkpoint.account_id, checkpoint.balance_fen)
        .having(checkpoint.balance_fen != total)
    )
    return [(row[0], int(row[1]), int(row[2])) for row in rows]


def orphan_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of settlements and reversals that no settlement knows."""
    entry, settlement = tables.entry.c, tables.settlement.c
    found: list[str] = []
    for kind, column in (
        (PostingKind.SETTLEMENT, settlement.settlement_id),
        (PostingKind.REVERSAL, settlement.reversal_id),
    ):
        rows = connection.execute(
            sa.select(entry.posting_id)
            .distinct()
            .join_from(
                tables.entry,
                tables.settlement,
                sa.and_(entry.region == settlement.region, entry.posting_id == column),
                isouter=True,
            )
            .where(entry.region == region, entry.kind == int(kind), column.is_(None))
        )
        found += rows.scalars()
    return found


def odd_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of no known kind, and credits not of one account from one source."""
    entry = tables.entry.c

    def entries(condition: sa.ColumnElement[bool]) -> sa.Function[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    from_source = sa.and_(entry.account_id.like("source:%"), entry.amount_fen < 0)
    to_person = sa.and_(entry.account_id.like("person:%"), entry.amount_fen > 0)
    is_credit = sa.and_(
        entries(entry.kind == int(PostingKind.CREDIT)) == sa.func.count(),
        entries(from_source) == 1,
        entries(to_person) == 1,
        sa.func.count() == 2,
    )
    others = [int(kind) for kind in PostingKind if kind is not PostingKind.CREDIT]
    rows = connection.execute(
        sa.select(entry.posting_id)
        .where(entry.region == region, entry.kind.not_in(others))
        .group_by(entry.posting_id)
        .having(sa.not_(is_credit))
    )
    return list(rows.scalars())


def unmoved_persons(connection: sa.Connection, region: str) -> list[str]:
    """Returns persons who were merged, and whose account was taken over by nobody."""
    person, standing = tables.person.c, tables.person_standing.c
    rows = connection.execute(
        sa.select(person.person_id)
        .join_from(
            tables.person,
            tables.person_standing,
            sa.and_(person.region == standing.region, person.person_id == standing.person_id),
            isouter=True,
        )
        .where(
            person.region == region,
            person.merged_into.is_not(None),
            standing.merged_into.is_(None),
        )
    )
    return list(rows.scalars())


def merged_persons(connection: sa.Connection, region: str) -> dict[str, str]:
    """Returns, for persons whose account was taken over, who took it over."""
    standing = tables.person_standing.c
    rows = connection.execute(
        sa.select(standing.person_id, standing.merged_into).where(
            standing.region == region, standing.merged_into.is_not(None)
        )
    )
    return {row.person_id: row.merged_into for row in rows}


def merge_postings(connection: sa.Connection, region: str) -> dict[str, dict[str, int]]:
    """Returns the amounts by account of every posting that a merge made."""
    entry = tables.entry.c
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(entry.posting_id, entry.account_id, entry.amount_fen).where(
            entry.region == region, entry.kind == int(PostingKind.MERGE)
        )
    ):
        found.setdefault(row.posting_id, {})[row.account_id] = row.amount_fen
    return found


def standings(
    connection: sa.Connection, region: str
) -> tuple[dict[str, int], dict[tuple[str, int], dict[str, int]]]:
    """Returns the persons' balances in fen and the accumulators of their years."""
    balances: dict[str, int] = {}
    years: dict[tuple[str, int], dict[str, int]] = {}
    standing, closed = tables.person_standing.c, tables.closed_year.c
    for row in connection.execute(
        sa.select(
            standing.person_id, standing.balance_fen, standing.benefit_year, standing.accumulators
        ).where(standing.region == region)
    ):
        balances[row.person_id] = row.balance_fen
        if row.benefit_year:
            years[row.person_id, row.benefit_year] = json.loads(row.accumulators)
    for year in connection.execute(
        sa.select(closed.person_id, closed.benefit_year, closed.accumulators).where(
            closed.region == region
        )
    ):
        years[year.person_id, year.benefit_year] = json.loads(year.accumulators)
    return balances, years


def booked_settlements(connection: sa.Connection, region: str) -> Iterator[BookedSettlement]:
    """Yields every settlement of the region with what belongs to it."""
    table = tables.settlement
    columns = [table.c[name] for name in SETTLEMENT_COLUMNS]
    after = ""
    while True:
        query = (
            sa.select(*columns)
            .where(table.c.region == region)
            .order_by(table.c.settlement_id)
            .limit(_ROWS_AT_ONCE)
        )
        if after:
            query = query.where(table.c.settlement_id > after)
        rows = connection.execute(query).all()
        if not rows:
            return
        yield from _with_belongings(connection, region, rows)
        after = rows[-1].settlement_id


def _with_belongings(
    connection: sa.Connection, region: str, rows: Sequence[sa.Row[Any]]
) -> Iterator[BookedSettlement]:
    settlement_ids = [row.settlement_id for row in rows]
    lines = select_rows(
        connection,
        tables.settlement_lines,
        LINES_COLUMNS,
        region=region,
        key="settlement_id",
        among=settlement_ids,
    )
    lines_by_settlement: dict[str, list[Row]] = {}
    for each in lines:
        lines_by_settlement.setdefault(each[0], []).append(each)
    visits = select_rows(
        connection,
        tables.visit,
        ("visit_id", "person_id", "institution_id"),
        region=region,
        key="visit_id",
        among=sorted({row.visit_id for row in rows}),
    )
    parties = {visit_id: (person_id, place) for visit_id, person_id, place in visits}
    code_uses = _code_uses(connection, region, [row.request_id for row in rows])
    reversal_ids = [row.reversal_id for row in rows if row.reversal_id is not None]
    posted = _posted(connection, region, settlement_ids + reversal_ids)
    for row in rows:
        yield BookedSettlement(
            row.settlement_id,
            _record(row, lines_by_settlement.get(row.settlement_id, [])),
            row.benefit_year,
            parties.get(row.visit_id),
            posted.get(row.settlement_id, {}),
            posted.get(row.reversal_id or "", {}),
            code_uses.get(row.request_id, 0),
        )


def _record(row: sa.Row[Any], lines: Sequence[Row]) -> SettlementRecord | None:
    try:
        return record_from(tuple(row), lines_from(lines).get(row.settlement_id, ()))
    except (ValueError, TypeError, KeyError, AttributeError, InvariantError):
        return None


def _code_uses(
    connection: sa.Connection, region: str, request_ids: Sequence[str]
) -> dict[str, int]:
    used = tables.used_code.c
    rows = connection.execute(
        sa.select(used.request_id, sa.func.count())
        .where(used.region == region, used.request_id.in_(request_ids))
        .group_by(used.request_id)
    )
    return {row[0]: row[1] for row in rows}


def _posted(
    connection: sa.Connection, region: str, posting_ids: Sequence[str]
) -> dict[str, dict[str, int]]:
    entry = tables.entry.c
    posted: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(entry.posting_id, entry.account_id, entry.amount_fen).where(
            entry.region == region, entry.posting_id.in_(posting_ids)
        )
    ):
        posted.setdefault(row.posting_id, {})[row.account_id] = row.amount_fen
    return posted
