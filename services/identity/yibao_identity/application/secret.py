"""The secrets of personal data: whether the files hold those that the database was filled with.

With another hash key nobody would be found and everybody registered twice; without an
encryption key names stay closed; without a pepper no PIN is right. So the database keeps a
check value of each, which tells that a key is the same one and nothing else of it.
"""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import Protocol


class SecretKind(enum.Enum):
    """What a secret is for."""

    HASH_KEY = 1
    ENCRYPTION_KEY = 2
    PEPPER = 3


# There is one hash key, so it needs no name.
HASH_KEY = (SecretKind.HASH_KEY, "")
_TITLES = {
    SecretKind.HASH_KEY: "the hash key",
    SecretKind.ENCRYPTION_KEY: "an encryption key",
    SecretKind.PEPPER: "a pepper",
}

# By kind and name: the id of an encryption key, the scheme of a pepper.
SecretChecks = Mapping[tuple[SecretKind, str], bytes]


class SecretRows(Protocol):
    """Check values of secrets, and what was made with them."""

    def recorded(self) -> SecretChecks:
        """Returns the check values of all secrets that this database was used with."""
        ...

    def record(self, checks: SecretChecks, *, at: dt.datetime) -> None:
        """Stores check values; those of a kind and name that are recorded are left as they are."""
        ...

    def names_in_use(self, kind: SecretKind) -> set[str]:
        """Returns the names of all keys or peppers that anything stored was made with."""
        ...

    def finds_persons(self) -> bool:
        """Tells whether the hash key finds persons who are registered; so it does where none is."""
        ...


def wrong_secrets(rows: SecretRows, held: SecretChecks) -> Sequence[str]:
    """Returns what is wrong with the secrets that are held, in sentences; nothing is stored.

    A key that nothing is sealed with any more, or a pepper of no PIN, may be missing.
    """
    recorded = rows.recorded()
    problems = [
        f"{_titled(key)} is another one than this database was filled with"
        for key, check in held.items()
        if recorded.get(key, check) != check
    ]
    if HASH_KEY not in recorded and not rows.finds_persons():
        problems.append(f"{_titled(HASH_KEY)} is another one than this database was filled with")
    for kind in (SecretKind.ENCRYPTION_KEY, SecretKind.PEPPER):
        known = {name for each, name in recorded if each is kind}
        missing = known - {name for each, name in held if each is kind}
        if known and not missing:
            continue
        in_use = rows.names_in_use(kind)
        needed = sorted(in_use - {name for each, name in held if each is kind})
        problems += [f"{_titled((kind, name))} that is in use is missing" for name in needed]
    return problems


def keep_checks(rows: SecretRows, held: SecretChecks, *, at: dt.datetime) -> Sequence[str]:
    """Records the secrets that are held where nothing is wrong with them.

    Returns what is wrong, also where another process recorded others at the same moment.
    """
    problems = wrong_secrets(rows, held)
    if problems:
        return problems
    rows.record(held, at=at)
    return wrong_secrets(rows, held)


def _titled(key: tuple[SecretKind, str]) -> str:
    kind, name = key
    return f"{_TITLES[kind]} {name}".rstrip()
