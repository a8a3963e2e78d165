"""Whether the keys that papers are sealed with are those that the database was filled with."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol

HASH_KEY = "hash"

# Check values by name: the id of an encryption key, or HASH_KEY.
SecretChecks = Mapping[str, bytes]


class SecretRows(Protocol):
    """Check values of keys."""

    def recorded(self) -> SecretChecks:
        """Returns the check values of all keys that this database was used with."""
        ...

    def record(self, checks: SecretChecks, *, at: dt.datetime) -> None:
        """Stores check values; those of a name that is recorded are left as they are."""
        ...


def wrong_secrets(rows: SecretRows, held: SecretChecks) -> Sequence[str]:
    """Returns what is wrong with the keys that are held, in sentences; nothing is stored.

    Papers are kept for years, so each key that ever sealed one is held on.
    """
    recorded = rows.recorded()
    problems = [
        f"{_titled(name)} is another one than this database was filled with"
        for name, check in held.items()
        if recorded.get(name, check) != check
    ]
    missing = sorted(set(recorded) - set(held))
    return [*problems, *(f"{_titled(name)} that is in use is missing" for name in missing)]


def keep_checks(rows: SecretRows, held: SecretChecks, *, at: dt.datetime) -> Sequence[str]:
    """Records the keys that are held where nothing is wrong with them.

    Returns what is wrong, also where another process recorded others at the same moment.
    """
    problems = wrong_secrets(rows, held)
    if problems:
        return problems
    rows.record(held, at=at)
    return wrong_secrets(rows, held)


def _titled(name: str) -> str:
    return "the hash key" if name == HASH_KEY else f"an encryption key {name}"
