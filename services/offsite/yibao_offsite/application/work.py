"""The unit of work of the service: what one transaction finds, locks and writes.

Locks are taken in this order: the person, the party that uploads, the registration, papers by
rising ids, the end of the audit chain. The last one is taken by itself when the unit of work ends.
"""

from dataclasses import dataclass, field

from yibao_common.commands.audit import AuditTrail
from yibao_offsite.application.material.due import DueRows
from yibao_offsite.application.material.papers import PaperRows
from yibao_offsite.application.material.rows import MaterialRows
from yibao_offsite.application.registration import RegistrationRows


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in one region."""

    registrations: RegistrationRows
    materials: MaterialRows
    material_due: DueRows
    papers: PaperRows
    audit: AuditTrail = field(default_factory=AuditTrail)
