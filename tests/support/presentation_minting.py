"""Makes device certificates and codes of mode B, right or wrong in one chosen part."""

import datetime as dt
import functools
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from support.token_minting import (
    AUDIENCE,
    CODE_ID,
    DAY,
    HOUR,
    KEYS,
    NOW,
    NOW_SECOND,
    REGION,
    SUBJECT,
    Message,
    key_id,
    listed,
    private_key,
    public_key,
    snapshot,
)

from yibao import _base45, _cbor, _device_key, _status_list
from yibao._trust_format import BoundList, KeyState
from yibao.trust import TrustSnapshot

CERTIFICATE_ID = bytes.fromhex("c0c1c2c3c4c5c6c7")
DENIED_ID = bytes.fromhex("d0d1d2d3d4d5d6d7")
CHALLENGE = bytes.fromhex("a0a1a2a3a4a5a6a7")
LIST_URI = f"mi:sl/{REGION}/1"
# Bound by the snapshot, but not held.
ABSENT_LIST_URI = f"mi:sl/{REGION}/2"
OLD_LIST_URI = f"mi:sl/{REGION}/3"
STATUS_INDEX = 1_000
REVOKED_INDEX = 1_001
LIST_ENTRIES = 4_096

DeviceKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def device_key(name: str) -> DeviceKey:
    """Returns the device key of this name, of P-256 where the name begins with it."""
    if not name.startswith("P-256"):
        return private_key(name)
    secret = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") >> 1
    return ec.derive_private_key(secret, ec.SECP256R1())


def sign(name: str, message: bytes) -> bytes:
    """Returns the signature by the device key of this name, the same at each call."""
    key = device_key(name)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    signature = key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def cose_key(name: str) -> dict[int | str, _cbor.Value]:
    raw = _device_key.raw_public_key(device_key(name))
    if len(raw) == 32:
        return {1: 1, -1: 6, -2: raw}
    return {1: 2, -1: 1, -2: raw[1:33], -3: raw[33:]}


def certificate_claims(
    device: str = "device", /, **changes: _cbor.Value | None
) -> dict[int | str, _cbor.Value]:
    """Returns the claims of a good certificate; a change to None takes a claim away."""
    labels = {"iss": 1, "sub": 2, "exp": 4, "iat": 6, "cti": 7, "cnf": 8, "status": 65535}
    values: dict[str, _cbor.Value | None] = {
        "iss": REGION,
        "sub": SUBJECT,
        "exp": NOW_SECOND + 47 * HOUR,
        "iat": NOW_SECOND - HOUR,
        "cti": CERTIFICATE_ID,
        "cnf": {1: cose_key(device)},
        "status": status(),
    }
    values |= changes
    return {labels[name]: value for name, value in values.items() if value is not None}


def status(index: int = STATUS_INDEX, uri: str = LIST_URI) -> dict[int | str, _cbor.Value]:
    return {"status_list": {"idx": index, "uri": uri}}


def certificate(device: str = "device", /, **changes: _cbor.Value | None) -> bytes:
    """Returns a certificate that the issuer signed."""
    return certified(_cbor.encode(certificate_claims(device, **changes)))


def certified(payload: bytes, **parts: object) -> bytes:
    """Returns a certificate of any content; `parts` replace those of the message."""
    return Message(payload, **({"key": "credential"} | parts)).encode()  # type: ignore[arg-type]


def outer(**changes: _cbor.Value | None) -> bytes:
    """Returns the payload of a good code; a change to None takes a claim away."""
    labels = {"iss": 1, "sub": 2, "aud": 3, "exp": 4, "iat": 6, "cti": 7, "cnonce": 39}
    values: dict[str, _cbor.Value | None] = {
        "aud": AUDIENCE,
        "exp": NOW_SECOND + 60,
        "iat": NOW_SECOND,
        "cti": CODE_ID,
    }
    values |= changes
    return _cbor.encode(
        {labels[name]: value for name, value in values.items() if value is not None}
    )


@dataclass(frozen=True)
class Showing:
    """A code of mode B of which any part may be replaced; its signature fits what is left."""

    content: bytes
    certificate: bytes
    device: str = "device"
    header: bytes | None = None
    header_head: bytes | None = None
    unprotected: bytes = b"\xa0"
    opening: bytes = b"\xd2\x84"
    content_head: bytes | None = None
    signature_head: bytes = b"\x58\x40"
    signature: bytes | None = None
    tail: bytes = b""

    def encode(self) -> bytes:
        alg = b"\x26" if self.device.startswith("P-256") else b"\x27"
        header = self.header or protected(self.certificate, alg=alg)
        head = _cbor.head(2, len(header)) if self.header_head is None else self.header_head
        if self.content_head is None:
            body = _cbor.encode(self.content)
        else:
            body = self.content_head + self.content
        signed = b"\x84\x6aSignature1" + head + header + b"\x40" + body
        return b"".join(
            (
                self.opening,
                head,
                header,
                self.unprotected,
                body,
                self.signature_head,
                self.signature or sign(self.device, signed),
                self.tail,
            )
        )

    def text(self) -> str:
        return presentation_text(self.encode())


def protected(certificate: bytes, *, alg: bytes = b"\x27") -> bytes:
    """Returns the content of the protected header: alg, kcwt and typ."""
    return b"\xa3\x01" + alg + b"\x0d" + certificate + b"\x10\x19\x01\x26"


def showing(device: str = "device", /, **changes: _cbor.Value | None) -> Showing:
    """Returns a good code; the changes are to its claims."""
    return Showing(outer(**changes), certificate(device), device)


def presentation_text(data: bytes) -> str:
    return "MI2-" + _base45.encode(data)


def status_list(uri: str = LIST_URI, *, expire_second: int = NOW_SECOND + DAY) -> bytes:
    """Returns a signed list in which one entry is set."""
    content = _status_list.StatusList(
        uri=uri,
        issue_second=NOW_SECOND - HOUR,
        expire_second=expire_second,
        refresh_seconds=HOUR,
        bits=_status_list.bits_of([REVOKED_INDEX], entries=LIST_ENTRIES),
    )
    payload = _status_list.encode_claims(content)
    signed = _status_list.bytes_to_sign(key_id("status"), payload)
    return _status_list.close(key_id("status"), payload, private_key("status").sign(signed))


HELD_LISTS = (status_list(), status_list(OLD_LIST_URI, expire_second=NOW_SECOND + 30))

# One key of the use in each state, besides those of other uses.
CREDENTIAL_KEYS = tuple(
    sorted(
        (
            *KEYS,
            listed("status", use="status"),
            listed("credential-next", KeyState.NEXT, use="cred", start_second=NOW_SECOND - HOUR),
            listed(
                "credential-retiring",
                KeyState.RETIRING,
                use="cred",
                expire_second=NOW_SECOND - HOUR + 1,
            ),
            listed("credential-killed", KeyState.KILLED, use="cred"),
        ),
        key=lambda key: key.key_id,
    )
)


@functools.cache
def device_snapshot() -> bytes:
    """Returns a snapshot with keys for certificates, status lists and a denied one."""
    lists = {
        LIST_URI: HELD_LISTS[0],
        ABSENT_LIST_URI: status_list(ABSENT_LIST_URI),
        OLD_LIST_URI: HELD_LISTS[1],
    }
    bound = tuple(
        BoundList(uri, 1, hashlib.sha256(data).digest()) for uri, data in sorted(lists.items())
    )
    return snapshot(CREDENTIAL_KEYS, lists=bound, denied=(DENIED_ID,))


def device_trust(now: dt.datetime = NOW) -> TrustSnapshot:
    """Returns the verified snapshot with the two lists that it holds."""
    trust = TrustSnapshot.verify(device_snapshot(), trust_key=public_key("trust"), now=now)
    for data in HELD_LISTS:
        trust = trust.with_status_list(data, now=now)
    return trust
