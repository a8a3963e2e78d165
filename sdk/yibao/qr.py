"""Verifies the QR code of an e-certificate without a network, from a trust snapshot.

    claims = qr.verify(text, trust=snapshot, audience="01301", now=now)

Returns the claims or raises `QrError` with one of the fixed names. The checks run in the
order of the token profile, so that the same text has the same error everywhere: text,
frame, key, signature, claims, time, audience. A code's single use is decided by the
settlement service; `Verifier` refuses what this machine has seen already.
"""

import datetime as dt
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature

from yibao import _base45, _cbor
from yibao._replay import ReplaySet
from yibao._token import (
    CLAIM_AUDIENCE,
    CLAIM_CODE_ID,
    CLAIM_EXPIRE,
    CLAIM_ISSUE,
    CLAIM_ISSUER,
    CLAIM_SUBJECT,
    CODE_ID_BYTES,
    MAX_CODE_PAYLOAD_BYTES,
    MAX_LIFE_SECONDS,
    SUBJECT_CHARACTERS,
    TEXT_PREFIX,
    ErrorName,
    QrError,
    open_frame,
    unix_seconds,
)
from yibao._trust_format import LAST_SECOND
from yibao.trust import CLOCK_SUSPECT_SECONDS, TrustSnapshot

__all__ = ["Claims", "ErrorName", "QrError", "Verifier", "verify"]

MAX_TEXT_CHARACTERS: Final = 700
MAX_LEEWAY_SECONDS: Final = 60
# How long a code is remembered after it could last be accepted: a clock set back by
# less does not let it in again.
REPLAY_MARGIN_SECONDS: Final = 60

_CLAIM_LABELS = frozenset(
    (CLAIM_ISSUER, CLAIM_SUBJECT, CLAIM_AUDIENCE, CLAIM_EXPIRE, CLAIM_ISSUE, CLAIM_CODE_ID)
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the issuer states in a code.

    `issuer` is the pooling region (统筹区) of the holder, `subject` the opaque reference
    of the e-certificate, `audience` the business type it was issued for. `code_id` names
    this one code among those of `key_id`. Times are in UTC; `expire_time` is exclusive.
    """

    issuer: str
    subject: str
    audience: str
    issue_time: dt.datetime
    expire_time: dt.datetime
    code_id: bytes
    key_id: bytes


def verify(
    text: str,
    *,
    trust: TrustSnapshot,
    audience: str | Collection[str],
    now: dt.datetime,
    leeway_seconds: int = 5,
) -> Claims:
    """Returns the claims of the code `text`, all of them checked.

    Args:
        text: What the scanner read.
        trust: The verified trust snapshot.
        audience: The accepted business type, or several.
        now: The instant of the scan, aware.
        leeway_seconds: How far this clock may differ from the issuer's, 0 to 60.

    Raises:
        QrError: The code is not accepted. A code from the future is `not_yet_valid` up
            to 60 s ahead and `clock_suspect` beyond: the issuer's clock signed it, so
            this machine's is wrong by `offset_seconds`.
        ValueError: `now` is not aware, or the leeway is out of range.
    """
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError("leeway_seconds must be from 0 to 60")
    now_second = unix_seconds(now)
    frame = open_frame(_decode_text(text), max_payload=MAX_CODE_PAYLOAD_BYTES)

    trust.check_age(now)
    key = trust.find(frame.key_id)
    if key is None or key.is_killed:
        raise QrError("unknown_key", "no trusted key signed this code")
    try:
        key.public_key.verify(frame.signature, frame.signed)
    except InvalidSignature:
        raise QrError("bad_signature", "the signature does not fit the code") from None

    claims, issue_second, expire_second = _read_claims(frame.payload, frame.key_id)
    if not key.may_sign(issuer=claims.issuer, at_second=issue_second):
        raise QrError("unknown_key", "the key may not sign for this issuer at that time")
    _check_time(issue_second, expire_second, now_second, leeway_seconds)
    # A text is compared whole: `in` would accept a part of it.
    accepted = (audience,) if isinstance(audience, str) else audience
    if claims.audience not in accepted:
        raise QrError("wrong_audience", "the code was issued for another use")
    return claims


class Verifier:
    """Verifies codes at one counter and refuses the second showing of one.

    Safe to share between threads. The memory is lost at a restart and not shared with
    other counters; the settlement service's is neither.
    """

    def __init__(
        self, trust: TrustSnapshot, *, leeway_seconds: int = 5, capacity: int = 65_536
    ) -> None:
        """Starts with a verified snapshot and an empty memory of at most `capacity` codes."""
        self._trust = trust
        self._leeway_seconds = leeway_seconds
        self._seen = ReplaySet(capacity)

    @property
    def trust(self) -> TrustSnapshot:
        """The snapshot in use."""
        return self._trust

    def replace_trust(self, trust: TrustSnapshot) -> None:
        """Uses a newer snapshot from now on.

        Raises:
            QrError: `stale_trust`; it is older than the one in use, which is kept.
        """
        trust.check_follows(self._trust)
        self._trust = trust

    def check(self, text: str, *, audience: str | Collection[str], now: dt.datetime) -> Claims:
        """Returns the claims as `verify` does and remembers the code.

        Raises:
            QrError: As `verify`; `replayed` where the code was accepted here before.
        """
        leeway = self._leeway_seconds
        claims = verify(text, trust=self._trust, audience=audience, now=now, leeway_seconds=leeway)
        end_second = claims.expire_time.timestamp() + leeway + REPLAY_MARGIN_SECONDS
        code = (claims.key_id, claims.code_id)
        if not self._seen.add(code, end_second=end_second, now_second=now.timestamp()):
            raise QrError("replayed", "the code was shown here before")
        return claims


def _decode_text(text: str) -> bytes:
    if len(text) > MAX_TEXT_CHARACTERS or not text.startswith(TEXT_PREFIX):
        raise QrError("malformed", "not a code of this profile")
    try:
        return _base45.decode(text[len(TEXT_PREFIX) :])
    except _base45.Base45Error as error:
        raise QrError("malformed", f"the text is not base45: {error}") from None


def _read_claims(payload: bytes, key_id: bytes) -> tuple[Claims, int, int]:
    """Returns the claims with the seconds of issue and expiry; signed does not mean sane."""
    try:
        values = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the claims: {error}") from None
    if not isinstance(values, dict) or values.keys() != _CLAIM_LABELS:
        raise QrError("malformed", "not exactly the claims of this profile")
    issuer, subject, audience = values[CLAIM_ISSUER], values[CLAIM_SUBJECT], values[CLAIM_AUDIENCE]
    issue, expire, code_id = values[CLAIM_ISSUE], values[CLAIM_EXPIRE], values[CLAIM_CODE_ID]
    if not (
        isinstance(issuer, str)
        and isinstance(subject, str)
        and isinstance(audience, str)
        and isinstance(issue, int)
        and isinstance(expire, int)
        and isinstance(code_id, bytes)
        and len(subject) == SUBJECT_CHARACTERS
        and len(code_id) == CODE_ID_BYTES
        and 0 <= issue < expire <= LAST_SECOND
        and expire - issue <= MAX_LIFE_SECONDS
    ):
        raise QrError("malformed", "a claim is not of its type, length or range")
    issue_time = dt.datetime.fromtimestamp(issue, dt.timezone.utc)
    expire_time = dt.datetime.fromtimestamp(expire, dt.timezone.utc)
    claims = Claims(issuer, subject, audience, issue_time, expire_time, code_id, key_id)
    return claims, issue, expire


def _check_time(issue: int, expire: int, now_second: float, leeway: int) -> None:
    """Checks `issue - leeway <= now < expire + leeway`."""
    offset = math.floor(now_second - issue)
    if now_second < issue - leeway:
        if now_second < issue - CLOCK_SUSPECT_SECONDS:
            message = "the code is from the future: this clock is behind"
            raise QrError("clock_suspect", message, offset_seconds=offset)
        raise QrError("not_yet_valid", "the code's minute has not begun", offset_seconds=offset)
    if now_second >= expire + leeway:
        raise QrError("expired", "the code's minute is over", offset_seconds=offset)
