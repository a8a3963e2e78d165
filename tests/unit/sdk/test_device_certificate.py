"""Device certificates as the issuer makes them, and keys of devices."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from support.presentation_minting import (
    CERTIFICATE_ID,
    LIST_URI,
    STATUS_INDEX,
    certificate,
    certified,
    device_key,
)
from support.token_minting import HOUR, NOW_SECOND, REGION, SUBJECT

from yibao import _device_key
from yibao._device import (
    DeviceCertificate,
    decode_device_certificate,
    encode_device_certificate,
)
from yibao._device import (
    certified as read_certificate,
)
from yibao._token import QrError

ED25519 = _device_key.raw_public_key(device_key("device"))
P256 = _device_key.raw_public_key(device_key("P-256 device"))
GOOD = DeviceCertificate(
    issuer=REGION,
    subject=SUBJECT,
    issue_second=NOW_SECOND - HOUR,
    expire_second=NOW_SECOND + 47 * HOUR,
    device_certificate_id=CERTIFICATE_ID,
    device_key=ED25519,
    status_uri=LIST_URI,
    status_index=STATUS_INDEX,
)


@pytest.mark.parametrize("name", ["device", "P-256 device"])
def test_the_issuer_writes_what_the_profile_says(name: str) -> None:
    stated = replace(GOOD, device_key=_device_key.raw_public_key(device_key(name)))
    assert certified(encode_device_certificate(stated)) == certificate(name)
    assert read_certificate(certificate(name)) == stated


def test_a_certificate_has_219_bytes_with_ed25519_and_254_with_p256() -> None:
    widest = replace(GOOD, status_index=2**20 - 1)
    assert len(certified(encode_device_certificate(widest))) == 219
    assert len(certified(encode_device_certificate(replace(widest, device_key=P256)))) == 254


@given(
    life=st.integers(1, 72 * HOUR),
    issue=st.integers(0, 2**33),
    number=st.integers(1, 999_999_999),
    index=st.integers(0, 2**20 - 1),
    key=st.sampled_from([ED25519, P256]),
    device_certificate_id=st.binary(min_size=8, max_size=8),
)
def test_what_was_encoded_is_decoded(
    life: int, issue: int, number: int, index: int, key: bytes, device_certificate_id: bytes
) -> None:
    uri = f"mi:sl/{REGION}/{number}"
    stated = DeviceCertificate(
        REGION, SUBJECT, issue, issue + life, device_certificate_id, key, uri, index
    )
    assert decode_device_certificate(encode_device_certificate(stated)) == stated


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": SUBJECT[:12]},
        {"expire_second": GOOD.issue_second},
        {"expire_second": GOOD.issue_second + 72 * HOUR + 1},
        {"device_certificate_id": bytes(7)},
        {"device_key": bytes(32)},
        {"device_key": b"\x04" + bytes(64)},
        {"status_uri": "mi:sl/330200/1"},
        {"status_index": 2**20},
        {"status_index": -1},
        {"issuer": "3301"},
    ],
    ids=str,
)
def test_the_issuer_never_signs_what_a_verifier_would_refuse(changes: dict[str, object]) -> None:
    with pytest.raises(QrError) as refused:
        encode_device_certificate(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert refused.value.error == "malformed"


@pytest.mark.parametrize("name", ["device", "P-256 device"])
def test_what_a_device_key_signs_it_verifies_and_nothing_else(name: str) -> None:
    private = device_key(name)
    public = _device_key.load(_device_key.raw_public_key(private))
    assert _device_key.algorithm_of(public) == _device_key.algorithm_of(private)
    signature = _device_key.sign(private, b"a message")
    assert len(signature) == 64
    assert _device_key.is_signed(public, signature, b"a message")
    assert not _device_key.is_signed(public, signature, b"another")
    assert not _device_key.is_signed(public, bytes(64), b"a message")
    assert not _device_key.is_signed(public, b"\xff" * 64, b"a message")


def test_of_a_p256_signature_both_values_of_s_fit() -> None:
    # The order of the group of P-256.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    private = device_key("P-256 device")
    public = _device_key.load(P256)
    signature = _device_key.sign(private, b"a message")
    other = order - int.from_bytes(signature[32:], "big")
    assert _device_key.is_signed(public, signature[:32] + other.to_bytes(32, "big"), b"a message")


def test_small_numbers_of_a_p256_signature_are_padded() -> None:
    private = device_key("P-256 device")
    # One of 128 signatures has an r or s below 2**249.
    signatures = {_device_key.sign(private, bytes([number])) for number in range(256)}
    assert {len(signature) for signature in signatures} == {64}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        ED25519[:31],
        ED25519 + b"\x00",
        bytes(32),
        b"\x01" + bytes(31),
        b"\xff" * 32,
        P256[:64],
        P256 + b"\x00",
        b"\x02" + P256[1:33],
        b"\x02" + P256[1:],
        b"\x06" + P256[1:],
        P256[:-1] + bytes((P256[-1] ^ 1,)),
        bytes(65),
    ],
    ids=lambda raw: f"{len(raw)} bytes {raw[:2].hex()}",
)
def test_what_is_no_device_key_is_not_loaded(raw: bytes) -> None:
    for load in (_device_key.load, _device_key.load_thoroughly):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
            load(raw)


def test_enrolment_refuses_an_encoding_that_is_no_point() -> None:
    no_point = (2).to_bytes(32, "little")
    _device_key.load(no_point)
    with pytest.raises(ValueError, match="not a point"):
        _device_key.load_thoroughly(no_point)


def test_a_key_of_another_curve_is_no_device_key() -> None:
    with pytest.raises(ValueError, match="P-256"):
        _device_key.raw_public_key(ec.generate_private_key(ec.SECP384R1()))
