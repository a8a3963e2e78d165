"""Every settlement with what belongs to it, read from one snapshot for the ledger checker."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Row, execute, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.application.settlement.settle import SETTLE_METHOD
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.refund.record import each_left, select_refunds
from yibao_settlement.storage.settlement.adjustment import adjustment_from, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class BookedSettlement:
    """A settlement with its postings, amounts in fen.

    `record` is None where what is stored cannot be read. `benefit_year` is that of its
    column. `visit` is None where there is none. `posted` and `taken_back` map accounts to
    what the settlement and its reversal posted. `code_uses` counts the codes used up for
    it. `untold_uses` counts those used up by its request of which it was not kept yet what
    for, and `bills_of_request` the bills that the request settled: more than one where its
    id came again after the answer was no longer kept. `is_audited_without_code` where the
    audit tells that nobody could show one, because the person died.
    """

    settlement_id: str
    record: SettlementRecord | None
    benefit_year: int
    visit: Visit | None
    posted: Mapping[str, int]
    # As each refund left it, with what that posted.
    refunded: Sequence[tuple[SettlementRecord, Mapping[str, int]]]
    # Its adjustments in their order, each with what it posted.
    adjusted: Sequence[tuple[Adjustment, Mapping[str, int]]]
    # The reversals and refunds among those that adjustments name as their causes.
    causes: Collection[str]
    taken_back: Mapping[str, int]
    code_uses: int
    untold_uses: int
    bills_of_request: int
    is_audited_without_code: bool


def booked_settlements(connection: sa.Connection, region: str) -> Iterator[BookedSettlement]:
    """Yields every settlement of the region with what belongs to it."""
    table = tables.settlement
    columns = [table.c[name] for name in SETTLEMENT_COLUMNS]
    shared = _shared_requests(connection, region)
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
        yield from _with_belongings(connection, region, rows, shared)
        after = rows[-1].settlement_id


def _with_belongings(
    connection: sa.Connection,
    region: str,
    rows: Sequence[sa.Row[Any]],
    shared: Mapping[str, int],
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
    visit_rows = select_rows(
        connection,
        tables.visit,
        VISIT_COLUMNS,
        region=region,
        key="visit_id",
        among=sorted({row.visit_id for row in rows}),
    )
    visits = {row[0]: visit_from(row) for row in visit_rows}
    code_uses = _code_uses(connection, region, [row.request_id for row in rows])
    without_code = _audited_without_code(connection, region, settlement_ids)
    reversal_ids = [row.reversal_id for row in rows if row.reversal_id is not None]
    moved, returned = execute(
        connection,
        [select_adjustments(region, settlement_ids), select_refunds(region, settlement_ids)],
    )
    refunds: dict[str, list[Row]] = {}
    for each in returned:
        refunds.setdefault(each[1], []).append(each)
    adjusted: dict[str, list[Row]] = {}
    for each in sorted(moved, key=lambda row: row[:2]):
        adjusted.setdefault(each[0], []).append(each)
    posting_ids = [row[5] for row in moved if row[5] is not None]
    posting_ids += [row[0] for row in returned]
    posted = _posted(connection, region, [*settlement_ids, *reversal_ids, *posting_ids])
    causes = _causes(connection, region, sorted({row[4] for row in moved}))
    for row in rows:
        adjustments = _adjustments(adjusted.get(row.settlement_id, []))
        settled = _record(row, lines_by_settlement.get(row.settlement_id, []), adjustments)
        left = _each_left(settled, refunds.get(row.settlement_id, []))
        yield BookedSettlement(
            row.settlement_id,
            None if left is None else [settled, *left][-1],
            row.benefit_year,
            visits.get(row.visit_id),
            posted.get(row.settlement_id, {}),
            [(each, posted.get(each.refunds[-1].refund_id, {})) for each in left or ()],
            [(each, posted.get(each.posting_id or "", {})) for each in adjustments or ()],
            causes,
            posted.get(row.reversal_id or "", {}),
            code_uses.get((row.request_id, row.settlement_id), 0),
            code_uses.get((row.request_id, None), 0),
            shared.get(row.request_id, 1),
            row.settlement_id in without_code,
        )


def _record(
    row: sa.Row[Any], lines: Sequence[Row], adjustments: Sequence[Adjustment] | None
) -> SettlementRecord | None:
    if adjustments is None:
        return None
    try:
        record = record_from(tuple(row), lines_from(lines).get(row.settlement_id, ()))
        return record._replace(adjustment=adjustments[-1] if adjustments else None)
    except InvariantError:
        return None


def _each_left(
    settled: SettlementRecord | None, rows: Sequence[Row]
) -> list[SettlementRecord] | None:
    """Returns a settlement as each refund left it, None where that cannot be read."""
    if settled is None:
        return None
    try:
        return each_left(settled, rows)
    except InvariantError:
        return None


def _adjustments(rows: Sequence[Row]) -> list[Adjustment] | None:
    """Returns what moved of a settlement, None where some cannot be read."""
    try:
        return [adjustment_from(row) for row in rows]
    except InvariantError:
        return None


def _causes(connection: sa.Connection, region: str, ids: Sequence[str]) -> set[str]:
    """Returns which ids are those of reversals and refunds."""
    settlement, posting, refund = tables.settlement.c, tables.posting.c, tables.refund.c
    kinds = (int(PostingKind.REVERSAL), int(PostingKind.REFUND))
    rows = connection.execute(
        sa.select(posting.posting_id).where(
            posting.region == region, posting.posting_id.in_(ids), posting.kind.in_(kinds)
        )
    ).scalars()
    found = set(rows)
    # Where nobody owed anything, nothing is posted.
    for column in (settlement.reversal_id, refund.refund_id):
        if left := set(ids) - found:
            query = sa.select(column).where(
                column.table.c.region == region, column.in_(sorted(left))
            )
            found.update(connection.execute(query).scalars())
    return found


def _shared_requests(connection: sa.Connection, region: str) -> dict[str, int]:
    """Returns the requests that settled several bills, and how many each did."""
    settlement = tables.settlement.c
    rows = connection.execute(
        sa.select(settlement.request_id, sa.func.count())
        .where(settlement.region == region)
        .group_by(settlement.request_id)
        .having(sa.func.count() > 1)
    )
    return {row[0]: row[1] for row in rows}


def _code_uses(
    connection: sa.Connection, region: str, request_ids: Sequence[str]
) -> dict[tuple[str, str | None], int]:
    """Returns how many codes requests used up, by request and what for."""
    used = tables.used_code.c
    rows = connection.execute(
        sa.select(used.request_id, used.used_for_id, sa.func.count())
        .where(used.region == region, used.request_id.in_(request_ids))
        .group_by(used.request_id, used.used_for_id)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _audited_without_code(
    connection: sa.Connection, region: str, settlement_ids: Sequence[str]
) -> set[str]:
    """Returns the settlements of which the audit tells that the dead showed no code."""
    event, subject = tables.audit.event.c, tables.audit.subject.c
    rows = connection.execute(
        sa.select(subject.subject_id)
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(
            subject.region == region,
            subject.subject_id.in_(settlement_ids),
            event.method == SETTLE_METHOD,
        )
    )
    return set(rows.scalars())


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
