"""What is stored of trust, as one transaction reads it."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from yibao import issuing
from yibao_identity.application.trust.rows import (
    Denial,
    PublishedSnapshot,
    PublishedStatus,
    RecordedKey,
    Root,
)
from yibao_identity.rules.trust.published import KeyState, KeyUse, ListedKey
from yibao_identity.storage import tables


class StoredTrustView:
    """See `application.trust.rows.TrustView`."""

    def __init__(self, connection: sa.Connection) -> None:
        """Takes the transaction's connection."""
        self._connection = connection

    def recorded_keys(self) -> tuple[RecordedKey, ...]:
        """See `TrustView`."""
        table = tables.trust_key
        query = sa.select(table).order_by(table.c.record_time, table.c.key_id)
        return tuple(_key_of(row) for row in self._connection.execute(query))

    def denials(self, now: dt.datetime) -> tuple[Denial, ...]:
        """See `TrustView`."""
        table = tables.trust_denied
        query = (
            sa.select(table)
            .where(table.c.expire_time > now)
            .order_by(table.c.device_certificate_id)
        )
        return tuple(
            Denial(
                bytes.fromhex(row.device_certificate_id),
                row.deny_time,
                row.expire_time,
                row.denied_by,
                row.explanation,
            )
            for row in self._connection.execute(query)
        )

    def newest_root(self) -> Root | None:
        """See `TrustView`."""
        table = tables.trust_root
        return self._root(sa.select(table).order_by(table.c.version.desc()).limit(1))

    def root(self, version: int) -> Root | None:
        """See `TrustView`."""
        table = tables.trust_root
        return self._root(sa.select(table).where(table.c.version == version))

    def newest_snapshot(self) -> PublishedSnapshot | None:
        """See `TrustView`."""
        table = tables.trust_snapshot
        return self._snapshot(sa.select(table).order_by(table.c.version.desc()).limit(1))

    def oldest_snapshot(self, after: dt.datetime) -> PublishedSnapshot | None:
        """See `TrustView`."""
        table = tables.trust_snapshot
        query = sa.select(table).where(table.c.issue_time > after)
        return self._snapshot(query.order_by(table.c.version).limit(1))

    def newest_status(self, region: str, number: int) -> PublishedStatus | None:
        """See `TrustView`."""
        table = tables.status_list
        query = (
            sa.select(table)
            .where(table.c.region == region, table.c.list_number == number)
            .order_by(table.c.version.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        document = bytes(row.document)
        key_id, content = issuing.read_status_list(document)
        return PublishedStatus(
            region,
            number,
            row.version,
            bytes(row.digest),
            row.issue_time,
            document,
            key_id,
            content.bits,
        )

    def revoked(self, region: str, now: dt.datetime) -> Mapping[int, frozenset[int]]:
        """See `TrustView`."""
        table = tables.revoked_status
        query = sa.select(table.c.list_number, table.c.status_index).where(
            table.c.region == region, table.c.expire_time > now
        )
        found: dict[int, set[int]] = {}
        for number, index in self._connection.execute(query):
            found.setdefault(number, set()).add(index)
        return {number: frozenset(indexes) for number, indexes in found.items()}

    def newest_list_number(self, region: str) -> int:
        """See `TrustView`."""
        table = tables.device_certificate
        query = sa.select(sa.func.max(table.c.list_number)).where(table.c.region == region)
        return self._connection.execute(query).scalar_one() or 0

    def is_in_use(self, region: str, number: int, now: dt.datetime) -> bool:
        """See `TrustView`."""
        table = tables.device_certificate
        query = (
            sa.select(sa.literal(1))
            .where(
                table.c.region == region,
                table.c.list_number == number,
                table.c.expire_time > now,
            )
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    def _root(self, query: sa.Select[Any]) -> Root | None:
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        document = bytes(row.document)
        content = issuing.read_root(issuing.open_root(document))
        return Root(row.version, row.expire_time, content.trust_keys, document)

    def _snapshot(self, query: sa.Select[Any]) -> PublishedSnapshot | None:
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        snapshot = bytes(row.snapshot)
        content = issuing.read_snapshot(snapshot)
        return PublishedSnapshot(
            row.version,
            bytes(row.trust_key_id),
            bytes(row.list_digest),
            row.issue_time,
            snapshot,
            frozenset(key.key_id for key in content.keys),
            frozenset(bound.digest for bound in content.lists),
        )


def _key_of(row: sa.Row[Any]) -> RecordedKey:
    key = ListedKey(
        bytes(row.public_key),
        frozenset(row.issuers.split(",")),
        row.start_time,
        row.expire_time,
        KeyState(row.state),
        row.killed_time,
        KeyUse(row.use),
    )
    assert hashlib.sha256(key.public_key).hexdigest().startswith(row.key_id)
    return RecordedKey(key, row.record_time, row.recorded_by)
