"""What the ledger checker reads of closed accounts, a page of records at a time."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from yibao_settlement.application.account_close.close import CONFIRM_METHOD
from yibao_settlement.application.account_close.rows import PurseEntry
from yibao_settlement.application.account_close.run import FINISH_METHOD
from yibao_settlement.rules.account_close.close import AccountClose, AccountSums, ClosedAccount
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.closed import CLOSED_COLUMNS, closed_from
from yibao_settlement.storage.account_close.reading import purse_entries
from yibao_settlement.storage.account_close.record import StoredAccountCloses, find_closes
from yibao_settlement.storage.account_close.tables import account_close, closed_account
from yibao_settlement.storage.ledger.told import audit_pairs

_RECORDS = 500
_closed = closed_account.c
Told = Mapping[str, Mapping[str, str]]


class BookedAccounts(NamedTuple):
    """Closed accounts of some records, and everything that moved accounts of these and owners."""

    closed: list[ClosedAccount]
    entries: dict[str, list[PurseEntry]]


class BookedSums(NamedTuple):
    """What a close comes to: as its parts tell, as the rows sum, and what accounts held."""

    told: AccountSums
    refused_count: int
    parts_left: int
    summed: AccountSums
    held_fen: int


def confirmed_closes(connection: sa.Connection, region: str) -> list[AccountClose]:
    """Returns the closings that were confirmed, the first year first."""
    found = find_closes(connection, region, account_close.c.close_time.is_not(None))
    return sorted(found, key=lambda each: each.benefit_year)


def booked_accounts(connection: sa.Connection, region: str) -> Iterator[BookedAccounts]:
    """Yields all closed accounts, in pages of records."""
    after = None
    while True:
        query = sa.select(_closed.person_id).where(_closed.region == region).distinct()
        if after is not None:
            query = query.where(_closed.person_id > after)
        query = query.order_by(_closed.person_id).limit(_RECORDS)
        ids = list(connection.execute(query).scalars())
        if not ids:
            return
        columns = [_closed[name] for name in CLOSED_COLUMNS]
        rows = connection.execute(
            sa.select(*columns)
            .where(
                _closed.region == region, _closed.person_id >= ids[0], _closed.person_id <= ids[-1]
            )
            .order_by(_closed.person_id, _closed.benefit_year)
        )
        closed = [closed_from(tuple(row)) for row in rows]
        owners = {each.owner_id for each in closed}
        yield BookedAccounts(
            closed, purse_entries(connection, region, {*ids, *owners}, since_month=0)
        )
        after = ids[-1]


def interest_postings(connection: sa.Connection, region: str) -> tuple[int, int]:
    """Returns how many entries of interest accounts have, and what they come to."""
    entry = tables.entry.c
    row = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)).where(
            entry.region == region,
            entry.kind == int(PostingKind.INTEREST),
            entry.account_id.not_like("source:%"),
        )
    ).one()
    return row[0], int(row[1])


def sums_of(connection: sa.Connection, region: str, close: AccountClose) -> BookedSums:
    """Returns what a close comes to by whatever tells it."""
    rows = StoredAccountCloses(connection, region)
    told, refused_count = rows.sums(close)
    interest = _closed.current_year_interest_fen + _closed.carried_interest_fen
    sums = [
        sa.func.count(),
        sa.func.count(_closed.posting_id),
        sa.func.coalesce(sa.func.sum(_closed.current_year_fen + _closed.carried_fen), 0),
        sa.func.coalesce(sa.func.sum(interest), 0),
    ]
    summed = connection.execute(
        sa.select(*sums).where(
            _closed.region == region,
            _closed.close_id == close.close_id,
            _closed.benefit_year == close.benefit_year,
        )
    ).one()
    return BookedSums(
        told,
        refused_count,
        rows.parts_left(close.close_id),
        AccountSums(*map(int, summed)),
        rows.held_at_end(close.benefit_year),
    )


def audited_account_closes(connection: sa.Connection, region: str) -> tuple[Told, Told]:
    """Returns what the audit tells of closings, and of their ends; `checker` is who confirmed."""
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
