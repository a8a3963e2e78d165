"""Proofs of possession: which keys are taken, what a signature proves, whose challenge it was."""

import datetime as dt
import functools
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import _ed25519
from yibao import device as proofs
from yibao_common.keys.vault import Vault
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.device import proof
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.rules.device import KeyAlgorithm
from yibao_identity.storage.device.proof import PhoneKeys

check_key = functools.partial(proof.check_key, PhoneKeys())
check_enrolment = functools.partial(proof.check_enrolment, PhoneKeys())
check_renewal = functools.partial(proof.check_renewal, PhoneKeys())

ED25519, P256 = KeyAlgorithm.ED25519, KeyAlgorithm.P256
P = 2**255 - 19
CHALLENGE = bytes(range(56))
KEYS: dict[KeyAlgorithm, proofs.PrivateKey] = {
    ED25519: Ed25519PrivateKey.from_private_bytes(b"\x01" * 32),
    P256: ec.derive_private_key(1_234_567, ec.SECP256R1()),
}
OTHER_KEYS: dict[KeyAlgorithm, proofs.PrivateKey] = {
    ED25519: Ed25519PrivateKey.from_private_bytes(b"\x02" * 32),
    P256: ec.derive_private_key(7_654_321, ec.SECP256R1()),
}
REGION, CERTIFICATE = "500100", "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
NOW = dt.datetime(2026, 11, 2, 8, 0, 0, 500_000, tzinfo=dt.UTC)
# The seven y of points of order 1, 2, 4 and 8, written with and without a needless p, and
# each with either sign.
LOW_ORDER = [
    (y | sign << 255).to_bytes(32, "little")
    for low in sorted(_ed25519.LOW_ORDER_Y)
    for y in (low, low + P)
    if y < 1 << 255
    for sign in (0, 1)
]


def refusal_of(check: object, *args: object, **kwargs: object) -> Reason:
    with pytest.raises(RuleError) as refused:
        check(*args, **kwargs)  # type: ignore[operator]
    return refused.value.reason


def test_there_are_14_encodings_of_low_order() -> None:
    assert len(set(LOW_ORDER)) == 14


@pytest.mark.parametrize("public_key", LOW_ORDER, ids=bytes.hex)
def test_a_key_of_low_order_is_refused(public_key: bytes) -> None:
    assert refusal_of(check_key, ED25519, public_key) is Reason.DEVICE_KEY_REFUSED


def test_a_signature_that_fits_every_message_does_not_enrol_the_identity_point() -> None:
    # R the identity and S zero: OpenSSL accepts it under this key for whatever is signed.
    identity = (1).to_bytes(32, "little")
    reason = refusal_of(
        check_enrolment, ED25519, identity, challenge=CHALLENGE, signature=identity + bytes(32)
    )
    assert reason is Reason.DEVICE_KEY_REFUSED


POINT = proofs.raw_public_key(KEYS[P256])


@pytest.mark.parametrize(
    ("algorithm", "public_key"),
    [
        pytest.param(ED25519, (2).to_bytes(32, "little"), id="no point of the curve"),
        pytest.param(ED25519, (P + 3).to_bytes(32, "little"), id="not canonical"),
        pytest.param(ED25519, bytes(31), id="too short"),
        pytest.param(ED25519, POINT, id="a point of P-256 as Ed25519"),
        pytest.param(P256, proofs.raw_public_key(KEYS[ED25519]), id="Ed25519 as P-256"),
        pytest.param(P256, POINT[:64] + bytes([POINT[64] ^ 1]), id="not on P-256"),
        pytest.param(P256, b"\x02" + POINT[1:], id="not the uncompressed form"),
        pytest.param(P256, b"\x02" + POINT[1:33], id="compressed"),
        pytest.param(P256, b"\x04" + bytes(64), id="zero"),
        pytest.param(P256, b"\x04" + b"\xff" * 64, id="coordinates over p"),
    ],
)
def test_what_is_no_key_is_refused(algorithm: KeyAlgorithm, public_key: bytes) -> None:
    assert refusal_of(check_key, algorithm, public_key) is Reason.DEVICE_KEY_REFUSED


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_signature_of_the_key_over_its_own_enrolment_is_a_proof(algorithm: KeyAlgorithm) -> None:
    private_key = KEYS[algorithm]
    public_key = proofs.raw_public_key(private_key)
    statement = proofs.enrolment_statement(CHALLENGE, public_key)
    assert statement == b"yibao device enrolment\0" + CHALLENGE + public_key
    good = proofs.sign(private_key, statement)
    check_key(algorithm, public_key)
    check_enrolment(algorithm, public_key, challenge=CHALLENGE, signature=good)
    renewal = proofs.renewal_statement(CHALLENGE, bytes(8))
    other_public = proofs.raw_public_key(OTHER_KEYS[algorithm])
    for signature in (
        # Of another key, of a renewal, of another key's enrolment, altered, and nothing.
        proofs.sign(OTHER_KEYS[algorithm], statement),
        proofs.sign(private_key, renewal),
        proofs.sign(private_key, proofs.enrolment_statement(CHALLENGE, other_public)),
        good[:-1] + bytes([good[-1] ^ 1]),
        bytes(64),
    ):
        reason = refusal_of(
            check_enrolment, algorithm, public_key, challenge=CHALLENGE, signature=signature
        )
        assert reason is Reason.DEVICE_PROOF_INVALID
    other_challenge = CHALLENGE[::-1]
    reason = refusal_of(
        check_enrolment, algorithm, public_key, challenge=other_challenge, signature=good
    )
    assert reason is Reason.DEVICE_PROOF_INVALID


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_renewal_is_proved_for_the_certificate_that_it_names(algorithm: KeyAlgorithm) -> None:
    private_key = KEYS[algorithm]
    public_key = proofs.raw_public_key(private_key)
    named = "0102030405060708"
    good = proofs.sign(private_key, proofs.renewal_statement(CHALLENGE, bytes.fromhex(named)))
    check_renewal(
        algorithm,
        public_key,
        challenge=CHALLENGE,
        device_certificate_id=named,
        signature=good,
    )
    for other_named, challenge in (("0102030405060709", CHALLENGE), (named, CHALLENGE[::-1])):
        reason = refusal_of(
            check_renewal,
            algorithm,
            public_key,
            challenge=challenge,
            device_certificate_id=other_named,
            signature=good,
        )
        assert reason is Reason.DEVICE_PROOF_INVALID


def challenges(now: dt.datetime = NOW, *, hash_key: bytes = b"h" * 32) -> Challenges:
    vault = Vault([b"k" * 32], hash_key, random_bytes=os.urandom)
    return Challenges(vault.keyed, clock=lambda: now, random_bytes=os.urandom)


def test_a_challenge_holds_for_five_minutes_and_no_second_longer() -> None:
    made = challenges().make(REGION, CERTIFICATE)
    assert len(made.content) == proofs.CHALLENGE_BYTES
    whole = NOW.replace(microsecond=0)
    assert made.expire_time == whole + dt.timedelta(minutes=5)
    last = made.expire_time - dt.timedelta(microseconds=1)
    challenges(last).check(REGION, CERTIFICATE, made.content)
    late = challenges(made.expire_time)
    reason = refusal_of(late.check, REGION, CERTIFICATE, made.content)
    assert reason is Reason.DEVICE_CHALLENGE_INVALID


def test_every_process_with_the_same_secret_knows_a_challenge_again() -> None:
    made = challenges().make(REGION, CERTIFICATE)
    challenges().check(REGION, CERTIFICATE, made.content)
    stranger = challenges(hash_key=b"x" * 32)
    reason = refusal_of(stranger.check, REGION, CERTIFICATE, made.content)
    assert reason is Reason.DEVICE_CHALLENGE_INVALID


def test_a_challenge_is_of_one_certificate_and_one_region() -> None:
    made = challenges().make(REGION, CERTIFICATE)
    for region, certificate_id in (
        ("330100", CERTIFICATE),
        (REGION, CERTIFICATE.replace("0", "1")),
    ):
        reason = refusal_of(challenges().check, region, certificate_id, made.content)
        assert reason is Reason.DEVICE_CHALLENGE_INVALID


@pytest.mark.parametrize("place", range(56))
def test_no_byte_of_a_challenge_may_be_altered(place: int) -> None:
    made = bytearray(challenges().make(REGION, CERTIFICATE).content)
    made[place] ^= 1
    reason = refusal_of(challenges().check, REGION, CERTIFICATE, bytes(made))
    assert reason is Reason.DEVICE_CHALLENGE_INVALID


def test_challenges_differ() -> None:
    made = {challenges().make(REGION, CERTIFICATE).content for _ in range(100)}
    assert len(made) == 100
