"""Hashes of PINs: scrypt over the peppered PIN, in threads of its own.

Six digits fall to any hash once both the pepper and the database are known. The pepper
keeps a stolen database alone worthless; the cost, about 40 ms and 16 MiB (n = 2^14,
r = 8, p = 1), makes recovering many PINs slow for whoever has both, while nobody at a
terminal waits for it. Guessing at a terminal is stopped by the lock after five tries.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from pathlib import Path

from yibao_common.commands.blocking import Blocking
from yibao_common.keys.vault import KEY_BYTES, read_secret
from yibao_common.process.config import StartError
from yibao_common.process.supervisor import Supervisor
from yibao_identity.application.pin.hashing import HashedPin, PinPlace

HASH_BYTES = 32
_N, _R, _P = 1 << 14, 8, 1
# The library's own limit is what one hash of this cost needs, and refuses it.
_MOST_MEMORY = 64 * 1024 * 1024
_THREADS = 2


def read_peppers(paths: Sequence[Path]) -> tuple[bytes, ...]:
    """Returns the peppers of files: the first one is for new PINs, all are for comparing.

    Raises:
        StartError: a file cannot be read or holds something else, or two are alike.
    """
    peppers = tuple(read_secret(path) for path in paths)
    of_scheme: dict[int, Path] = {}
    for path, pepper in zip(paths, peppers, strict=True):
        scheme = scheme_of(pepper)
        if scheme in of_scheme:
            former = of_scheme[scheme]
            raise StartError(f"cards.pepper_files: {former} and {path} hold the same secret")
        of_scheme[scheme] = path
    return peppers


def scheme_of(pepper: bytes) -> int:
    """Returns what is stored with a hash to find its pepper and cost again: 1 to 32767.

    It comes of the pepper and not of its place in the list, so that files can be put in
    front and taken away.
    """
    assert len(pepper) == KEY_BYTES
    label = f"yibao pepper scrypt {_N} {_R} {_P}\n".encode()
    return int.from_bytes(hashlib.sha256(label + pepper).digest()[:2]) % 0x7FFF + 1


class PinHasher:
    """Hashes PINs; see `application.pin.hashing.PinHashing`. `close` ends its threads."""

    def __init__(
        self, peppers: Sequence[bytes], *, party_of: Callable[[], str] = lambda: ""
    ) -> None:
        """Takes the peppers, the one for new PINs first; `party_of` as `Blocking` does."""
        assert peppers
        self._peppers = {scheme_of(pepper): pepper for pepper in peppers}
        assert len(self._peppers) == len(peppers)
        self._newest = scheme_of(peppers[0])
        self._oldest = scheme_of(peppers[-1])
        # Two, so that a flood of PINs leaves the other cores to everybody else.
        self._threads = Blocking(_THREADS, name="pin", party_of=party_of)

    def __repr__(self) -> str:
        """Shows the schemes only."""
        return f"PinHasher({', '.join(map(str, self._peppers))})"

    async def hash(self, pin: str, place: PinPlace) -> HashedPin:
        """Returns what stands for a PIN of a card, without holding up the event loop."""
        return await self._threads.run(self.hash_now, pin, place)

    def hash_now(self, pin: str, place: PinPlace) -> HashedPin:
        """Returns what stands for a PIN of a card, in the calling thread."""
        hashes = {scheme: _hash(pepper, pin, place) for scheme, pepper in self._peppers.items()}
        return HashedPin(hashes, self._newest)

    def digest(self, hashed: HashedPin) -> bytes:
        """Returns what stands for the PIN in the digest of a request.

        It is the hash itself, because anything cheaper would be a faster way to the PIN
        for who reads the table of answers; under the oldest pepper, so that a request can
        be repeated while a new one comes in.
        """
        return hashed.hashes[self._oldest]

    def start(self, supervisor: Supervisor) -> None:
        """Starts the threads; see `Blocking`."""
        self._threads.start(supervisor)

    def close(self) -> None:
        """Waits for running hashes."""
        self._threads.close()


def _hash(pepper: bytes, pin: str, place: PinPlace) -> bytes:
    # The parts have fixed lengths, so no two PINs and cards give the same bytes.
    assert len(place.region) == 6
    assert len(place.card_id) == 36
    content = f"{place.region}{place.card_id}{pin}".encode()
    peppered = hmac.digest(pepper, content, "sha256")
    return hashlib.scrypt(
        peppered, salt=place.salt, n=_N, r=_R, p=_P, maxmem=_MOST_MEMORY, dklen=HASH_BYTES
    )
