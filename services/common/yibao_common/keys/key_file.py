"""Private keys at rest: PKCS#8, encrypted under a passphrase by scrypt and AES-256-CBC.

Standard PEM, so `openssl pkey -in FILE` reads it. The encoding is written here because
the library's own encryption of PKCS#8 stretches the passphrase by 2048 rounds of PBKDF2
only, which a graphics card tries by the million.
"""

import base64
import os
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.text_file import unmarked
from yibao_common.values.errors import InvariantError


class Stretching(NamedTuple):
    """How much work scrypt makes of each guess at a passphrase: its N, r and p."""

    n: int
    r: int
    p: int


# 16 MiB and about 0.2 s for each guess. Twice the memory is more than OpenSSL's readers
# allow, so the work is raised by the last parameter.
FOR_PEOPLE = Stretching(1 << 14, 8, 5)
# For a passphrase of 128 random bits or more, which nobody guesses.
FOR_RANDOM = Stretching(1 << 10, 8, 1)

_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_OID_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_OID_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_LABEL = "ENCRYPTED PRIVATE KEY"


class KeyFileError(Exception):
    """A key file cannot be written or read; the message names it and what to do."""


def write_key(
    path: Path,
    key: Ed25519PrivateKey,
    *,
    passphrase: bytes,
    stretching: Stretching = FOR_PEOPLE,
) -> None:
    """Writes `key` to a new file that only its owner may read, whole or not at all.

    Raises:
        KeyFileError: The passphrase is empty, the file exists, or its folder does not
            let us write.
    """
    if not passphrase:
        raise KeyFileError(f"{path}: not written; give a passphrase that is not empty")
    if path.exists():
        raise _exists(path)
    salt, iv = os.urandom(16), os.urandom(16)
    pem = encrypt_key(key, passphrase=passphrase, salt=salt, iv=iv, stretching=stretching)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        _write_new(draft, pem)
        try:
            # Unlike a rename, a link never replaces a file that has come up meanwhile.
            os.link(draft, path)
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        message = f"{path}: not written ({error.strerror}); check the folder and its rights"
        raise KeyFileError(message) from error


def read_key(path: Path, *, passphrase: bytes) -> Ed25519PrivateKey:
    """Returns the key of an encrypted PEM file, ours or another tool's.

    Raises:
        KeyFileError: The file cannot be read or is not encrypted, the passphrase does
            not open it, or its key is not Ed25519.
    """
    try:
        pem = unmarked(read_plain_file(path))
    except OSError as error:
        message = f"{path}: not read ({error.strerror}); check the path and its rights"
        raise KeyFileError(message) from error
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None
    try:
        key = load_pem_private_key(pem, password=passphrase)
    except TypeError:
        message = f"{path}: not encrypted, or no passphrase given; encrypt it under a passphrase"
        raise KeyFileError(message) from None
    except Exception as error:
        # The library has several ways to fail here and none of them tells a wrong
        # passphrase from a damaged file.
        message = f"{path}: not opened; check the passphrase, or restore the file from a backup"
        raise KeyFileError(message) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key; make one for this use")
    return key


def encrypt_key(
    key: Ed25519PrivateKey,
    *,
    passphrase: bytes,
    salt: bytes,
    iv: bytes,
    stretching: Stretching = FOR_PEOPLE,
) -> bytes:
    """Returns `key` as PEM; `salt` and `iv` are 16 random bytes each, never used twice."""
    if len(salt) != 16 or len(iv) != 16:
        raise InvariantError("salt and start of a key file are 16 bytes each")
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    n, r, p = stretching
    secret = Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase)
    padder = PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(secret), modes.CBC(iv)).encryptor()
    encrypted = encryptor.update(padded) + encryptor.finalize()
    return _pem(_encrypted_key_info(salt, iv, stretching, encrypted))


def _encrypted_key_info(salt: bytes, iv: bytes, stretching: Stretching, encrypted: bytes) -> bytes:
    """Returns EncryptedPrivateKeyInfo (RFC 5958) with PBES2 (RFC 8018), scrypt (RFC 7914)."""
    parameters = _sequence(_octets(salt), *map(_integer, stretching), _integer(32))
    key_derivation = _sequence(_OID_SCRYPT, parameters)
    cipher = _sequence(_OID_AES_256_CBC, _octets(iv))
    algorithm = _sequence(_OID_PBES2, _sequence(key_derivation, cipher))
    return _sequence(algorithm, _octets(encrypted))


def _sequence(*items: bytes) -> bytes:
    return _der(0x30, b"".join(items))


def _octets(content: bytes) -> bytes:
    return _der(0x04, content)


def _integer(value: int) -> bytes:
    # One bit more than the value needs, since the first says the sign.
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    assert size < 256, "two forms of length are enough for a 48-byte key"
    return bytes((tag, size) if size < 128 else (tag, 0x81, size)) + content


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {_LABEL}-----", *lines, f"-----END {_LABEL}-----", "")).encode()


def _exists(path: Path) -> KeyFileError:
    return KeyFileError(f"{path}: exists and is not replaced; move it away or choose another name")


def _write_new(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
