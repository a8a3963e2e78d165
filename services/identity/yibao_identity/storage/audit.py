"""Audit rows as they are read; `yibao_common.commands.audit` writes and checks them."""

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_identity.application.supervision import AuditEvent
from yibao_identity.storage import tables


class AuditStore:
    """The audit of a database; see `application.supervision.Audit`."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    def events(
        self, region: str, *, after_sequence: int, subject_id: str, limit: int
    ) -> list[AuditEvent]:
        """Returns at most `limit` rows after a number, in their order."""
        event = tables.audit.event.c
        query = (
            sa.select(tables.audit.event)
            .where(event.region == region, event.sequence > after_sequence)
            .order_by(event.sequence)
            .limit(limit)
        )
        if subject_id:
            subject = tables.audit.subject.c
            query = query.join(
                tables.audit.subject,
                sa.and_(
                    subject.region == event.region,
                    subject.sequence == event.sequence,
                    subject.subject_id == subject_id,
                ),
            )
        with self._database.read() as connection:
            return [
                AuditEvent(
                    row.region,
                    row.sequence,
                    row.record_time,
                    row.caller,
                    row.method,
                    tuple(row.subject_ids.split(",")) if row.subject_ids else (),
                    row.outcome,
                    row.detail,
                    row.request_id,
                    bytes(row.previous_hash),
                    bytes(row.hash),
                )
                for row in connection.execute(query)
            ]
