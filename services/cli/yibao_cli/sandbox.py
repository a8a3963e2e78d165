"""The folder of a sandbox: development certificates, keys, configurations, databases.

Everything in it is made for one machine and protects nothing: its private keys lie beside
their passphrases.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from yibao_cli.parties import SERVICES, certificate_leaves
from yibao_cli.regions import Region
from yibao_cli.sandbox_keys import SandboxKeys, make_keys, provision
from yibao_cli.toml_text import Tables, Value, to_toml
from yibao_common.commands.sandbox import CLOCK_FILE, MARK, ahead_of, make_clock_file
from yibao_common.db.database import Database
from yibao_common.db.failures import database_told
from yibao_common.db.migrations import upgrade
from yibao_common.keys.dev_ca import DevCertificates, issue_dev_certificates
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock

_MARK_TEXT = """\
A development sandbox of yibao, made by `yibao up` or `yibao demo`.
Its certificates and keys protect nothing. Its databases stay; `yibao up --fresh` erases them.
"""
# Changes of keys show at once, as one tries them.
_PUBLISH_SECONDS = 2.0
# Of settlement, in the folder.
TRUST_FOLDER = "settlement-trust"
# Of offsite.
OFFSITE_TRUST_FOLDER = "offsite-trust"
# Which persons were loaded to be tried.
SAMPLES_FILE = "samples.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between sandboxes.

    `processes` and `database_urls` are by service; a service without a URL gets a SQLite
    file in the folder. `poll_seconds` is how often services ask each other for news.
    A movable clock makes it one to try.
    """

    addresses: Mapping[str, str]
    database_urls: Mapping[str, str]
    processes: Mapping[str, int]
    reflection: bool
    poll_seconds: float
    log_level: str
    # Whether they say that they are a sandbox, and refuse what asks for it.
    is_to_try: bool = False
    has_movable_clock: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A folder that the services can be started from, for these regions."""

    folder: Path
    certificates: DevCertificates
    config_files: Mapping[str, Path]
    database_urls: Mapping[str, str]
    root_file: Path
    regions: tuple[Region, ...]


def claim_folder(folder: Path, *, keep_data: bool) -> TextIO:
    """Makes the folder of a sandbox, or takes over the one of an earlier run.

    Without `keep_data` its databases are removed. The folder is taken until the returned
    file is closed; the end of the process closes it as well.

    Raises:
        StartError: the folder holds something else, or is in use.
        OSError: something in it cannot be removed.
    """
    # Marks a folder as ours: only then is anything in it removed.
    mark = folder / MARK
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
        try:
            _erase(folder)
        except OSError:
            claim.close()
            raise
    return claim


def _erase(folder: Path) -> None:
    """Removes what a sandbox holds, in an order in which it may be cut short."""
    # Before the databases: persons are loaded again where they are not told of.
    (folder / SAMPLES_FILE).unlink(missing_ok=True)
    for pattern in ("*.sqlite", "*.sqlite-wal", "*.sqlite-shm"):
        for file in folder.glob(pattern):
            file.unlink()
    if ahead_of(folder):
        # What was seen then is still to come.
        for name in (TRUST_FOLDER, OFFSITE_TRUST_FOLDER):
            shutil.rmtree(folder / name, ignore_errors=True)
    # Last: while a database is there, so is the time that it is of.
    (folder / CLOCK_FILE).unlink(missing_ok=True)


def prepare(folder: Path, regions: Iterable[Region], settings: Settings) -> Sandbox:
    """Makes what is missing in a claimed folder and brings the databases up to date.

    Of a sandbox that was there already, the regions are those that its keys sign for.

    Raises:
        StartError: the keys sign for none of the regions, or the clock was moved and is not to
            be moved any more.
    """
    regions = tuple(regions)
    if settings.has_movable_clock:
        make_clock_file(folder)
    elif ahead_of(folder):
        raise StartError(
            f"the clock of {folder} was moved ahead: start it with --clock, or anew with --fresh"
        )
    certificates = issue_dev_certificates(folder / "certificates", certificate_leaves(regions))
    keys = make_keys(folder / "keys", now=system_clock())
    database_urls = {
        service: settings.database_urls.get(service, f"sqlite:///{folder / service}.sqlite")
        for service in SERVICES
    }
    for service in SERVICES:
        _migrate(database_urls[service], service)

    def write(service: str, tables: Tables) -> Path:
        file = folder / f"{service}.toml"
        common = _common_tables(service, settings, certificates, database_urls[service])
        common = {**common, **_sandbox_table(folder, settings)}
        file.write_text(to_toml({**common, **tables}), encoding="utf-8")
        return file

    asked = {region.region for region in regions}
    served = provision(
        write("identity", _identity_tables(keys, sorted(asked))),
        keys,
        regions=sorted(asked),
        clock=system_clock,
    )
    regions = tuple(region for region in regions if region.region in served)
    if not regions:
        raise StartError(f"the keys in {folder} sign for none of {', '.join(sorted(asked))}")
    numbers = [region.region for region in regions]
    tables = _service_tables(folder, keys, settings, numbers)
    return Sandbox(
        folder,
        certificates,
        {service: write(service, tables[service]) for service in SERVICES},
        database_urls,
        root_file=keys.root_file,
        regions=regions,
    )


def _service_tables(
    folder: Path, keys: SandboxKeys, settings: Settings, numbers: list[str]
) -> Mapping[str, Tables]:
    """Returns what the configuration of each service has beside what all have."""
    identity = {
        **_identity_tables(keys, numbers),
        "settlement": {"address": settings.addresses["settlement"]},
    }
    followed: Mapping[str, Value] = {"regions": numbers, "poll_seconds": settings.poll_seconds}
    return {
        "identity": identity,
        "settlement": {
            "identity": _learnt_of_identity(keys, numbers, folder, settings),
            "offsite": {"address": settings.addresses["offsite"], **followed},
        },
        "offsite": {
            "identity": {"address": settings.addresses["identity"], **followed},
            **_attestation_tables(folder, keys, has_movable_clock=settings.has_movable_clock),
        },
    }


def _attestation_tables(folder: Path, keys: SandboxKeys, *, has_movable_clock: bool) -> Tables:
    attestation: Mapping[str, Value] = {
        "root_file": str(keys.root_file),
        "trust_folder": str(folder / OFFSITE_TRUST_FOLDER),
        # A key that is taken, rotated or killed shows soon, as one tries them.
        "trust_seconds": 1.0 if has_movable_clock else _PUBLISH_SECONDS,
    }
    return {
        "keys": {
            "folder": str(keys.offsite_folder),
            "passphrase_file": str(keys.passphrase_file),
        },
        "attestation": attestation,
    }


def _learnt_of_identity(
    keys: SandboxKeys, regions: list[str], folder: Path, settings: Settings
) -> Mapping[str, Value]:
    """Returns settlement's table of identity."""
    table: Mapping[str, Value] = {
        "address": settings.addresses["identity"],
        "regions": regions,
        "root_file": str(keys.root_file),
        "trust_folder": str(folder / TRUST_FOLDER),
        "poll_seconds": settings.poll_seconds,
    }
    if settings.has_movable_clock:
        # What identity publishes at another time is asked for at once.
        table = {**table, "trust_seconds": 1.0}
    return table


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


def _sandbox_table(folder: Path, settings: Settings) -> Tables:
    if not settings.is_to_try and not settings.has_movable_clock:
        return {}
    return {
        "sandbox": {"folder": str(folder), "movable_clock": settings.has_movable_clock},
    }


def _identity_tables(keys: SandboxKeys, regions: list[str]) -> Tables:
    return {
        "issuer": {"regions": regions},
        "keys": {
            "folder": str(keys.private_folder),
            "passphrase_file": str(keys.passphrase_file),
        },
        "trust": {"publish_seconds": _PUBLISH_SECONDS},
        "personal_data": {
            "encryption_key_files": [str(keys.folder / "encryption.hex")],
            "hash_key_file": str(keys.folder / "hash.hex"),
        },
        "cards": {"pepper_files": [str(keys.folder / "pepper.hex")]},
    }


def _migrate(url: str, service: str) -> None:
    with database_told(url), contextlib.closing(Database(url)) as database:
        upgrade(database, f"yibao_{service}")
