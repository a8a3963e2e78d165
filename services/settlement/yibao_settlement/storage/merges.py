"""Merged persons: who took their place, and the move of their accounts and years.

Identity decides a merge; the feed tells of it. Here the account moves once, by a posting
of its own, and what the years used up is added to the survivor's. Visits, settlements and
used codes stay under the id they were made with.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Update, execute, insert_rows, select_rows
from yibao_common.values.ids import Ids
from yibao_settlement.rules.ledger import PostingKind, merge_entries
from yibao_settlement.rules.standing import Accumulators, accumulate
from yibao_settlement.storage import tables
from yibao_settlement.storage.writes import amounts_json


def survivors_of(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> dict[str, str]:
    """Returns, for those of `person_ids` who were merged, who stands in their place now.

    A survivor may have been merged in turn: the last one of each chain is told.
    """
    into: dict[str, str] = {}
    asked = set(person_ids)
    while asked:
        rows = select_rows(
            connection,
            tables.person,
            ("person_id", "merged_into"),
            region=region,
            key="person_id",
            among=sorted(asked),
        )
        into.update({person_id: survivor for person_id, survivor in rows if survivor})
        asked = {survivor for _, survivor in rows if survivor} - into.keys()
    return {person_id: _last(into, person_id) for person_id in person_ids if person_id in into}


def move_accounts(
    connection: sa.Connection, region: str, survivors: Mapping[str, str], *, ids: Ids
) -> None:
    """Moves account and years of each merged person to the survivor; what moved stays so.

    Call it under the lock of the feed's position, with the persons' rows written.
    """
    if not survivors:
        return
    accounts = _lock(connection, region, {*survivors, *survivors.values()})
    changed: set[str] = set()
    entries: list[Row] = []
    for retired_id, survivor_id in sorted(survivors.items()):
        retired, survivor = accounts[retired_id], accounts[survivor_id]
        if retired.merged_into is not None:
            continue
        assert survivor.merged_into is None, survivor_id
        if retired.balance_fen:
            posting_id = ids()
            entries += [
                (region, entry.account_id, posting_id, int(PostingKind.MERGE), entry.amount_fen)
                for entry in merge_entries(
                    retired_id=retired_id,
                    survivor_id=survivor_id,
                    amount_fen=retired.balance_fen,
                )
            ]
        survivor.take_over(retired)
        retired.merged_into = survivor_id
        changed |= {retired_id, survivor_id}
    _store(connection, region, {each: accounts[each] for each in sorted(changed)}, entries)


@dataclass(slots=True)
class _Account:
    balance_fen: int
    # What each benefit year used up.
    years: dict[int, Accumulators]
    merged_into: str | None

    def take_over(self, other: "_Account") -> None:
        self.balance_fen += other.balance_fen
        for year, accumulators in other.years.items():
            self.years[year] = accumulate(self.years.get(year, {}), accumulators.items())
        other.balance_fen, other.years = 0, {}


def _lock(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> dict[str, _Account]:
    """Locks the standings of `person_ids`, made where they are missing, and reads them."""
    ordered = sorted(person_ids)
    columns = ("person_id", "balance_fen", "benefit_year", "accumulators", "merged_into")
    insert_rows(
        connection,
        tables.person_standing,
        ("region", *columns, "newest_codes"),
        [(region, person_id, 0, 0, "{}", None, "{}") for person_id in ordered],
        skip_existing=True,
    )
    standings = select_rows(
        connection,
        tables.person_standing,
        columns,
        region=region,
        key="person_id",
        among=ordered,
        order_by=("person_id",),
        for_update=True,
    )
    closed = select_rows(
        connection,
        tables.closed_year,
        ("person_id", "benefit_year", "accumulators"),
        region=region,
        key="person_id",
        among=ordered,
    )
    accounts = {}
    for person_id, balance_fen, benefit_year, accumulators, merged_into in standings:
        years = {benefit_year: json.loads(accumulators)} if benefit_year else {}
        accounts[person_id] = _Account(balance_fen, years, merged_into)
    for person_id, benefit_year, accumulators in closed:
        accounts[person_id].years[benefit_year] = json.loads(accumulators)
    return accounts


def _store(
    connection: sa.Connection,
    region: str,
    accounts: Mapping[str, _Account],
    entries: Sequence[Row],
) -> None:
    closed = tables.closed_year
    connection.execute(
        sa.delete(closed).where(closed.c.region == region, closed.c.person_id.in_(accounts))
    )
    standings: list[Row] = []
    years: list[Row] = []
    for person_id, account in accounts.items():
        newest = max(account.years, default=0)
        current = amounts_json(account.years.get(newest, {}))
        standings.append(
            (region, person_id, account.balance_fen, newest, current, account.merged_into)
        )
        years += [
            (region, person_id, year, amounts_json(accumulators))
            for year, accumulators in sorted(account.years.items())
            if year != newest
        ]
    execute(
        connection,
        [
            Update(
                tables.person_standing,
                ("region", "person_id"),
                ("balance_fen", "benefit_year", "accumulators", "merged_into"),
                standings,
            ),
            Insert(closed, ("region", "person_id", "benefit_year", "accumulators"), years),
            Insert(
                tables.entry,
                ("region", "account_id", "posting_id", "kind", "amount_fen"),
                entries,
            ),
        ],
    )


def _last(into: Mapping[str, str], person_id: str) -> str:
    steps = 0
    while person_id in into:
        person_id = into[person_id]
        steps += 1
        assert steps <= len(into), "persons are merged in a circle"
    return person_id
