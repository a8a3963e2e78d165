"""What a code states, and what both modes share in reading and judging it."""

import datetime as dt
import math
from typing import Final, Literal, NamedTuple, TypeAlias

from yibao._token import MAX_LIFE_SECONDS, QrError
from yibao._trust_format import LAST_SECOND

MAX_LEEWAY_SECONDS: Final = 60
# The issuer's clock signs a code of mode A, the phone's one of mode B.
CODE_LEEWAY_SECONDS: Final = 5
PRESENTATION_LEEWAY_SECONDS: Final = 30
# A clock further behind the signer's than this decides nothing; less is drift.
CLOCK_SUSPECT_SECONDS: Final = 60
CHALLENGE_BYTES: Final = 8

Mode: TypeAlias = Literal["A", "B"]

# How a code of either mode usually ends: exp and iat, of four bytes each, cti, signature.
USUAL_END: Final = (b"\x04\x1a", "I", b"\x06\x1a", "I", b"\x07\x48", "8s", b"\x58\x40", "64s")
# The length of a longer text does not stand in its head.
MAX_USUAL_AUDIENCE_BYTES: Final = 23
# Below this an integer of four bytes would not be in its shortest form.
LEAST_OF_FOUR_BYTES: Final = 0x1_0000


class Claims(NamedTuple):
    """What a code states, verified.

    A named tuple, because one is made at each scan and a frozen dataclass takes longer
    than all checks of the claims.

    `mode` is "A" where the issuer signed the code, "B" where the holder's phone did with
    a key that the issuer certified. `issuer` is the pooling region (统筹区) of the holder,
    `subject` the opaque reference of the e-certificate, `audience` the business type that
    the code is for. Seconds are since 1970, UTC; the code is valid from `issue_second` to
    `expire_second`, which is exclusive. `code_id` names this one code among those of
    `device_certificate_id` (B) or of `key_id`, the issuer's key that signed code or certificate.
    `device_certificate_id` and `challenge`, a terminal's nonce that the code answers, are None
    in mode A, and `challenge` where the phone was shown none.
    """

    mode: Mode
    issuer: str
    subject: str
    audience: str
    issue_second: int
    expire_second: int
    code_id: bytes
    key_id: bytes
    device_certificate_id: bytes | None = None
    challenge: bytes | None = None

    @property
    def issue_time(self) -> dt.datetime:
        """When the code was signed, in UTC."""
        return dt.datetime.fromtimestamp(self.issue_second, dt.timezone.utc)

    @property
    def expire_time(self) -> dt.datetime:
        """From when on the code is invalid, in UTC."""
        return dt.datetime.fromtimestamp(self.expire_second, dt.timezone.utc)

    @property
    def presentation_key(self) -> tuple[str, str]:
        """What names this code for ever: who signed it for whom, and its id.

        Whoever books a code stores this under a unique constraint, so that it counts
        once. It is made of signed claims, never of the text: one statement may be
        signed twice.
        """
        signer = self.issuer + self.subject
        if self.device_certificate_id is not None:
            signer = self.device_certificate_id.hex()
        return signer, self.code_id.hex()


def check_life(issue_second: int, expire_second: int) -> None:
    """Checks that a code lives for 1 to 60 seconds, and within the calendar.

    Raises:
        QrError: `malformed`.
    """
    if not (
        0 <= issue_second < expire_second <= LAST_SECOND
        and expire_second - issue_second <= MAX_LIFE_SECONDS
    ):
        raise QrError("malformed", "a life outside 1 to 60 seconds")


def time_refusal(claims: Claims, now_second: float) -> QrError:
    """Returns why a code is refused that is not valid at `now_second`, leeway included."""
    offset = math.floor(now_second - claims.issue_second)
    if now_second >= claims.issue_second:
        return QrError("expired", "the code's minute is over", offset_seconds=offset)
    if now_second < claims.issue_second - CLOCK_SUSPECT_SECONDS:
        message = "the code is from the future: this clock is behind"
        return QrError("clock_suspect", message, offset_seconds=offset)
    return QrError("not_yet_valid", "the code's minute has not begun", offset_seconds=offset)


def stale_refusal() -> QrError:
    """Returns why nothing is verified by a snapshot that has reached its hard age."""
    return QrError("stale_trust", "the trust snapshot is past its hard age; fetch a new one")
