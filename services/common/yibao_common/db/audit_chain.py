"""The audit of a service: who did what to whom, in a chain of hashes for each region.

A row is written in the transaction of its effect and never changed. Each holds the hash of
the one before, so a row that was changed, taken away or put in between shows when the chain
is checked. Whoever owns the database could still write the whole chain anew from some row
on, or cut its end off: that shows to those who keep hashes of their own, as a supervisor
does who reads the rows as they come.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_common.commands.audit import (
    FIRST_HASH,
    AuditEntry,
    canonical_text,
    chained_hash,
    event_values,
)
from yibao_common.db.database import Database
from yibao_common.db.rows import Id, Insert, Instant, Row, Select, Statement, Update, execute
from yibao_common.values.errors import InvariantError, TransientError

_ATTEMPTS = 3
_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class AuditTables:
    """The tables of one service: rows, where to find a subject, the end of each chain."""

    event: sa.Table
    subject: sa.Table
    head: sa.Table


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first row of a chain that is not as it was written, and what is wrong with it."""

    region: str
    sequence: int
    explanation: str


def audit_tables(metadata: sa.MetaData) -> AuditTables:
    """Defines the tables of a service's audit: rows are only inserted."""
    return AuditTables(
        sa.Table(
            "audit_event",
            metadata,
            _region(),
            # 1, 2, 3, … without a gap; handed out under the lock of `audit_head`.
            sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("record_time", Instant, nullable=False),
            sa.Column("caller", sa.String(200), nullable=False),
            sa.Column("method", sa.String(64), nullable=False),
            # Ids joined by commas; they are in the hash, `audit_subject` only finds them.
            sa.Column("subject_ids", sa.Text, nullable=False),
            # `OK` or the name of a reason.
            sa.Column("outcome", sa.String(64), nullable=False),
            # `key=value` pairs, sorted, joined by spaces.
            sa.Column("detail", sa.Text, nullable=False),
            # Empty where the call had none.
            sa.Column("request_id", sa.String(36), nullable=False),
            sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
            sa.Column("hash", sa.LargeBinary(32), nullable=False),
        ),
        sa.Table(
            "audit_subject",
            metadata,
            _region(),
            sa.Column("subject_id", Id, primary_key=True),
            sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        ),
        # The last row of each chain. Lock it last of all: it is one for a region.
        sa.Table(
            "audit_head",
            metadata,
            _region(),
            sa.Column("sequence", sa.BigInteger, nullable=False),
            sa.Column("hash", sa.LargeBinary(32), nullable=False),
        ),
    )


def record_audit(connection: sa.Connection, tables: AuditTables, *entries: AuditEntry) -> None:
    """Adds rows to the chain of their one region, in the transaction of what they tell of.

    Call it once and last in a transaction: everyone else who does something in the region
    waits for the end of its chain until the commit.
    """
    execute(connection, chained(connection, tables, *entries))


def chained(
    connection: sa.Connection, tables: AuditTables, *entries: AuditEntry
) -> list[Statement]:
    """Locks the end of the chain and returns what adds rows to it; see `record_audit`.

    For whoever has something else to write last: it goes in one trip.
    """
    if not entries:
        return []
    region = entries[0].region
    if any(entry.region != region for entry in entries):
        raise InvariantError("a chain of the audit is of one region")
    end, first = ("sequence", "hash"), (region, 0, FIRST_HASH)
    _, (stored,) = execute(
        connection,
        [
            Insert(tables.head, ("region", *end), [first], skip_existing=True),
            Select(tables.head, end, region, "region", (region,), for_update=True),
        ],
    )
    sequence, hash = stored[0], bytes(stored[1])
    events: list[Row] = []
    subjects: list[Row] = []
    for entry in entries:
        previous, sequence = hash, sequence + 1
        hash = chained_hash(previous, entry, sequence)
        _, values = event_values(entry)
        events.append((region, sequence, *values, previous, hash))
        subjects += [(region, subject, sequence) for subject in sorted(set(entry.subject_ids))]
    columns, _ = event_values(entries[0])
    return [
        Insert(
            tables.event,
            ("region", "sequence", *columns, "previous_hash", "hash"),
            events,
        ),
        Insert(tables.subject, ("region", "subject_id", "sequence"), subjects),
        Update(tables.head, ("region",), end, [(region, sequence, hash)]),
    ]


def record_refused(database: Database, tables: AuditTables, entry: AuditEntry) -> None:
    """Adds a row in a transaction of its own: for refusals, and for looking up.

    Raises TransientError where the database was unreachable; the caller is then told
    nothing else, so nothing is learnt that was not recorded.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.write() as connection:
                record_audit(connection, tables, entry)
            return
        except TransientError:
            if attempt == _ATTEMPTS:
                raise


def check_chain(connection: sa.Connection, tables: AuditTables, region: str) -> ChainFault | None:
    """Returns the first fault of a region's chain, or None where all is as it was written.

    Reads every row, in pages; the connection has to read one snapshot.
    """
    sequence, previous = 0, FIRST_HASH
    event = tables.event.c
    first = connection.execute(
        sa.select(sa.func.min(event.sequence)).where(event.region == region)
    ).scalar_one()
    if first is not None and first < 1:
        return ChainFault(region, first, "a row stands before the first")
    while rows := _page(connection, tables, region, sequence):
        for row in rows:
            explanation = _row_fault(row, sequence + 1, previous)
            if explanation:
                return ChainFault(region, sequence + 1, explanation)
            sequence, previous = row.sequence, bytes(row.hash)
        lost = _lost_subject(connection, tables, region, rows)
        if lost is not None:
            return ChainFault(region, lost, "the row is not found by each of its subjects")
    head = tables.head.c
    end = connection.execute(
        sa.select(head.sequence, head.hash).where(head.region == region)
    ).one_or_none()
    stored = (0, FIRST_HASH) if end is None else (end.sequence, bytes(end.hash))
    if stored != (sequence, previous):
        return ChainFault(region, sequence + 1, f"the chain ended at row {stored[0]}")
    return None


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


def _page(
    connection: sa.Connection, tables: AuditTables, region: str, after: int
) -> Sequence[sa.Row[Any]]:
    event = tables.event.c
    query = (
        sa.select(tables.event)
        .where(event.region == region, event.sequence > after)
        .order_by(event.sequence)
        .limit(_PAGE_ROWS)
    )
    return connection.execute(query).all()


def _row_fault(row: sa.Row[Any], sequence: int, previous: bytes) -> str:
    """Returns what is wrong with a row that should be number `sequence`, or nothing."""
    if row.sequence != sequence:
        return f"the row is missing; row {row.sequence} follows"
    if bytes(row.previous_hash) != previous:
        return "the hash of the row before it does not match that row"
    texts = (row.caller, row.method, row.subject_ids, row.outcome, row.detail, row.request_id)
    content = canonical_text(row.region, sequence, (row.record_time, *texts))
    if hashlib.sha256(previous + content).digest() != bytes(row.hash):
        return "its hash does not match its contents"
    return ""


def _lost_subject(
    connection: sa.Connection, tables: AuditTables, region: str, rows: Sequence[sa.Row[Any]]
) -> int | None:
    """Returns the first row of a page that one of its subjects does not lead to."""
    told = {
        (row.sequence, subject)
        for row in rows
        for subject in row.subject_ids.split(",")
        if row.subject_ids
    }
    subject = tables.subject.c
    query = sa.select(subject.sequence, subject.subject_id).where(
        subject.region == region,
        subject.subject_id.in_({subject_id for _, subject_id in told}),
        subject.sequence.between(rows[0].sequence, rows[-1].sequence),
    )
    found = {(row.sequence, row.subject_id) for row in connection.execute(query)}
    return min((sequence for sequence, _ in told - found), default=None)
