"""Whether every posting is told of: by what was it made, and is each credit audited?

Read from one snapshot of the live database, for the ledger checker.
"""

import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_settlement.application.account import CREDIT_METHOD, credit_detail
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


def old_credits(connection: sa.Connection, region: str) -> tuple[CreditSum, CreditSum]:
    """Returns the credits without a request as they are booked, and as the upgrade told."""
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
    pairs = [_pairs(detail) for detail in told]
    return (
        CreditSum(booked[0], int(booked[1])),
        CreditSum(
            sum(int(each["credits"]) for each in pairs),
            sum(int(each["amount_fen"]) for each in pairs),
        ),
    )


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
            next((account for account in entries if account.startswith("person:")), ""),
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
    event, subject = tables.audit.event.c, tables.audit.subject.c
    rows = connection.execute(
        sa.select(subject.subject_id, event.request_id, event.detail)
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(
            subject.region == region,
            subject.subject_id.in_(posting_ids),
            event.method == CREDIT_METHOD,
        )
    )
    return {row.subject_id: (row.request_id, _pairs(row.detail)) for row in rows}


def _pairs(detail: str) -> dict[str, str]:
    """Returns the pairs of an audit row's detail."""
    pairs = (pair.partition("=") for pair in detail.split(" ") if pair)
    return {urllib.parse.unquote(name): urllib.parse.unquote(value) for name, _, value in pairs}
