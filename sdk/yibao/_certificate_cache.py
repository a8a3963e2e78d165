"""Device certificates whose issuer's signature was found good, so as not to check it again."""

import threading
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from yibao import _base45, _device_key, _ed25519
from yibao._claims import stale_refusal
from yibao._device import DeviceCertificate, decode_device_certificate, load_device_key
from yibao._layout import Layout
from yibao._presentation import (
    USUAL_ENDS,
    USUAL_ENDS_WITH_LAST_BYTE,
    encode_header,
)
from yibao._token import (
    NO_EXTERNAL_DATA,
    PRESENTATION_PREFIX,
    SIGNED_OPENING,
    QrError,
    open_short_frame,
    signed_bytes,
)
from yibao._trust_format import USE_CREDENTIAL
from yibao.trust import KeyState, TrustedKey, TrustSnapshot

# A code of mode B begins with tag, array and the header's length: so many characters.
_HEAD_CHARACTERS: Final = 9
_HEAD = slice(len(PRESENTATION_PREFIX), len(PRESENTATION_PREFIX) + _HEAD_CHARACTERS)
_OPENING_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """A certificate, what its signature was verified by, and its key, loaded."""

    certificate: bytes
    stated: DeviceCertificate
    key_id: bytes
    issuer_key: Ed25519PublicKey
    device_key: _device_key.PublicKey
    algorithm: int


@dataclass(frozen=True, slots=True)
class KnownOpening:
    """What all codes begin with that show a certificate, up to the character `text_end`.

    What follows there has one of the layouts `usual_ends`, and is signed behind
    `signed_opening`; `header_rest_bytes` of it, 0 or 1, are the header's.
    """

    known: KnownCertificate
    text_end: int
    header_rest_bytes: int
    usual_ends: dict[int, Layout]
    signed_opening: bytes


def _text_end(header_end: int) -> int:
    """Returns how many characters stand for the whole pairs of so many bytes."""
    return len(PRESENTATION_PREFIX) + header_end // 2 * 3


def _heads() -> dict[str, int]:
    """Returns where the header's text ends, by the characters that tell its length."""
    short = {bytes((0xD2, 0x84, 0x58, size, 0xA3, 0x01)): 4 + size for size in range(24, 0x100)}
    long = {bytes((0xD2, 0x84, 0x59, 1, size, 0xA3)): 5 + 0x100 + size for size in range(0x100)}
    return {_base45.encode(head): _text_end(end) for head, end in (short | long).items()}


_TEXT_ENDS = _heads()


class CertificateCache:
    """A bounded memory of device certificates, safe to share between threads.

    It spares the second verification of the issuer's signature on the same bytes and
    nothing else: whether the issuer's key is trusted, and the certificate's time and
    status, is asked anew at each use. When it is full the oldest is forgotten.
    """

    def __init__(self, capacity: int = 4_096) -> None:
        """Remembers at most `capacity` certificates, at least 1; each takes about 3 kB."""
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._capacity = capacity
        self._lock = threading.Lock()
        self._known: dict[str, KnownOpening] = {}

    def __len__(self) -> int:
        """How many certificates are remembered."""
        return len(self._known)

    def find(self, text: str) -> KnownOpening | None:
        """Returns what is known of the certificate in a code of mode B."""
        end = _TEXT_ENDS.get(text[_HEAD])
        return None if end is None else self._known.get(text[:end])

    def add(self, text: str, known: KnownCertificate) -> None:
        """Remembers the certificate of a code whose header is as the profile says."""
        header = encode_header(known.certificate, known.algorithm)
        header_end = _OPENING_BYTES + len(header)
        is_odd = bool(header_end % 2)
        text_end = _text_end(header_end)
        opening = KnownOpening(
            known,
            text_end,
            int(is_odd),
            USUAL_ENDS_WITH_LAST_BYTE if is_odd else USUAL_ENDS,
            SIGNED_OPENING + header + NO_EXTERNAL_DATA,
        )
        shown = text[:text_end]
        with self._lock:
            if shown not in self._known and len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[shown] = opening


def check_certificate(
    certificate: bytes, known: KnownCertificate | None, trust: TrustSnapshot, now_second: float
) -> KnownCertificate:
    """Returns a certificate that a trusted key of its issuer signed in that key's time.

    Args:
        certificate: Its bytes.
        known: What was found of them before.
        trust: The verified trust snapshot.
        now_second: The instant of the scan.

    Raises:
        QrError: `malformed`, `stale_trust`, `unknown_key` or `bad_signature`.
    """
    if known is None:
        key_id, _, _ = open_short_frame(certificate)
    else:
        key_id = known.key_id
    if now_second >= trust.expire_second:
        raise stale_refusal()
    key = trust.find(key_id, use=USE_CREDENTIAL)
    if key is None or key.state is KeyState.KILLED:
        raise QrError("unknown_key", "no trusted key signed the certificate in this code")
    # A newer snapshot loads its keys anew, and only the key that verified counts.
    if known is None or known.issuer_key is not key.public_key:
        known = _verify(certificate, key)
    stated = known.stated
    if not key.may_sign(issuer=stated.issuer, at_second=stated.issue_second):
        raise QrError("unknown_key", "the key may not sign for this issuer at that time")
    return known


def _verify(certificate: bytes, key: TrustedKey) -> KnownCertificate:
    key_id, payload, signature = open_short_frame(certificate)
    try:
        _ed25519.verify(key.public_key, signature, signed_bytes(certificate))
    except InvalidSignature:
        raise QrError("bad_signature", "the issuer's signature does not fit") from None
    stated = decode_device_certificate(payload)
    device_key = load_device_key(stated)
    algorithm = _device_key.algorithm_of(device_key)
    return KnownCertificate(certificate, stated, key_id, key.public_key, device_key, algorithm)
