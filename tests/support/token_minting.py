"""Makes signed messages, right or wrong in one chosen part. For tests and vectors only."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import _base45, _cbor, _trust_format
from yibao._trust_format import KeyEntry, KeyState, SnapshotContent

NOW = dt.datetime(2026, 11, 2, 8, 0, 0, tzinfo=dt.UTC)
NOW_SECOND = int(NOW.timestamp())
REGION = "330100"
SUBJECT = "K7Q2M9X4T1B8Z"
AUDIENCE = "01301"
CODE_ID = bytes.fromhex("0102030405060708")
HOUR, DAY = 3600, 86_400


def private_key(name: str) -> Ed25519PrivateKey:
    """Returns the test key of this name, the same at each call."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public_key(name: str) -> bytes:
    return private_key(name).public_key().public_bytes_raw()


def key_id(name: str) -> bytes:
    return hashlib.sha256(public_key(name)).digest()[:8]


def byte_string(content: bytes) -> bytes:
    """Returns `content` as a CBOR byte string."""
    return _cbor.encode(content)


def protected(name: str) -> bytes:
    """Returns the content of the protected header: {1: -8, 4: key id}."""
    return bytes.fromhex("a201270448") + key_id(name)


def claims(**changes: _cbor.Value | None) -> dict[int | str, _cbor.Value]:
    """Returns the claims of a valid code; a change to None takes a claim away."""
    labels = {"iss": 1, "sub": 2, "aud": 3, "exp": 4, "iat": 6, "cti": 7}
    values: dict[str, _cbor.Value | None] = {
        "iss": REGION,
        "sub": SUBJECT,
        "aud": AUDIENCE,
        "exp": NOW_SECOND + 60,
        "iat": NOW_SECOND,
        "cti": CODE_ID,
    }
    values |= changes
    return {labels[name]: value for name, value in values.items() if value is not None}


def payload(**changes: _cbor.Value | None) -> bytes:
    return _cbor.encode(claims(**changes))


@dataclass(frozen=True)
class Message:
    """A COSE_Sign1 of which any part may be replaced; the signature fits what is left."""

    content: bytes
    key: str = "active"
    header: bytes | None = None
    unprotected: bytes = b"\xa0"
    opening: bytes = b"\xd2\x84"
    content_head: bytes | None = None
    signature_head: bytes = b"\x58\x40"
    signature: bytes | None = None
    tail: bytes = b""

    def encode(self) -> bytes:
        header = byte_string(protected(self.key) if self.header is None else self.header)
        if self.content_head is None:
            body = byte_string(self.content)
        else:
            body = self.content_head + self.content
        signed = b"\x84\x6aSignature1" + header + b"\x40" + body
        signature = self.signature or private_key(self.key).sign(signed)
        return b"".join(
            (
                self.opening,
                header,
                self.unprotected,
                body,
                self.signature_head,
                signature,
                self.tail,
            )
        )

    def text(self) -> str:
        return text_of(self.encode())


def text_of(data: bytes) -> str:
    return "MI1-" + _base45.encode(data)


def listed(name: str, state: KeyState = KeyState.ACTIVE, **changes: object) -> KeyEntry:
    """Returns the test key `name` as listed: for two regions, from a month ago on."""
    values: dict[str, object] = {
        "key_id": key_id(name),
        "public_key": public_key(name),
        "use": "tok",
        "issuers": (REGION, "330200"),
        "start_second": NOW_SECOND - 30 * DAY,
        "expire_second": NOW_SECOND + 60 * DAY,
        "state": state,
        "killed_second": NOW_SECOND - HOUR if state is KeyState.KILLED else None,
    }
    return KeyEntry(**(values | changes))  # type: ignore[arg-type]


# One key in each state, one of another use, and "unlisted", which is none of them.
KEYS = (
    listed("active"),
    listed("next", KeyState.NEXT, start_second=NOW_SECOND),
    listed("retiring", KeyState.RETIRING, expire_second=NOW_SECOND + HOUR),
    listed("killed", KeyState.KILLED),
    listed("credential", use="cred"),
)


def content(keys: tuple[KeyEntry, ...] = KEYS, **changes: Any) -> SnapshotContent:
    """Returns the content of the test snapshot: ten minutes old, valid for seven days."""
    issue_second = NOW_SECOND - 600
    values: dict[str, Any] = {
        "version": 7,
        "issue_second": issue_second,
        "expire_second": issue_second + 7 * DAY,
        "refresh_seconds": HOUR,
    }
    return SnapshotContent(keys=keys, **(values | changes))


def snapshot(keys: tuple[KeyEntry, ...] = KEYS, **changes: Any) -> bytes:
    return Message(_trust_format.encode(content(keys, **changes)), key="trust").encode()
