"""Others read our codes with none of our code."""

import datetime as dt
import io

import cbor2
import segno
import zxingcpp
from cwt import COSE, COSEKey
from cwt.enums import COSEAlgs
from PIL import Image
from support.token_minting import NOW, REGION, SUBJECT, key_id, private_key, public_key, snapshot

from yibao import _base45, qr
from yibao.trust import TrustSnapshot
from yibao_identity.rules.qr_code import new_claims
from yibao_identity.storage.signing import TokenSigner

SIGNER = TokenSigner(private_key("active"))
TEXT = SIGNER.sign_code(
    new_claims(issuer=REGION, subject=SUBJECT, audience="01301", now=NOW, code_id=bytes(8))
)


def test_a_general_cose_library_verifies_a_code_and_a_snapshot() -> None:
    for name, data in (("active", _base45.decode(TEXT[4:])), ("trust", snapshot())):
        key = COSEKey.new({1: 1, 2: key_id(name), 3: COSEAlgs.EDDSA, -1: 6, -2: public_key(name)})
        protected, unprotected, payload = COSE.new().decode_with_headers(data, key)
        assert (protected, unprotected) == ({1: -8, 4: key_id(name)}, {})
        assert cbor2.loads(payload)


def test_a_scanner_reads_from_the_picture_what_was_drawn() -> None:
    code = segno.make(TEXT, error="m", boost_error=False)
    assert (code.mode, code.error, code.version) == ("alphanumeric", "M", 8)
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=4)
    results = zxingcpp.read_barcodes(Image.open(picture))
    assert [result.text for result in results] == [TEXT]

    now = NOW + dt.timedelta(seconds=59)
    trust = TrustSnapshot.verify(snapshot(), trust_key=public_key("trust"), now=now)
    claims = qr.verify(results[0].text, trust=trust, audience="01301", now=now)
    assert (claims.issuer, claims.subject) == (REGION, SUBJECT)
