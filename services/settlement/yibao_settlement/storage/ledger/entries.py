"""Entries as the ledger checker reads them: by account, which alone an index finds."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute, select_rows
from yibao_settlement.rules.ledger import (
    PostingKind,
    carried_account,
    difference_account,
    due_account,
    person_account,
    receivable_account,
)
from yibao_settlement.storage import tables

# What is posted of settlements: their own postings, refunds, reversals and adjustments.
OF_SETTLEMENTS = (
    *(PostingKind.SETTLEMENT, PostingKind.REFUND),
    *(PostingKind.REVERSAL, PostingKind.ADJUSTMENT),
)
ACCOUNTS_OF_PERSONS = (
    *(person_account, carried_account, difference_account, due_account),
    receivable_account,
)
_KINDS_OF_PERSONS = tuple(account("") for account in ACCOUNTS_OF_PERSONS)
# Postings, each an amount in fen by account.
Posted = dict[str, dict[str, int]]


class OwnEntry(NamedTuple):
    """An entry of an account that is a person's own."""

    account_id: str
    posting_id: str
    kind: int
    amount_fen: int


class EntryReader:
    """Reads entries of a region, and counts those of settlements that it has read.

    An account of a person counts with all of its kind, under what their names begin with.
    """

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the connection of the snapshot."""
        self._connection = connection
        self._region = region
        self.read: Counter[str] = Counter()

    def of_persons(self, person_ids: Collection[str]) -> list[OwnEntry]:
        """Returns every entry of the accounts that are persons' own."""
        ids = [account(each) for each in person_ids for account in ACCOUNTS_OF_PERSONS]
        rows = select_rows(
            self._connection,
            tables.entry,
            OwnEntry._fields,
            region=self._region,
            key="account_id",
            among=ids,
        )
        found = [OwnEntry._make(row) for row in rows]
        self._count(found)
        return found

    def of_accounts(self, wanted: Mapping[str, Collection[str]]) -> Posted:
        """Returns the entries of some postings, by account: other accounts are passed over."""
        posted: Posted = {}
        selects = [
            Select(
                *(tables.entry, OwnEntry._fields, self._region, "posting_id", sorted(posting_ids)),
                equal=("account_id", account_id),
            )
            for account_id, posting_ids in wanted.items()
        ]
        for rows in execute(self._connection, selects):
            self._keep(posted, rows)
        return posted

    def of_postings(self, posting_ids: Sequence[str]) -> Posted:
        """Returns all entries of postings but those of persons; reads the whole table."""
        entry = tables.entry.c
        posted: Posted = {}
        if posting_ids:
            columns = [entry[name] for name in OwnEntry._fields]
            query = sa.select(*columns).where(
                entry.region == self._region,
                entry.posting_id.in_(posting_ids),
                *[sa.not_(entry.account_id.startswith(each)) for each in _KINDS_OF_PERSONS],
            )
            self._keep(posted, map(tuple, self._connection.execute(query)))
        return posted

    def unread(self) -> list[tuple[str, int]]:
        """Returns accounts that have more entries of settlements than were read, by how many."""
        entry = tables.entry.c
        there: Counter[str] = Counter()
        for account_id, count in self._connection.execute(
            sa.select(entry.account_id, sa.func.count())
            .where(
                entry.region == self._region, entry.kind.in_([int(each) for each in OF_SETTLEMENTS])
            )
            .group_by(entry.account_id)
        ):
            there[_counted_as(account_id)] += count
        return sorted((there - self.read).items())

    def _keep(self, posted: Posted, rows: Iterable[Row]) -> None:
        entries = [OwnEntry._make(row) for row in rows]
        self._count(entries)
        for entry in entries:
            posted.setdefault(entry.posting_id, {})[entry.account_id] = entry.amount_fen

    def _count(self, rows: Sequence[OwnEntry]) -> None:
        for row in rows:
            if row.kind in OF_SETTLEMENTS:
                self.read[_counted_as(row.account_id)] += 1


def _counted_as(account_id: str) -> str:
    kind, _, _ = account_id.partition(":")
    prefix = f"{kind}:"
    return prefix if prefix in _KINDS_OF_PERSONS else account_id
