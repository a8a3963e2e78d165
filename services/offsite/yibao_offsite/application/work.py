"""The unit of work of the service: what one transaction finds, locks and writes.

Locks are taken in this order, and rows of one kind by rising ids: the position in the feed of
persons, the person, the registration or task. The end of the feed and then that of the audit
chain are locked last of all, because every change of a region waits for them; both are written
by themselves when the unit of work ends.
"""

from dataclasses import dataclass, field

from yibao_common.commands.audit import AuditTrail
from yibao_common.commands.following import PositionRows
from yibao_offsite.application.attestation import AttestationRows
from yibao_offsite.application.feed import FeedRows
from yibao_offsite.application.person import PersonRows
from yibao_offsite.application.registration import RegistrationRows
from yibao_offsite.rules.feed import AuditHold, RegisteredCare


@dataclass(slots=True)
class FeedTrail:
    """What settlement is to be told, kept until the end; of each subject the last that is told."""

    registrations: dict[str, RegisteredCare] = field(default_factory=dict)
    holds: dict[str, AuditHold] = field(default_factory=dict)

    def tell_registration(self, told: RegisteredCare) -> None:
        """Tells what became of a registration: whenever anything of the value changed."""
        self.registrations[told.registration_id] = told

    def tell_hold(self, told: AuditHold) -> None:
        """Tells what became of a hold: when it is laid, and when it is lifted."""
        self.holds[told.hold_id] = told


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in one region; `feed` and `audit` are what it adds to both.

    `feed_rows` are what was added before.
    """

    region: str
    registrations: RegistrationRows
    persons: PersonRows
    following: PositionRows
    feed_rows: FeedRows
    attestations: AttestationRows
    feed: FeedTrail = field(default_factory=FeedTrail)
    audit: AuditTrail = field(default_factory=AuditTrail)
