"""Audit rows in memory."""

import dataclasses

from yibao_identity.application.supervision import AuditEvent, AuditRows


@dataclasses.dataclass
class MemoryAudit(AuditRows):
    """The audit of one region as it is read."""

    events: list[AuditEvent] = dataclasses.field(default_factory=list)

    def after(self, sequence: int, *, subject_id: str, limit: int) -> list[AuditEvent]:
        found = (each for each in self.events if each.sequence > sequence)
        return [each for each in found if not subject_id or subject_id in each.subject_ids][:limit]
