"""Every way to write a configuration wrongly ends in a sentence and code 2, never a traceback.

Each case is one slip in the configuration of a sandbox, tried on the service itself and on
`yibao doctor`, which finds the same.
"""

import contextlib
import dataclasses
import importlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from support.short_certificates import rekey, take_names
from typer.testing import CliRunner

from yibao_cli.loading import published_stays
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.sandbox import Settings, prepare
from yibao_common.rpc.server import Server

Change = Callable[[Path], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Broken:
    """A slip: what stands in the file, what somebody made of it, and what is said of it."""

    service: str
    old: str
    new: str
    told: str
    # Where the slip is in a file that the configuration names, and not in itself.
    change: Change | None = None

    def __str__(self) -> str:
        return f"{self.service}: {self.old} -> {self.new or '(nothing)'}"[:80]


def _write(name: str, contents: bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(contents)

    return change


def _take(source: str, name: str) -> Change:
    """Has a service use the certificate and key of another party."""

    def change(folder: Path) -> None:
        certificates = folder / CERTIFICATES
        for kind in ("pem", "key"):
            shutil.copy(certificates / f"{source}.{kind}", certificates / f"{name}.{kind}")

    return change


def _rekey(name: str, key: CertificateIssuerPrivateKeyTypes) -> Change:
    """Gives a service a key of another kind."""

    def change(folder: Path) -> None:
        rekey(folder / CERTIFICATES, name, key)

    return change


def _put_ca_first(folder: Path) -> None:
    """Writes a chain the wrong way round."""
    path = folder / CERTIFICATES / "offsite.pem"
    path.write_bytes((folder / CERTIFICATES / "ca.pem").read_bytes() + path.read_bytes())


def _knot(folder: Path) -> None:
    """Has a folder be a link to itself."""
    path = folder / "settlement-trust"
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(path)


def _list_no_diseases(folder: Path) -> None:
    """Makes the list of diseases that a configuration names, and has it be found."""
    file, configuration = folder / "list.yaml", folder / "offsite.toml"
    file.write_text("[]", encoding="utf-8")
    configuration.write_text(configuration.read_text().replace("'list.yaml'", f"'{file}'"))


def _unname(folder: Path) -> None:
    take_names(folder / CERTIFICATES, "offsite")


OFFSITE, SETTLEMENT, IDENTITY = "offsite", "settlement", "identity"
CERTIFICATES = "certificates"

CASES = (
    # The file itself.
    Broken(OFFSITE, "[server]", "[server", "offsite.toml: is not TOML: "),
    Broken(OFFSITE, "[server]", "\udcff", "offsite.toml: is not in UTF-8"),
    Broken(OFFSITE, "[log]", "x = " + "[" * 3_000, "offsite.toml: is not TOML: lists or tables"),
    Broken(OFFSITE, "[log]", "x = " + "9" * 5_000 + "\n[log]", "offsite.toml: is not TOML: "),
    Broken(OFFSITE, "[log]", "#" * 1_000_001 + "\n[log]", "it has over 1000000 bytes"),
    Broken(OFFSITE, "[log]", "[log", "offsite.toml: is not TOML: "),
    Broken(OFFSITE, "[log]", "[server]", "offsite.toml: is not TOML: "),
    Broken(OFFSITE, "[log]", "[logs]", "offsite.toml: logs: unknown key; did you mean log?"),
    Broken(OFFSITE, "address = ", "adress = ", "server.adress: unknown key; did you mean address?"),
    Broken(OFFSITE, "[database]", "[database2]", "database: is missing"),
    # Addresses and numbers.
    Broken(OFFSITE, "127.0.0.1:1", "127.0.0.1", "server.address: must be host:port"),
    Broken(OFFSITE, "127.0.0.1:1", "127.0.0.1:70000", "server.address: must be host:port"),
    Broken(OFFSITE, "127.0.0.1:1", "127.0.0.1 :1", "server.address: must be host:port"),
    Broken(OFFSITE, "127.0.0.1:1", "*:1", "server.address: must be host:port"),
    Broken(OFFSITE, "127.0.0.1:1", "unix:1", "server.address: must be host:port"),
    Broken(OFFSITE, "reflection", "metrics_address = 'x'\nreflection", "server.metrics_address: "),
    Broken(
        OFFSITE,
        "reflection",
        "metrics_address = '127.0.0.1:9108-9101'\nreflection",
        "server.metrics_address: must have a first port and a last one above it",
    ),
    Broken(OFFSITE, "reflection = false", "reflection = 'no'", "server.reflection: "),
    Broken(OFFSITE, "reflection", "drain_seconds = nan\nreflection", "server.drain_seconds: "),
    Broken(OFFSITE, "reflection", "rate_per_second = inf\nreflection", "server.rate_per_second: "),
    Broken(OFFSITE, "reflection", "burst = 0\nreflection", "server.burst: "),
    Broken(
        OFFSITE,
        "reflection",
        "max_deadline_seconds = 0.001\nreflection",
        "server.max_deadline_seconds: ",
    ),
    Broken(
        OFFSITE,
        "reflection",
        "rate_per_second = 1e-9\nreflection",
        "server.rate_per_second: must be 0, which is no limit, or at least 0.01",
    ),
    Broken(OFFSITE, "reflection", "trust_domain = 'Not a name'\nreflection", "server.trust_domain"),
    Broken(OFFSITE, '"info"', '"loud"', "log.level: "),
    Broken(OFFSITE, "[log]", "[answers]\nkeep_days = 1\n[log]", "answers.keep_days: "),
    Broken(OFFSITE, "reflection", "insecure = true\naddress2 = 1\nreflection", "server.address2"),
    # The files of TLS.
    Broken(OFFSITE, "certificate_file", "#", "certificate_file must be set for mutual TLS"),
    Broken(OFFSITE, f"{CERTIFICATES}/offsite.pem", "nothing.pem", "nothing.pem: cannot be read"),
    Broken(OFFSITE, f"{CERTIFICATES}/offsite.key", "nothing.key", "nothing.key: cannot be read"),
    Broken(OFFSITE, f"{CERTIFICATES}/ca.pem", "nothing.pem", "nothing.pem: cannot be read"),
    Broken(OFFSITE, f"{CERTIFICATES}/ca.pem", "", "cannot be read: Is a directory"),
    Broken(OFFSITE, f"{CERTIFICATES}/offsite.key", "identity.toml", "is not a private key in PEM"),
    Broken(OFFSITE, f"{CERTIFICATES}/offsite.pem", "identity.toml", "holds no certificates in PEM"),
    Broken(OFFSITE, "offsite.key", "identity.key", "is not the key of"),
    Broken(OFFSITE, "certificates/ca.pem", "certificates/offsite.pem", "holds no CA"),
    Broken(OFFSITE, "[log]", "[log]", "is not for servers", _take("probe", "offsite")),
    Broken(OFFSITE, "[log]", "[log] # unnamed", "offsite.pem: names no host", _unname),
    Broken(OFFSITE, "[log]", "[log] # CA first", "is not the key of", _put_ca_first),
    Broken(
        OFFSITE,
        "[log]",
        "[log] # RSA",
        "is of a kind with which no connection is made",
        _rekey("offsite", rsa.generate_private_key(65_537, 1_024)),
    ),
    Broken(
        OFFSITE,
        "[log]",
        "[log] # Ed25519",
        "is of a kind with which no connection is made",
        _rekey("offsite", ed25519.Ed25519PrivateKey.generate()),
    ),
    Broken(
        OFFSITE,
        "[log]",
        "[log] # P-521",
        "is of a kind with which no connection is made",
        _rekey("offsite", ec.generate_private_key(ec.SECP521R1())),
    ),
    Broken(
        OFFSITE,
        "reflection",
        "trust_domain = 'province.gov'\nreflection",
        "is of another trust domain (spiffe://yibao.dev/service/offsite)",
    ),
    Broken(
        OFFSITE,
        "reflection",
        "revoked_serials_file = 'nothing.txt'\nreflection",
        "nothing.txt: cannot be read",
    ),
    Broken(
        SETTLEMENT,
        "[log]",
        "[log]",
        "must bear one URI name, spiffe://yibao.dev/service/settlement",
        _take("identity", "settlement"),
    ),
    Broken(
        IDENTITY,
        "[log]",
        "[log]",
        "must bear one URI name, spiffe://yibao.dev/service/identity",
        _take("offsite", "identity"),
    ),
    # The database.
    Broken(OFFSITE, "sqlite:///", "", "database.url: is no URL of a database"),
    Broken(OFFSITE, "sqlite:///", "mysql://user:hidden-word@host", "must not begin with mysql"),
    Broken(OFFSITE, "sqlite:///", "sqlite+aiosqlite:///", "must not begin with sqlite+aiosqlite"),
    Broken(OFFSITE, "sqlite:///", "sqlite:////nowhere", "there is no such file"),
    Broken(OFFSITE, "offsite.sqlite", "offsite.sqlite?mode=ro", "takes no options for SQLite"),
    Broken(OFFSITE, "offsite.sqlite", "identity.toml", "the file is no SQLite database"),
    Broken(OFFSITE, "offsite.sqlite", "certificates", "the file cannot be opened"),
    Broken(
        OFFSITE,
        "offsite.sqlite",
        "identity.sqlite",
        "identity.sqlite: holds no schema of offsite, but that of identity: correct database.url",
    ),
    Broken(OFFSITE, "offsite.sqlite", "empty", "holds no schema", _write("empty", b"")),
    Broken(OFFSITE, "reuse_port = false", "reuse_port = true", "SQLite is served by one process"),
    # What one service alone has.
    Broken(OFFSITE, "[log]", "[[log]]", "offsite.toml: log: must be a table"),
    Broken(OFFSITE, '"127.0.0.1:1"', '"https://127.0.0.1:1"', "server.address: must be host:port"),
    Broken(OFFSITE, '"127.0.0.1:1"', '"::1"', "server.address: must be host:port"),
    Broken(OFFSITE, '"127.0.0.1:1"', '"[:]:1"', "server.address: must be host:port"),
    Broken(OFFSITE, '"127.0.0.1:1"', '"[::1% ]:1"', "server.address: must be host:port"),
    Broken(OFFSITE, "127.0.0.1:1", "127.0.0.1:" + "9" * 5_000, "address: must be host:port"),
    Broken(
        OFFSITE,
        "reflection",
        f"metrics_address = '127.0.0.1:1-{'9' * 5_000}'\nreflection",
        "server.metrics_address: must be host:port or host:first-last",
    ),
    Broken(
        OFFSITE,
        "reflection",
        "metrics_address = '127.0.0.1:1'\nreflection",
        "metrics_address must have another port than address",
    ),
    Broken(SETTLEMENT, "[log]", "[batch]\nmax_queue = 1\n[log]", "batch: max_queue must not be"),
    Broken(IDENTITY, '"127.0.0.1:3"', '"https://h:3"', "settlement.address: must be host:port"),
    Broken(IDENTITY, '"127.0.0.1:3"', '"settlement"', "settlement.address: must be host:port"),
    Broken(SETTLEMENT, 'address = "127.0.0.1:2"', 'address = "identity"', "identity.address: "),
    Broken(SETTLEMENT, 'address = "127.0.0.1:2"', 'address = "h:0"', "must have the port on which"),
    Broken(SETTLEMENT, 'address = "127.0.0.1:2"', 'address = "[:]:2"', "must be host:port"),
    *(
        Broken(
            SETTLEMENT, "regions", f"server_name = '{name}'\nregions", "server_name: must be the"
        )
        for name in ("", " ", "身份", "https://identity", "identity:50051", "a" * 64)
    ),
    Broken(IDENTITY, "[settlement]", "[settlement]\nserver_name = 'a b'", "server_name: must be"),
    *(
        Broken(SETTLEMENT, "[log]", f"[review]\n{key}\n[log]", "should match pattern")
        for key in (
            "retired_cadre_person_classes = ['abc13']",
            "retired_cadre_person_classes = ['12345']",
            "retired_cadre_insurance_types = ['3400']",
        )
    ),
    Broken(SETTLEMENT, 'regions = ["', 'regions = ["5001", "', "identity.regions.0: must be the"),
    Broken(SETTLEMENT, "regions = [", "regions = [] #", "identity.regions: "),
    Broken(SETTLEMENT, "root-1.cose", "nothing.cose", "nothing.cose: cannot be read"),
    Broken(SETTLEMENT, "keys/root-1.cose", "offsite.toml", "not a root document"),
    Broken(
        SETTLEMENT,
        "settlement-trust",
        "offsite.toml",
        "identity.trust_folder: ",
    ),
    Broken(SETTLEMENT, "[log]", "[log] # a knot", "settlement-trust: cannot be used: ", _knot),
    Broken(SETTLEMENT, "regions = [", "regions = '500112' #", "identity.regions: must be a list"),
    Broken(OFFSITE, "[log]", "[chronic]\nfiles = 'x'\n[log]", 'written ["one", "another"]'),
    Broken(
        OFFSITE,
        "[log]",
        "[chronic]\nfiles = ['nothing.yaml']\n[log]",
        "chronic.files: nothing.yaml: cannot be read: No such file",
    ),
    Broken(
        OFFSITE,
        "[log]",
        "[chronic]\nfiles = ['list.yaml']\n[log]",
        "list.yaml:1 expected a mapping",
        _list_no_diseases,
    ),
    Broken(OFFSITE, "offsite-hash.hex", "offsite-encryption.hex", "hold the same secret"),
    *(
        Broken(OFFSITE, "evidence_readers", f"scanner_{slip}\nevidence_readers", told)
        for slip, told in (
            # Both would have ended the task that scans papers, and with it the service.
            ('command = ["a\\u0000b"]', "materials.scanner_command: must be words"),
            ('address = "a..b:3310"', "materials.scanner_address: must be host:port"),
            ('address = "127.0.0.1:0"', "materials.scanner_address: must have the port"),
            ("command = []", "materials.scanner_command: must not be empty"),
            ("command = ['']", "materials.scanner_command: must begin with the program"),
        )
    ),
    Broken(SETTLEMENT, "poll_seconds = 1", "poll_seconds = 1e-9", "identity.poll_seconds: "),
    Broken(SETTLEMENT, "regions", "trust_seconds = 1e-9\nregions", "identity.trust_seconds: "),
    Broken(SETTLEMENT, "regions", "max_feed_age_hours = 1e-9\nregions", "max_feed_age_hours: "),
    Broken(IDENTITY, "publish_seconds = 2", "publish_seconds = 1e-9 #", "trust.publish_seconds: "),
    Broken(IDENTITY, "hash.hex", "nothing.hex", "nothing.hex: cannot be read: No such file"),
    Broken(IDENTITY, "hash.hex", "root-1.cose", "must hold 64 hexadecimal digits"),
    Broken(IDENTITY, "encryption.hex", "root-1.cose", "must hold 64 hexadecimal digits"),
    Broken(IDENTITY, "keys/private", "k" * 256, "keys.folder: must have at most 255 bytes"),
    Broken(IDENTITY, "keys/pepper.hex", "certificates", "cannot be read: Is a directory"),
    Broken(IDENTITY, "keys/passphrase", "nothing", "nothing: cannot be read"),
    Broken(IDENTITY, "keys/passphrase", "empty", "holds no passphrase", _write("empty", b"\n")),
    Broken(IDENTITY, "keys/passphrase", "offsite.toml", "check the passphrase"),
    Broken(IDENTITY, "keys/private", "nowhere", ".pem is missing, the private half of the tok key"),
    Broken(IDENTITY, "regions = [", 'regions = ["110000", ', "does not sign for 110000"),
    Broken(IDENTITY, "[cards]", "[cards]\npin_tries = 0", "cards.pin_tries: "),
    Broken(IDENTITY, "pepper_files = [", "pepper_files = [] #", "cards.pepper_files: "),
    Broken(
        IDENTITY,
        "[trust]",
        '[keys.pkcs11]\nlibrary="/nowhere.so"\ntoken_label="y"\npin_file="nothing"\n[trust]',
        "nothing: cannot be read",
    ),
)


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
