"""Verifies QR codes of e-certificates without a network, and makes those of mode B.

    claims = qr.verify(text, trust=snapshot, audience="01301", now=now)

Returns the claims or raises `QrError` with one of the fixed names. The checks run in the
order of `docs/coding/qr-token.md`, so that the same text has the same error everywhere.
A code's single use is decided by the settlement service; `Verifier` refuses what this
machine has seen already.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection
from typing import Final

from cryptography.exceptions import InvalidSignature

from yibao import _base45, _code, _ed25519, _presentation
from yibao._certificate_cache import CertificateCache, check_certificate
from yibao._claims import (
    CHALLENGE_BYTES,
    CODE_LEEWAY_SECONDS,
    MAX_LEEWAY_SECONDS,
    PRESENTATION_LEEWAY_SECONDS,
    Claims,
    Mode,
    stale_refusal,
    time_refusal,
)
from yibao._clock_offset import ClockOffset
from yibao._device import DeviceCertificate, certified
from yibao._device_key import is_signed
from yibao._present import present
from yibao._replay import ReplaySet
from yibao._token import (
    PRESENTATION_PREFIX,
    TEXT_PREFIX,
    ErrorName,
    QrError,
    open_short_frame,
    signed_bytes,
    unix_seconds,
)
from yibao.trust import KeyState, TrustSnapshot

__all__ = [
    "CHALLENGE_BYTES",
    "CertificateCache",
    "Claims",
    "ErrorName",
    "Mode",
    "QrError",
    "Verifier",
    "issuer_of",
    "present",
    "scanned",
    "verify",
]

MAX_TEXT_CHARACTERS: Final = 700
# How long a code is remembered after it could last be accepted: a clock set back by
# less does not let it in again.
REPLAY_MARGIN_SECONDS: Final = 60

_PREFIX_CHARACTERS: Final = len(TEXT_PREFIX)
_REGION: Final = re.compile("[1-9][0-9]{5}")


def scanned(text: str) -> str:
    """Returns the code in what a scanner sent: without line end and white space around it.

    No code begins or ends with a space, though spaces are part of it.
    """
    return text.strip()


def issuer_of(text: str) -> str:
    """Returns the region that a code of either mode says to be issued by, six digits.

    Nothing of it is verified. It tells whose service to ask; that decides.

    Raises:
        QrError: `malformed`.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise QrError("malformed", "too long for a code of this profile")
    prefix = text[:_PREFIX_CHARACTERS]
    if prefix == TEXT_PREFIX:
        key_id, payload, _ = open_short_frame(_decode(text[_PREFIX_CHARACTERS:]))
        issuer = _code.read_claims(payload, key_id).issuer
    elif prefix == PRESENTATION_PREFIX:
        shown = _presentation.open_presentation(_decode(text[_PREFIX_CHARACTERS:]))
        issuer = certified(shown.certificate).issuer
    else:
        raise QrError("malformed", "not a code of this profile")
    if not _REGION.fullmatch(issuer):
        raise QrError("malformed", "the issuer is no region")
    return issuer


def verify(
    text: str,
    *,
    trust: TrustSnapshot,
    audience: str | Collection[str],
    now: dt.datetime,
    leeway_seconds: int | None = None,
    challenge: bytes | None = None,
    certificates: CertificateCache | None = None,
    note_time: Callable[[dt.datetime], None] | None = None,
) -> Claims:
    """Returns the claims of the code `text` of either mode, all of them checked.

    Args:
        text: The code alone: `scanned` takes away what a scanner adds to it.
        trust: The verified trust snapshot.
        audience: The accepted business type, or several.
        now: The instant of the scan, aware.
        leeway_seconds: How far this clock may differ from the signer's, 0 to 60; if None,
            5 in mode A, where that is the issuer's, and 30 in mode B, the phone's.
        challenge: The 8 bytes that this terminal showed to the phone, where it did; then
            only a code of mode B that answers them is accepted.
        certificates: Where to remember device certificates that were verified.
        note_time: Is told when the issuer signed an accepted code, or the certificate of the
            phone that did: `TrustStore.note_time`, so that a clock set back is found out.

    Raises:
        QrError: The code is not accepted. A code from the future is `not_yet_valid` up
            to 60 s ahead and `clock_suspect` beyond: this machine's clock differs by
            `offset_seconds` from the signer's.
        ValueError: `now` is not aware, or leeway or challenge are out of range.
    """
    if leeway_seconds is not None and not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError("leeway_seconds must be from 0 to 60")
    if challenge is not None and len(challenge) != CHALLENGE_BYTES:
        raise ValueError(f"a challenge has {CHALLENGE_BYTES} bytes")
    now_second = unix_seconds(now)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise QrError("malformed", "too long for a code of this profile")
    certificate = None
    prefix = text[:_PREFIX_CHARACTERS]
    if prefix == TEXT_PREFIX:
        claims = _read_code(text, trust, now_second)
        leeway = CODE_LEEWAY_SECONDS if leeway_seconds is None else leeway_seconds
    elif prefix == PRESENTATION_PREFIX:
        claims, certificate = _read_presentation(text, trust, now_second, certificates)
        leeway = PRESENTATION_LEEWAY_SECONDS if leeway_seconds is None else leeway_seconds
    else:
        raise QrError("malformed", "not a code of this profile")
    if not claims.issue_second - leeway <= now_second < claims.expire_second + leeway:
        raise time_refusal(claims, now_second)
    # A text is compared whole: `in` would accept a part of it.
    accepted = (audience,) if isinstance(audience, str) else audience
    if claims.audience not in accepted:
        raise QrError("wrong_audience", "the code was issued for another use")
    if challenge is not None and claims.challenge != challenge:
        raise QrError("wrong_audience", "the code does not answer the challenge that was shown")
    if certificate is not None:
        _check_not_revoked(certificate, trust, now)
    if note_time is not None:
        signed = claims.issue_second if certificate is None else certificate.issue_second
        note_time(dt.datetime.fromtimestamp(signed, dt.timezone.utc))
    return claims


class Verifier:
    """Verifies codes at one counter and refuses the second showing of one.

    Safe to share between threads. The memory is lost at a restart and not shared with
    other counters; the settlement service's is neither.
    """

    def __init__(
        self,
        trust: TrustSnapshot,
        *,
        leeway_seconds: int | None = None,
        capacity: int = 65_536,
        certificate_capacity: int = 4_096,
        note_time: Callable[[dt.datetime], None] | None = None,
    ) -> None:
        """Starts with a verified snapshot and empty memories.

        Args:
            trust: The verified trust snapshot.
            leeway_seconds: As in `verify`, for all codes.
            capacity: The most codes to remember, at least 1.
            certificate_capacity: The most device certificates to remember, at least 1.
            note_time: As in `verify`.
        """
        self._trust = trust
        self._leeway_seconds = leeway_seconds
        self._seen = ReplaySet(capacity)
        self._certificates = CertificateCache(certificate_capacity)
        self._clock_offset = ClockOffset()
        self._note_time = note_time

    @property
    def trust(self) -> TrustSnapshot:
        """The snapshot in use."""
        return self._trust

    @property
    def clock_offset_seconds(self) -> float | None:
        """How far this clock seems to be ahead of the issuer's (negative: behind).

        The median age of the last 31 codes of mode A whose signature held, accepted or
        not; None before the fifth. A code is some seconds old when it is shown, so a
        right clock gives 0 to 60.
        """
        return self._clock_offset.seconds()

    def replace_trust(self, trust: TrustSnapshot) -> None:
        """Uses a newer snapshot from now on.

        Raises:
            QrError: `stale_trust`; it is older than the one in use, which is kept.
        """
        trust.check_follows(self._trust)
        self._trust = trust

    def check(
        self,
        text: str,
        *,
        audience: str | Collection[str],
        now: dt.datetime,
        challenge: bytes | None = None,
    ) -> Claims:
        """Returns the claims of what the scanner read, as `verify` does, and remembers the code.

        A line end or white space that the scanner added is no part of the code.

        Raises:
            QrError: As `verify`; `replayed` where the code was accepted here before.
            ValueError: As `verify`.
        """
        code_text = scanned(text)
        try:
            claims = verify(
                code_text,
                trust=self._trust,
                audience=audience,
                now=now,
                leeway_seconds=self._leeway_seconds,
                challenge=challenge,
                certificates=self._certificates,
                note_time=self._note_time,
            )
        except QrError as refused:
            if refused.offset_seconds is not None and code_text.startswith(TEXT_PREFIX):
                self._clock_offset.add(refused.offset_seconds)
            raise
        now_second = now.timestamp()
        if claims.mode == "A":
            self._clock_offset.add(now_second - claims.issue_second)
        leeway = _leeway(claims, self._leeway_seconds)
        end_second = claims.expire_second + leeway + REPLAY_MARGIN_SECONDS
        code = (claims.device_certificate_id or claims.key_id, claims.code_id)
        if not self._seen.add(code, end_second=end_second, now_second=now_second):
            raise QrError("replayed", "the code was shown here before")
        return claims


def _leeway(claims: Claims, chosen: int | None) -> int:
    if chosen is not None:
        return chosen
    return CODE_LEEWAY_SECONDS if claims.mode == "A" else PRESENTATION_LEEWAY_SECONDS


def _decode(text: str) -> bytes:
    try:
        return _base45.decode(text)
    except _base45.Base45Error as error:
        raise QrError("malformed", f"the text is not base45: {error}") from None


def _read_code(text: str, trust: TrustSnapshot, now_second: float) -> Claims:
    """Returns the claims of a code of mode A that a trusted key of its issuer signed."""
    data = _decode(text[_PREFIX_CHARACTERS:])
    usual = _code.open_usual(data)
    if usual is not None:
        key_id, _, _, _, _, _, _, signature = usual
    else:
        key_id, payload, signature = open_short_frame(data)
    if now_second >= trust.expire_second:
        raise stale_refusal()
    key = trust.find(key_id, use="tok")
    if key is None or key.state is KeyState.KILLED:
        raise QrError("unknown_key", "no trusted key signed this code")
    try:
        _ed25519.verify(key.public_key, signature, signed_bytes(data))
    except InvalidSignature:
        raise QrError("bad_signature", "the signature does not fit the code") from None
    claims = _code.usual_claims(usual) if usual is not None else _code.read_claims(payload, key_id)
    if not key.may_sign(issuer=claims.issuer, at_second=claims.issue_second):
        raise QrError("unknown_key", "the key may not sign for this issuer at that time")
    return claims


def _read_presentation(
    text: str, trust: TrustSnapshot, now_second: float, cache: CertificateCache | None
) -> tuple[Claims, DeviceCertificate]:
    """Returns the claims of a code of mode B that a certified device signed."""
    opening = None if cache is None else cache.find(text)
    usual = found = None
    if opening is not None:
        # All up to there was read when the certificate was first seen.
        found = opening.known
        end = _decode(text[opening.text_end :])
        usual = _presentation.open_usual_end(end, opening.usual_ends)
    if opening is not None and usual is not None:
        known = check_certificate(opening.known.certificate, found, trust, now_second)
        signature = usual[4]
        signed_at = opening.header_rest_bytes + 1
        signed = opening.signed_opening + end[signed_at : -_presentation.CLOSING_BYTES]
    else:
        shown = _presentation.open_presentation(_decode(text[_PREFIX_CHARACTERS:]))
        usual = _presentation.open_usual_end(shown.end, _presentation.USUAL_ENDS)
        known = check_certificate(shown.certificate, found, trust, now_second)
        # The key decides the algorithm; a header that names another is a trick.
        if shown.algorithm != known.algorithm:
            raise QrError("malformed", "the header's algorithm is not that of the device's key")
        signature, signed = shown.signature, shown.signed
    if cache is not None and known is not found:
        cache.add(text, known)
    if not is_signed(known.device_key, signature, signed):
        raise QrError("bad_signature", "the device's signature does not fit the code")
    if usual is not None:
        statement = _presentation.usual_claims(usual)
    else:
        statement = _presentation.read_claims(shown.payload)
    audience, expire, issue, code_id, answer = statement
    stated = known.stated
    if issue < stated.issue_second or expire > stated.expire_second:
        raise QrError("malformed", "the code does not lie within its certificate's time")
    claims = Claims(
        "B",
        stated.issuer,
        stated.subject,
        audience,
        issue,
        expire,
        code_id,
        known.key_id,
        stated.device_certificate_id,
        answer,
    )
    return claims, stated


def _check_not_revoked(
    certificate: DeviceCertificate, trust: TrustSnapshot, now: dt.datetime
) -> None:
    if trust.denies(certificate.device_certificate_id):
        raise QrError("revoked", "the device certificate was revoked")
    trust.check_status(certificate.status_uri, certificate.status_index, now=now)
