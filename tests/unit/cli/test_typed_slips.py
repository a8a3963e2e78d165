"""What a person typed wrongly is told in a sentence, with code 2 and no traceback."""

import contextlib
import datetime as dt
import getpass
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yibao_cli.keys.session import _user, in_utc
from yibao_cli.main import app
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock

LEAVES = (Leaf("hospital", "institution/H50011200001"), Leaf("other", "channel/app"))
METHOD = "yibao.settlement.v1.VisitService/GetVisit"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slips")
    issue_dev_certificates(folder, LEAVES)
    past = system_clock() - dt.timedelta(days=40)
    issue_dev_certificates(folder / "past", LEAVES, clock=lambda: past)
    (folder / "persons.csv").write_text(
        "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date\n"
    )
    os.mkfifo(folder / "pipe")
    with (folder / "large").open("wb") as file:
        file.truncate(4_000_001)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _writer(folder: Path) -> Iterator[None]:
    """Lets go whoever would wait at the pipe, so that a test fails and does not hang."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(5):
            with contextlib.suppress(OSError):
                os.close(os.open(folder / "pipe", os.O_WRONLY | os.O_NONBLOCK))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()


SLIPS = [
    ({"--address": "localhost"}, "--address localhost: must be host:port"),
    ({"--address": "localhost:0"}, "must have the port on which the other service listens"),
    ({"--ca": "nothing.pem"}, "nothing.pem: cannot be read: No such file or directory"),
    ({"--ca": "hospital.key"}, "hospital.key: holds no certificates in PEM"),
    ({"--cert": "nothing.pem"}, "nothing.pem: cannot be read"),
    ({"--cert": "persons.csv"}, "persons.csv: holds no certificates in PEM"),
    ({"--cert": "past"}, "past: cannot be read: Is a directory"),
    ({"--cert": "past/hospital.pem", "--key": "past/hospital.key"}, "have it renewed"),
    ({"--key": "nothing.key"}, "nothing.key: cannot be read"),
    ({"--key": "other.key"}, "other.key: is not the key of"),
    ({"--key": "pipe"}, "pipe: cannot be read: it is a pipe or a device, and no file"),
    ({"--key": "/dev/null"}, "/dev/null: cannot be read: it is a pipe or a device, and no file"),
    ({"--key": "large"}, "large: cannot be read: it has over 4000000 bytes"),
    ({"--cert": "pipe"}, "pipe: cannot be read: it is a pipe"),
    ({"--ca": "pipe"}, "pipe: cannot be read: it is a pipe"),
    ({"--key": "ca.pem"}, "ca.pem: is not a private key in PEM without a password"),
]
COMMANDS = {
    "call": ["call", METHOD, "{}"],
    "persons import": ["persons", "import", "persons.csv", "--region", "500112"],
    "qr show": [
        *("qr", "show", "--watch", "--region", "500112"),
        *("--certificate-id", "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"),
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("slip", "told"), SLIPS)
def test_who_calls_a_service_is_told_what_is_wrong_with_files_and_address(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    slip: dict[str, str],
    told: str,
) -> None:
    monkeypatch.chdir(folder)
    options = {
        "--address": "127.0.0.1:1",
        "--ca": "ca.pem",
        "--cert": "hospital.pem",
        "--key": "hospital.key",
        **slip,
    }
    words = [word for pair in options.items() for word in pair]
    ended = CliRunner().invoke(app, [*COMMANDS[command], *words])
    assert (ended.exit_code, type(ended.exception)) == (2, SystemExit), ended.output
    assert told in ended.output
    assert len(ended.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["policy", "check", "nothing.yaml"], "nothing.yaml: cannot be read: No such file"),
        (["policy", "check", "."], ".: cannot be read: Is a directory"),
        (["keys", "root", "init", "--out", "x.cose", "--key", "pipe"], "pipe: not read (it is a"),
        (["doctor", "--config", "pipe"], "pipe: cannot be read: it is a pipe|name it after"),
        (["keys", "root", "verify", "nothing.cose"], "nothing.cose: cannot be read"),
        (["keys", "root", "init", "--out", "x.cose", "--key", "nothing.pem"], "nothing.pem: "),
        (["qr", "verify", "x", "--snapshot", "nothing", "--root", "nothing"], "nothing: cannot be"),
        (
            [
                "call",
                METHOD,
                "[" * 5_000,
                *["--address", "h:1", "--ca", "a", "--cert", "b", "--key", "c"],
            ],
            "has: ",
        ),
        (["up", "--folder", "persons.csv/x"], "persons.csv/x: Not a directory"),
        (["doctor", "--config", "nothing.toml"], "name it after its service|cannot be read"),
    ],
)
def test_who_names_a_file_wrongly_is_told_which(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(folder)
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code in ({1} if words[0] == "doctor" else {2}), ended.output
    assert isinstance(ended.exception, SystemExit)
    assert any(each in ended.output for each in told.split("|")), ended.output


def test_a_user_without_a_name_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(StartError, match="say who changes keys by --by"):
        _user()


@pytest.mark.parametrize(
    "typed", ["2026-11-02T08:00:00", "2026-11-02T08:00:00+00:00", "2026-11-02T16:00:00+08:00"]
)
def test_a_time_is_of_the_zone_that_it_names(typed: str) -> None:
    found = in_utc(dt.datetime.fromisoformat(typed))
    assert found.isoformat() == "2026-11-02T08:00:00+00:00"


def test_a_time_that_no_calendar_has_is_told() -> None:
    with pytest.raises(StartError, match="is no time that a key may have"):
        in_utc(dt.datetime.fromisoformat("0001-01-01T00:00:00+23:59"))
