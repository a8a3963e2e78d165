"""What a verifier learns of its own clock from the codes that it scans."""

import contextlib
import datetime as dt
import statistics

import pytest
from support.presentation_minting import device_trust, showing
from support.token_minting import AUDIENCE, NOW, NOW_SECOND, Message, payload, text_of

from yibao import qr

TRUST = device_trust()


def code(number: int, *, age_seconds: int) -> str:
    """Returns a code that is `age_seconds` old at `NOW`."""
    issue = NOW_SECOND - age_seconds
    return Message(payload(cti=number.to_bytes(8), iat=issue, exp=issue + 60)).text()


def scan(verifier: qr.Verifier, text: str) -> None:
    with contextlib.suppress(qr.QrError):
        verifier.check(text, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(
    ("ages", "offset"),
    [
        ([10, 20, 30, 40], None),
        ([10, 20, 30, 40, 50], 30),
        ([10, 20, 30, 40, 50, 52], 35),
        # This clock is three minutes slow: every code is refused, and still tells it.
        ([-170, -160, -150, -140, -130], -150),
        # Old pictures of codes, fewer than the others.
        ([10, 20, 30, 86_400, 90_000], 30),
    ],
)
def test_the_offset_is_the_median_age_from_the_fifth_scan_on(
    ages: list[int], offset: float | None
) -> None:
    verifier = qr.Verifier(TRUST)
    for number, age in enumerate(ages):
        scan(verifier, code(number, age_seconds=age))
    assert verifier.clock_offset_seconds == offset


def test_only_the_last_31_scans_count() -> None:
    verifier = qr.Verifier(TRUST)
    ages = [*range(31), *range(20, 51)]
    for number, age in enumerate(ages):
        scan(verifier, code(number, age_seconds=age))
    assert verifier.clock_offset_seconds == statistics.median(range(20, 51))


def test_what_the_issuer_did_not_sign_and_date_does_not_count() -> None:
    verifier = qr.Verifier(TRUST)
    forged = Message(payload(), signature=bytes(64)).text()
    early = {"iat": NOW_SECOND + 3_000, "exp": NOW_SECOND + 3_060}
    for text in (forged, text_of(bytes(138)), showing().text(), showing(**early).text()):
        for _ in range(5):
            scan(verifier, text)
    assert verifier.clock_offset_seconds is None


def test_parts_of_seconds_count() -> None:
    verifier = qr.Verifier(TRUST)
    for number in range(5):
        now = NOW + dt.timedelta(milliseconds=250)
        verifier.check(code(number, age_seconds=7), audience=AUDIENCE, now=now)
    assert verifier.clock_offset_seconds == 7.25
