"""What the annual close reads of records, a page at a time."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Select, execute, select_rows
from yibao_settlement.application.account_close.rows import PurseEntry
from yibao_settlement.rules.account import Standing, new_standing
from yibao_settlement.rules.account_close.counters import Claimed
from yibao_settlement.rules.ledger import PostingKind, carried_account, person_account
from yibao_settlement.rules.year.statement import Amounts, YearSums
from yibao_settlement.storage import tables

_ENTRY = ("account_id", "posting_id", "kind", "amount_fen", "month")
_KINDS = {int(kind): kind for kind in PostingKind}


class _Told(msgspec.Struct):
    # Of a stored statement what a counter asks for.
    sums: YearSums
    windows: Amounts


_told = msgspec.json.Decoder(_Told).decode


def records_between(
    connection: sa.Connection,
    region: str,
    after_id: str | None,
    until_id: str | None,
    *,
    limit: int,
) -> list[str]:
    """Returns the next records of a range: persons that are known, and who has an account."""
    found: set[str] = set()
    for table in (tables.person, tables.person_standing):
        column = table.c.person_id
        query = sa.select(column).where(table.c.region == region)
        if after_id is not None:
            query = query.where(column > after_id)
        if until_id is not None:
            query = query.where(column <= until_id)
        found.update(connection.execute(query.order_by(column).limit(limit)).scalars())
    return sorted(found)[:limit]


def purse_entries(
    connection: sa.Connection, region: str, person_ids: Collection[str], *, since_month: int
) -> dict[str, list[PurseEntry]]:
    """Returns what moved accounts since a month, by record, in the order of postings."""
    accounts = {
        account_id: (person_id, is_carried)
        for person_id in person_ids
        for account_id, is_carried in (
            (person_account(person_id), False),
            (carried_account(person_id), True),
        )
    }
    (rows,) = execute(
        connection, [Select(tables.entry, _ENTRY, region, "account_id", sorted(accounts))]
    )
    # A month of 0 is of before months were kept, and its time is asked for.
    rows = [row for row in rows if row[4] >= since_month or not row[4]]
    times = _times(connection, region, rows)
    found: dict[str, list[PurseEntry]] = {}
    for account_id, posting_id, kind, amount_fen, _ in sorted(rows, key=lambda row: row[1]):
        time = times.get(posting_id)
        person_id, is_carried = accounts[account_id]
        entry = PurseEntry(posting_id, _KINDS[kind], is_carried, amount_fen, time)
        found.setdefault(person_id, []).append(entry)
    return found


def _times(
    connection: sa.Connection, region: str, rows: list[tuple[Any, ...]]
) -> dict[str, dt.datetime]:
    settled = {row[1] for row in rows if row[2] == int(PostingKind.SETTLEMENT)}
    others = {row[1] for row in rows} - settled
    of_bills, of_postings = execute(
        connection,
        [
            Select(
                *(tables.settlement, ("settlement_id", "settle_time"), region),
                *("settlement_id", sorted(settled)),
            ),
            Select(
                tables.posting, ("posting_id", "post_time"), region, "posting_id", sorted(others)
            ),
        ],
    )
    times: dict[str, dt.datetime] = dict(of_bills) | dict(of_postings)
    return times


def claims_of(
    connection: sa.Connection, region: str, benefit_year: int, person_ids: Collection[str]
) -> dict[str, Claimed | None]:
    """Returns what a year's closing statements say, of records that have one."""
    among = sorted(person_ids)
    select = Select(
        *(tables.year_statement, ("person_id", "statement"), region, "person_id", among),
        equal=("benefit_year", str(benefit_year)),
    )
    return {
        person_id: _claim_in(statement) for person_id, statement in execute(connection, [select])[0]
    }


def _claim_in(statement: str) -> Claimed | None:
    try:
        told = _told(statement)
    except msgspec.DecodeError:
        return None
    return Claimed(told.sums.effective.fund_fen, dict(told.windows))


def merged_into(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> dict[str, str]:
    """Returns records that were merged into some, and into these in turn, each with into which."""
    columns, found, asked = ("person_id", "merged_into"), dict[str, str](), set(person_ids)
    while asked:
        select = Select(tables.person, columns, region, "merged_into", sorted(asked))
        (rows,) = execute(connection, [select])
        asked = {record_id for record_id, _ in rows} - found.keys() - set(person_ids)
        found.update(rows)
    return found


def accounts_of(
    connection: sa.Connection, region: str, person_ids: Collection[str], *, is_locked: bool
) -> dict[str, Standing]:
    """Returns standings in the order of ids, without years and codes; some have none."""
    rows = select_rows(
        connection,
        tables.person_standing,
        ("person_id", "balance_fen", "merged_into", "carried_fen", "account_year"),
        region=region,
        key="person_id",
        among=sorted(person_ids),
        order_by=("person_id",),
        for_update=is_locked,
    )
    return {
        row[0]: new_standing(row[0])._replace(
            balance_fen=row[1], merged_into=row[2], carried_fen=row[3], account_year=row[4]
        )
        for row in rows
    }


def held_at_end(connection: sa.Connection, region: str, benefit_year: int) -> int:
    """Returns what all accounts held at the end of a year by their entries, in fen."""
    entry = tables.entry.c
    query = sa.select(sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)).where(
        entry.region == region,
        # Ranges of the key. ';' follows ':'.
        sa.or_(
            *(
                sa.and_(entry.account_id >= f"{kind}:", entry.account_id < f"{kind};")
                for kind in ("person", "carried")
            )
        ),
        entry.month <= benefit_year * 100 + 12,
    )
    # PostgreSQL sums to a number without a limit.
    return int(connection.execute(query).scalar_one())
