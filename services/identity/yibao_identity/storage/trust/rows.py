"""The tables of trust: keys, roots, denials, and what was signed of them."""

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from yibao import issuing
from yibao_common.db.database import Database
from yibao_identity.application.trust.rows import (
    Denial,
    PublishedSnapshot,
    PublishedStatus,
    Root,
    TrustChange,
    TrustView,
)
from yibao_identity.rules.trust.published import ListedKey
from yibao_identity.storage import tables
from yibao_identity.storage.trust.view import StoredTrustView

_HEAD = sa.select(tables.trust_head).with_for_update()


class StoredTrust:
    """The tables of a database; see `application.trust.rows.TrustTables`."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    @contextlib.contextmanager
    def view(self) -> Iterator[TrustView]:
        """Gives a reading transaction."""
        with self._database.read() as connection:
            yield StoredTrustView(connection)

    @contextlib.contextmanager
    def change(self) -> Iterator[TrustChange]:
        """Gives a writing one, which waits for other writers and commits at its end."""
        with self._database.write() as connection:
            # On SQLite the transaction itself excludes others.
            connection.execute(_HEAD).one()
            yield _Change(connection)


class _Change(StoredTrustView):
    """A writing transaction, which nobody else's overlaps."""

    def put_key(self, key: ListedKey, *, now: dt.datetime, by: str) -> None:
        """See `TrustChange`."""
        table = tables.trust_key
        key_id = issuing.key_id_of(key.public_key).hex()
        changing = {
            "state": key.state.value,
            "start_time": key.start_time,
            "expire_time": key.expire_time,
            "killed_time": key.killed_time,
        }
        updated = self._connection.execute(
            sa.update(table).where(table.c.key_id == key_id).values(changing)
        )
        if updated.rowcount:
            return
        self._connection.execute(
            sa.insert(table).values(
                key_id=key_id,
                public_key=key.public_key,
                use=key.use.value,
                issuers=",".join(sorted(key.issuers)),
                record_time=now,
                recorded_by=by,
                **changing,
            )
        )

    def deny(self, denial: Denial) -> None:
        """See `TrustChange`."""
        self.undeny(denial.certificate_id)
        self._connection.execute(
            sa.insert(tables.trust_denied).values(
                device_certificate_id=denial.certificate_id.hex(),
                deny_time=denial.deny_time,
                expire_time=denial.expire_time,
                denied_by=denial.denied_by,
                explanation=denial.explanation,
            )
        )

    def undeny(self, certificate_id: bytes) -> bool:
        """See `TrustChange`."""
        table = tables.trust_denied
        deleted = self._connection.execute(
            sa.delete(table).where(table.c.device_certificate_id == certificate_id.hex())
        )
        return deleted.rowcount > 0

    def add_root(self, root: Root, *, now: dt.datetime, by: str) -> None:
        """See `TrustChange`."""
        self._connection.execute(
            sa.insert(tables.trust_root).values(
                version=root.version,
                document=root.document,
                expire_time=root.expire_time,
                record_time=now,
                recorded_by=by,
            )
        )

    def publish(self, snapshot: PublishedSnapshot, lists: Collection[PublishedStatus]) -> None:
        """See `TrustChange`."""
        for each in lists:
            self._connection.execute(
                sa.insert(tables.status_list).values(
                    region=each.region,
                    list_number=each.number,
                    version=each.version,
                    digest=each.digest,
                    issue_time=each.issue_time,
                    document=each.document,
                )
            )
        self._connection.execute(
            sa.insert(tables.trust_snapshot).values(
                version=snapshot.version,
                trust_key_id=snapshot.trust_key_id,
                list_digest=snapshot.list_digest,
                issue_time=snapshot.issue_time,
                snapshot=snapshot.snapshot,
            )
        )

    def forget(self, before: dt.datetime) -> None:
        """See `TrustChange`."""
        for table in (tables.trust_snapshot, tables.status_list):
            self._connection.execute(sa.delete(table).where(table.c.issue_time < before))
