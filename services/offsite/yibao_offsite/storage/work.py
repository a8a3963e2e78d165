"""The unit of work on the offsite database."""

import sqlalchemy as sa

from yibao_common.db.audit_chain import chained
from yibao_common.db.rows import Statement
from yibao_common.db.transactions import UnitOfWork
from yibao_common.keys.vault import Vault
from yibao_offsite.application.work import Work
from yibao_offsite.storage import tables
from yibao_offsite.storage.admission_declaration import StoredDeclarations
from yibao_offsite.storage.attestation import StoredAttestations, withdraw_told
from yibao_offsite.storage.audit_task.record import StoredAuditTasks
from yibao_offsite.storage.complaint import StoredComplaints
from yibao_offsite.storage.evaluation.rows import StoredEvaluations
from yibao_offsite.storage.feed import StoredFeed, tell
from yibao_offsite.storage.following import StoredFollowing
from yibao_offsite.storage.material.due import StoredDueMaterials
from yibao_offsite.storage.material.papers import StoredPapers
from yibao_offsite.storage.material.record import StoredMaterials
from yibao_offsite.storage.medical_history.rows import StoredMedicalHistories
from yibao_offsite.storage.person import StoredPersons
from yibao_offsite.storage.qualification.errand import StoredErrands
from yibao_offsite.storage.qualification.record import StoredQualifications
from yibao_offsite.storage.recheck import StoredRechecks
from yibao_offsite.storage.region_rules import StoredRegionRules
from yibao_offsite.storage.registration.record import StoredRegistrations
from yibao_offsite.storage.ticket.rows import StoredTickets


def unit_of_work(vault: Vault | None) -> UnitOfWork[Work]:
    """Returns how units of work begin and end; `vault` opens what is sealed in rows.

    Without one, nothing sealed may be asked for.
    """

    def begin(connection: sa.Connection, region: str) -> Work:
        return Work(
            region,
            registrations=StoredRegistrations(connection, region),
            region_rules=StoredRegionRules(connection, region),
            persons=StoredPersons(connection, region),
            qualifications=StoredQualifications(connection, region),
            errands=StoredErrands(connection, region),
            following=StoredFollowing(connection, region),
            feed_rows=StoredFeed(connection, region),
            materials=StoredMaterials(connection, region, vault),
            material_due=StoredDueMaterials(connection, region),
            papers=StoredPapers(connection, region),
            histories=StoredMedicalHistories(connection, region, vault),
            evaluations=StoredEvaluations(connection, region, vault),
            rechecks=StoredRechecks(connection, region, vault),
            tickets=StoredTickets(connection, region, vault),
            attestations=StoredAttestations(connection, region),
            declarations=StoredDeclarations(connection, region),
            audit_tasks=StoredAuditTasks(connection, region, vault),
            complaints=StoredComplaints(connection, region, vault),
        )

    return UnitOfWork(begin, _close)


def _close(connection: sa.Connection, work: Work) -> list[Statement]:
    registrations, holds = list(work.feed.registrations.values()), list(work.feed.holds.values())
    withdraw_told(connection, work.region, registrations)
    told = tell(connection, work.region, registrations, holds)
    return told + chained(connection, tables.audit, *work.audit.entries)


# Where nothing sealed is asked for.
UNIT = unit_of_work(None)
