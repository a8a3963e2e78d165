"""What the trust side stores: keys, roots, denials, and what was signed of them."""

import datetime as dt
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from yibao_identity.rules.trust.published import ListedKey


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """A signed trust snapshot: `list_digest` stands for all that it lists.

    `key_ids` are the keys that it lists, `list_digests` the status lists that it binds.
    """

    version: int
    trust_key_id: bytes
    list_digest: bytes
    issue_time: dt.datetime
    snapshot: bytes
    key_ids: frozenset[bytes]
    list_digests: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class PublishedStatus:
    """A signed status list; `bits` are what it states."""

    region: str
    number: int
    version: int
    digest: bytes
    issue_time: dt.datetime
    document: bytes
    key_id: bytes
    bits: bytes


@dataclass(frozen=True, slots=True)
class Root:
    """A root of trust with its signatures, verified when it was brought in."""

    version: int
    expire_time: dt.datetime
    trust_keys: tuple[bytes, ...]
    document: bytes


@dataclass(frozen=True, slots=True)
class RecordedKey:
    """A key as stored: when it was recorded, and by whom."""

    key: ListedKey
    record_time: dt.datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Denial:
    """A device certificate that is refused everywhere until it is invalid by itself."""

    certificate_id: bytes
    deny_time: dt.datetime
    expire_time: dt.datetime
    denied_by: str
    explanation: str


class TrustView(Protocol):
    """Reads what is stored, in one transaction. Blocks."""

    def recorded_keys(self) -> tuple[RecordedKey, ...]:
        """Returns all keys that ever were, in the order of their recording."""
        ...

    def denials(self, now: dt.datetime) -> tuple[Denial, ...]:
        """Returns those that have not expired, in the order of their ids."""
        ...

    def newest_root(self) -> Root | None:
        """Returns the root with the highest version, or None before the first."""
        ...

    def root(self, version: int) -> Root | None:
        """Returns a root, or None."""
        ...

    def newest_snapshot(self) -> PublishedSnapshot | None:
        """Returns the one with the highest version, or None before the first."""
        ...

    def oldest_snapshot(self, after: dt.datetime) -> PublishedSnapshot | None:
        """Returns the first that was signed after an instant, or None."""
        ...

    def newest_status(self, region: str, number: int) -> PublishedStatus | None:
        """Returns a region's status list as it was signed last, or None."""
        ...

    def revoked(self, region: str, now: dt.datetime) -> Mapping[int, frozenset[int]]:
        """Returns the entries that are set, by number of list; expired ones are left out."""
        ...

    def newest_list_number(self, region: str) -> int:
        """Returns the list that certificates were put on last, or 0."""
        ...

    def is_in_use(self, region: str, number: int, now: dt.datetime) -> bool:
        """Tells whether a certificate on a list has not expired."""
        ...


class TrustChange(TrustView, Protocol):
    """Reads and writes; nobody else changes anything of trust meanwhile."""

    def put_key(self, key: ListedKey, *, now: dt.datetime, by: str) -> None:
        """Adds a key, or gives a known one its new state and times."""
        ...

    def deny(self, denial: Denial) -> None:
        """Adds a denial, or replaces that of the same certificate."""
        ...

    def undeny(self, certificate_id: bytes) -> bool:
        """Removes a denial; tells False where there is none."""
        ...

    def add_root(self, root: Root, *, now: dt.datetime, by: str) -> None:
        """Adds a root of a new version."""
        ...

    def publish(self, snapshot: PublishedSnapshot, lists: Collection[PublishedStatus]) -> None:
        """Adds a snapshot and the lists that it is the first to bind."""
        ...

    def forget(self, before: dt.datetime) -> None:
        """Removes snapshots and lists signed before, but for the newest."""
        ...


class TrustTables(Protocol):
    """The tables of trust."""

    def view(self) -> AbstractContextManager[TrustView]:
        """Gives a reading transaction."""
        ...

    def change(self) -> AbstractContextManager[TrustChange]:
        """Gives a writing one, which waits for other writers and commits at its end."""
        ...


class InvalidRootError(Exception):
    """A document is no root that verifiers take; the text tells why."""


class RootReader(Protocol):
    """Verifies roots of trust."""

    def read(self, document: bytes, *, previous: Root | None) -> Root:
        """Returns the root in a document that follows `previous`, or is the first.

        Raises InvalidRootError where it does not.
        """
        ...
