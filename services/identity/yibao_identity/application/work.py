"""The unit of work of the service: what one transaction finds, locks and writes.

Locks are taken in this order, and rows of one kind by rising ids: persons; cards;
e-certificates; cases; devices; everything else that hangs on them. The end of the feed and
then that of the audit chain are locked last of all, because every change of a region waits
for them; both are written by themselves when the unit of work ends.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from yibao_common.commands.audit import AuditTrail
from yibao_identity.application.card.rows import CardRows
from yibao_identity.application.card_loss import CardLossRows
from yibao_identity.application.card_sweep import CardSweepRows
from yibao_identity.application.card_use import CardUseRows
from yibao_identity.application.certificate import CertificateRows
from yibao_identity.application.code.issued import CodeRows
from yibao_identity.application.death import DeathRows
from yibao_identity.application.device.rows import DeviceCertificateRows, DeviceRows
from yibao_identity.application.disease import DiseaseRows
from yibao_identity.application.document_guess import DocumentGuessRows
from yibao_identity.application.enrolment import EnrolmentRows
from yibao_identity.application.feed import FeedRows
from yibao_identity.application.holder import HolderRows
from yibao_identity.application.merge import MergeRows
from yibao_identity.application.misuse import CaseRows, SuspensionRows
from yibao_identity.application.person.rows import PersonRows
from yibao_identity.application.pin.rows import PinRows
from yibao_identity.application.relative import RelativeRows
from yibao_identity.application.supervision import AuditRows


@dataclass(slots=True)
class FeedTrail:
    """Of whom settlement is to be told that something changed, kept until the end."""

    person_ids: set[str] = field(default_factory=set)
    at: dt.datetime | None = None
    caller: str = ""

    def tell(self, person_ids: Collection[str], *, at: dt.datetime, caller: str) -> None:
        """Keeps whom it is about; a change tells of each person once."""
        self.person_ids.update(person_ids)
        self.at, self.caller = at, caller


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in one region; `feed` and `audit` are what it adds to both.

    `feed_rows` and `audit_rows` are what was added before.
    """

    region: str
    holders: HolderRows
    cards: CardRows
    card_losses: CardLossRows
    pins: PinRows
    card_uses: CardUseRows
    card_sweep: CardSweepRows
    certificates: CertificateRows
    codes: CodeRows
    devices: DeviceRows
    device_certificates: DeviceCertificateRows
    cases: CaseRows
    suspensions: SuspensionRows
    persons: PersonRows
    deaths: DeathRows
    diseases: DiseaseRows
    document_guesses: DocumentGuessRows
    enrolments: EnrolmentRows
    merges: MergeRows
    relatives: RelativeRows
    feed_rows: FeedRows
    audit_rows: AuditRows
    feed: FeedTrail = field(default_factory=FeedTrail)
    audit: AuditTrail = field(default_factory=AuditTrail)
