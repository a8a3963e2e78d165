"""Private keys of this process by key id: files in a folder, or a hardware module.

A file is named after its key id, `3f9c…e1.pem`, so that a key which the tables call active
is found without configuration, on each machine that has the file.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from yibao.issuing import key_id_of
from yibao_common.keys.key_file import FOR_PEOPLE, KeyFileError, Stretching, read_key, write_key
from yibao_common.keys.signing_key import SigningKey, SoftwareKey
from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.text_file import unmarked


class KeyStore(Protocol):
    """Finds and makes private keys; blocks. Raises KeyFileError where it cannot."""

    def find(self, public_key: bytes) -> SigningKey | None:
        """Returns the private half of a raw public key, or None where it is not here."""
        ...

    def make(self) -> bytes:
        """Makes and keeps a key; returns its raw public half."""
        ...

    def place(self, public_key: bytes) -> str:
        """Returns where the private half of a raw public key has to lie, for an operator."""
        ...


class KeyFolder:
    """Encrypted PKCS#8 files; safe between threads."""

    def __init__(
        self,
        folder: Path,
        *,
        passphrase: bytes,
        generate: Callable[[], Ed25519PrivateKey] = Ed25519PrivateKey.generate,
        stretching: Stretching = FOR_PEOPLE,
    ) -> None:
        """Takes the folder, the passphrase of all files in it and the work of new ones."""
        self._stretching = stretching
        self._folder = folder
        self._passphrase = passphrase
        self._generate = generate
        # Opening a file is made slow on purpose, so each is opened once.
        self._opened: dict[bytes, SigningKey] = {}
        self._lock = threading.Lock()

    def find(self, public_key: bytes) -> SigningKey | None:
        """See `KeyStore`."""
        with self._lock:
            found = self._opened.get(public_key)
            if found is not None:
                return found
            path = self.path_of(public_key)
            if not path.exists():
                return None
            key = SoftwareKey(read_key(path, passphrase=self._passphrase))
            if key.public_key != public_key:
                raise KeyFileError(f"{path}: holds another key than its name says")
            self._opened[public_key] = key
            return key

    def make(self) -> bytes:
        """See `KeyStore`; the public half lies beside the file, as PEM, to be carried."""
        private_key = self._generate()
        public_key = private_key.public_key().public_bytes_raw()
        path = self.path_of(public_key)
        write_key(path, private_key, passphrase=self._passphrase, stretching=self._stretching)
        path.with_suffix(".pub.pem").write_bytes(public_pem(public_key))
        with self._lock:
            self._opened[public_key] = SoftwareKey(private_key)
        return public_key

    def place(self, public_key: bytes) -> str:
        """See `KeyStore`."""
        return str(self.path_of(public_key))

    def path_of(self, public_key: bytes) -> Path:
        """Returns the file of a key."""
        return self._folder / f"{key_id_of(public_key).hex()}.pem"


class KeyStores:
    """Several stores; keys are made in the first and found in all."""

    def __init__(self, *stores: KeyStore) -> None:
        """Takes the stores, the first for new keys."""
        assert stores
        self._stores = stores

    def find(self, public_key: bytes) -> SigningKey | None:
        """See `KeyStore`."""
        found = (store.find(public_key) for store in self._stores)
        return next((key for key in found if key is not None), None)

    def make(self) -> bytes:
        """See `KeyStore`."""
        return self._stores[0].make()

    def place(self, public_key: bytes) -> str:
        """See `KeyStore`."""
        return " or ".join(store.place(public_key) for store in self._stores)


def public_pem(public_key: bytes) -> bytes:
    """Returns a raw public key as PEM."""
    return Ed25519PublicKey.from_public_bytes(public_key).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_public_key(path: Path) -> bytes:
    """Returns the raw public key of a PEM file.

    Raises:
        KeyFileError: The file cannot be read or holds no Ed25519 public key.
    """
    try:
        key = serialization.load_pem_public_key(unmarked(read_plain_file(path)))
    except OSError as error:
        raise KeyFileError(f"{path}: not read ({error.strerror})") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: holds no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: holds no Ed25519 key")
    return key.public_bytes_raw()
