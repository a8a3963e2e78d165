"""The pages tell how large codes are; these are the sizes."""

import re

import pytest
from support.attestation_minting import attested, signed, signed_hold
from support.contracts import ROOT
from support.presentation_minting import Showing, certificate, outer, status
from support.token_minting import Message, payload

from yibao import _base45

QR_TOKEN = (ROOT / "docs" / "coding" / "qr-token.md").read_text(encoding="utf-8")
PHONES = (ROOT / "docs" / "concepts" / "e-certificate.md").read_text(encoding="utf-8")
# The place on a status list takes one to five bytes; most places take the most.
LAST_PLACE = 2**20 - 1


def size(text: str) -> int:
    return len(_base45.decode(text[len("MI1-") :]))


def code_of_a_phone(device: str, place: int) -> str:
    return Showing(outer(), certificate(device, status=status(place)), device).text()


def test_a_code_of_the_issuer_is_as_large_as_the_page_says() -> None:
    (told,) = re.findall(r"\| size \| (\d+) bytes", QR_TOKEN)
    assert size(Message(payload()).text()) == int(told)


@pytest.mark.parametrize("page", [QR_TOKEN, PHONES], ids=["qr-token", "e-certificate"])
def test_a_code_of_a_phone_is_at_most_as_large_as_the_pages_say(page: str) -> None:
    (told,) = re.findall(r"up to (\d+) bytes, (?:QR )?version 14", page)
    sizes = [size(code_of_a_phone("device", place)) for place in (0, 1_000, 70_000, LAST_PLACE)]
    assert max(sizes) == int(told)


def test_a_code_of_a_phone_with_a_p256_key_is_at_most_as_large_as_the_page_says() -> None:
    (told,) = re.findall(r"P-256 key up to (\d+), version 15", QR_TOKEN)
    assert size(code_of_a_phone("P-256", LAST_PLACE)) == int(told)


def test_attestations_are_as_large_as_the_page_says() -> None:
    page = (ROOT / "docs" / "coding" / "attestations.md").read_text(encoding="utf-8")
    found = re.search(r"\| size \| (\d+) to (\d+) bytes, up to (\d+) characters, QR version", page)
    assert found is not None
    least = signed(attested(benefits=(1,), last_day=None))
    most = signed(attested(benefits=(1, 2, 3, 4)))
    assert [size(least), size(most), len(most)] == [int(told) for told in found.groups()]
    assert f"| {len(signed_hold())} bytes |" in page
