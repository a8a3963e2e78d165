"""`yibao doctor --audit`: proves that nobody changed what the audit tells."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_cli.doctor.checks import Finding
from yibao_common.db.audit_chain import AuditTables, check_chain
from yibao_common.db.database import Database
from yibao_identity.storage import tables


def examine_audit(database: Database) -> Iterator[Finding]:
    """Checks the chain of each region of identity's audit, in one snapshot."""
    with database.read() as connection:
        regions = _regions(connection, tables.audit)
        for region in regions:
            subject = f"audit of region {region}"
            fault = check_chain(connection, tables.audit, region)
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
