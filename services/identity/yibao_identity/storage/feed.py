"""The feed of a region: whose facts changed, in one line without gaps.

A change says that something of a person changed; what stands is read from the tables of
persons, enrolments, cards, certificates and links when the feed is read. So a writer
cannot tell something stale, and need not know what others keep of the person.

The head's row is locked from the moment a number is taken until the commit, so numbers
become visible in their order and none is ever missing, whatever process wrote it. Take a
number last in a transaction, before the audit row: everyone else who changes a person of
the region waits.
"""

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_identity.application.feed import FeedCard, FeedCertificate, FeedEntry, FeedPerson
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.relative import RelativeLink
from yibao_identity.storage import tables
from yibao_identity.storage.relative import COLUMNS as LINK_COLUMNS
from yibao_identity.storage.relative import link_from


class StoredFeed:
    """See `application.feed.FeedRows`; the connection has to read one snapshot."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def after(self, sequence: int, *, limit: int) -> list[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        change = tables.person_change.c
        query = (
            sa.select(change.sequence, change.person_id)
            .where(change.region == self._region, change.sequence > sequence)
            .order_by(change.sequence)
            .limit(limit)
        )
        return [FeedEntry(*row) for row in self._connection.execute(query)]

    def persons(self, person_ids: Collection[str]) -> list[FeedPerson]:
        """Returns those of `person_ids` (none twice) who exist."""
        columns = ("person_id", "birth_date", "merged_into", "death_date")
        return [FeedPerson(*row) for row in self._of(person_ids, tables.person, columns)]

    def certificates(self, person_ids: Collection[str]) -> list[FeedCertificate]:
        """Returns all e-certificates of persons, in the order of their activation."""
        columns = ("person_id", "subject", "state", "suspension_case_id", "activate_time")
        rows = self._of(person_ids, tables.certificate, columns, order_by=("activate_time",))
        return [
            FeedCertificate(person_id, subject, CertificateState(state), case_id)
            for person_id, subject, state, case_id, _ in rows
        ]

    def cards(self, person_ids: Collection[str]) -> list[FeedCard]:
        """Returns all cards of persons, in the order of their issue."""
        columns = (
            *("person_id", "subject", "state"),
            *("activation_deadline_date", "suspension_case_id", "issue_time"),
        )
        rows = self._of(person_ids, tables.card, columns, order_by=("issue_time",))
        return [
            FeedCard(person_id, subject, CardState(state), deadline, case_id is not None)
            for person_id, subject, state, deadline, case_id, _ in rows
        ]

    def links(self, person_ids: Collection[str]) -> list[RelativeLink]:
        """Returns all links that persons asked for, in the order of agreement."""
        table, order = tables.relative_link, ("confirm_time",)
        rows = self._of(person_ids, table, LINK_COLUMNS, order_by=order)
        return [link_from(row) for row in rows]

    def _of(
        self,
        person_ids: Collection[str],
        table: sa.Table,
        columns: tuple[str, ...],
        *,
        order_by: tuple[str, ...] = (),
    ) -> list[Row]:
        return select_rows(
            self._connection,
            table,
            columns,
            region=self._region,
            key="person_id",
            among=person_ids,
            order_by=order_by,
        )


def note_change(
    connection: sa.Connection,
    region: str,
    person_ids: Collection[str],
    *,
    now: dt.datetime,
    caller: str,
) -> None:
    """Tells settlement that something it knows of `person_ids` changed.

    Call it once in a transaction, after everything else but the audit was written.
    """
    assert person_ids
    last = _take_sequences(connection, region, len(person_ids))
    first = last - len(person_ids) + 1
    insert_rows(
        connection,
        tables.person_change,
        ("region", "sequence", "person_id", "record_time", "recorded_by"),
        [
            (region, sequence, person_id, now, caller)
            for sequence, person_id in enumerate(sorted(person_ids), start=first)
        ],
    )


def _take_sequences(connection: sa.Connection, region: str, count: int) -> int:
    """Takes the next `count` numbers and returns the last of them."""
    head = tables.feed_head
    insert_rows(connection, head, ("region", "sequence"), [(region, 0)], skip_existing=True)
    query = sa.select(head.c.sequence).where(head.c.region == region).with_for_update()
    sequence = int(connection.execute(query).scalar_one()) + count
    connection.execute(sa.update(head).where(head.c.region == region).values(sequence=sequence))
    return sequence
