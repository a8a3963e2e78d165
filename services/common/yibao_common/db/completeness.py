"""Whether a database holds all that its schema's revision says: tables, columns, indexes.

The revision is one row, and a table that was dropped by hand or that a restore left out does
not change it: the first call that needs the table would fail, and with it a payment.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.process.config import StartError

_SQLITE = """
    SELECT 'table', name, '' FROM sqlite_master WHERE type = 'table'
    UNION ALL SELECT 'index', tbl_name, name FROM sqlite_master WHERE type = 'index'
    UNION ALL SELECT 'column', m.name, c.name
    FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'
"""
# An index that was never finished is invalid, and finds nothing. Primary keys are told by
# their table, since their names are the database's.
_POSTGRESQL = """
    SELECT 'table', relname, '' FROM pg_class
    WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)
    UNION ALL SELECT 'column', t.relname, a.attname
    FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
    WHERE t.relkind IN ('r', 'p') AND pg_table_is_visible(t.oid)
        AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT CASE WHEN i.indisprimary THEN 'key' ELSE 'index' END, t.relname,
        CASE WHEN i.indisprimary THEN '' ELSE n.relname END
    FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid
        JOIN pg_class AS n ON n.oid = i.indexrelid
    WHERE pg_table_is_visible(t.oid) AND i.indisvalid
"""
_MOST_TOLD = 10

# A kind, the table, and the name in the table.
_Part = tuple[str, str, str]


def check_is_complete(database: Database, metadata: sa.MetaData) -> None:
    """Checks that nothing of `metadata` is missing; what is there besides is no fault.

    Raises:
        StartError: names what is missing.
    """
    with database.read() as connection:
        query = _SQLITE if database.is_sqlite else _POSTGRESQL
        found = {(kind, table, name) for kind, table, name in connection.execute(sa.text(query))}
    missing = [
        _told(each)
        for each in _needed(metadata, database)
        if each not in found and (each[0] == "table" or ("table", each[1], "") in found)
    ]
    if not missing:
        return
    told = ", ".join(missing[:_MOST_TOLD])
    if len(missing) > _MOST_TOLD:
        told += f" and {len(missing) - _MOST_TOLD} more"
    raise StartError(
        f"{database}: lacks {told}, although the revision of its schema has them: restore it "
        "from a backup, or find out who took them away"
    )


def _needed(metadata: sa.MetaData, database: Database) -> Iterator[_Part]:
    """Yields what has to be there, tables before what is in them."""
    for table in metadata.sorted_tables:
        yield "table", table.name, ""
    for table in metadata.sorted_tables:
        for column in table.columns:
            yield "column", table.name, column.name
        for index in sorted(str(each.name) for each in table.indexes):
            yield "index", table.name, index
        if not database.is_sqlite and table.primary_key.columns:
            yield "key", table.name, ""


def _told(part: _Part) -> str:
    kind, table, name = part
    if kind == "key":
        return f"the primary key of {table}"
    return f"{kind} {table}.{name}" if name else f"{kind} {table}"
