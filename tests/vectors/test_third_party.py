"""Others read our codes with none of our code."""

import datetime as dt
import io

import cbor2
import pytest
import segno
import zxingcpp
from cwt import COSE, COSEKey
from cwt.exceptions import VerifyError
from PIL import Image
from support.presentation_minting import certificate, device_key, device_trust, status
from support.signed_samples import Sample, samples
from support.token_minting import (
    AUDIENCE,
    NOW,
    REGION,
    SUBJECT,
    key_id,
    private_key,
    public_key,
    snapshot,
)

from yibao import qr
from yibao_identity.rules.code import new_claims
from yibao_identity.storage.trust.signing import TokenSigner

CODE = TokenSigner(private_key("active")).sign_code(
    new_claims(issuer=REGION, subject=SUBJECT, audience=AUDIENCE, now=NOW, code_id=bytes(8))
)
LATEST = NOW + dt.timedelta(seconds=59)


def cose_key(sample: Sample) -> dict[int, object]:
    raw = sample.public_key
    curve = {1: 1, -1: 6, -2: raw} if len(raw) == 32 else {1: 2, -1: 1, -2: raw[1:33], -3: raw[33:]}
    # The id that the message names, so that the signature alone decides.
    return {**curve, 2: sample.message[8:16], 3: sample.algorithm}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_a_general_cose_library_verifies_every_kind_of_message(sample: Sample) -> None:
    decoder = COSE.new()
    key = COSEKey.new(cose_key(sample))
    if not sample.is_good:
        with pytest.raises(VerifyError):
            decoder.decode_with_headers(sample.message, key)
        return
    protected, unprotected, payload = decoder.decode_with_headers(sample.message, key)
    assert (tuple(protected), protected[1], unprotected) == (sample.labels, sample.algorithm, {})
    assert payload == sample.content
    assert cbor2.loads(payload)


def test_a_general_cose_library_verifies_a_snapshot() -> None:
    key = COSEKey.new({1: 1, 2: key_id("trust"), 3: -8, -1: 6, -2: public_key("trust")})
    protected, unprotected, payload = COSE.new().decode_with_headers(snapshot(), key)
    assert (protected, unprotected) == ({1: -8, 4: key_id("trust")}, {})
    assert cbor2.loads(payload)


def presentation(name: str) -> str:
    shown = certificate(name, status=status(2**20 - 1))
    return qr.present(shown, device_key(name), audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(
    ("text", "version"),
    [(CODE, 8), (presentation("device"), 14), (presentation("P-256 device"), 15)],
    ids=["mode A", "mode B", "mode B, P-256"],
)
def test_a_scanner_reads_from_the_picture_what_was_drawn(text: str, version: int) -> None:
    code = segno.make(text, error="m", boost_error=False)
    assert (code.mode, code.error, code.version) == ("alphanumeric", "M", version)
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=4)
    results = zxingcpp.read_barcodes(Image.open(picture))
    assert [result.text for result in results] == [text]


@pytest.mark.parametrize("name", [None, "device", "P-256 device"])
def test_what_the_scanner_read_is_accepted(name: str | None) -> None:
    text = (
        CODE
        if name is None
        else qr.present(certificate(name), device_key(name), audience=AUDIENCE, now=NOW)
    )
    picture = io.BytesIO()
    segno.make(text, error="m", boost_error=False).save(picture, kind="png", scale=4)
    (read,) = zxingcpp.read_barcodes(Image.open(picture))
    claims = qr.verify(read.text, trust=device_trust(), audience=AUDIENCE, now=LATEST)
    assert (claims.issuer, claims.subject) == (REGION, SUBJECT)
