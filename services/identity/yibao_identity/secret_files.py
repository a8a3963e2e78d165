"""The files of secrets, compared with what the database was filled with."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yibao_common.db.database import Database
from yibao_common.keys.opening import read_passphrase
from yibao_common.keys.vault import Vault, encryption_key_name, key_check, read_secret
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_identity.application.secret import (
    HASH_KEY,
    SecretChecks,
    SecretKind,
    keep_checks,
    wrong_secrets,
)
from yibao_identity.config import IdentityConfig
from yibao_identity.pin_hashing import read_peppers, scheme_of
from yibao_identity.storage.secret import StoredSecrets

_WHERE = (
    "restore the files of [personal_data] and [cards] that belong to this database "
    "(docs/operating/keys.md)"
)


def require_secrets(
    config: IdentityConfig, database: Database, vault: Vault, *, clock: Clock
) -> None:
    """Refuses to go on with other secrets than before, and records those of a first start.

    Raises:
        StartError: names each secret that is another one, or missing.
    """
    held = held_secrets(config, vault)
    with database.write() as connection:
        rows = StoredSecrets(connection, vault)
        _refuse_alike(config, rows.recorded())
        problems = keep_checks(rows, held, at=clock())
        _refuse(problems)


def examine_secrets(config: IdentityConfig, database: Database, vault: Vault) -> None:
    """Does what `require_secrets` does and records nothing.

    Raises:
        StartError: as there.
    """
    held = held_secrets(config, vault)
    with database.read() as connection:
        rows = StoredSecrets(connection, vault)
        _refuse_alike(config, rows.recorded())
        _refuse(wrong_secrets(rows, held))


def held_secrets(config: IdentityConfig, vault: Vault) -> SecretChecks:
    """Returns the check values of the files.

    Raises:
        StartError: a pepper cannot be read, or two are alike.
    """
    checks = {HASH_KEY: vault.hash_key_check}
    for name, check in vault.encryption_key_checks.items():
        checks[SecretKind.ENCRYPTION_KEY, name] = check
    for pepper in read_peppers(config.cards.pepper_files):
        checks[SecretKind.PEPPER, str(scheme_of(pepper))] = key_check(pepper)
    return checks


@dataclass(frozen=True, slots=True, repr=False)
class _Named:
    """A secret with the key of the configuration that names its file; never printed.

    `recorded_as` is None of what no database records.
    """

    setting: str
    path: Path
    secret: bytes
    recorded_as: tuple[SecretKind, str] | None


def _refuse_alike(config: IdentityConfig, recorded: SecretChecks) -> None:
    """Refuses one secret in two places: whoever learns it there knows what it guards here.

    What a database was filled with stays, since it cannot be changed any more; a secret
    that comes in new is another than all others.

    Raises:
        StartError: names both files of each pair.
    """
    problems = [
        f"{one.setting} ({one.path}) and {other.setting} ({other.path}) hold the same secret: "
        "make one of its own for each (openssl rand -hex 32)"
        for one, other in itertools.combinations(_named(config), 2)
        if one.secret == other.secret and not (_is_old(one, recorded) and _is_old(other, recorded))
    ]
    if problems:
        raise StartError("\n".join(problems))


def _is_old(named: _Named, recorded: SecretChecks) -> bool:
    return bool(recorded) if named.recorded_as is None else named.recorded_as in recorded


def _named(config: IdentityConfig) -> list[_Named]:
    personal_data, cards, keys = config.personal_data, config.cards, config.keys
    path = personal_data.hash_key_file
    found = [_Named("personal_data.hash_key_file", path, read_secret(path), HASH_KEY)]
    for path in personal_data.encryption_key_files:
        secret = read_secret(path)
        recorded_as = (SecretKind.ENCRYPTION_KEY, encryption_key_name(secret))
        setting = "personal_data.encryption_key_files"
        found.append(_Named(setting, path, secret, recorded_as))
    for path in cards.pepper_files:
        secret = read_secret(path)
        recorded_as = (SecretKind.PEPPER, str(scheme_of(secret)))
        found.append(_Named("cards.pepper_files", path, secret, recorded_as))
    phrases = [("keys.passphrase_file", keys.passphrase_file)]
    if keys.pkcs11 is not None:
        phrases.append(("keys.pkcs11.pin_file", keys.pkcs11.pin_file))
    for setting, path in phrases:
        found.append(_Named(setting, path, _as_secret(read_passphrase(path)), None))
    return found


def _as_secret(passphrase: bytes) -> bytes:
    """Returns a passphrase, and the secret that it is where it is written as one."""
    try:
        return bytes.fromhex(passphrase.decode("ascii"))
    except ValueError:
        return passphrase


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise StartError(f"{'; '.join(problems)}: {_WHERE}")
