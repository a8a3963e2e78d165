"""The unit of work on the offsite database."""

import sqlalchemy as sa

from yibao_common.db.audit_chain import record_audit
from yibao_common.db.transactions import UnitOfWork
from yibao_offsite.application.work import Work
from yibao_offsite.storage import tables
from yibao_offsite.storage.attestation import StoredAttestations, withdraw_told
from yibao_offsite.storage.feed import StoredFeed, store_told
from yibao_offsite.storage.following import StoredFollowing
from yibao_offsite.storage.person import StoredPersons
from yibao_offsite.storage.registration import StoredRegistrations


def _open(connection: sa.Connection, region: str) -> Work:
    return Work(
        region,
        registrations=StoredRegistrations(connection, region),
        persons=StoredPersons(connection, region),
        following=StoredFollowing(connection, region),
        feed_rows=StoredFeed(connection, region),
        attestations=StoredAttestations(connection, region),
    )


def _close(connection: sa.Connection, work: Work) -> None:
    registrations, holds = list(work.feed.registrations.values()), list(work.feed.holds.values())
    withdraw_told(connection, work.region, registrations)
    store_told(connection, work.region, registrations, holds)
    record_audit(connection, tables.audit, *work.audit.entries)


UNIT = UnitOfWork(_open, _close)
