"""Our own vectors: the file is what the script makes, and the SDK agrees with it."""

import datetime as dt
import json
from collections import Counter
from typing import Any, get_args

import pytest
from vectors import make_tokens

from yibao import qr
from yibao.trust import QrError, TrustSnapshot

DOCUMENT: dict[str, Any] = json.loads(make_tokens.FILE.read_text(encoding="utf-8"))
TRUST_KEY = bytes.fromhex(DOCUMENT["trust_key"])
NAMES = [case["name"] for case in DOCUMENT["codes"]]


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def trust() -> TrustSnapshot:
    valid = DOCUMENT["snapshots"][0]
    data = bytes.fromhex(DOCUMENT["trust_snapshot"])
    return TrustSnapshot.verify(data, trust_key=TRUST_KEY, now=instant(valid["now"]))


def test_the_file_is_what_the_script_makes() -> None:
    assert make_tokens.FILE.read_text(encoding="utf-8") == make_tokens.contents()
    assert make_tokens.SAMPLE.read_bytes().hex() == DOCUMENT["trust_snapshot"]


@pytest.mark.parametrize("case", DOCUMENT["codes"], ids=NAMES)
def test_a_code_is_accepted_or_refused_with_its_error(
    trust: TrustSnapshot, case: dict[str, Any]
) -> None:
    def verify() -> qr.Claims:
        return qr.verify(
            case["text"],
            trust=trust,
            audience=case["audience"],
            now=instant(case["now"]),
            leeway_seconds=case["leeway_seconds"],
        )

    if case["error"] is None:
        accepted = [case["audience"]] if isinstance(case["audience"], str) else case["audience"]
        assert verify().audience in accepted
        return
    with pytest.raises(QrError) as refused:
        verify()
    assert (refused.value.error, refused.value.offset_seconds) == (
        case["error"],
        case["offset_seconds"],
    ), refused.value.message


@pytest.mark.parametrize(
    "case", DOCUMENT["snapshots"], ids=[case["name"] for case in DOCUMENT["snapshots"]]
)
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
    errors = Counter(case["error"] for case in DOCUMENT["codes"])
    assert set(errors) == {None, *get_args(qr.ErrorName)} - {"replayed"}
