"""The ledger as stored: entries, what each posting was made for, and balances."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Statement
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_ENTRY_COLUMNS = (
    *("region", "account_id", "posting_id", "kind", "amount_fen"),
    *("month", "original_month"),
)
_POSTING_COLUMNS = ("region", "posting_id", "kind", "request_id", "post_time", "posted_by")


def read_postings(wanted: Wanted) -> Read:
    """Reads which of the requests posted something."""
    return Read(
        wanted.select(tables.posting, ("request_id",), "request_id", wanted.needs.postings_of),
        _keep_requests,
    )


def _keep_requests(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.posted_requests.update(row[0] for row in rows)


def write_postings(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the postings of the batch with their entries.

    A settlement's own row tells of its posting: one row less for every bill.
    """
    region, now = working_set.region, working_set.now
    postings = working_set.changes.postings
    yield Insert(
        tables.posting,
        _POSTING_COLUMNS,
        [
            (region, each.posting_id, int(each.kind), each.request_id, now, each.posted_by)
            for each in postings
            if each.kind is not PostingKind.SETTLEMENT
        ],
    )
    yield Insert(
        tables.entry,
        _ENTRY_COLUMNS,
        [
            (region, account_id, each.posting_id, int(each.kind), amount_fen, *each[-2:])
            for each in postings
            for account_id, amount_fen in each.entries
        ],
    )


def account_balances(
    connection: sa.Connection, region: str, prefix: str, *, through: str | None = None
) -> list[tuple[str, int]]:
    """Returns the accounts that begin with `prefix` and their balances, by account.

    A balance is the account's checkpoint and the entries after it; with `through`, only
    those up to that posting id.
    """
    entry, checkpoint = tables.entry.c, tables.account_checkpoint.c
    # A range, not LIKE: it reads the primary key in order. ';' follows ':'.
    after_prefix = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    balances: dict[str, int] = {}
    for row in connection.execute(
        sa.select(checkpoint.account_id, checkpoint.balance_fen).where(
            checkpoint.region == region,
            checkpoint.account_id >= prefix,
            checkpoint.account_id < after_prefix,
        )
    ):
        balances[row.account_id] = row.balance_fen
    later = sa.or_(
        checkpoint.through_posting_id.is_(None), entry.posting_id > checkpoint.through_posting_id
    )
    sums = (
        sa.select(entry.account_id, sa.func.sum(entry.amount_fen).label("amount_fen"))
        .join_from(
            tables.entry,
            tables.account_checkpoint,
            sa.and_(entry.region == checkpoint.region, entry.account_id == checkpoint.account_id),
            isouter=True,
        )
        .where(
            entry.region == region,
            entry.account_id >= prefix,
            entry.account_id < after_prefix,
            later,
        )
        .group_by(entry.account_id)
    )
    if through is not None:
        sums = sums.where(entry.posting_id <= through)
    for row in connection.execute(sums):
        balances[row.account_id] = balances.get(row.account_id, 0) + int(row.amount_fen)
    return sorted(balances.items())
