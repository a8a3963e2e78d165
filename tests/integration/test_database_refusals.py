"""A database that cannot be used is told in a sentence, by services and commands alike."""

import importlib
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from psycopg import sql
from support.databases import PostgresServer
from typer.testing import CliRunner

from yibao_cli.loading import published_stays
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.sandbox import Settings, prepare
from yibao_common.db.schema import newest_revision

PASSWORD = "secret-word"
DOWN = "postgresql+psycopg://yibao:secret-word@127.0.0.1:1/yibao"


class Databases:
    """Databases of the three services on a PostgreSQL that asks one user for a password."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._admin = server._admin
        self.names = {name: server.create_migrated(f"yibao_{name}") for name in SERVICES}
        self._empty: list[str] = []
        self._admin.execute(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")
        self._admin.execute("CREATE ROLE poor LOGIN")
        (row,) = self._admin.execute("SHOW hba_file").fetchall()
        self._rules = Path(row[0])
        self._before = self._rules.read_text()
        self._rules.write_text(f"local all locked scram-sha-256\n{self._before}")
        self._admin.execute("SELECT pg_reload_conf()")

    def url(
        self,
        service: str,
        *,
        username: str | None = None,
        password: str | None = None,
        database: str | None = None,
    ) -> str:
        url = sa.make_url(self._server.url(self.names[service]))
        url = url.set(username=username, password=password, database=database)
        return url.render_as_string(hide_password=False)

    def empty_url(self, username: str) -> str:
        """Makes a database without tables, once, in which a user may only connect."""
        if not self._empty:
            self._empty.append(self._server.create())
        url = sa.make_url(self._server.url(self._empty[0])).set(username=username)
        return url.render_as_string(hide_password=False)

    def in_database(self, service: str, statement: str) -> None:
        """Runs a statement in the database of a service."""
        engine = sa.create_engine(self.url(service))
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def on_server(self, statement: str) -> None:
        """Runs a statement that is of no one database, each by itself."""
        self._admin.execute(statement.encode())

    def close(self) -> None:
        self._rules.write_text(self._before)
        self._admin.execute("SELECT pg_reload_conf()")
        for name in (*self.names.values(), *self._empty):
            self._server.drop(name)
        for role in ("locked", "poor"):
            self._admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture(scope="module")
def databases(postgres_starter: Callable[[], PostgresServer]) -> Iterator[Databases]:
    made = Databases(postgres_starter())
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path) -> Path:
    folder = Path(shutil.copytree(sandbox_keys, tmp_path_factory.mktemp("refused") / "sandbox"))
    settings = Settings(
        addresses=dict.fromkeys(SERVICES, "127.0.0.1:1"),
        database_urls={},
        processes=dict.fromkeys(SERVICES, 1),
        reflection=False,
        poll_seconds=1,
        log_level="info",
    )
    prepare(folder, published_stays()[:1], settings)
    return folder


@pytest.fixture(autouse=True)
def _quiet_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leaves this process as it was, though a service set it up for itself."""
    monkeypatch.setattr("yibao_common.process.running.collect_garbage_seldom", lambda: None)
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = handlers


def configured(sandbox: Path, folder: Path, service: str, url: str) -> Path:
    """Writes the configuration of a service over the database at `url`."""
    lines = (sandbox / f"{service}.toml").read_text().splitlines()
    path = folder / f"{service}.toml"
    written = (f'url = "{url}"' if line.startswith("url = ") else line for line in lines)
    path.write_text("\n".join(written))
    return path


def check(
    sandbox: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    *,
    service: str,
    url: str,
    told: str,
    is_upgraded: bool = False,
) -> None:
    """Checks what service, `db upgrade`, `keys` and doctor say of a database."""
    path = configured(sandbox, tmp_path, service, url)
    program = importlib.import_module(f"yibao_{service}.main")
    assert program.main(["--config", str(path)]) == 2
    said = [capfd.readouterr().err]
    commands = [] if is_upgraded else [["db", "upgrade"]]
    if service == "identity":
        commands.append(["keys", "list"])
    for command in commands:
        ended = CliRunner().invoke(app, [*command, "--config", str(path)])
        assert (ended.exit_code, type(ended.exception)) == (2, SystemExit), ended.output
        said.append(ended.output)
    examined = CliRunner().invoke(app, ["doctor", "--no-health", "--config", str(path)])
    assert (examined.exit_code, type(examined.exception)) == (1, SystemExit), examined.output
    (fault,) = (line for line in examined.output.splitlines() if "✗" in line)
    for text in (*said, fault):
        assert told in text
        assert "Traceback" not in text
        assert PASSWORD not in text
        assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"username": "locked", "password": "wrong"}, "refuses the password of this user"),
        ({"username": "locked"}, "refuses the password of this user"),
        ({"username": "nobody-here"}, "the database has no such user"),
        ({"database": "nothing"}, "there is no such database"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told(
    sandbox: Path,
    tmp_path: Path,
    databases: Databases,
    capfd: pytest.CaptureFixture[str],
    service: str,
    parts: dict[str, str],
    told: str,
) -> None:
    url = databases.url(service, **parts)
    check(sandbox, tmp_path, capfd, service=service, url=url, told=told)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("url", "told"),
    [
        (DOWN, "nothing answers there: start the database, or correct host and port"),
        (DOWN.replace("127.0.0.1", "host.invalid"), "there is no host of this name"),
        (f"{DOWN}?host=/nowhere", "nothing answers there"),
        (f"{DOWN}?sslmode=maybe", "an option in database.url is unknown or has a wrong value"),
        (f"{DOWN}?timeout=3", "an option in database.url is unknown or has a wrong value"),
    ],
)
def test_a_server_that_is_not_there_is_told(
    sandbox: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    service: str,
    url: str,
    told: str,
) -> None:
    check(sandbox, tmp_path, capfd, service=service, url=url, told=told)


@pytest.mark.parametrize("service", SERVICES)
def test_an_account_without_rights_is_told_what_it_lacks(
    sandbox: Path,
    tmp_path: Path,
    databases: Databases,
    capfd: pytest.CaptureFixture[str],
    service: str,
) -> None:
    databases.in_database(service, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM poor")
    url = databases.url(service, username="poor")
    told = f"permission denied for table alembic_version_{service}"
    check(sandbox, tmp_path, capfd, service=service, url=url, told=told, is_upgraded=True)
    databases.in_database(service, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor")
    program = importlib.import_module(f"yibao_{service}.main")
    assert program.main(["--config", str(tmp_path / f"{service}.toml")]) == 2
    said = capfd.readouterr().err
    for added_to in (
        "answer",
        "audit_event",
        "trust_secret_check" if service != "settlement" else "entry",
    ):
        assert f"INSERT on {added_to}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("service", SERVICES)
def test_a_database_that_only_reads_is_told(
    sandbox: Path,
    tmp_path: Path,
    databases: Databases,
    capfd: pytest.CaptureFixture[str],
    service: str,
) -> None:
    """Each read would be right, and the first bill refused."""
    name = databases.names[service]
    databases.on_server(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        path = configured(sandbox, tmp_path, service, databases.url(service))
        program = importlib.import_module(f"yibao_{service}.main")
        assert program.main(["--config", str(path)]) == 2
        said = capfd.readouterr().err
    finally:
        databases.on_server(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert "only reads: name the one that leads" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("service", SERVICES)
def test_a_database_that_takes_no_more_connections_is_told(
    sandbox: Path,
    tmp_path: Path,
    databases: Databases,
    capfd: pytest.CaptureFixture[str],
    service: str,
) -> None:
    databases.on_server("ALTER ROLE poor CONNECTION LIMIT 0")
    try:
        url = databases.url(service, username="poor")
        told = "the database takes no more connections: raise its max_connections"
        check(sandbox, tmp_path, capfd, service=service, url=url, told=told)
    finally:
        databases.on_server("ALTER ROLE poor CONNECTION LIMIT -1")


# Every other command that opens a database, by the service whose configuration it takes.
COMMANDS = {
    "upgrade": ("settlement", ["db", "upgrade"]),
    "refold": ("settlement", ["db", "refold"]),
    "restored": ("identity", ["db", "restored"]),
    "list": ("identity", ["keys", "list"]),
    "new": ("identity", ["keys", "new", "--use", "cred", "--by", "ops"]),
    "rotate": ("identity", ["keys", "rotate", "--use", "cred", "--by", "ops"]),
    "deny": ("identity", ["keys", "deny", "0" * 16, "--why", "w", "--by", "ops"]),
    "undeny": ("identity", ["keys", "undeny", "0" * 16, "--by", "ops"]),
    "ledger": ("settlement", ["doctor", "--no-health", "--ledger"]),
    "audit": ("identity", ["doctor", "--no-health", "--audit"]),
}


@pytest.mark.parametrize("granted", ["nothing", "reading"])
@pytest.mark.parametrize(("service", "command"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_whose_user_lacks_rights_says_so(
    sandbox: Path,
    tmp_path: Path,
    databases: Databases,
    service: str,
    command: list[str],
    granted: str,
) -> None:
    databases.in_database(service, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM poor")
    if granted == "reading":
        databases.in_database(service, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor")
    path = configured(sandbox, tmp_path, service, databases.url(service, username="poor"))
    ended = CliRunner().invoke(app, [*command, "--config", str(path)])
    reads_only = granted == "reading" and command[-1] == "list"
    expected = 0 if reads_only else 1 if command[0] == "doctor" else 2
    assert isinstance(ended.exception, SystemExit | None), ended.output
    assert ended.exit_code == expected, ended.output
    assert "Traceback" not in ended.output
    if not reads_only:
        assert "permission denied" in ended.output or "lacks INSERT on" in ended.output


@pytest.mark.parametrize("service", SERVICES)
def test_an_upgrade_by_a_user_who_may_make_no_tables_says_so(
    sandbox: Path, tmp_path: Path, databases: Databases, service: str
) -> None:
    url = databases.empty_url("poor")
    path = configured(sandbox, tmp_path, service, url)
    ended = CliRunner().invoke(app, ["db", "upgrade", "--config", str(path)])
    assert (ended.exit_code, type(ended.exception)) == (2, SystemExit), ended.output
    assert "the user lacks a right (permission denied for schema public)" in ended.output
    assert len(ended.output.strip().splitlines()) == 1


def test_a_schema_of_a_newer_program_is_told_by_an_upgrade(
    sandbox: Path, tmp_path: Path, databases: Databases
) -> None:
    path = configured(sandbox, tmp_path, "offsite", databases.url("offsite"))
    changed = "UPDATE alembic_version_offsite SET version_num = '9999' || version_num"
    databases.in_database("offsite", changed)
    try:
        ended = CliRunner().invoke(app, ["db", "upgrade", "--config", str(path)])
    finally:
        back = "UPDATE alembic_version_offsite SET version_num = substr(version_num, 5)"
        databases.in_database("offsite", back)
    assert (ended.exit_code, type(ended.exception)) == (2, SystemExit), ended.output
    held = f"9999{newest_revision('yibao_offsite')}"
    assert f"holds schema {held} of offsite, which this program does not know" in ended.output


WRONG = (
    (f"{DOWN}?port=x", "has a port that is not from 1 to 65535"),
    (f"{DOWN}?host=one&host=two&port=1,y", "has a port that is not from 1 to 65535"),
    (f"{DOWN.replace(':1/', ':' + '1' * 5_000 + '/')}", "has a port that is not from 1 to 65535"),
    (f"{DOWN}?host=one&host=two&host=three&port=1,2", "an option in database.url is unknown"),
    (f"sqlite:////tmp/{'d' * 300}", "the file cannot be opened: "),
)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("url", "told"), WRONG, ids=range(len(WRONG)))
def test_a_url_that_a_driver_cannot_take_is_told(
    sandbox: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    service: str,
    url: str,
    told: str,
) -> None:
    path = configured(sandbox, tmp_path, service, url)
    assert importlib.import_module(f"yibao_{service}.main").main(["--config", str(path)]) == 2
    assert told in capfd.readouterr().err
    of_service = {"settlement": ["db refold"], "identity": ["db restored"]}.get(service, [])
    for command in ("doctor", "db upgrade", *of_service):
        ended = CliRunner().invoke(app, [*command.split(), "--config", str(path)])
        assert isinstance(ended.exception, SystemExit), ended.exception
        assert told in ended.output
        assert PASSWORD not in ended.output
