"""What stands for a PIN: the hashes that are compared and stored, and who makes them.

In clear a PIN goes only as far as the check of a new one, in values that are never printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PinPlace:
    """What the hash of a PIN depends on beside the PIN; a card's never changes."""

    region: str
    card_id: str
    salt: bytes


@dataclass(frozen=True, slots=True, repr=False)
class HashedPin:
    """A PIN's hash under each pepper that is in use, by scheme; never printed.

    What is stored anew is stored under `newest_scheme`.
    """

    hashes: Mapping[int, bytes]
    newest_scheme: int

    @property
    def newest(self) -> bytes:
        """The hash to store."""
        return self.hashes[self.newest_scheme]


@dataclass(frozen=True, slots=True, repr=False)
class NewPin:
    """A PIN to be set; never printed."""

    pin: str
    hashed: HashedPin


class PinHashing(Protocol):
    """Hashes PINs, slowly on purpose and away from the event loop."""

    async def hash(self, pin: str, place: PinPlace) -> HashedPin:
        """Returns what stands for a PIN of a card."""
        ...

    def digest(self, hashed: HashedPin) -> bytes:
        """Returns what stands for the PIN in the digest of a request."""
        ...
