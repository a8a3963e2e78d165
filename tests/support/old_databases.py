"""Databases that older commits filled: `tests/storage/data/upgrades`."""

import datetime as dt
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command
from psycopg import sql
from support.databases import Databases

from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_common.db.rows import instant_from_sqlite

DATA = Path(__file__).parents[1] / "storage" / "data" / "upgrades"
# By the commit whose code filled them, from the first on.
COMMITS = (
    "1932a7a",
    "5b3a506",
    "b133be4",
    "0d50a31",
    "0454ee8",
    "ce21994",
    "8009acb",
    "ec523d0",
    "97493d2",
    "3f0426c",
)


def unpack(commit: str, folder: Path) -> Path:
    """Writes keys and SQLite files of a commit into a new folder, and returns it."""
    box = folder / commit
    box.mkdir()
    with tarfile.open(DATA / f"{commit}.tar.gz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None:
                target = box / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    # What marks a folder as a sandbox of the command.
    (box / "SANDBOX.txt").touch()
    for text in box.glob("*.sql"):
        connection = sqlite3.connect(text.with_suffix(".sqlite"))
        connection.executescript(text.read_text(encoding="utf-8"))
        connection.close()
    return box


def open_old(databases: Databases, box: Path, service: str) -> Database:
    """Returns the database of a service as the commit left it, on either kind."""
    file = box / f"{service}.sqlite"
    if databases.kind == "sqlite":
        return Database(f"sqlite:///{file}")
    url = databases.empty_url()
    opened = Database(url)
    source = sqlite3.connect(file)
    try:
        version_table = f"alembic_version_{service}"
        ((revision,),) = source.execute(f"SELECT version_num FROM {version_table}")
        upgrade_to(opened, f"yibao_{service}", revision)
        _copy(source, url, leave_out={version_table})
    finally:
        source.close()
    return opened


def upgrade_to(database: Database, package: str, revision: str) -> None:
    """Brings a schema to a revision and no further."""
    upgrade = command.upgrade
    try:
        command.upgrade = lambda config, _head: upgrade(config, revision)  # type: ignore[assignment, misc]
        migrations.upgrade(database, package)
    finally:
        command.upgrade = upgrade


def _copy(source: sqlite3.Connection, url: str, *, leave_out: set[str]) -> None:
    """Copies every row into the tables of PostgreSQL, as the types there have it."""
    plain = sa.make_url(url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False)) as target:
        tables = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table in leave_out:
                continue
            # What a migration put there comes with the rows.
            target.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            types: dict[str, str] = dict(
                target.execute(
                    "SELECT column_name, data_type FROM information_schema.columns "
                    "WHERE table_name = %s",
                    (table,),
                ).fetchall()
            )
            rows = source.execute(f'SELECT * FROM "{table}"')
            names = [each[0] for each in rows.description]
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.Placeholder() * len(names)),
            )
            for row in rows:
                values = [
                    _value(value, types[name]) for name, value in zip(names, row, strict=True)
                ]
                target.execute(statement, values)


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "timestamp with time zone":
        return instant_from_sqlite(value)
    if kind == "boolean":
        return bool(value)
    if kind == "date":
        return dt.date.fromisoformat(value)
    return value
