"""Hashes of PINs that cost nothing."""

import hashlib

from yibao_identity.application.pin.hashing import HashedPin, PinHashing, PinPlace


def quick_hash(pin: str, place: PinPlace, *, scheme: int = 1) -> HashedPin:
    """Returns a hash that costs nothing, for tests in which many PINs are tried."""
    content = f"{scheme} {pin} {place.region} {place.card_id}".encode() + place.salt
    return HashedPin({scheme: hashlib.sha256(content).digest()}, scheme)


class QuickHasher(PinHashing):
    """Hashes at once; `hashed` counts how often."""

    def __init__(self) -> None:
        self.hashed = 0

    async def hash(self, pin: str, place: PinPlace) -> HashedPin:
        self.hashed += 1
        return quick_hash(pin, place)

    def digest(self, hashed: HashedPin) -> bytes:
        return hashed.newest
