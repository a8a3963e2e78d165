"""The files of keys that personal data are sealed with, compared with what the database was
filled with.
"""

import os
from collections.abc import Sequence

from yibao_common.db.database import Database
from yibao_common.keys.alike import NamedSecret, named_passphrases, refuse_alike
from yibao_common.keys.vault import Vault, encryption_key_name, read_secret
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_offsite.application.secret import HASH_KEY, SecretChecks, keep_checks, wrong_secrets
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.storage.secret import StoredSecrets


def open_vault(config: OffsiteConfig) -> Vault | None:
    """Returns what papers are sealed with, None where no keys are configured.

    Raises:
        StartError: a file cannot be used.
    """
    personal_data = config.personal_data
    if personal_data is None:
        return None
    return Vault(
        [read_secret(path) for path in personal_data.encryption_key_files],
        read_secret(personal_data.hash_key_file),
        random_bytes=os.urandom,
    )


def named_secrets(config: OffsiteConfig) -> Sequence[NamedSecret]:
    """Returns the secrets of a configuration by the keys that name their files.

    Raises:
        StartError: a file cannot be used.
    """
    found: list[NamedSecret] = []
    personal_data = config.personal_data
    if personal_data is not None:
        path = personal_data.hash_key_file
        found.append(NamedSecret("personal_data.hash_key_file", path, read_secret(path), HASH_KEY))
        setting = "personal_data.encryption_key_files"
        for path in personal_data.encryption_key_files:
            secret = read_secret(path)
            found.append(NamedSecret(setting, path, secret, encryption_key_name(secret)))
    if config.keys is not None:
        found += named_passphrases(config.keys)
    return found


def require_secrets(
    database: Database, vault: Vault | None, *, named: Sequence[NamedSecret], clock: Clock
) -> None:
    """Refuses to go on with other keys than before, and records those of a first start.

    Raises:
        StartError: names each key that is another one, or missing, and each two of `named` that
            are the same.
    """
    with database.write() as connection:
        rows, held = StoredSecrets(connection), _held(vault)
        refuse_alike(named, rows.recorded())
        _refuse(keep_checks(rows, held, at=clock()) if held else wrong_secrets(rows, held))


def examine_secrets(
    database: Database, vault: Vault | None, *, named: Sequence[NamedSecret]
) -> None:
    """Does what `require_secrets` does and records nothing.

    Raises:
        StartError: as there.
    """
    with database.read() as connection:
        rows = StoredSecrets(connection)
        refuse_alike(named, rows.recorded())
        _refuse(wrong_secrets(rows, _held(vault)))


def _held(vault: Vault | None) -> SecretChecks:
    if vault is None:
        return {}
    return {HASH_KEY: vault.hash_key_check, **vault.encryption_key_checks}


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise StartError(
            f"{'; '.join(problems)}: restore the files of [personal_data] that belong to this "
            "database (docs/operating/keys.md)"
        )
