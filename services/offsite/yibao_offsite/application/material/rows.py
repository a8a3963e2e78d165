"""Papers of a region, as one transaction finds, locks and writes them."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from yibao_offsite.rules.material.content import Manifest
from yibao_offsite.rules.material.limits import Load
from yibao_offsite.rules.material.material import Material, Owner
from yibao_offsite.rules.material.states import State


class Wish(NamedTuple):
    """Which papers are listed; what is None limits nothing. `party` is who handed them in."""

    person_id: str | None = None
    owner: Owner | None = None
    owner_id: str | None = None
    kind: str | None = None
    state: State | None = None
    party: str | None = None


class MaterialRows(Protocol):
    """Papers and their contents. What does not open was altered, and is None."""

    def lock_party(self, party: str) -> None:
        """Lets no other transaction begin an upload of the party until this one ends."""
        ...

    def load(self, person_id: str, party: str) -> Load:
        """Returns what a person and a party have already."""
        ...

    def find(self, material_id: str) -> Material | None:
        """Returns a paper, or None."""
        ...

    def lock(self, material_ids: Collection[str]) -> list[Material]:
        """Locks papers by rising ids and returns those that there are, in that order."""
        ...

    def insert(self, material: Material) -> None:
        """Stores a new paper."""
        ...

    def update(self, material: Material) -> None:
        """Stores what became of a paper."""
        ...

    def stored_parts(self, material_id: str) -> set[int]:
        """Returns the numbers of the parts that are stored."""
        ...

    def insert_part(self, material: Material, number: int, data: bytes) -> None:
        """Stores a part, sealed."""
        ...

    def open_part(self, material: Material, number: int) -> bytes | None:
        """Returns a part, None where there is none or it does not open here."""
        ...

    def open_parts(self, material: Material, count: int) -> Iterator[bytes | None]:
        """Yields the parts 1 to `count`, one at a time in memory."""
        ...

    def keep_manifest(self, material: Material, manifest: Manifest) -> None:
        """Stores what a finished file is, sealed."""
        ...

    def manifest(self, material: Material) -> Manifest | None:
        """Returns what a finished file is."""
        ...

    def mark(self, material: Material) -> str:
        """Returns what stands for a file's contents in the audit, and tells nothing of them."""
        ...

    def remove_contents(self, material_id: str) -> None:
        """Takes the parts of a file away."""
        ...

    def take_over_uses(self, material: Material, former: Material) -> None:
        """Has a paper be used for all that another one was handed in for."""
        ...

    def listed(self, wish: Wish, *, after: str | None, limit: int) -> Sequence[Material]:
        """Returns at most `limit` papers whose ids are below `after`, the newest first."""
        ...
