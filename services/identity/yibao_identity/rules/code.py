"""The QR code of an e-certificate, mode A: what the issuer states for one minute."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason

LIFE_SECONDS = 60
_LIFE = dt.timedelta(seconds=LIFE_SECONDS)
SUBJECT_CHARACTERS = 13
CODE_ID_BYTES = 8
# How far ahead of the clock a code may be, where the seconds before have codes of other uses.
SECONDS_AHEAD = 3

# The business types (用码业务类型) of the national e-certificate interface. A code is for
# one of them, so that what was shown to register cannot be used to pay.
AUDIENCES: Mapping[str, str] = MappingProxyType(
    {
        "01101": "register a visit",
        "01102": "open an inpatient file",
        "01103": "admission",
        "01104": "deposit",
        "01201": "consultation",
        "01202": "book an examination",
        "01203": "examination",
        "01204": "treatment",
        "01301": "settle",
        "01302": "take drugs",
        "01303": "fetch reports",
        "01304": "print bills and lists",
        "01305": "copy records",
        "02121": "pharmacy",
        "02122": "fetch an outside prescription",
        "03131": "identity in an app",
        "03132": "settle in an app",
        "05101": "change the password at a counter",
    }
)


@dataclass(frozen=True, slots=True)
class QrClaims:
    """The claims of one code; seconds are since 1970, the last one exclusive.

    `issuer` is the pooling region (统筹区) of the holder and `subject` the opaque
    reference of the e-certificate. `code_id` is random and makes the code usable once.
    """

    issuer: str
    subject: str
    audience: str
    issue_second: int
    expire_second: int
    code_id: bytes

    def __post_init__(self) -> None:
        """Checks what the service itself supplies."""
        assert len(self.issuer) == 6
        assert self.issuer.isascii()
        assert self.issuer.isdigit()
        assert len(self.subject) == SUBJECT_CHARACTERS
        assert self.subject.isascii()
        assert self.audience in AUDIENCES
        assert self.expire_second - self.issue_second == LIFE_SECONDS
        # The encoding below gives each time four bytes.
        assert 1 << 16 <= self.issue_second < self.expire_second < 1 << 32
        assert len(self.code_id) == CODE_ID_BYTES

    def encoded(self) -> bytes:
        """Returns the claims as a deterministic CBOR map: the payload that is signed.

        The layout is fixed, so it is written out: a map of 6 whose keys 1, 2, 3, 4, 6, 7 are
        iss, sub, aud (text), exp, iat (4-byte integers) and cti (8 bytes).
        """
        return b"".join(
            (
                b"\xa6\x01",
                _text(self.issuer),
                b"\x02",
                _text(self.subject),
                b"\x03",
                _text(self.audience),
                b"\x04\x1a",
                self.expire_second.to_bytes(4),
                b"\x06\x1a",
                self.issue_second.to_bytes(4),
                b"\x07\x48",
                self.code_id,
            )
        )


def new_claims(
    *, issuer: str, subject: str, audience: str, now: dt.datetime, code_id: bytes
) -> QrClaims:
    """Returns the claims of a code that is valid from `now` (aware) for 60 seconds.

    The second of `now` counts as begun, so that a scanner with the same clock accepts
    the code at once.

    Raises:
        RuleError: FIELD_MALFORMED; `audience` is not a business type.
    """
    assert now.tzinfo is not None
    if audience not in AUDIENCES:
        message = "is not a business type of the national interface"
        refuse_faults([FieldFault("audience", Reason.FIELD_MALFORMED, message)])
    issue_second = int(now.timestamp())
    return QrClaims(issuer, subject, audience, issue_second, issue_second + LIFE_SECONDS, code_id)


def too_many_codes(credential_id: str) -> RuleError:
    """Returns the refusal where this second and those to come have their codes (I-01).

    `credential_id` is that of the e-certificate or card.
    """
    return RuleError(
        Reason.RATE_LIMITED,
        f"{credential_id} has a code for each of the next {SECONDS_AHEAD} seconds; ask then",
    )


def check_batch(codes: int, *, most: int) -> None:
    """Refuses codes for the minutes to come where the operator allows none, or not so many.

    Raises:
        RuleError: QR_BATCH_DISABLED; FIELD_OUT_OF_RANGE on `codes`.
    """
    if most == 0:
        raise RuleError(
            Reason.QR_BATCH_DISABLED, "codes for the minutes to come are not issued here"
        )
    if codes > most:
        message = f"must be at most {most} here"
        refuse_faults([FieldFault("codes", Reason.FIELD_OUT_OF_RANGE, message)])


def check_key_lasts(codes: int, *, now: dt.datetime, expire_time: dt.datetime) -> None:
    """Refuses codes of minutes in which the key that signs them now may sign no more.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE on `codes`.
    """
    if now + (codes - 1) * _LIFE >= expire_time:
        message = "the issuer's key ends before the last of so many minutes"
        refuse_faults([FieldFault("codes", Reason.FIELD_OUT_OF_RANGE, message)])


def batch_seconds(start_second: int, codes: int) -> range:
    """Returns the seconds of `codes` codes, one a minute from `start_second` on, without a gap.

    Each is valid in its own minute and not before, so that a batch at rest is of no more
    use to a thief than a phone that shows codes.
    """
    return range(start_second, start_second + codes * LIFE_SECONDS, LIFE_SECONDS)


def _text(value: str) -> bytes:
    # Up to 23 bytes the length stands in the head itself.
    assert len(value) < 24
    return bytes((0x60 | len(value),)) + value.encode("ascii")
