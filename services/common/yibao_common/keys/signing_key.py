"""A private key that signs, wherever it lies."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SigningKey(Protocol):
    """An Ed25519 private key, in memory or in a hardware module. Safe between threads."""

    @property
    def public_key(self) -> bytes:
        """The raw public half, 32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Returns the signature, 64 bytes."""
        ...


class SoftwareKey:
    """A private key in the memory of this process."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        """Takes the key."""
        self._private_key = private_key
        self.public_key = private_key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """See `SigningKey`."""
        return self._private_key.sign(data)
