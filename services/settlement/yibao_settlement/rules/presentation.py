"""The use of a QR code at settlement: once, by its holder, and newest first.

I-01: a newer code supersedes the older ones, whatever the leeway. I-02: a code is used
once. Both are decided under the lock of the person's standing.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from yibao_common.errors import RuleError
from yibao_common.reasons import Reason

# A code is verified as of its scan. Between scan and settlement lie the trial, the
# person's consent and perhaps a lost network, but not hours.
SCAN_AGE_MAX = dt.timedelta(minutes=10)
SCAN_AHEAD_MAX = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PresentedCode:
    """A code whose signature, minute and audience are verified as of `scan_time`.

    `code_id` is the claim `cti` in hexadecimal.
    """

    issuer: str
    subject: str
    code_id: str
    issue_time: dt.datetime
    scan_time: dt.datetime
    terminal_id: str


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
    holder_subject: str,
    usable: bool,
    newest_code_time: dt.datetime,
    used_codes: Collection[tuple[str, str]],
) -> None:
    """Raises RuleError where the code may not be used now.

    In this order: NOT_CARDHOLDER (I-03), ECERT_NOT_ACTIVATED, QR_ALREADY_USED (I-02),
    QR_SUPERSEDED (I-01).
    """
    if code.subject != holder_subject:
        raise RuleError(Reason.NOT_CARDHOLDER, "the code is not of the person of this visit")
    if not usable:
        raise RuleError(
            Reason.ECERT_NOT_ACTIVATED, "the e-certificate is not active", state="SUSPENDED"
        )
    if (code.subject, code.code_id) in used_codes:
        raise RuleError(Reason.QR_ALREADY_USED, "the code was presented before")
    if code.issue_time < newest_code_time:
        raise RuleError(Reason.QR_SUPERSEDED, "a newer code of the holder was presented")
