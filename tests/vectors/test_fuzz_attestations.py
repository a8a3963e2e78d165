"""Attestations and holds changed at random: refused by a fixed error, or signed and sound."""

import random

from support.attestation_minting import (
    attest_trust,
    attested,
    hold,
    message,
    signed,
    signed_hold,
    text_of,
)
from support.token_minting import NOW
from vectors.fuzzing import changed, changed_text

from yibao import _base45, attestation
from yibao._attested import encode_hold, encode_registration
from yibao.attestation import QrError

MUTATIONS = 12_000
# To sign takes longer than to refuse.
SIGNED = 1_500


def test_no_changed_attestation_is_accepted() -> None:
    chance, trust = random.Random(20261130), attest_trust()
    valid = signed()
    data = _base45.decode(valid.removeprefix("MR1-"))
    refused = 0
    for number in range(MUTATIONS):
        text = changed_text(valid, chance) if number % 3 else text_of(changed(data, chance))
        try:
            attestation.verify(text, trust=trust, now=NOW)
        except QrError:
            refused += 1
        else:
            assert text == valid
    assert refused > MUTATIONS * 0.9


def test_what_is_rightly_signed_is_accepted_in_its_one_encoding_alone() -> None:
    chance, trust = random.Random(7), attest_trust()
    payload, accepted = encode_registration(attested()), 0
    for _ in range(SIGNED):
        content = changed(payload, chance)
        try:
            text = text_of(message(content).encode())
            found = attestation.verify(text, trust=trust, now=NOW)
        except QrError:
            continue
        accepted += 1
        assert encode_registration(found) == content
    assert accepted > 0


def test_no_changed_hold_is_accepted() -> None:
    chance, trust = random.Random(11), attest_trust()
    valid, payload = signed_hold(), encode_hold(hold())
    for number in range(2 * SIGNED):
        is_signed = number % 2 == 0
        content = changed(payload if is_signed else valid, chance)
        data = message(content, message_type="mh+cwt").encode() if is_signed else content
        try:
            found = attestation.verify_hold(data, trust=trust, now=NOW)
        except QrError:
            continue
        assert encode_hold(found) == content if is_signed else data == valid
