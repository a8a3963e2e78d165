"""Whether the account of a service may do what every service does with its tables."""

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.process.config import StartError

# What all services only ever add to, with each change.
_ADDED_TO = ("answer", "audit_event", "audit_subject", "audit_head")


def check_rights(database: Database, metadata: sa.MetaData) -> None:
    """Checks that the account reads every table and adds to answers and audit.

    It is a look at what is mostly forgotten, which is to grant anything, and to grant again
    after an upgrade; what else each table needs is told by the documents.

    Raises:
        StartError: a right is missing.
    """
    if database.is_sqlite:
        return
    wanted = [("SELECT", sorted(metadata.tables)), ("INSERT", list(_ADDED_TO))]
    missing = []
    with database.read() as connection:
        for right, names in wanted:
            found = connection.execute(
                sa.text(
                    "SELECT name FROM unnest(CAST(:names AS text[])) AS name "
                    "WHERE NOT has_table_privilege(name, :privilege)"
                ),
                {"names": names, "privilege": right},
            ).scalars()
            missing += [f"{right} on {name}" for name in found]
    if missing:
        raise StartError(
            f"the database's user lacks {', '.join(missing)}: grant what "
            'docs/operating/databases.md lists under "Rights"'
        )
