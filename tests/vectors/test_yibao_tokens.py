"""Our own vectors: the file is what the script makes, and the SDK agrees with it."""

import datetime as dt
import json
from typing import Any, get_args

import pytest
from support.token_minting import NOW
from vectors import make_tokens

from yibao import qr
from yibao.trust import QrError, TrustSnapshot

DOCUMENT: dict[str, Any] = json.loads(make_tokens.FILE.read_text(encoding="utf-8"))
TRUST_KEY = bytes.fromhex(DOCUMENT["trust_key"])


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def trust() -> TrustSnapshot:
    data = bytes.fromhex(DOCUMENT["trust_snapshot"])
    return TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=NOW)


@pytest.fixture(scope="module")
def presentation_trust() -> TrustSnapshot:
    data = bytes.fromhex(DOCUMENT["presentation_trust_snapshot"])
    trust = TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=NOW)
    for status_list in DOCUMENT["status_lists"]:
        trust = trust.with_status_list(bytes.fromhex(status_list), now=NOW)
    return trust


def named(cases: str) -> pytest.MarkDecorator:
    listed = DOCUMENT[cases]
    return pytest.mark.parametrize("case", listed, ids=[case["name"] for case in listed])


def test_the_files_are_what_the_script_makes() -> None:
    assert make_tokens.FILE.read_text(encoding="utf-8") == make_tokens.contents()
    for name, data in make_tokens.example_files().items():
        assert (make_tokens.EXAMPLES / name).read_bytes() == data, name


@named("codes")
def test_a_code_of_mode_a_is_accepted_or_refused_with_its_error(
    trust: TrustSnapshot, case: dict[str, Any]
) -> None:
    check_code(case, trust, qr.CertificateCache())


@named("presentations")
def test_a_code_of_mode_b_is_accepted_or_refused_with_its_error(
    presentation_trust: TrustSnapshot, case: dict[str, Any]
) -> None:
    cache = qr.CertificateCache()
    # The second time the certificate is known, which must change nothing.
    for _ in range(2):
        check_code(case, presentation_trust, cache)


def check_code(case: dict[str, Any], trust: TrustSnapshot, cache: qr.CertificateCache) -> None:
    def verify() -> qr.Claims:
        return qr.verify(
            case["text"],
            trust=trust,
            audience=case["audience"],
            now=instant(case["now"]),
            leeway_seconds=case["leeway_seconds"],
            challenge=bytes.fromhex(case["challenge"]) if case["challenge"] else None,
            certificates=cache,
        )

    if case["error"] is None:
        accepted = [case["audience"]] if isinstance(case["audience"], str) else case["audience"]
        claims = verify()
        assert claims.audience in accepted
        assert qr.issuer_of(case["text"]) == claims.issuer
        return
    with pytest.raises(QrError) as refused:
        verify()
    assert (refused.value.error, refused.value.offset_seconds) == (
        case["error"],
        case["offset_seconds"],
    ), refused.value.message


@named("snapshots")
def test_a_snapshot_is_accepted_or_refused_with_its_error(case: dict[str, Any]) -> None:
    data, now = bytes.fromhex(case["data"]), instant(case["now"])
    if case["error"] is None:
        TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=now)
        return
    with pytest.raises(QrError) as refused:
        TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=now)
    assert (refused.value.error, refused.value.offset_seconds) == (
        case["error"],
        case["offset_seconds"],
    ), refused.value.message


def test_every_error_that_needs_no_memory_has_a_vector() -> None:
    all_errors = {None, *get_args(qr.ErrorName)} - {"replayed"}
    codes = {case["error"] for case in DOCUMENT["codes"]}
    # Only device certificates are revoked.
    assert codes == all_errors - {"revoked"}
    assert {case["error"] for case in DOCUMENT["presentations"]} == all_errors
