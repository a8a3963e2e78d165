"""Our vectors of roots and status lists, and what others make of both."""

import datetime as dt
import json
import zlib
from typing import Any

import cbor2
import pytest
from cwt import COSE, COSEKey
from cwt.enums import COSEAlgs
from support.roots import HOLDERS, make_root
from support.token_minting import key_id, public_key
from vectors.make_trust import FILE, contents
from vectors.trust_cases import REVOKED, TRUST, URI, document

from yibao.trust import QrError, TrustRoot, TrustSnapshot

DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
TRUST_KEY = bytes.fromhex(DOCUMENT["trust_key"])


def named(kind: str) -> pytest.MarkDecorator:
    cases = DOCUMENT[kind]
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def test_the_vectors_are_those_that_the_script_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == contents(), "run python -m vectors.make_trust"


@named("roots")
def test_a_root_is_accepted_or_refused_with_its_error(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["data"])

    def verify() -> TrustRoot:
        if case["previous"] is None:
            return TrustRoot.first(data)
        return TrustRoot.first(bytes.fromhex(case["previous"])).successor(data)

    if case["error"] is None:
        assert verify().trust_keys == (TRUST_KEY,)
        return
    with pytest.raises(QrError) as refused:
        verify()
    assert refused.value.error == case["error"], refused.value.message


@named("status_lists")
def test_an_entry_has_its_answer(case: dict[str, Any]) -> None:
    now = dt.datetime.fromisoformat(case["now"])
    trust = TrustSnapshot.verify(bytes.fromhex(case["snapshot"]), trust_key=TRUST_KEY, now=now)

    def look_up() -> None:
        held = trust.with_status_list(bytes.fromhex(case["data"]), now=now)
        held.check_status(URI, case["index"], now=now)

    if case["error"] is None:
        look_up()
        return
    with pytest.raises(QrError) as refused:
        look_up()
    assert refused.value.error == case["error"], refused.value.message


def cose_key(name: str) -> Any:
    return COSEKey.new({1: 1, 2: key_id(name), 3: COSEAlgs.EDDSA, -1: 6, -2: public_key(name)})


def test_a_general_cose_library_reads_a_status_list() -> None:
    protected, unprotected, payload = COSE.new().decode_with_headers(document(), cose_key("status"))
    assert (protected, unprotected) == (
        {1: -8, 4: key_id("status"), 16: "application/statuslist+cwt"},
        {},
    )
    claims = cbor2.loads(payload)
    assert claims[2] == URI
    assert claims[65533]["bits"] == 1
    bits = zlib.decompress(claims[65533]["lst"])
    # As the Token Status List counts: the first entry is the lowest bit of the first byte.
    assert [n for n in range(len(bits) * 8) if bits[n // 8] >> n % 8 & 1] == list(REVOKED)


def test_a_general_cose_library_reads_a_root() -> None:
    data = make_root(TRUST, HOLDERS[:2])
    for holder in HOLDERS[:2]:
        assert cbor2.loads(COSE.new().decode(data, cose_key(holder)))[5] == 2
    with pytest.raises(Exception, match=r"."):
        COSE.new().decode(data, cose_key(HOLDERS[2]))
