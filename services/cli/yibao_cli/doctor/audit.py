"""`yibao doctor --audit`: proves that nobody changed what the audit tells."""

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from yibao_cli.doctor.finding import Finding
from yibao_common.db.audit_chain import AuditTables, check_chain
from yibao_common.db.database import Database
from yibao_identity.storage import tables as identity_tables
from yibao_offsite.storage import tables as offsite_tables
from yibao_settlement.storage import tables as settlement_tables

AUDITS: Mapping[str, AuditTables] = {
    "identity": identity_tables.audit,
    "settlement": settlement_tables.audit,
    "offsite": offsite_tables.audit,
}


def examine_audit(database: Database, *, service: str) -> Iterator[Finding]:
    """Checks the chain of each region of a service's audit, in one snapshot."""
    audit = AUDITS[service]
    with database.read() as connection:
        regions = _regions(connection, audit)
        for region in regions:
            subject = f"audit of region {region}"
            fault = check_chain(connection, audit, region)
            if fault is None:
                yield Finding(subject, remark="every row is as it was written")
            else:
                yield Finding(subject, f"row {fault.sequence}: {fault.explanation}")
    if not regions:
        yield Finding("audit", remark="it has no rows")


def _regions(connection: sa.Connection, audit: AuditTables) -> list[str]:
    found: set[str] = set()
    for table in (audit.event, audit.head):
        found.update(connection.execute(sa.select(table.c.region).distinct()).scalars())
    return sorted(found)
