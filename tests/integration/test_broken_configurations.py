"""Every way to write a configuration wrongly ends in a sentence and code 2, never a traceback.

Each case is one slip in the configuration of a sandbox, tried on the service itself and on
`yibao doctor`, which finds the same.
"""

import contextlib
import importlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.broken_cases import CASES, OFFSITE, SETTLEMENT, Broken
from typer.testing import CliRunner

from yibao_cli.loading import published_stays
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.sandbox import Settings, prepare
from yibao_common.rpc.server import Server


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path) -> Path:
    """Makes a sandbox in which nothing runs, to be copied."""
    folder = Path(shutil.copytree(sandbox_keys, tmp_path_factory.mktemp("broken") / "sandbox"))
    settings = Settings(
        addresses={
            "offsite": "127.0.0.1:1",
            "identity": "127.0.0.1:2",
            "settlement": "127.0.0.1:3",
        },
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
    start = Server.start

    async def start_and_end(self: Server) -> int:
        await start(self)
        raise AssertionError("it started in spite of all")

    monkeypatch.setattr(Server, "start", start_and_end)
    yield
    logging.getLogger().handlers[:] = handlers


def broken(sandbox: Path, folder: Path, case: Broken) -> Path:
    """Returns the configuration of a sandbox of the test's own, with the slip of `case`."""
    copy = Path(shutil.copytree(sandbox, folder / "sandbox"))
    for file in copy.glob("*.toml"):
        file.write_text(file.read_text().replace(str(sandbox), str(copy)))
    path = copy / f"{case.service}.toml"
    text = path.read_text()
    assert case.old in text
    path.write_text(text.replace(case.old, case.new, 1), errors="surrogateescape")
    if case.change is not None:
        case.change(copy)
    return path


def sentences(text: str) -> str:
    """Returns what a program said, which must not be a traceback."""
    assert "Traceback" not in text, text
    assert "hidden-word" not in text
    # Beside what the log tells of services that are not there.
    said = [line for line in text.strip().splitlines() if not line.startswith("{")]
    assert 0 < len(said) <= 3, text
    return text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_slip_is_told_in_a_sentence_by_the_service_and_by_doctor(
    sandbox: Path, tmp_path: Path, case: Broken, capfd: pytest.CaptureFixture[str]
) -> None:
    path = broken(sandbox, tmp_path, case)
    program = importlib.import_module(f"yibao_{case.service}.main")
    assert program.main(["--config", str(path)]) == 2
    assert case.told in sentences(capfd.readouterr().err)
    examined = CliRunner().invoke(app, ["doctor", "--config", str(path)])
    assert examined.exit_code == 1, examined.output
    assert isinstance(examined.exception, SystemExit)
    faults = [line for line in examined.output.splitlines() if "✗" in line]
    assert any(case.told in line for line in faults), examined.output


def test_there_are_enough_slips() -> None:
    assert len(CASES) >= 40
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("what", ["missing", "folder", "unreadable"])
def test_a_configuration_that_cannot_be_read_is_named(
    tmp_path: Path, service: str, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{service}.toml"
    if what == "folder":
        path.mkdir()
    elif what == "unreadable":
        path.symlink_to(path)
    program = importlib.import_module(f"yibao_{service}.main")
    assert program.main(["--config", str(path)]) == 2
    assert f"{path}: cannot be read: " in sentences(capfd.readouterr().err)
    for command in (["db", "upgrade"], ["keys", "list"]):
        ended = CliRunner().invoke(app, [*command, "--config", str(path)])
        assert ended.exit_code == 2
        assert "cannot be read: " in sentences(ended.output)


ENVIRONMENTS: tuple[tuple[Mapping[str, str], str], ...] = (
    ({"YIBAO_SERVER__ADDRESS__HOST": "x"}, "YIBAO_SERVER__ADDRESS__HOST: unknown key"),
    ({"YIBAO_SERVER__BURST": "many"}, "YIBAO_SERVER__BURST: "),
    ({"YIBAO_SERVER__BURST": "9" * 5_000}, "YIBAO_SERVER__BURST: "),
    ({"YIBAO_SERVER__BURST": "[" * 5_000}, "YIBAO_SERVER__BURST: "),
    ({"YIBAO_SERVER__BURST": "1\nother = 2"}, "YIBAO_SERVER__BURST: "),
    ({"YIBAO_DATABASE__URL": "mysql://x/y"}, "YIBAO_DATABASE__URL: must not begin with mysql"),
    ({"YIBAO_SERVER__KEY_FILE": ""}, "YIBAO_SERVER__KEY_FILE: must name a file"),
    ({"YIBAO_SERVER": "x"}, "YIBAO_SERVER: "),
)


@pytest.mark.parametrize(("environment", "told"), ENVIRONMENTS)
def test_a_slip_in_a_variable_is_told_by_its_name(
    sandbox: Path,
    environment: Mapping[str, str],
    told: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    program = importlib.import_module("yibao_offsite.main")
    assert program.main(["--config", str(sandbox / "offsite.toml")]) == 2
    assert told in sentences(capfd.readouterr().err)


def test_a_file_of_the_database_that_is_read_alone_is_told(
    sandbox: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where somebody else upgraded it; whoever runs tests as root may write everything."""
    path = broken(sandbox, tmp_path, Broken(SETTLEMENT, "[log]", "[log]", ""))
    file = str(path.with_suffix(".sqlite"))
    may = os.access
    monkeypatch.setattr("os.access", lambda each, how: str(each) != file and may(each, how))
    program = importlib.import_module("yibao_settlement.main")
    assert program.main(["--config", str(path)]) == 2
    told = f"{file}: this user may not write the file"
    assert told in sentences(capfd.readouterr().err)
    examined = CliRunner().invoke(app, ["doctor", "--config", str(path)])
    assert examined.exit_code == 1
    assert any(told in line for line in examined.output.splitlines() if "✗" in line)


def test_a_database_that_fails_while_a_service_is_made_is_told(
    sandbox: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = broken(sandbox, tmp_path, Broken(OFFSITE, "[log]", "[log]", ""))
    with contextlib.closing(sqlite3.connect(path.with_suffix(".sqlite"))) as connection:
        connection.execute("DELETE FROM trust_secret_check")
        connection.execute(
            "CREATE TRIGGER refusing BEFORE INSERT ON trust_secret_check "
            "BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
        )
        connection.commit()
    program = importlib.import_module("yibao_offsite.main")
    assert program.main(["--config", str(path)]) == 2
    assert "the database says: disk I/O error" in sentences(capfd.readouterr().err)


def test_the_database_of_another_service_is_not_upgraded(sandbox: Path, tmp_path: Path) -> None:
    path = broken(sandbox, tmp_path, Broken(OFFSITE, "offsite.sqlite", "settlement.sqlite", ""))
    ended = CliRunner().invoke(app, ["db", "upgrade", "--config", str(path)])
    assert ended.exit_code == 2
    told = "settlement.sqlite: holds no schema of offsite, but that of settlement"
    assert told in sentences(ended.output).replace("\n", "")
