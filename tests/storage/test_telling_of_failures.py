"""`yibao db upgrade` says what a database said, and never the password."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from rich.console import Console
from support.databases import Databases

from yibao_cli.database import run_upgrade
from yibao_common.db.database import Database
from yibao_common.process.config import StartError


def told(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """Returns what is said where the database of a configuration is not upgraded."""
    found = SimpleNamespace(
        service="offsite",
        package="yibao_offsite",
        config=SimpleNamespace(database=SimpleNamespace(url=url)),
    )
    monkeypatch.setattr("yibao_cli.database.read_config", lambda _path: found)
    with pytest.raises(StartError) as caught:
        run_upgrade(Console(quiet=True), [Path("offsite.toml")])
    return str(caught.value)


def test_a_statement_that_took_too_long_is_told_of(
    postgres_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(database: Database, _package: str, tell_waiting: Callable[[], None]) -> None:
        with database.write() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = '10ms'"))
            connection.execute(sa.text("SELECT pg_sleep(10)"))

    monkeypatch.setattr("yibao_cli.database.upgrade", slowly)
    text = told(monkeypatch, postgres_databases.empty_url())
    assert text.endswith(": the database says: canceling statement due to statement timeout")


def test_a_server_that_is_not_there_is_told_of_without_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"postgresql+psycopg://yibao:secret-word@/offsite?host={tmp_path}"
    text = told(monkeypatch, url)
    assert ": nothing answers there: start the database, or correct host and port" in text
    assert "secret-word" not in text


def test_a_file_that_cannot_be_opened_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = told(monkeypatch, f"sqlite:///{tmp_path}/missing/offsite.db")
    assert ": the file cannot be opened: see that its folder exists" in text
