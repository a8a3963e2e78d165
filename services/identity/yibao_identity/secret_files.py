"""The files of secrets, compared with what the database was filled with."""

from collections.abc import Sequence

from yibao_common.db.database import Database
from yibao_common.keys.alike import NamedSecret, named_passphrases, refuse_alike
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
        refuse_alike(_named(config), rows.recorded())
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
        refuse_alike(_named(config), rows.recorded())
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


def _named(config: IdentityConfig) -> list[NamedSecret]:
    personal_data, cards, keys = config.personal_data, config.cards, config.keys
    path = personal_data.hash_key_file
    found = [NamedSecret("personal_data.hash_key_file", path, read_secret(path), HASH_KEY)]
    for path in personal_data.encryption_key_files:
        secret = read_secret(path)
        recorded_as = (SecretKind.ENCRYPTION_KEY, encryption_key_name(secret))
        setting = "personal_data.encryption_key_files"
        found.append(NamedSecret(setting, path, secret, recorded_as))
    for path in cards.pepper_files:
        secret = read_secret(path)
        recorded_as = (SecretKind.PEPPER, str(scheme_of(secret)))
        found.append(NamedSecret("cards.pepper_files", path, secret, recorded_as))
    return [*found, *named_passphrases(keys)]


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise StartError(f"{'; '.join(problems)}: {_WHERE}")
