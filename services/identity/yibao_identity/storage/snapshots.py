"""The trust snapshots that were published, of all processes of a deployment."""

import sqlalchemy as sa

from yibao_common.database import Database
from yibao_identity.application.records import PublishedSnapshot
from yibao_identity.storage import tables


class SnapshotStore:
    """Snapshots of a database; see `application.ports.Snapshots`."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    def newest(self) -> PublishedSnapshot | None:
        """Returns the one with the highest version, or None before the first."""
        table = tables.trust_snapshot
        query = sa.select(table).order_by(table.c.version.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return PublishedSnapshot(
            row.version,
            bytes(row.trust_key_id),
            bytes(row.list_digest),
            row.issue_time,
            bytes(row.snapshot),
        )

    def add(self, snapshot: PublishedSnapshot) -> bool:
        """Stores a snapshot; tells False where its version is taken."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    sa.insert(tables.trust_snapshot).values(
                        version=snapshot.version,
                        trust_key_id=snapshot.trust_key_id,
                        list_digest=snapshot.list_digest,
                        issue_time=snapshot.issue_time,
                        snapshot=snapshot.snapshot,
                    )
                )
        except sa.exc.IntegrityError:
            return False
        return True
