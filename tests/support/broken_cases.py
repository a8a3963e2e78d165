"""Slips in the configurations of the services, and what is said of each."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from support.short_certificates import rekey, take_names

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
