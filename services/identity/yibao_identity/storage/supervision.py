"""Audit rows as they are read; `yibao_common.db.audit_chain` writes and checks them."""

import sqlalchemy as sa

from yibao_identity.application.supervision import AuditEvent
from yibao_identity.storage import tables


class StoredAudit:
    """See `application.supervision.AuditRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def after(self, sequence: int, *, subject_id: str, limit: int) -> list[AuditEvent]:
        """Returns at most `limit` rows after a number, in their order."""
        event = tables.audit.event.c
        query = (
            sa.select(tables.audit.event)
            .where(event.region == self._region, event.sequence > sequence)
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
            for row in self._connection.execute(query)
        ]
