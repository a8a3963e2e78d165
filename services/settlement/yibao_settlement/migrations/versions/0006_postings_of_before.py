"""Every posting of before tells what it was made for, as far as that is known.

Settlements name their own requests. What reversals were answered tells of theirs. The requests
of credits were kept nowhere: one row of the audit a region puts on record how many there
are and what they come to, so that none can be added to them.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from yibao_common.commands.audit import (
    FIRST_HASH,
    OK,
    AuditEntry,
    chained_hash,
    event_values,
)
from yibao_common.db.rows import Id, Instant

revision = "0006"
down_revision = "0005"

_PAGE_ROWS = 500
_REVERSAL, _CREDIT, _MERGE = 2, 3, 4
# How a reversal's id begins in a message: field 30, 36 characters.
_REVERSAL_ID_MARK = b"\xf2\x01\x24"


def _table(name: str, **columns: Any) -> sa.TableClause:
    return sa.table(name, *(sa.column(key, type_) for key, type_ in columns.items()))


_settlement = _table(
    "settlement",
    region=sa.String,
    settlement_id=Id,
    fund_total_fen=sa.BigInteger,
    account_fen=sa.BigInteger,
    reversal_id=Id,
    reverse_time=Instant,
    reversed_by=sa.String,
)
_answer = _table("answer", region=sa.String, request_id=Id, response=sa.LargeBinary)
_entry = _table(
    "entry",
    region=sa.String,
    account_id=sa.String,
    posting_id=Id,
    kind=sa.SmallInteger,
    amount_fen=sa.BigInteger,
)
_posting = _table(
    "posting",
    region=sa.String,
    posting_id=Id,
    kind=sa.SmallInteger,
    request_id=Id,
    post_time=Instant,
    posted_by=sa.String,
)


def upgrade() -> None:
    op.create_index("ix_posting_region_request_id", "posting", ["region", "request_id"])
    connection, now = op.get_bind(), dt.datetime.now(dt.UTC)
    _tell_of_reversals(connection)
    _name_the_requests_of_reversals(connection)
    _tell_of_credits_and_merges(connection, now)
    _put_credits_on_record(connection, now)


def _pages(
    connection: sa.Connection, query: sa.Select[Any], *key: sa.ColumnElement[Any]
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yields the rows of a query in the order of `key`: unique, and its first columns."""
    page = query.order_by(*key).limit(_PAGE_ROWS)
    rows = connection.execute(page).all()
    while rows:
        yield rows
        last = [
            sa.literal(value, column.type) for value, column in zip(rows[-1], key, strict=False)
        ]
        rows = connection.execute(page.where(sa.tuple_(*key) > sa.tuple_(*last))).all()


def _tell_of_reversals(connection: sa.Connection) -> None:
    settlement = _settlement.c
    query = sa.select(
        settlement.region,
        settlement.settlement_id,
        settlement.reversal_id,
        settlement.reverse_time,
        settlement.reversed_by,
        # What owes nothing posts nothing.
    ).where(
        settlement.reversal_id.is_not(None),
        settlement.fund_total_fen + settlement.account_fen > 0,
    )
    for rows in _pages(connection, query, settlement.region, settlement.settlement_id):
        postings = [
            {
                "region": row.region,
                "posting_id": row.reversal_id,
                "kind": _REVERSAL,
                "post_time": row.reverse_time,
                "posted_by": row.reversed_by,
            }
            for row in rows
        ]
        connection.execute(sa.insert(_posting), postings)


def _name_the_requests_of_reversals(connection: sa.Connection) -> None:
    answer, posting = _answer.c, _posting.c
    query = sa.select(answer.region, answer.request_id, answer.response)
    update = (
        sa.update(_posting)
        .where(
            posting.region == sa.bindparam("of_region"),
            posting.posting_id == sa.bindparam("of_posting"),
            posting.kind == _REVERSAL,
        )
        .values(request_id=sa.bindparam("new_request"))
    )
    for rows in _pages(connection, query, answer.region, answer.request_id):
        found = [
            {
                "of_region": row.region,
                "of_posting": reversal_id,
                "new_request": row.request_id,
            }
            for row in rows
            if (reversal_id := _reversal_id(row.response))
        ]
        if found:
            connection.execute(update, found)


def _reversal_id(response: bytes) -> str:
    """Returns the reversal that an answer tells of; "" for other answers."""
    before, _, rest = bytes(response).rpartition(_REVERSAL_ID_MARK)
    try:
        id = uuid.UUID(rest[:36].decode()) if before else None
    except ValueError:
        return ""
    return "" if id is None else str(id)


def _tell_of_credits_and_merges(connection: sa.Connection, now: dt.datetime) -> None:
    # One entry of each of these enters an account.
    entry = _entry.c
    query = sa.select(entry.region, entry.account_id, entry.posting_id, entry.kind).where(
        entry.kind.in_((_CREDIT, _MERGE)), entry.amount_fen > 0
    )
    for rows in _pages(connection, query, entry.region, entry.account_id, entry.posting_id):
        postings = [
            {
                "region": row.region,
                "posting_id": row.posting_id,
                "kind": row.kind,
                "post_time": _time_of(row.posting_id, now),
                "posted_by": "",
            }
            for row in rows
        ]
        connection.execute(sa.insert(_posting), postings)


def _time_of(id: str, now: dt.datetime) -> dt.datetime:
    """Returns when an id was made: its first 48 bits where it is of version 7."""
    digits = id.replace("-", "")
    if digits[12] != "7":
        return now
    return dt.datetime.fromtimestamp(int(digits[:12], 16) / 1000, dt.UTC)


def _put_credits_on_record(connection: sa.Connection, now: dt.datetime) -> None:
    entry = _entry.c
    rows = connection.execute(
        sa.select(entry.region, sa.func.count().label("credits"), sa.func.sum(entry.amount_fen))
        .where(entry.kind == _CREDIT, entry.amount_fen > 0)
        .group_by(entry.region)
        .order_by(entry.region)
    ).all()
    for region, credits, amount_fen in rows:
        _add_to_chain(
            connection,
            AuditEntry(
                region=region,
                at=now,
                caller="service/upgrade",
                method="UpgradeSettlement",
                subject_ids=(),
                outcome=OK,
                detail={"credits": str(credits), "amount_fen": str(int(amount_fen))},
                request_id="",
            ),
        )


def _add_to_chain(connection: sa.Connection, entry: AuditEntry) -> None:
    names, values = event_values(entry)
    event = _table(
        "audit_event",
        region=sa.String,
        sequence=sa.BigInteger,
        record_time=Instant,
        previous_hash=sa.LargeBinary,
        hash=sa.LargeBinary,
        **{name: sa.Text for name in names if name != "record_time"},
    )
    head = _table("audit_head", region=sa.String, sequence=sa.BigInteger, hash=sa.LargeBinary)
    end = connection.execute(
        sa.select(head.c.sequence, head.c.hash).where(head.c.region == entry.region)
    ).one_or_none()
    sequence, previous = (0, FIRST_HASH) if end is None else (end.sequence, bytes(end.hash))
    hash = chained_hash(previous, entry, sequence + 1)
    row = {
        "region": entry.region,
        "sequence": sequence + 1,
        **dict(zip(names, values, strict=True)),
    }
    connection.execute(sa.insert(event).values(**row, previous_hash=previous, hash=hash))
    if end is None:
        connection.execute(
            sa.insert(head).values(region=entry.region, sequence=sequence + 1, hash=hash)
        )
    else:
        connection.execute(
            sa.update(head)
            .where(head.c.region == entry.region)
            .values(sequence=sequence + 1, hash=hash)
        )
