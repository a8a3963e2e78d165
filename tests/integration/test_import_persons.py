"""`yibao persons import` against the service: killed in the middle, run again, once each."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import (
    REGION,
    IdentityFiles,
    checked_number,
    citizen_number,
    make_identity_files,
    serving_identity,
)
from support.threads import in_a_thread, wait_until

from yibao_common.db.database import Database
from yibao_identity.storage import tables

ROWS = 450
HEADER = "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("import"))


@pytest.fixture
def served(databases: Databases, files: IdentityFiles) -> Iterator[tuple[int, str]]:
    """Gives the port of a service and the URL of its database."""
    url = databases.migrated_url("yibao_identity")
    with in_a_thread(lambda: serving_identity(files, url, log_level="info")) as identity:
        yield identity.port, url


def write(folder: Path) -> Path:
    """Writes a file in which person 7 has a wrong number and person 400 is the first again."""
    numbers = [citizen_number(number % 1_000, birth="19900301") for number in range(ROWS)]
    numbers[6] = numbers[6][:-1] + ("0" if numbers[6][-1] != "0" else "1")
    numbers[399] = numbers[0]
    path = folder / "persons.csv"
    lines = [f"01,{number},欧阳测试,310,11,2026-01-01" for number in numbers]
    path.write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    return path


def command(port: int, files: IdentityFiles, path: Path, report: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "yibao_cli.main", "persons", "import", str(path)),
        *("--region", REGION, "--address", f"localhost:{port}"),
        *("--ca", str(files.folder / "ca.pem")),
        *("--cert", str(files.folder / "agency.pem")),
        *("--key", str(files.folder / "agency.key")),
        *("--report", str(report)),
    ]


def persons_stored(url: str) -> int:
    with contextlib.closing(Database(url)) as database, database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.person)
        found: int = connection.execute(query).scalar_one()
    return found


@pytest.mark.long
def test_an_import_that_was_killed_goes_on_without_a_duplicate(
    served: tuple[int, str], files: IdentityFiles, tmp_path: Path
) -> None:
    port, url = served
    path, report = write(tmp_path), tmp_path / "report.csv"
    journal = tmp_path / "report.csv.journal"
    arguments = command(port, files, path, report)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first:
        # It begins among the longest tests, while clients of other languages are built.
        wait_until(
            lambda: journal.exists() and len(journal.read_bytes().splitlines()) > 100, seconds=90
        )
        os.kill(first.pid, signal.SIGKILL)
    assert not report.exists()
    finished = subprocess.run(arguments, capture_output=True, text=True)
    assert finished.returncode == 1, finished.stderr
    assert "Going on after person" in finished.stdout
    assert persons_stored(url) == ROWS - 2
    with report.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head == ["row", "outcome", "reason", "fields", "person_id", "explanation"]
    assert [int(cells[0]) for cells in rows] == list(range(2, ROWS + 2))
    refused = [cells[:4] for cells in rows if cells[1] == "REFUSED"]
    assert refused == [
        ["8", "REFUSED", "CITIZEN_NUMBER_INVALID", "certificate_number"],
        ["401", "REFUSED", "PERSON_EXISTS", ""],
    ]
    assert rows[399][4] == rows[0][4]
    assert len({cells[4] for cells in rows if cells[1] == "REGISTERED"}) == ROWS - 2
    # Once more, from the beginning: the same answers, and so the same report.
    before = report.read_bytes()
    again = subprocess.run(arguments, capture_output=True, text=True)
    assert report.read_bytes() == before
    assert persons_stored(url) == ROWS - 2
    assert f"{ROWS - 2} REGISTERED" in again.stdout
    for shown in (finished.stdout, finished.stderr, again.stdout, before.decode()):
        assert "199003" not in shown
        assert "欧阳" not in shown


def test_rows_that_nobody_bears_are_refused_and_the_others_are_stored(
    served: tuple[int, str], files: IdentityFiles, tmp_path: Path
) -> None:
    port, url = served
    good = citizen_number(1)
    rows = [
        f"01,{good}, 买买提 • 艾力 ,310,11,2026-01-01",
        f"01,{citizen_number(2)},王\u200b明,310,11,2026-01-01",
        f"01,{citizen_number(3)},王\u202e明,310,11,2026-01-01",
        f"01,{citizen_number(4)},王\ufffd明,310,11,2026-01-01",
        f"01,{citizen_number(5)},···,310,11,2026-01-01",
        f"01,{citizen_number(6, birth='00010307')},王明,310,11,2026-01-01",
        f"01,{checked_number('99000019900307123')},王明,310,11,2026-01-01",
    ]
    path, report = tmp_path / "persons.csv", tmp_path / "report.csv"
    path.write_text("\n".join((HEADER, *rows, "")), encoding="utf-8")
    finished = subprocess.run(command(port, files, path, report), capture_output=True, text=True)
    assert finished.returncode == 1, finished.stderr
    with report.open(encoding="utf-8", newline="") as stream:
        _, *told = csv.reader(stream)
    assert [cells[1:4] for cells in told] == [
        ["REGISTERED", "", ""],
        *(4 * [["REFUSED", "FIELD_MALFORMED", "person_name"]]),
        *(2 * [["REFUSED", "CITIZEN_NUMBER_INVALID", "certificate_number"]]),
    ]
    assert persons_stored(url) == 1


def test_a_caller_without_the_right_is_told_so(
    served: tuple[int, str], files: IdentityFiles, tmp_path: Path
) -> None:
    port, _ = served
    arguments = command(port, files, write(tmp_path), tmp_path / "report.csv")
    arguments[arguments.index("--cert") + 1] = str(files.folder / "bank.pem")
    arguments[arguments.index("--key") + 1] = str(files.folder / "bank.key")
    finished = subprocess.run(arguments, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "CALLER_NOT_ALLOWED" in finished.stderr
    assert "Traceback" not in finished.stderr
