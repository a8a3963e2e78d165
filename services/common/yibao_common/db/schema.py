"""Whether a database holds the schema that the program needs.

Every service asks as it starts, so this goes without Alembic, which takes a tenth of a
second to import.
"""

import importlib.resources

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.process.config import StartError


class SchemaError(StartError):
    """The database's schema is not the one that the program needs."""


def check_is_current(database: Database, package: str) -> None:
    """Checks that the schema of `package` is the one that the program needs.

    Raises:
        SchemaError: it is older, newer or absent.
    """
    needed = newest_revision(package)
    with database.read() as connection:
        found = stored_revision(connection, package)
        if found is None:
            refuse_another(connection, package, named=str(database))
    if found == needed:
        return
    service = package.removeprefix("yibao_")
    if found is None:
        raise SchemaError(f"{database}: holds no schema of {service}: run `yibao db upgrade`")
    raise SchemaError(
        f"{database}: holds schema {found} of {service}, the program needs {needed}: "
        "run `yibao db upgrade`, or start the program that fits"
    )


def refuse_another(connection: sa.Connection, package: str, *, named: str) -> None:
    """Refuses a database without the schema of `package` that holds another service's.

    Raises:
        SchemaError: whose it is: to upgrade it would fail, as both have tables of one name.
    """
    prefix, service = version_table(""), package.removeprefix("yibao_")
    tables = sa.inspect(connection).get_table_names()
    held = {each.removeprefix(prefix) for each in tables if each.startswith(prefix)} - {service}
    if held:
        raise SchemaError(
            f"{named}: holds no schema of {service}, but that of {', '.join(sorted(held))}: "
            "correct database.url"
        )


def newest_revision(package: str) -> str:
    """Returns the newest revision of a package: its files begin with rising numbers."""
    versions = importlib.resources.files(package) / "migrations" / "versions"
    names = (file.name for file in versions.iterdir() if file.name.endswith(".py"))
    return max(name.partition("_")[0] for name in names)


def version_table(package: str) -> str:
    """Returns the table that notes the revision, such as `alembic_version_identity`."""
    return f"alembic_version_{package.removeprefix('yibao_')}"


def stored_revision(connection: sa.Connection, package: str) -> str | None:
    """Returns the revision that a database holds of a package, or None.

    Raises:
        SchemaError: it notes several, and nobody knows which of them it has.
    """
    table = version_table(package)
    if not sa.inspect(connection).has_table(table):
        return None
    column = sa.column("version_num", sa.String)
    noted = connection.execute(sa.select(column).select_from(sa.table(table))).scalars().all()
    if len(noted) > 1:
        raise SchemaError(
            f"database {connection.engine.url}: its table {table} notes several revisions "
            f"({', '.join(sorted(noted))}): restore it from a backup, or find out who changed it"
        )
    return noted[0] if noted else None
