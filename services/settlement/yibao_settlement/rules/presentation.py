"""The use of a QR code at settlement: once, by its holder, and newest first.

I-01: a newer code supersedes the older ones of the same signer, whatever the leeway. A
signer makes one code a second: of a second one of a second it is not known which is newer,
so the one that was seen first supersedes it.
I-02: a code is used once. Both are decided under the lock of the person's standing.
I-03: a relative shows codes by a link alone. Identity tells since when the codes of a
certificate count, once somebody who showed one of them may not any more.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credential import Credential, check_usable

# A code is verified as of its scan. Between scan and settlement lie the trial, the
# person's consent and perhaps a lost network, but not hours.
SCAN_AGE_MAX = dt.timedelta(minutes=10)
SCAN_AHEAD_MAX = dt.timedelta(seconds=30)
# For so long a token may stand for a code that was resolved: for whoever is at the counter now.
RESOLVED_FOR_MAX = dt.timedelta(minutes=10)
# A code lasts a minute and a verifier allows a minute of clock error at most, so whatever
# was issued before this is refused by its time or its token's, and need not be superseded.
_NEWEST_KEPT_SECONDS = int((SCAN_AGE_MAX + RESOLVED_FOR_MAX).total_seconds()) + 300
# A code that was presented by now may be this much newer than the scan of one that is told late:
# so late it may be, with a minute of clock error on both sides. Than that of one which a token
# stands for it may be newer by the token's time too.
_AHEAD_OF_SCAN = SCAN_AGE_MAX + dt.timedelta(minutes=5)

_OF_ANOTHER = "the code is not of the person of this visit"


class PresentedCode(NamedTuple):
    """A code whose signature, minute and audience are verified as of `scan_time`.

    `code_id` is the claim `cti` in hexadecimal. `device_certificate_id` is that of the device
    certificate in a code of mode B, in hexadecimal, and empty in mode A. `resolution_id` is what
    used it up where a token stands for it, and empty otherwise.
    """

    issuer: str
    subject: str
    code_id: str
    issue_time: dt.datetime
    scan_time: dt.datetime
    terminal_id: str
    device_certificate_id: str = ""
    resolution_id: str = ""

    @property
    def signer(self) -> str:
        """Who made the code, whose codes bear different ids and follow one clock.

        The issuer for one subject in mode A, one device in mode B.
        """
        return self.device_certificate_id or self.subject

    @property
    def issue_second(self) -> int:
        """When the code was issued, in seconds since 1970."""
        return int(self.issue_time.timestamp())


class UnknownCredentialError(RuleError):
    """A code of which nobody is known: identity may have told of its holder meanwhile."""

    def __init__(self) -> None:
        """Tells the counter what it tells of somebody else's code."""
        super().__init__(Reason.NOT_CARDHOLDER, _OF_ANOTHER)


def check_scan_time(scan_time: dt.datetime, *, now: dt.datetime) -> None:
    """Raises CLOCK_SUSPECT where `scan_time` lies ahead of `now` or too far back."""
    offset = scan_time - now
    if offset > SCAN_AHEAD_MAX or -offset > SCAN_AGE_MAX:
        offset_seconds = round(offset.total_seconds())
        raise RuleError(
            Reason.CLOCK_SUSPECT,
            f"the scan time is {offset_seconds} s off our clock; "
            f"{-int(SCAN_AGE_MAX.total_seconds())} to {int(SCAN_AHEAD_MAX.total_seconds())} s "
            "are believable",
            offset_seconds=offset_seconds,
        )


def check_use(
    code: PresentedCode,
    *,
    person_id: str,
    credential: Credential | None,
    newest_codes: Mapping[str, int],
    used_codes: Collection[tuple[str, str]],
) -> None:
    """Raises RuleError where the code may not be used for `person_id` now.

    `credential` is that of the code's subject, `newest_codes` tells the newest issue
    second by signer, `used_codes` are signers with code ids.

    In this order: NOT_CARDHOLDER (I-03), the reason of the credential's state, QR_REVOKED
    where the phone was, QR_WITHDRAWN (I-03), QR_ALREADY_USED (I-02), QR_SUPERSEDED (I-01). A code
    that a token stands for was used up for that, and is the newest unless another one came since.
    """
    if credential is None:
        raise UnknownCredentialError
    if credential.person_id != person_id:
        raise RuleError(Reason.NOT_CARDHOLDER, _OF_ANOTHER)
    check_usable(credential)
    if code.device_certificate_id in credential.revoked_device_certificate_ids:
        raise RuleError(Reason.QR_REVOKED, "the phone that made the code was revoked")
    since = credential.codes_since_second
    # Relatives show codes of the issuer alone; a phone's clock is not that of identity.
    if since is not None and not code.device_certificate_id and code.issue_second < since:
        raise RuleError(Reason.QR_WITHDRAWN, "who showed the holder's codes may not any more")
    signer, is_resolved = code.signer, bool(code.resolution_id)
    if not is_resolved and (signer, code.code_id) in used_codes:
        raise RuleError(Reason.QR_ALREADY_USED, "the code was presented before")
    newest_second = newest_codes.get(signer, 0)
    is_older = code.issue_second < newest_second + (not is_resolved)
    if is_older and _is_believable(newest_second, code):
        message = "a newer code of the holder was presented, or another one of that second"
        raise RuleError(Reason.QR_SUPERSEDED, message)


def _is_believable(newest_second: int, code: PresentedCode) -> bool:
    """Tells whether a code of a second can have been presented before `code`.

    Where a clock was ahead, codes of a time to come were. Who settled under that clock would
    otherwise be refused until then.
    """
    until = code.scan_time + _AHEAD_OF_SCAN
    if code.resolution_id:
        until += RESOLVED_FOR_MAX
    return newest_second <= until.timestamp()


def newest_codes_with(
    before: Mapping[str, int], code: PresentedCode, *, now: dt.datetime
) -> dict[str, int]:
    """Returns the newest issue second by signer after `code` was used.

    What is so old that it supersedes nothing any more is left out.
    """
    since = now.timestamp() - _NEWEST_KEPT_SECONDS
    newest = {signer: second for signer, second in before.items() if second >= since}
    known_second = newest.get(code.signer, 0)
    if known_second <= code.issue_second or not _is_believable(known_second, code):
        newest[code.signer] = code.issue_second
    return newest
