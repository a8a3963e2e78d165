"""Of which region a code says to be, before anybody verifies it."""

import pytest
from support.presentation_minting import showing
from support.token_minting import Message, payload

from yibao import qr

CODE, SHOWN = Message(payload()).text(), showing().text()


@pytest.mark.parametrize("text", [CODE, SHOWN])
def test_a_code_of_either_mode_says_its_region_whoever_signed_it(text: str) -> None:
    region = qr.issuer_of(text)
    assert len(region) == 6
    # The signature ends the text; nothing of it is looked at.
    assert qr.issuer_of(text[:-12] + text[-9:-6] * 4) == region


@pytest.mark.parametrize(
    "text",
    [
        *("", "MI1-", "MI2-", "MI3-" + CODE[4:], CODE.lower(), SHOWN[:-3], CODE[:-3]),
        *("MI2-" + CODE[4:], "MI1-" + SHOWN[4:], f" {CODE}", "M" * 701, "医保码", "\ud800"),
    ],
)
def test_what_is_no_code_is_malformed(text: str) -> None:
    with pytest.raises(qr.QrError) as caught:
        qr.issuer_of(text)
    assert caught.value.error == "malformed"
