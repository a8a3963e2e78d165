"""Whether every posting is told of: by what was it made, and is it audited?

Credits are audited, and what agencies reverse. Read from one snapshot of the live
database, for the ledger checker.
"""

import datetime as dt
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_settlement.application.credit.book import CREDIT_METHOD, credit_detail
from yibao_settlement.application.override.order import CONFIRM_METHOD as OVERRIDE_METHOD
from yibao_settlement.application.review.decide import CONFIRM_METHOD
from yibao_settlement.application.settlement.correct import CORRECT_METHOD
from yibao_settlement.application.settlement.reverse import REVERSE_METHOD
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables

_ROWS_AT_ONCE = 1_000
# The audit row by which the upgrade put on record the credits that name no request.
UPGRADE_METHOD = "UpgradeSettlement"


@dataclass(frozen=True, slots=True)
class CreditSum:
    """How many credits there are, and what they come to in fen."""

    credits: int
    amount_fen: int


def untold_postings(connection: sa.Connection, region: str) -> list[str]:
    """Returns postings of which nothing tells what they were made for, or another kind.

    Those of settlements are told of by the settlement itself.
    """
    entry, posting = tables.entry.c, tables.posting.c
    rows = connection.execute(
        sa.select(entry.posting_id)
        .distinct()
        .join_from(
            tables.entry,
            tables.posting,
            sa.and_(
                entry.region == posting.region,
                entry.posting_id == posting.posting_id,
                entry.kind == posting.kind,
            ),
            isouter=True,
        )
        .where(
            entry.region == region,
            entry.kind != int(PostingKind.SETTLEMENT),
            posting.posting_id.is_(None),
        )
    )
    return list(rows.scalars())


def unaudited_credits(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields the postings of credits that no row of the audit tells of as they are."""
    posting = tables.posting.c
    after = ""
    while True:
        query = (
            sa.select(posting.posting_id, posting.request_id)
            .where(
                posting.region == region,
                posting.kind == int(PostingKind.CREDIT),
                posting.request_id.is_not(None),
            )
            .order_by(posting.posting_id)
            .limit(_ROWS_AT_ONCE)
        )
        if after:
            query = query.where(posting.posting_id > after)
        rows = connection.execute(query).all()
        if not rows:
            return
        requests = {row.posting_id: row.request_id for row in rows}
        booked = _credited(connection, region, list(requests))
        audited = _audited(connection, region, list(requests))
        for posting_id, request_id in requests.items():
            told = audited.get(posting_id)
            if told is None or told != (request_id, booked.get(posting_id)):
                yield posting_id
        after = rows[-1].posting_id


def audited_credits(connection: sa.Connection, region: str) -> int:
    """Returns how many credits the audit tells of."""
    event = tables.audit.event.c
    return connection.execute(
        sa.select(sa.func.count()).where(event.region == region, event.method == CREDIT_METHOD)
    ).scalar_one()


def requested_credits(connection: sa.Connection, region: str) -> int:
    """Returns how many credits name their request."""
    posting = tables.posting.c
    return connection.execute(
        sa.select(sa.func.count()).where(
            posting.region == region,
            posting.kind == int(PostingKind.CREDIT),
            posting.request_id.is_not(None),
        )
    ).scalar_one()


def old_credits(connection: sa.Connection, region: str) -> tuple[CreditSum, CreditSum | None]:
    """Returns the credits without a request as they are booked, and as the upgrade told.

    What it told is None where that cannot be read, or was told twice.
    """
    entry, posting, event = tables.entry.c, tables.posting.c, tables.audit.event.c
    booked = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(entry.amount_fen), 0))
        .join_from(
            tables.posting,
            tables.entry,
            sa.and_(posting.region == entry.region, posting.posting_id == entry.posting_id),
        )
        .where(
            posting.region == region,
            posting.kind == int(PostingKind.CREDIT),
            posting.request_id.is_(None),
            entry.account_id.like("person:%"),
        )
    ).one()
    told = connection.execute(
        sa.select(event.detail).where(event.region == region, event.method == UPGRADE_METHOD)
    ).scalars()
    return CreditSum(booked[0], int(booked[1])), _sum_told([audit_pairs(each) for each in told])


def unaudited_reversals(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields settlements that an agency reversed, and of which the audit does not tell so.

    It has to name the request of the posting, where one was made.
    """
    settlement, posting = tables.settlement.c, tables.posting.c
    begin_time = _audit_begin(connection, region)
    after = ""
    while True:
        query = (
            sa.select(
                *(settlement.settlement_id, settlement.settled_by, settlement.reversal_id),
                *(settlement.reverse_time, settlement.reversed_by),
                *(posting.posting_id, posting.request_id),
            )
            .join_from(
                tables.settlement,
                tables.posting,
                sa.and_(
                    settlement.region == posting.region,
                    settlement.reversal_id == posting.posting_id,
                ),
                isouter=True,
            )
            .where(settlement.region == region, settlement.reversed_by.like("agency/%"))
            .order_by(settlement.settlement_id)
            .limit(_ROWS_AT_ONCE)
        )
        if after:
            query = query.where(settlement.settlement_id > after)
        rows = connection.execute(query).all()
        if not rows:
            return
        audited = _audited_reversals(connection, region, [row.settlement_id for row in rows])
        for row in rows:
            # The callers who settled were kept from when reversals were audited on.
            is_old = not row.settled_by and (begin_time is None or row.reverse_time < begin_time)
            told = audited.get((row.settlement_id, row.reversal_id, row.reversed_by))
            is_named = told is not None and (row.posting_id is None or row.request_id in told)
            if not is_old and not is_named:
                yield row.settlement_id
        after = rows[-1].settlement_id


def _audit_begin(connection: sa.Connection, region: str) -> dt.datetime | None:
    event = tables.audit.event.c
    begin_time: dt.datetime | None = connection.execute(
        sa.select(event.record_time).where(event.region == region).order_by(event.sequence).limit(1)
    ).scalar_one_or_none()
    return begin_time


def _audited_reversals(
    connection: sa.Connection, region: str, settlement_ids: Sequence[str]
) -> dict[tuple[str, str, str], set[str]]:
    """Returns the requests of audited reversals: by settlement, reversal and caller."""
    found: dict[tuple[str, str, str], set[str]] = {}
    methods = (REVERSE_METHOD, CONFIRM_METHOD, CORRECT_METHOD, OVERRIDE_METHOD)
    for row in _audit_rows(connection, region, settlement_ids, *methods):
        reversal_id = audit_pairs(row.detail).get("reversal", "")
        found.setdefault((row.subject_id, reversal_id, row.caller), set()).add(row.request_id)
    return found


def _sum_told(rows: Sequence[Mapping[str, str]]) -> CreditSum | None:
    # An upgrade is made once.
    if len(rows) > 1:
        return None
    try:
        return CreditSum(
            sum(int(each["credits"]) for each in rows),
            sum(int(each["amount_fen"]) for each in rows),
        )
    except (KeyError, ValueError):
        return None


def _credited(
    connection: sa.Connection, region: str, posting_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Returns what the audit should tell of credits, by their entries."""
    entry = tables.entry.c
    amounts: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(entry.posting_id, entry.account_id, entry.amount_fen).where(
            entry.region == region, entry.posting_id.in_(posting_ids)
        )
    ):
        amounts.setdefault(row.posting_id, {})[row.account_id] = row.amount_fen
    return {
        posting_id: credit_detail(
            posting_id,
            next((each for each in entries if each.startswith(("person:", "carried:"))), ""),
            max(entries.values()),
            source=next(
                (each.removeprefix("source:") for each in entries if each.startswith("source:")),
                "",
            ),
        )
        for posting_id, entries in amounts.items()
    }


def _audited(
    connection: sa.Connection, region: str, posting_ids: Sequence[str]
) -> dict[str, tuple[str, dict[str, str]]]:
    """Returns what the audit tells of credits: their request and the detail."""
    rows = _audit_rows(connection, region, posting_ids, CREDIT_METHOD)
    return {row.subject_id: (row.request_id, audit_pairs(row.detail)) for row in rows}


def _audit_rows(
    connection: sa.Connection, region: str, subject_ids: Sequence[str], *methods: str
) -> Sequence[sa.Row[Any]]:
    event, subject = tables.audit.event.c, tables.audit.subject.c
    columns = [subject.subject_id, event.caller, event.request_id, event.detail]
    return connection.execute(
        sa.select(*columns)
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(
            subject.region == region,
            subject.subject_id.in_(subject_ids),
            event.method.in_(methods),
        )
    ).all()


def audit_pairs(detail: str) -> dict[str, str]:
    """Returns the pairs of an audit row's detail."""
    pairs = (pair.partition("=") for pair in detail.split(" ") if pair)
    return {urllib.parse.unquote(name): urllib.parse.unquote(value) for name, _, value in pairs}
