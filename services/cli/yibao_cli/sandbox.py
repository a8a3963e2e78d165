"""The folder of a sandbox: development certificates, keys, configurations, databases.

Everything in it is made for one machine and protects nothing: its private keys lie beside
their passphrases.
"""

import datetime as dt
import fcntl
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yibao_cli.parties import SERVICES, certificate_leaves
from yibao_cli.regions import Region
from yibao_common.config import StartError
from yibao_common.database import Database
from yibao_common.dev_ca import DevCertificates, issue_dev_certificates
from yibao_common.migrations import upgrade
from yibao_identity.storage.key_file import write_key

# Marks a folder as ours: only then is anything in it removed.
_MARK = "SANDBOX.txt"
_MARK_TEXT = """\
A development sandbox of yibao, made by `yibao up` or `yibao demo`.
Its certificates and keys protect nothing. `yibao up` empties its databases at each start,
unless told to --keep them.
"""
_ISSUER_KEY_LIFE = dt.timedelta(days=365)

# What a configuration holds, by table and key.
Tables = Mapping[str, Mapping[str, "Value"]]
Value = str | int | float | bool | Iterable[str] | dt.datetime


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between sandboxes.

    `processes` and `database_urls` are by service; a service without a URL gets a SQLite
    file in the folder. `poll_seconds` is how often settlement asks identity for news.
    """

    addresses: Mapping[str, str]
    database_urls: Mapping[str, str]
    processes: Mapping[str, int]
    reflection: bool
    poll_seconds: float
    log_level: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A folder that the services can be started from."""

    folder: Path
    certificates: DevCertificates
    config_files: Mapping[str, Path]
    database_urls: Mapping[str, str]
    trust_key_file: Path


def claim_folder(folder: Path, *, keep_data: bool) -> TextIO:
    """Makes the folder of a sandbox, or takes over the one of an earlier run.

    Without `keep_data` its databases are removed. The folder is taken until the returned
    file is closed; the end of the process closes it as well.

    Raises:
        StartError: the folder holds something else, or is in use.
    """
    mark = folder / _MARK
    if folder.exists() and not mark.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StartError(f"{folder} is not a sandbox of yibao; choose another --folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    claim = mark.open("a", encoding="utf-8")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise StartError(f"{folder} is in use by another yibao; choose another --folder") from None
    if not claim.tell():
        claim.write(_MARK_TEXT)
        claim.flush()
    if not keep_data:
        for pattern in ("*.sqlite", "*.sqlite-wal", "*.sqlite-shm", "trust-snapshot.cbor"):
            for file in folder.glob(pattern):
                file.unlink()
    return claim


def prepare(folder: Path, regions: Iterable[Region], settings: Settings) -> Sandbox:
    """Makes what is missing in a claimed folder and brings the databases up to date."""
    regions = tuple(regions)
    certificates = issue_dev_certificates(folder / "certificates", certificate_leaves(regions))
    keys = _make_keys(folder / "keys")
    database_urls = {
        service: settings.database_urls.get(service, f"sqlite:///{folder / service}.sqlite")
        for service in SERVICES
    }
    tables: dict[str, Tables] = {
        "identity": _identity_tables(keys, [region.region for region in regions]),
        "settlement": {
            "identity": {
                "address": settings.addresses["identity"],
                "regions": [region.region for region in regions],
                "trust_key_file": str(keys / "trust.pub.pem"),
                "snapshot_file": str(folder / "trust-snapshot.cbor"),
                "poll_seconds": settings.poll_seconds,
            }
        },
        "offsite": {},
    }
    config_files = {}
    for service in SERVICES:
        config_files[service] = folder / f"{service}.toml"
        common = _common_tables(service, settings, certificates, database_urls[service])
        text = to_toml({**common, **tables[service]})
        config_files[service].write_text(text, encoding="utf-8")
        _migrate(database_urls[service], service)
    return Sandbox(folder, certificates, config_files, database_urls, keys / "trust.pub.pem")


def _common_tables(
    service: str, settings: Settings, certificates: DevCertificates, database_url: str
) -> Tables:
    own = certificates.leaves[service]
    return {
        "server": {
            "address": settings.addresses[service],
            "certificate_file": str(own.certificate_file),
            "key_file": str(own.key_file),
            "client_ca_file": str(certificates.ca_file),
            "reflection": settings.reflection,
            "reuse_port": settings.processes[service] > 1,
        },
        "database": {"url": database_url},
        "log": {"level": settings.log_level},
    }


def _identity_tables(keys: Path, regions: list[str]) -> Tables:
    passphrase_file = str(keys / "passphrase")
    issuer_key = keys / "issuer.pem"
    # The key has no date of its own; its file has, and keeps it over restarts.
    made = dt.datetime.fromtimestamp(int(issuer_key.stat().st_mtime), dt.UTC)
    return {
        "issuer": {
            "key_file": str(issuer_key),
            "passphrase_file": passphrase_file,
            "regions": regions,
            "start_time": made,
            "expire_time": made + _ISSUER_KEY_LIFE,
        },
        "trust": {"key_file": str(keys / "trust.pem"), "passphrase_file": passphrase_file},
        "personal_data": {
            "encryption_key_files": [str(keys / "encryption.hex")],
            "hash_key_file": str(keys / "hash.hex"),
        },
    }


def _make_keys(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("encryption.hex", "hash.hex", "passphrase"):
        if not (folder / name).exists():
            _write_secret(folder / name, secrets.token_hex(32))
    passphrase = (folder / "passphrase").read_bytes()
    for name in ("issuer", "trust"):
        if (folder / f"{name}.pub.pem").exists():
            continue
        key = Ed25519PrivateKey.generate()
        (folder / f"{name}.pem").unlink(missing_ok=True)
        write_key(folder / f"{name}.pem", key, passphrase=passphrase)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        # Last, so that its presence means that the pair is whole.
        (folder / f"{name}.pub.pem").write_bytes(public)
    return folder


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")


def _migrate(url: str, service: str) -> None:
    database = Database(url)
    try:
        upgrade(database, f"yibao_{service}")
    finally:
        database.close()


def to_toml(tables: Tables) -> str:
    """Returns tables of plain values as TOML."""
    blocks = []
    for name, values in tables.items():
        lines = [f"{key} = {_toml_value(value)}" for key, value in values.items()]
        blocks.append("\n".join((f"[{name}]", *lines, "")))
    return "\n".join(blocks)


def _toml_value(value: Value) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, (str, bool, int, float)):
        # JSON's forms of these are TOML's as well.
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(map(_toml_value, value))}]"
