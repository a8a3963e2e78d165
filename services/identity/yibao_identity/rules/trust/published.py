"""What is published to verifiers: keys by use, status lists, denied certificates."""

import datetime as dt
import enum
import re
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# A verifier that is cut off uses its snapshot until then and no longer.
HARD_AGE = dt.timedelta(days=7)
REFRESH_AFTER = dt.timedelta(hours=1)
MAX_DENIED = 1_024

_LIST_URI = re.compile(r"mi:sl/([0-9]{6})/([1-9][0-9]{0,8})", re.ASCII)


class KeyState(enum.Enum):
    """Where a key is in its life.

    NEXT is published for at least the hard age before its first use, RETIRING signs
    nothing new, KILLED stays listed until its last possible signature has expired.
    """

    NEXT = 1
    ACTIVE = 2
    RETIRING = 3
    KILLED = 4


class KeyUse(enum.Enum):
    """What a key signs; one key has one use."""

    TOKEN = "tok"  # noqa: S105 - codes of mode A
    CREDENTIAL = "cred"
    STATUS = "status"
    ATTESTATION = "attest"

    @property
    def is_own(self) -> bool:
        """Whether identity itself signs with it, so that its private half lies here.

        Attestations are signed by the offsite service: of its keys only the public half
        ever comes here, with a proof that it holds the other.
        """
        return self is not KeyUse.ATTESTATION


OWN_USES = tuple(use for use in KeyUse if use.is_own)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A raw Ed25519 public key, the regions it signs for, and when (end exclusive)."""

    public_key: bytes
    issuers: frozenset[str]
    start_time: dt.datetime
    expire_time: dt.datetime
    state: KeyState
    killed_time: dt.datetime | None = None
    use: KeyUse = KeyUse.TOKEN

    def __post_init__(self) -> None:
        """Checks what was stored or is about to be."""
        assert len(self.public_key) == 32
        assert self.issuers
        assert self.start_time < self.expire_time
        assert (self.killed_time is not None) == (self.state is KeyState.KILLED)


@dataclass(frozen=True, slots=True)
class ListedStatus:
    """A status list as a snapshot binds it: `digest` is the SHA-256 of the document."""

    region: str
    number: int
    version: int
    digest: bytes

    def __post_init__(self) -> None:
        """Checks the number and the digest."""
        assert self.number >= 1
        assert len(self.digest) == 32


@dataclass(frozen=True, slots=True)
class TrustList:
    """One version of the list; versions rise and are never used twice."""

    version: int
    issue_time: dt.datetime
    keys: tuple[ListedKey, ...]
    status_lists: tuple[ListedStatus, ...] = ()
    # Device certificates, 8 bytes each.
    denied: tuple[bytes, ...] = ()
    life: dt.timedelta = HARD_AGE
    refresh_after: dt.timedelta = REFRESH_AFTER

    def __post_init__(self) -> None:
        """Checks the version, the times and how much is denied."""
        assert self.version >= 1
        assert self.keys
        assert len(self.denied) <= MAX_DENIED
        assert dt.timedelta() < self.refresh_after <= self.life <= HARD_AGE

    @property
    def expire_time(self) -> dt.datetime:
        """From when on no verifier accepts it."""
        return self.issue_time + self.life


@dataclass(frozen=True, slots=True)
class StatusContent:
    """What a status list states: which entries of a region's list are revoked."""

    region: str
    number: int
    issue_time: dt.datetime
    bits: bytes
    life: dt.timedelta = HARD_AGE
    refresh_after: dt.timedelta = REFRESH_AFTER


def parse_list_uri(uri: str) -> tuple[str, int] | None:
    """Returns the region and the number of a status list, or None where it names none."""
    match = _LIST_URI.fullmatch(uri)
    return None if match is None else (match[1], int(match[2]))


def root_not_found(version: int) -> RuleError:
    """Returns the refusal of an unknown root."""
    return RuleError(Reason.TRUST_ROOT_NOT_FOUND, f"there is no root {version}", version=version)


def status_list_not_found(uri: str) -> RuleError:
    """Returns the refusal of a list that is not bound."""
    return RuleError(
        Reason.STATUS_LIST_NOT_FOUND, f"the newest snapshot binds no list {uri}", uri=uri
    )
