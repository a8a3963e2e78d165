"""What the ledger checker compares of months: entries, closings and what the audit tells."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_settlement.application.period.close import CONFIRM_METHOD
from yibao_settlement.rules.ledger import CLEARING_KINDS, PostingKind
from yibao_settlement.rules.period.close import PeriodClose, PeriodSum
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.told import audit_pairs
from yibao_settlement.storage.period.record import CLOSE_COLUMNS, close_from
from yibao_settlement.storage.period.sums import Sums, fund_sums, institution_sums


def postings_of_other_months(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields postings with an entry that is not of the month of the posting's time."""
    entry, settlement, posting = tables.entry.c, tables.settlement.c, tables.posting.c
    for id, table, time, kind in (
        (settlement.settlement_id, settlement, settlement.settle_time, True),
        (posting.posting_id, posting, posting.post_time, False),
    ):
        yield from connection.execute(
            sa.select(entry.posting_id)
            .join_from(
                tables.entry,
                id.table,
                sa.and_(table.region == entry.region, id == entry.posting_id),
            )
            .where(
                entry.region == region,
                (entry.kind == int(PostingKind.SETTLEMENT)) == sa.literal(kind),
                entry.month != month_in(connection, time),
            )
            .distinct()
        ).scalars()


def postings_that_refer_wrongly(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields postings that refer to another month than that of what they change."""
    entry, settlement = tables.entry.c, tables.settlement.c
    referring: list[tuple[PostingKind, sa.ColumnElement[str]]] = []
    for kind, id, of in (
        (PostingKind.REVERSAL, settlement.reversal_id, settlement.settlement_id),
        (PostingKind.REFUND, tables.refund.c.refund_id, tables.refund.c.settlement_id),
        (PostingKind.ADJUSTMENT, tables.adjustment.c.posting_id, tables.adjustment.c.settlement_id),
        (
            PostingKind.SETTLEMENT,
            tables.correction.c.settlement_id,
            tables.correction.c.corrected_id,
        ),
    ):
        changed = tables.settlement.alias("changed")
        month = month_in(connection, changed.c.settle_time)
        joined = sa.join(
            tables.entry,
            id.table,
            sa.and_(id.table.c.region == entry.region, id == entry.posting_id),
        ).join(
            changed,
            sa.and_(changed.c.region == entry.region, changed.c.settlement_id == of),
        )
        referring.append((kind, id))
        yield from connection.execute(
            sa.select(entry.posting_id)
            .select_from(joined)
            .where(
                entry.region == region,
                entry.kind == int(kind),
                sa.func.coalesce(entry.original_month, entry.month) != month,
            )
            .distinct()
        ).scalars()
    known = [
        sa.and_(
            entry.kind == int(kind),
            entry.posting_id.in_(sa.select(id).where(id.table.c.region == region, id.is_not(None))),
        )
        for kind, id in referring
    ]
    yield from connection.execute(
        sa.select(entry.posting_id)
        .where(
            entry.region == region,
            entry.original_month.is_not(None),
            # What cleared an earlier month is examined with its declaration.
            entry.kind.not_in(tuple(map(int, CLEARING_KINDS))),
            sa.not_(sa.or_(*known)),
        )
        .distinct()
    ).scalars()


def month_in(connection: sa.Connection, instant: sa.ColumnElement[object]) -> sa.ColumnElement[int]:
    """Returns the month of an instant in China, such as 202611, as the database reckons it."""
    if connection.dialect.name == "postgresql":
        there = sa.func.timezone(sa.text("INTERVAL '8 hours'"), instant)
        return sa.cast(sa.func.to_char(there, "YYYYMM"), sa.Integer)
    seconds = sa.type_coerce(instant, sa.BigInteger) // 1_000_000 + 8 * 3600
    return sa.cast(sa.func.strftime("%Y%m", seconds, "unixepoch"), sa.Integer)


def closed_periods(connection: sa.Connection, region: str) -> list[PeriodClose]:
    """Returns everything that closed a period, by institution and month; "" are the funds."""
    close = tables.period_close.c
    columns = [close[name] for name in CLOSE_COLUMNS]
    rows = connection.execute(
        sa.select(*columns)
        .where(close.region == region, close.close_time.is_not(None))
        .order_by(close.institution_id, close.month)
    )
    return [close_from(tuple(row)) for row in rows]


def kept_sums(connection: sa.Connection, region: str) -> dict[str, list[PeriodSum]]:
    """Returns the sums that periods were closed with, by closing."""
    table = tables.period_sum
    columns = [table.c[name] for name in PeriodSum._fields]
    found: dict[str, list[PeriodSum]] = {}
    for close_id, *each in connection.execute(
        sa.select(table.c.close_id, *columns).where(table.c.region == region)
    ):
        found.setdefault(close_id, []).append(PeriodSum(*each))
    return {close_id: sorted(sums) for close_id, sums in found.items()}


def booked_sums(connection: sa.Connection, region: str) -> Sums:
    """Returns the sums of every period by the entries."""
    return {**fund_sums(connection, region), **institution_sums(connection, region)}


def ended_month(connection: sa.Connection, region: str) -> int:
    """Returns the last month that takes no posting any more, 0 where there is none."""
    fence = tables.posting_fence.c
    found = connection.execute(
        sa.select(fence.ended_month).where(fence.region == region)
    ).scalar_one_or_none()
    return found or 0


def audited_closes(connection: sa.Connection, region: str) -> dict[str, dict[str, str]]:
    """Returns what the audit tells of closings, by their ids; `checker` is who confirmed."""
    event = tables.audit.event.c
    rows = connection.execute(
        sa.select(event.detail, event.caller).where(
            event.region == region, event.method == CONFIRM_METHOD
        )
    )
    told = [{**audit_pairs(detail), "checker": caller} for detail, caller in rows]
    return {each.get("close", ""): each for each in told}
