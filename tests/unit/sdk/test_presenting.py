"""The phone's side: codes that it makes by itself, and proofs that it has its key."""

import datetime as dt

import pytest
from support.presentation_minting import (
    CHALLENGE,
    certificate,
    certified,
    device_key,
    device_trust,
    showing,
)
from support.token_minting import AUDIENCE, CODE_ID, NOW, NOW_SECOND

from yibao import device, qr

TRUST = device_trust()
SECOND = dt.timedelta(seconds=1)
ENROL_CHALLENGE = bytes(range(56))


def present(
    now: dt.datetime = NOW,
    *,
    name: str = "device",
    certificate_: bytes | None = None,
    challenge: bytes | None = None,
) -> str:
    return qr.present(
        certificate_ or certificate(name),
        device_key(name),
        audience=AUDIENCE,
        now=now,
        challenge=challenge,
        random_bytes=lambda size: CODE_ID[:size],
    )


def test_the_code_is_the_one_of_the_profile() -> None:
    assert present() == showing().text()
    assert present(challenge=CHALLENGE) == showing(cnonce=CHALLENGE).text()


@pytest.mark.parametrize("name", ["device", "P-256 device"])
@pytest.mark.parametrize("challenge", [None, CHALLENGE])
def test_a_code_is_accepted(name: str, challenge: bytes | None) -> None:
    text = present(name=name, challenge=challenge)
    claims = qr.verify(text, trust=TRUST, audience=AUDIENCE, now=NOW, challenge=challenge)
    assert (claims.mode, claims.code_id, claims.challenge) == ("B", CODE_ID, challenge)


def test_each_code_has_an_id_of_its_own() -> None:
    codes = {
        qr.present(certificate(), device_key("device"), audience=AUDIENCE, now=NOW)
        for _ in range(3)
    }
    assert len(codes) == 3


def test_the_second_of_now_counts_as_begun() -> None:
    text = present(NOW + dt.timedelta(milliseconds=999))
    assert qr.verify(text, trust=TRUST, audience=AUDIENCE, now=NOW).issue_second == NOW_SECOND


@pytest.mark.parametrize(("left", "life"), [(61, 60), (60, 60), (59, 59), (1, 1)])
def test_a_code_never_outlives_its_certificate(left: int, life: int) -> None:
    ending = certificate(exp=NOW_SECOND + left)
    text = present(certificate_=ending)
    claims = qr.verify(text, trust=TRUST, audience=AUDIENCE, now=NOW)
    assert claims.expire_second - claims.issue_second == life


@pytest.mark.parametrize(("offset", "is_shown"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_phone_shows_codes_in_the_time_of_its_certificate(offset: int, is_shown: bool) -> None:
    short = certificate(iat=NOW_SECOND, exp=NOW_SECOND + 60)
    if is_shown:
        present(NOW + offset * SECOND, certificate_=short)
        return
    with pytest.raises(ValueError, match="over or not yet valid"):
        present(NOW + offset * SECOND, certificate_=short)


def test_a_phone_does_not_use_what_is_not_its_certificate() -> None:
    with pytest.raises(ValueError, match="of another key"):
        present(certificate_=certificate("thief"))
    for bad in (b"", certificate()[:-1], certified(b"\xa0" * 30)):
        with pytest.raises(ValueError, match="not a device certificate"):
            present(certificate_=bad or b"\x00")


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_challenge_has_8_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        present(challenge=bytes(size))


def test_now_must_be_aware() -> None:
    with pytest.raises(ValueError, match="aware"):
        present(NOW.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["device", "P-256 device"])
def test_a_proof_of_possession_verifies(name: str) -> None:
    private = device_key(name)
    raw = device.raw_public_key(private)
    for statement in (
        device.enrolment_statement(ENROL_CHALLENGE, raw),
        device.renewal_statement(ENROL_CHALLENGE, CODE_ID),
    ):
        proof = device.sign(private, statement)
        assert device.is_signed(device.load_public_key(raw), proof, statement)
        assert not device.is_signed(device.load_public_key(raw), proof, statement + b"\0")


def test_the_statements_are_the_bytes_of_the_contract() -> None:
    raw = device.raw_public_key(device_key("device"))
    enrolment = device.enrolment_statement(ENROL_CHALLENGE, raw)
    assert enrolment == b"yibao device enrolment\0" + ENROL_CHALLENGE + raw
    renewal = device.renewal_statement(ENROL_CHALLENGE, CODE_ID)
    assert renewal == b"yibao device renewal\0" + ENROL_CHALLENGE + CODE_ID


@pytest.mark.parametrize("size", [55, 57])
def test_a_challenge_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="56 bytes"):
        device.enrolment_statement(bytes(size), bytes(32))
    with pytest.raises(ValueError, match="56 bytes"):
        device.renewal_statement(bytes(size), bytes(8))


@pytest.mark.parametrize("size", [0, 31, 33, 64, 66])
def test_a_key_of_another_length_is_not_stated(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        device.enrolment_statement(ENROL_CHALLENGE, bytes(size))


@pytest.mark.parametrize("size", [7, 9, 16])
def test_a_certificate_id_of_another_length_is_not_stated(size: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        device.renewal_statement(ENROL_CHALLENGE, bytes(size))
