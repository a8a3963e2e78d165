"""Verifies attestations of registrations for care elsewhere, without a network.

    attested = attestation.verify(text, trust=snapshot, now=now)

Returns what the insuring region's offsite service has signed, or raises `QrError` with one
of the fixed names. The checks run in the order of `docs/coding/attestations.md`, so that
the same text has the same error everywhere. The snapshot is that of codes. Whether the
statement still holds is told by the status list, or by the service itself: who has the
list passes it as `status`.
"""

import datetime as dt
import hashlib
import math
from typing import Final

from cryptography.exceptions import InvalidSignature

from yibao import _base45, _ed25519, _status_list, _typed_frame
from yibao._attested import (
    TEXT_PREFIX,
    USE_ATTEST,
    Attested,
    AttestedHold,
    decode_hold,
    decode_registration,
    region_of_list,
)
from yibao._claims import CLOCK_SUSPECT_SECONDS, MAX_LEEWAY_SECONDS
from yibao._status_list import SignedList, StatusList
from yibao._token import ErrorName, Frame, QrError, check_signed_by, unix_seconds
from yibao.trust import TrustedKey, TrustSnapshot

__all__ = [
    "Attested",
    "AttestedHold",
    "AttestedList",
    "ErrorName",
    "QrError",
    "issuer_of",
    "verify",
    "verify_hold",
    "verify_list",
]

MAX_TEXT_CHARACTERS: Final = 700
# The issuer's clock signs, so this covers the difference of two clocks that are kept right.
LEEWAY_SECONDS: Final = 5
MAX_LIST_LIFE_SECONDS: Final = 86_400


class AttestedList:
    """A region's status list of attestations, verified. Made by `verify_list` alone."""

    def __init__(self, held: StatusList, *, region: str, digest: bytes, key_id: bytes) -> None:
        """Takes what was verified; `key_id` is of the key that signed it."""
        self._held = held
        self.region = region
        self.digest = digest
        self.key_id = key_id

    @property
    def uri(self) -> str:
        """Its name, `mr:sl/<region>/<number>`."""
        return self._held.uri

    @property
    def issue_time(self) -> dt.datetime:
        """When it was signed, in UTC."""
        return dt.datetime.fromtimestamp(self._held.issue_second, dt.timezone.utc)

    @property
    def expire_time(self) -> dt.datetime:
        """From when on it tells nothing, in UTC."""
        return dt.datetime.fromtimestamp(self._held.expire_second, dt.timezone.utc)

    @property
    def refresh_after(self) -> dt.timedelta:
        """How old it may grow before the next is fetched."""
        return dt.timedelta(seconds=self._held.refresh_seconds)

    def check(self, attested: Attested, *, now: dt.datetime) -> None:
        """Checks that an attestation is not revoked.

        Raises:
            QrError: `stale_trust`, this is another list than the attestation names, or it
                is past its age; `malformed`, it has no such entry; `revoked`.
        """
        if self.uri != attested.status_uri:
            raise QrError("stale_trust", "the attestation names another status list; fetch that")
        if unix_seconds(now) >= self._held.expire_second:
            raise QrError("stale_trust", "the status list is past its age; fetch a new one")
        if self._held.is_set(attested.status_index):
            raise QrError("revoked", "the attestation holds no longer; fetch another")


def issuer_of(text: str) -> str:
    """Returns the region that an attestation says to be issued by, six digits.

    Nothing of it is verified. It tells whose service to ask; that decides.

    Raises:
        QrError: `malformed`.
    """
    frame = _open_text(text)
    return decode_registration(frame.payload, frame.key_id).region


def verify(
    text: str,
    *,
    trust: TrustSnapshot,
    now: dt.datetime,
    status: AttestedList | None = None,
    leeway_seconds: int = LEEWAY_SECONDS,
) -> Attested:
    """Returns what the attestation `text` states, all of it checked but the days of cover.

    Whether it covers a stay is asked of `Attested.covers`, with the day of admission.

    Args:
        text: The attestation alone; `yibao.qr.scanned` takes away what a scanner adds to it.
        trust: The verified trust snapshot.
        now: The present instant, aware.
        status: The status list that it names, where one is held; None leaves to the caller
            to ask whether the statement still holds.
        leeway_seconds: How far this clock may differ from the signer's, 0 to 60.

    Raises:
        QrError: It is not accepted: `malformed`, `stale_trust`, `unknown_key`,
            `bad_signature`, `not_yet_valid`, `clock_suspect`, `expired`, `revoked`. Where the
            key that signed `status` is trusted no more it is `unknown_key`, too.
        ValueError: `now` is not aware, or the leeway is out of range.
    """
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError("leeway_seconds must be from 0 to 60")
    now_second = unix_seconds(now)
    frame = _open_text(text)
    key = _signed_by(frame, trust, now)
    attested = decode_registration(frame.payload, frame.key_id)
    _check_issuer(key, attested.region, attested.issue_second)
    offset = math.floor(now_second - attested.issue_second)
    if now_second < attested.issue_second - leeway_seconds:
        if offset < -CLOCK_SUSPECT_SECONDS:
            message = "the attestation is from the future: this clock is behind"
            raise QrError("clock_suspect", message, offset_seconds=offset)
        raise QrError("not_yet_valid", "the attestation is not valid yet", offset_seconds=offset)
    if now_second >= attested.expire_second + leeway_seconds:
        raise QrError("expired", "the attestation has ended; fetch another", offset_seconds=offset)
    if status is not None:
        _find_key(trust, status.key_id, what="the status list; fetch a new one")
        status.check(attested, now=now)
    return attested


def verify_hold(
    data: bytes, *, trust: TrustSnapshot, now: dt.datetime, is_told_now: bool = False
) -> AttestedHold:
    """Returns what an attested hold states, or that it is lifted.

    Args:
        data: The message as the offsite service told it.
        trust: The verified trust snapshot.
        now: The present instant, aware.
        is_told_now: Whether the offsite service itself tells it over a connection of its own:
            the instant of signing, by which nothing ends, may then lie in the future.

    Raises:
        QrError: It is not accepted: `malformed`, `stale_trust`, `unknown_key`,
            `bad_signature`, `clock_suspect`.
        ValueError: `now` is not aware.
    """
    frame = _typed_frame.open_frame(data, _typed_frame.TYPE_HOLD)
    key = _signed_by(frame, trust, now)
    hold = decode_hold(frame.payload, frame.key_id)
    _check_issuer(key, hold.region, hold.issue_second)
    if not is_told_now:
        check_signed_by(hold.issue_second, now, what="hold")
    return hold


def verify_list(
    data: bytes,
    *,
    trust: TrustSnapshot,
    now: dt.datetime,
    previous: AttestedList | None = None,
) -> AttestedList:
    """Returns a status list of attestations.

    Args:
        data: The list as published.
        trust: The verified trust snapshot.
        now: The present instant, aware.
        previous: The list of this name that was held before; an older one is refused.

    Raises:
        QrError: `malformed`; `stale_trust`, it or the snapshot is past its age, or it is
            older than `previous`; `unknown_key`; `bad_signature`; `clock_suspect`.
        ValueError: `now` is not aware.
    """
    signed = _status_list.open_list(data)
    key = _signed_by(signed, trust, now)
    found = _status_list.decode_claims(signed.payload, region_of=region_of_list)
    region = region_of_list(found.uri)
    if region is None or found.expire_second - found.issue_second > MAX_LIST_LIFE_SECONDS:
        raise QrError("malformed", "not the life of a list of attestations")
    _check_issuer(key, region, found.issue_second)
    check_signed_by(found.issue_second, now, what="status list")
    if unix_seconds(now) >= found.expire_second:
        raise QrError("stale_trust", "the status list is past its age")
    made = AttestedList(
        found, region=region, digest=hashlib.sha256(data).digest(), key_id=signed.key_id
    )
    if previous is not None and previous.uri == made.uri and made.issue_time < previous.issue_time:
        raise QrError("stale_trust", "the status list is older than the one in use")
    return made


def _open_text(text: str) -> Frame:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise QrError("malformed", "too long for an attestation")
    if not text.startswith(TEXT_PREFIX):
        raise QrError("malformed", "not an attestation")
    try:
        data = _base45.decode(text[len(TEXT_PREFIX) :])
    except _base45.Base45Error as error:
        raise QrError("malformed", f"the text is not base45: {error}") from None
    return _typed_frame.open_frame(data, _typed_frame.TYPE_REGISTRATION)


def _signed_by(signed: Frame | SignedList, trust: TrustSnapshot, now: dt.datetime) -> TrustedKey:
    """Returns the key that signed a message, whose times are still to be looked at."""
    trust.check_age(now)
    key = _find_key(trust, signed.key_id, what="it")
    try:
        _ed25519.verify(key.public_key, signed.signature, signed.signed)
    except InvalidSignature:
        raise QrError("bad_signature", "the signature does not fit") from None
    return key


def _find_key(trust: TrustSnapshot, key_id: bytes, *, what: str) -> TrustedKey:
    key = trust.find(key_id, use=USE_ATTEST)
    if key is None or key.is_killed:
        raise QrError("unknown_key", f"no trusted key signed {what}")
    return key


def _check_issuer(key: TrustedKey, region: str, issue_second: int) -> None:
    if not key.may_sign(issuer=region, at_second=issue_second):
        raise QrError("unknown_key", "the key may not sign for this region at that time")
