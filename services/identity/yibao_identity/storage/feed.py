"""The feed of a region: whose facts changed, in one line without gaps.

A change says that something of a person changed; what stands is read from the tables of
persons, enrolments, cards, certificates and links when the feed is read. So a writer
cannot tell something stale, and need not know what others keep of the person.

`yibao_common.db.feed` has how numbers are handed out.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from yibao_common.db import feed
from yibao_common.db.feed import StoredHead
from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_common.keys.vault import Vault
from yibao_common.values.citizen_number import Gender
from yibao_identity.application.feed import (
    FeedCard,
    FeedCertificate,
    FeedEntry,
    FeedHead,
    FeedPerson,
)
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.relative import RelativeLink
from yibao_identity.storage import tables
from yibao_identity.storage.relative import COLUMNS as LINK_COLUMNS
from yibao_identity.storage.relative import link_from

_change = tables.person_change.c
_issued = tables.device_certificate.c
_revoked = tables.revoked_status.c


class StoredFeed:
    """See `application.feed.FeedRows`; the connection has to read one snapshot."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault) -> None:
        """Takes the transaction's connection and what opens names."""
        self._connection = connection
        self._region = region
        self._vault = vault
        self._head = StoredHead(connection, tables.feed_head, region)

    def head(self) -> FeedHead | None:
        """Returns the end of the feed, or None where the region has none yet."""
        return self._head.find()

    def begin(self) -> None:
        """Begins the feed of the region, unless there is one."""
        self._head.begin()

    def entry(self, sequence: int) -> FeedEntry | None:
        """Returns the entry of a number, or None."""
        query = self._entries().where(_change.sequence == sequence)
        found = self._connection.execute(query).one_or_none()
        return None if found is None else FeedEntry(*found)

    def after(self, sequence: int, *, limit: int) -> list[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        query = self._entries().where(_change.sequence > sequence)
        query = query.order_by(_change.sequence).limit(limit)
        return [FeedEntry(*row) for row in self._connection.execute(query)]

    def persons(self, person_ids: Collection[str]) -> list[FeedPerson]:
        """Returns those of `person_ids` (none twice) who exist."""
        columns = (
            *("person_id", "birth_date", "merged_into", "death_date"),
            *("sealed_name", "gender"),
        )
        return [
            FeedPerson(
                person_id,
                birth_date,
                merged_into,
                death_date,
                self._name(person_id, sealed_name),
                Gender(gender),
            )
            for person_id, birth_date, merged_into, death_date, sealed_name, gender in self._of(
                person_ids, tables.person, columns
            )
        ]

    def _name(self, person_id: str, sealed: bytes) -> str:
        place = f"{self._region}/person/{person_id}/name"
        return self._vault.open(bytes(sealed), place=place).decode()

    def certificates(self, person_ids: Collection[str]) -> list[FeedCertificate]:
        """Returns all e-certificates of persons, in the order of their activation."""
        columns = (
            *("person_id", "certificate_id", "subject", "state"),
            *("suspension_case_id", "activate_time"),
        )
        rows = self._of(person_ids, tables.certificate, columns, order_by=("activate_time",))
        return [
            FeedCertificate(person_id, certificate_id, subject, CertificateState(state), case_id)
            for person_id, certificate_id, subject, state, case_id, _ in rows
        ]

    def withdrawn(
        self, certificate_ids: Collection[str], *, at: dt.datetime, ending_after: dt.datetime
    ) -> dict[str, list[str]]:
        """Returns, by e-certificate, its device certificates that are revoked before their end."""
        places = self._set_places(at)
        if not places or not certificate_ids:
            return {}
        devices = {
            device_id: certificate_id
            for device_id, certificate_id in select_rows(
                self._connection,
                tables.device,
                ("device_id", "certificate_id"),
                region=self._region,
                key="certificate_id",
                among=certificate_ids,
            )
        }
        query = (
            sa.select(
                *(_issued.device_id, _issued.device_certificate_id),
                *(_issued.list_number, _issued.status_index),
            )
            .where(
                _issued.region == self._region,
                _issued.device_id.in_(devices),
                _issued.expire_time > ending_after,
            )
            .order_by(_issued.expire_time)
        )
        found: dict[str, list[str]] = defaultdict(list)
        for device_id, device_certificate_id, *place in self._connection.execute(query):
            if tuple(place) in places:
                found[devices[device_id]].append(device_certificate_id)
        return found

    def _set_places(self, at: dt.datetime) -> set[tuple[int, int]]:
        """Returns the bits of the status lists that are set: mostly few, of the last days."""
        query = sa.select(_revoked.list_number, _revoked.status_index).where(
            _revoked.region == self._region, _revoked.expire_time > at
        )
        return {(row.list_number, row.status_index) for row in self._connection.execute(query)}

    def codes_since(self, certificate_ids: Collection[str]) -> dict[str, dt.datetime]:
        """Returns, by e-certificate, since when its codes count; of those alone that tell."""
        rows = select_rows(
            self._connection,
            tables.code_withdrawal,
            ("certificate_id", "codes_since_time"),
            region=self._region,
            key="certificate_id",
            among=certificate_ids,
            order_by=("codes_since_time",),
        )
        return dict(rows)

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

    def confirmers(self, link_ids: Collection[str]) -> dict[str, str]:
        """Returns by whose call, as its path, each of some links was agreed to."""
        rows = select_rows(
            self._connection,
            tables.relative_link,
            ("link_id", "confirmed_by"),
            region=self._region,
            key="link_id",
            among=link_ids,
        )
        return dict(rows)

    def _entries(self) -> sa.Select[Any]:
        columns = (_change.sequence, _change.person_id, _change.record_time)
        return sa.select(*columns).where(_change.region == self._region)

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
    last = StoredHead(connection, tables.feed_head, region).take_sequences(len(person_ids))
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


def renew_epochs(connection: sa.Connection) -> list[str]:
    """Gives the feed of every region a new epoch, so that readers read it anew.

    Returns the regions, sorted.
    """
    return feed.renew_epochs(connection, tables.feed_head)
