"""The unit of work on the offsite database."""

import sqlalchemy as sa

from yibao_common.db.audit_chain import record_audit
from yibao_common.db.transactions import UnitOfWork
from yibao_common.keys.vault import Vault
from yibao_offsite.application.work import Work
from yibao_offsite.storage import tables
from yibao_offsite.storage.material.due import StoredDueMaterials
from yibao_offsite.storage.material.papers import StoredPapers
from yibao_offsite.storage.material.record import StoredMaterials
from yibao_offsite.storage.registration import StoredRegistrations


def unit_of_work(vault: Vault | None) -> UnitOfWork[Work]:
    """Returns how units of work begin and end; `vault` opens what is sealed in rows.

    Without one, nothing sealed may be asked for.
    """

    def begin(connection: sa.Connection, region: str) -> Work:
        return Work(
            registrations=StoredRegistrations(connection, region),
            materials=StoredMaterials(connection, region, vault),
            material_due=StoredDueMaterials(connection, region),
            papers=StoredPapers(connection, region),
        )

    def end(connection: sa.Connection, work: Work) -> None:
        record_audit(connection, tables.audit, *work.audit.entries)

    return UnitOfWork(begin, end)
