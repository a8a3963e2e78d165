"""Check values of secrets in memory."""

import dataclasses
import datetime as dt

from yibao_identity.application.secret import SecretChecks, SecretKind, SecretRows


@dataclasses.dataclass
class MemorySecrets(SecretRows):
    """What was recorded, and what is said to be in use."""

    rows: dict[tuple[SecretKind, str], bytes] = dataclasses.field(default_factory=dict)
    in_use: dict[SecretKind, set[str]] = dataclasses.field(default_factory=dict)
    is_hash_right: bool = True
    # What another process records at the same moment, first.
    ahead: dict[tuple[SecretKind, str], bytes] = dataclasses.field(default_factory=dict)

    def recorded(self) -> SecretChecks:
        return self.rows

    def record(self, checks: SecretChecks, *, at: dt.datetime) -> None:
        self.rows = {**checks, **self.ahead, **self.rows}

    def names_in_use(self, kind: SecretKind) -> set[str]:
        return self.in_use.get(kind, set())

    def finds_persons(self) -> bool:
        return self.is_hash_right
