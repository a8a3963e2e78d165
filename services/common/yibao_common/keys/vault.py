"""Personal data at rest: sealed with AES-256-GCM, found by keyed hashes.

A sealed value is the id of its key (8 bytes), a random nonce (12) and the ciphertext with
its tag. Where it is stored goes into the tag, so that a value moved to another row or
column does not open. Digests are keyed as well: a plain hash of something that a citizen
number went into can be undone by trying all numbers.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yibao_common.process.config import StartError
from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.text_file import unmarked
from yibao_common.values.errors import InvariantError

KEY_BYTES = 32
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


class SealError(Exception):
    """A stored value does not open: its key is missing, or it was altered or moved."""


def read_secret(path: Path) -> bytes:
    """Returns the 32 bytes that a file holds as 64 hexadecimal digits.

    Raises:
        StartError: the file cannot be read or holds something else.
    """
    try:
        text = unmarked(read_plain_file(path)).decode("ascii").strip().lower()
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    except ValueError as error:
        raise StartError(f"{path}: {error}") from None
    if not _HEXADECIMAL.fullmatch(text):
        raise StartError(f"{path}: must hold 64 hexadecimal digits (openssl rand -hex 32)")
    return bytes.fromhex(text)


class Vault:
    """Seals and opens values. Safe to share between threads."""

    def __init__(
        self,
        encryption_keys: Sequence[bytes],
        hash_key: bytes,
        *,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes the keys: the first one seals, all of them open."""
        if not encryption_keys or len(hash_key) != KEY_BYTES:
            raise InvariantError("a vault has a key to seal with and one to hash with")
        self._ciphers = {_key_id(key): AESGCM(key) for key in encryption_keys}
        self._sealing_id = _key_id(encryption_keys[0])
        self._hash_key = hash_key
        self._random_bytes = random_bytes
        # What a database keeps of each key, so that another one in its place is noticed.
        self.hash_key_check = key_check(hash_key)
        self.encryption_key_checks = {
            encryption_key_name(key): key_check(key) for key in encryption_keys
        }

    def __repr__(self) -> str:
        """Shows the ids of the keys only."""
        return f"Vault({', '.join(key_id.hex() for key_id in self._ciphers)})"

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Returns `plain` encrypted for `place`, which `open` has to name again."""
        nonce = self._random_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self._sealing_id]
        return self._sealing_id + nonce + cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Returns what was sealed for `place`.

        Raises:
            SealError: the key is not configured, or the value is not the one stored here.
        """
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:][:_NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError(f"no encryption key {key_id.hex()} is configured")
        try:
            return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], place.encode())
        except InvalidTag:
            raise SealError(f"the value at {place} does not open") from None

    def number_hash(self, certificate_type: str, certificate_number: str) -> bytes:
        """Returns 32 bytes that stand for a certificate number."""
        return self.keyed(
            "certificate number", f"{certificate_type}\n{certificate_number}".encode()
        )

    def keyed_digest(self, digest: bytes) -> bytes:
        """Returns 32 bytes that stand for the digest of a request."""
        return self.keyed("request", digest)

    def keyed(self, purpose: str, content: bytes) -> bytes:
        """Returns 32 bytes that only this service can make of `content` for a purpose."""
        return hmac.digest(self._hash_key, f"yibao {purpose}\n".encode() + content, "sha256")


def key_check(key: bytes) -> bytes:
    """Returns 32 bytes that tell whether a key is the same one, and nothing else of it.

    A key has 32 random bytes, so it cannot be found by trying.
    """
    return hmac.digest(key, b"yibao key check\n", "sha256")


def encryption_key_name(key: bytes) -> str:
    """Returns what an encryption key is recorded as: its id, in hexadecimal."""
    return _key_id(key).hex()


def _key_id(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise InvariantError("an encryption key has 32 bytes")
    return hashlib.sha256(b"yibao encryption key\n" + key).digest()[:_KEY_ID_BYTES]
