"""Private keys in a hardware module (PKCS#11): they sign there and never leave it.

Needs the extra `hsm` (python-pkcs11). A key pair bears its key id as CKA_ID, so that it is
found as a file is by its name. Mechanism: CKM_EDDSA over edwards25519.
"""

import threading
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature

from yibao.issuing import PUBLIC_KEY_BYTES, key_id_of, load_public_key
from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.signing_key import SigningKey

# The object identifier of Ed25519 (RFC 8410), by which modules know the curve.
_ED25519 = "1.3.101.112"
# An EC point is wrapped in an octet string: 04 20 and the 32 bytes.
_POINT_HEAD = bytes((0x04, PUBLIC_KEY_BYTES))

_CHECK = b"yibao key check"


class Pkcs11Key:
    """A private key in a module."""

    def __init__(self, store: "Pkcs11Keys", handle: Any, public_key: bytes) -> None:
        """Takes the module's handle of the private key."""
        self._store = store
        self._handle = handle
        self.public_key = public_key

    def sign(self, data: bytes) -> bytes:
        """See `SigningKey`."""
        return self._store.sign(self._handle, data)


class Pkcs11Keys:
    """The Ed25519 keys of one token; safe between threads, one operation at a time."""

    def __init__(self, library: Path, *, token_label: str, pin: str) -> None:
        """Opens a session.

        Raises:
            KeyFileError: the extra `hsm` is not installed, or the module, the token or
                the PIN is not the right one.
        """
        try:
            import pkcs11
            import pkcs11.exceptions
        except ImportError as error:
            raise KeyFileError(
                "PKCS#11 needs the Python package python-pkcs11, which is not installed"
            ) from error
        self._pkcs11: Any = pkcs11
        self._token_label = token_label
        self._lock = threading.Lock()
        self._found: dict[bytes, SigningKey] = {}
        # The names of the module's errors tell what is wrong; they hold no secret.
        try:
            token = pkcs11.lib(str(library)).get_token(token_label=token_label)
            self._session = _open(pkcs11, token, pin)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            name = type(error).__name__
            message = f"{library}: token {token_label!r} is not opened ({name})"
            raise KeyFileError(message) from error

    def find(self, public_key: bytes) -> SigningKey | None:
        """See `KeyStore`."""
        known = self._found.get(public_key)
        if known is not None:
            return known
        attribute, kind = self._pkcs11.Attribute, self._pkcs11.ObjectClass
        wanted = {attribute.CLASS: kind.PRIVATE_KEY, attribute.ID: key_id_of(public_key)}
        with self._lock:
            found = list(self._session.get_objects(wanted))
        if not found:
            return None
        key = Pkcs11Key(self, found[0], public_key)
        # The id is a label that anyone with the PIN can write; the signature is proof.
        try:
            load_public_key(public_key).verify(key.sign(_CHECK), _CHECK)
        except InvalidSignature:
            name = key_id_of(public_key).hex()
            raise KeyFileError(f"PKCS#11: {name} is another key than its id says") from None
        self._found[public_key] = key
        return key

    def make(self) -> bytes:
        """See `KeyStore`."""
        from pkcs11.util.ec import encode_named_curve_parameters

        attribute, kind = self._pkcs11.Attribute, self._pkcs11.KeyType
        with self._lock:
            domain = self._session.create_domain_parameters(
                kind.EC_EDWARDS,
                {attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519)},
                local=True,
            )
            public, private = domain.generate_keypair(
                store=True,
                mechanism=self._pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                label="yibao",
            )
            public_key = _raw(bytes(public[attribute.EC_POINT]))
            for half in (public, private):
                half[attribute.ID] = key_id_of(public_key)
        return public_key

    def place(self, public_key: bytes) -> str:
        """See `KeyStore`."""
        return f"object {key_id_of(public_key).hex()} of token {self._token_label!r}"

    def sign(self, handle: Any, data: bytes) -> bytes:
        """Returns a signature by the key behind `handle`."""
        with self._lock:
            return bytes(handle.sign(data, mechanism=self._pkcs11.Mechanism.EDDSA))

    def close(self) -> None:
        """Ends the session."""
        self._session.close()


def _open(pkcs11: Any, token: Any, pin: str) -> Any:
    try:
        return token.open(user_pin=pin, rw=True)
    except pkcs11.exceptions.UserAlreadyLoggedIn:
        # Sessions of one process share the login of the first.
        return token.open(rw=True)


def _raw(point: bytes) -> bytes:
    raw = point.removeprefix(_POINT_HEAD)
    if len(raw) != PUBLIC_KEY_BYTES:
        raise KeyFileError("the module gave no point of Ed25519")
    return raw
