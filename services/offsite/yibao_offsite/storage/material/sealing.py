"""What is sealed of papers: bound to region, paper, person and kind; nothing changes places."""

import json
from typing import Any

from yibao_common.db.rows import instant_from_sqlite, instant_to_sqlite
from yibao_common.keys.vault import SealError, Vault
from yibao_offsite.rules.material.content import Manifest
from yibao_offsite.rules.material.material import MediaType, PhotoFacts, Told


class MaterialSeal:
    """Seals and opens what belongs to one paper. What does not open is None."""

    def __init__(
        self, vault: Vault, *, region: str, material_id: str, person_id: str, kind: str
    ) -> None:
        """Takes the keys, and whose paper it is: with another person or kind nothing opens."""
        self._vault = vault
        self._place = f"{region}/material/{material_id}/{person_id}/{kind}"

    def part(self, number: int, data: bytes) -> bytes:
        """Seals a part at its place in the file."""
        return self._seal(f"part/{number}", data)

    def open_part(self, number: int, sealed: bytes) -> bytes | None:
        """Opens a part of this place."""
        return self._open(f"part/{number}", sealed)

    def told(self, told: Told) -> bytes:
        """Seals the hash that was told, and the facts of a photo."""
        facts: dict[str, Any] = {"sha256": told.sha256.hex()}
        if told.photo is not None:
            photo = told.photo
            facts["photo"] = [instant_to_sqlite(photo.taken_time), photo.author, photo.place]
        return self._seal("told", json.dumps(facts).encode())

    def open_told(self, sealed: bytes, size_bytes: int, media_type: MediaType) -> Told:
        """Opens what was told; without a hash where it does not open."""
        opened = self._open("told", sealed)
        if opened is None:
            return Told(size_bytes, media_type, b"")
        facts = json.loads(opened)
        photo = facts.get("photo")
        return Told(
            size_bytes,
            media_type,
            bytes.fromhex(facts["sha256"]),
            None if photo is None else PhotoFacts(instant_from_sqlite(photo[0]), *photo[1:]),
        )

    def manifest(self, manifest: Manifest) -> bytes:
        """Seals what a finished file is."""
        hashes = [part.hex() for part in manifest.part_hashes]
        facts = (manifest.size_bytes, int(manifest.media_type), manifest.sha256.hex(), hashes)
        return self._seal("manifest", json.dumps(facts).encode())

    def open_manifest(self, sealed: bytes) -> Manifest | None:
        """Opens what a finished file is."""
        opened = self._open("manifest", sealed)
        if opened is None:
            return None
        size_bytes, media_type, sha256, hashes = json.loads(opened)
        return Manifest(
            size_bytes,
            MediaType(media_type),
            bytes.fromhex(sha256),
            tuple(bytes.fromhex(part) for part in hashes),
        )

    def reason(self, reason: str) -> bytes:
        """Seals why a paper was returned or waived."""
        return self._seal("reason", reason.encode())

    def open_reason(self, sealed: bytes) -> str:
        """Opens why; empty where it does not open."""
        return (self._open("reason", sealed) or b"").decode()

    def mark(self, sha256: bytes) -> str:
        """Returns what stands for contents in the audit: nobody without the key tries contents."""
        return self._vault.keyed("paper", sha256).hex()

    def _seal(self, name: str, plain: bytes) -> bytes:
        return self._vault.seal(plain, place=f"{self._place}/{name}")

    def _open(self, name: str, sealed: bytes) -> bytes | None:
        try:
            return self._vault.open(sealed, place=f"{self._place}/{name}")
        except (SealError, ValueError):
            # Too short for a nonce is altered as well.
            return None
