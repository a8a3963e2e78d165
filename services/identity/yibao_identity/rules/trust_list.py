"""The list of keys that may sign QR codes, as it is published to verifiers."""

import datetime as dt
import enum
from dataclasses import dataclass

# A verifier that is cut off uses its snapshot until then and no longer.
HARD_AGE = dt.timedelta(days=7)
REFRESH_AFTER = dt.timedelta(hours=1)


class KeyState(enum.Enum):
    """Where a key is in its life.

    NEXT is published for at least the hard age before its first use, RETIRING signs
    nothing new, KILLED stays listed until its last code has expired.
    """

    NEXT = 1
    ACTIVE = 2
    RETIRING = 3
    KILLED = 4


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A raw Ed25519 public key, the regions it signs for, and when (end exclusive)."""

    public_key: bytes
    issuers: frozenset[str]
    start_time: dt.datetime
    expire_time: dt.datetime
    state: KeyState
    killed_time: dt.datetime | None = None

    def __post_init__(self) -> None:
        """Checks what the operator's configuration was parsed into."""
        assert len(self.public_key) == 32
        assert self.issuers
        assert self.start_time < self.expire_time
        assert (self.killed_time is not None) == (self.state is KeyState.KILLED)


@dataclass(frozen=True, slots=True)
class TrustList:
    """One version of the list; versions rise and are never used twice."""

    version: int
    issue_time: dt.datetime
    keys: tuple[ListedKey, ...]
    life: dt.timedelta = HARD_AGE
    refresh_after: dt.timedelta = REFRESH_AFTER

    def __post_init__(self) -> None:
        """Checks the version and the times."""
        assert self.version >= 1
        assert self.keys
        assert dt.timedelta() < self.refresh_after <= self.life <= HARD_AGE

    @property
    def expire_time(self) -> dt.datetime:
        """From when on no verifier accepts it."""
        return self.issue_time + self.life
