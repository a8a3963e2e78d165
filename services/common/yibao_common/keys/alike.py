"""No two secrets of a service are the same: whoever learns one knows nothing of the others."""

import itertools
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from yibao_common.keys.opening import KeysConfig, read_passphrase
from yibao_common.process.config import StartError


@dataclass(frozen=True, slots=True, repr=False)
class NamedSecret:
    """A secret with the key of the configuration that names its file; never printed.

    `recorded_as` is None of what no database records.
    """

    setting: str
    path: Path
    secret: bytes
    recorded_as: Hashable | None


def refuse_alike(named: Sequence[NamedSecret], recorded: Collection[Hashable]) -> None:
    """Refuses one secret in two places: whoever learns it there knows what it guards here.

    What a database was filled with stays, since it cannot be changed any more; a secret
    that comes in new is another than all others.

    Raises:
        StartError: names both files of each pair.
    """
    problems = [
        f"{one.setting} ({one.path}) and {other.setting} ({other.path}) hold the same secret: "
        "make one of its own for each (openssl rand -hex 32)"
        for one, other in itertools.combinations(named, 2)
        if one.secret == other.secret and not (_is_old(one, recorded) and _is_old(other, recorded))
    ]
    if problems:
        raise StartError("\n".join(problems))


def _is_old(named: NamedSecret, recorded: Collection[Hashable]) -> bool:
    return bool(recorded) if named.recorded_as is None else named.recorded_as in recorded


def named_passphrases(keys: KeysConfig) -> Iterator[NamedSecret]:
    """Gives what opens the private keys.

    Raises:
        StartError: a file cannot be read.
    """
    phrases = [("keys.passphrase_file", keys.passphrase_file)]
    if keys.pkcs11 is not None:
        phrases.append(("keys.pkcs11.pin_file", keys.pkcs11.pin_file))
    for setting, path in phrases:
        yield NamedSecret(setting, path, _as_secret(read_passphrase(path)), None)


def _as_secret(passphrase: bytes) -> bytes:
    """Returns a passphrase, and the secret that it is where it is written as one."""
    try:
        return bytes.fromhex(passphrase.decode("ascii"))
    except ValueError:
        return passphrase
