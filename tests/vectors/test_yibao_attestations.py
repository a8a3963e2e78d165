"""Our vectors of attestations, holds, their status lists and requests of keys."""

import datetime as dt
import json
from typing import Any

import pytest
from support.attestation_minting import (
    ATTEST_KEYS,
    FIRST_DAY,
    LAST_DAY,
    attested,
    hold,
    signed,
    signed_hold,
    signed_list,
)
from support.token_minting import KEYS, NOW, Message, listed, payload, public_key, snapshot
from vectors import make_attestations
from vectors.make_attestations import FILE, contents

from yibao import attestation, attesting, qr
from yibao._trust_format import KeyState
from yibao.attestation import QrError
from yibao.trust import TrustSnapshot

DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))


def named(kind: str) -> pytest.MarkDecorator:
    cases = DOCUMENT[kind]
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def trust(now: dt.datetime = NOW) -> TrustSnapshot:
    key = bytes.fromhex(DOCUMENT["trust_key"])
    return TrustSnapshot.verify(bytes.fromhex(DOCUMENT["trust_snapshot"]), trust_key=key, now=now)


def refusal_of(call: Any) -> QrError | None:
    try:
        call()
    except QrError as refused:
        return refused
    return None


def told(refused: QrError | None) -> str | None:
    return None if refused is None else refused.error


def test_the_vectors_are_those_that_the_script_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == contents(), "run python -m vectors.make_attestations"


def test_the_files_of_the_example_are_those_that_the_script_makes() -> None:
    for name, data in make_attestations.example_files().items():
        assert (make_attestations.EXAMPLES / name).read_bytes() == data, name


@named("registrations")
def test_an_attestation_is_accepted_or_refused_with_its_error(case: dict[str, Any]) -> None:
    now, held = dt.datetime.fromisoformat(case["now"]), trust()
    status = None
    if case["status"] is not None:
        status = attestation.verify_list(bytes.fromhex(case["status"]), trust=held, now=now)
    refused = refusal_of(
        lambda: attestation.verify(case["text"], trust=held, now=now, status=status)
    )
    assert told(refused) == case["error"], refused
    if refused is not None:
        assert refused.offset_seconds == case["offset_seconds"]


@named("holds")
def test_a_hold_is_accepted_or_refused_with_its_error(case: dict[str, Any]) -> None:
    now, data = dt.datetime.fromisoformat(case["now"]), bytes.fromhex(case["data"])
    refused = refusal_of(lambda: attestation.verify_hold(data, trust=trust(), now=now))
    assert told(refused) == case["error"], refused


@named("status_lists")
def test_a_list_is_accepted_or_refused_with_its_error(case: dict[str, Any]) -> None:
    now, data = dt.datetime.fromisoformat(case["now"]), bytes.fromhex(case["data"])
    refused = refusal_of(lambda: attestation.verify_list(data, trust=trust(), now=now))
    assert told(refused) == case["error"], refused


@named("key_requests")
def test_a_request_is_taken_or_refused_with_its_error(case: dict[str, Any]) -> None:
    refused = refusal_of(lambda: attesting.read_key_request(bytes.fromhex(case["data"])))
    assert told(refused) == case["error"], refused


def test_what_was_stated_comes_out() -> None:
    key = trust().find(bytes.fromhex("cd9fe2c6d92c7a6f"), use="attest")
    assert key is not None
    found = attestation.verify(signed(), trust=trust(), now=NOW)
    assert found == attested(key_id=key.key_id)
    assert attestation.verify_hold(signed_hold(), trust=trust(), now=NOW) == hold(key_id=key.key_id)
    assert attestation.issuer_of(signed()) == "330100"


def test_the_first_and_the_last_day_are_covered_and_no_other() -> None:
    of = attested()
    days = [dt.date(2026, 11, 1), FIRST_DAY, LAST_DAY, dt.date(2027, 5, 3)]
    assert [of.covers(day) for day in days] == [False, True, True, False]
    assert attested(last_day=None).covers(dt.date.max)


def test_no_kind_of_message_passes_for_another() -> None:
    held = trust()
    assert told(refusal_of(lambda: qr.verify(signed(), trust=held, audience="01301", now=NOW))) == (
        "malformed"
    )
    as_code = "MI1-" + signed()[4:]
    refused = refusal_of(lambda: qr.verify(as_code, trust=held, audience="01301", now=NOW))
    assert told(refused) == "malformed"
    # A list of device certificates is one by its own key and name alone.
    assert told(refusal_of(lambda: held.with_status_list(signed_list(), now=NOW))) == "unknown_key"


def test_an_older_list_does_not_take_the_place_of_a_newer_one() -> None:
    held = trust()
    newer = attestation.verify_list(signed_list(), trust=held, now=NOW)
    older = signed_list(issue_second=int(NOW.timestamp()) - 61)
    refused = refusal_of(
        lambda: attestation.verify_list(older, trust=held, now=NOW, previous=newer)
    )
    assert told(refused) == "stale_trust"
    same = attestation.verify_list(signed_list(), trust=held, now=NOW, previous=newer)
    assert same.digest == newer.digest


def test_a_list_that_is_held_counts_no_more_once_its_key_is_killed() -> None:
    # Who stole the key signs lists that say of nothing that it is revoked.
    def trusted(state: KeyState) -> TrustSnapshot:
        keys = (*KEYS, listed("attest", state, use="attest"), listed("attest next", use="attest"))
        return TrustSnapshot.verify(snapshot(keys), trust_key=public_key("trust"), now=NOW)

    before, after = trusted(KeyState.ACTIVE), trusted(KeyState.KILLED)
    stolen = attestation.verify_list(signed_list(), trust=before, now=NOW)
    text = signed(key="attest next")
    found = attestation.verify(text, trust=before, now=NOW, status=stolen)
    assert found.status_uri == stolen.uri
    refused = refusal_of(lambda: attestation.verify(text, trust=after, now=NOW, status=stolen))
    assert told(refused) == "unknown_key"


def test_what_a_verifier_would_refuse_is_not_signed() -> None:
    for stated in (attested(version=0), attested(benefits=(2, 1)), attested(status_index=2**20)):
        assert told(refusal_of(lambda stated=stated: signed(stated))) == "malformed"


@pytest.mark.parametrize("leeway", [-1, 61])
def test_a_leeway_out_of_range_is_a_mistake(leeway: int) -> None:
    with pytest.raises(ValueError, match="leeway"):
        attestation.verify(signed(), trust=trust(), now=NOW, leeway_seconds=leeway)


def test_the_sizes_are_those_that_the_page_states() -> None:
    assert (len(signed()), len(signed(attested(last_day=None)))) == (384, 378)
    assert len(signed_hold()) == 213


def test_a_snapshot_with_a_use_that_a_verifier_does_not_know_serves_codes_as_before() -> None:
    # What older verifiers make of `attest`: a use is any text, and they look for their own.
    keys = (*ATTEST_KEYS, listed("of a later use", use="something new"))
    held = TrustSnapshot.verify(snapshot(keys), trust_key=public_key("trust"), now=NOW)
    code = Message(payload()).text()
    assert qr.verify(code, trust=held, audience="01301", now=NOW).issuer == "330100"
