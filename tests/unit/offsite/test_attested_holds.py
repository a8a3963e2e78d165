"""Holds are signed by the key of now, and told as stored where that signed them or none may."""

import datetime as dt

import pytest
from support.attestation_minting import (
    ATTEST_KEYS,
    HOLD,
    PERSON,
    TASK,
    VISIT,
    attest_trust,
    hold,
    signed_hold,
)
from support.roots import make_root
from support.token_minting import (
    HOUR,
    NOW,
    NOW_SECOND,
    REGION,
    key_id,
    private_key,
    public_key,
    snapshot,
)

from yibao import attestation
from yibao.trust_store import TrustStore
from yibao_common.keys.key_store import KeyStore
from yibao_common.keys.signing_key import SigningKey, SoftwareKey
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.attestation_parts import told_attestation
from yibao_offsite.keys import AttestationKeys, NoAttestationKeys, signer_of_hold
from yibao_offsite.rules.feed import AuditHold

TOLD = AuditHold(HOLD, PERSON, VISIT, TASK, is_lifted=False, attestation=b"", version=1)


class HeldKeys(KeyStore):
    """The private halves that a process has, by the names of the tests' keys."""

    def __init__(self, *names: str) -> None:
        self._keys = {public_key(name): SoftwareKey(private_key(name)) for name in names}

    def find(self, public_key: bytes) -> SigningKey | None:
        return self._keys.get(public_key)

    def make(self) -> bytes:
        raise AssertionError("the service makes no keys")

    def place(self, public_key: bytes) -> str:
        return "the key folder"


def keys(*names: str, now: dt.datetime = NOW, holds_trust: bool = True) -> AttestationKeys:
    root = make_root([public_key("trust")], issue_second=NOW_SECOND - HOUR)
    store = TrustStore(first_root=root, regions=())
    if holds_trust:
        store.take_snapshot(snapshot(ATTEST_KEYS), now=NOW)
    return AttestationKeys(HeldKeys(*names), store, clock=lambda: now)


def told(data: bytes) -> AuditHold:
    return AuditHold(HOLD, PERSON, VISIT, TASK, is_lifted=False, attestation=data, version=1)


def test_a_hold_is_told_as_it_was_signed_by_the_key_that_signs() -> None:
    stored = signed_hold(hold(issue_second=NOW_SECOND - HOUR))
    data = told_attestation(keys("attest"), REGION, told(stored), at=NOW)
    assert data == stored


@pytest.mark.parametrize(
    "stored",
    [
        *(b"", b"no attestation", signed_hold(key="unlisted")),
        # While this clock was ahead.
        signed_hold(hold(issue_second=NOW_SECOND + 1)),
    ],
)
def test_a_hold_that_another_key_or_clock_signed_is_signed_anew(stored: bytes) -> None:
    data = told_attestation(keys("attest"), REGION, told(stored), at=NOW)
    found = attestation.verify_hold(data, trust=attest_trust(), now=NOW)
    assert (found.hold_id, found.visit_id, found.task_id) == (HOLD, VISIT, TASK)
    assert signer_of_hold(data, at=NOW) == key_id("attest")
    assert found.issue_second == NOW_SECOND


def test_without_a_key_it_is_told_as_stored() -> None:
    stored = signed_hold(key="attest killed")
    for signer in (keys("attest killed"), NoAttestationKeys()):
        assert told_attestation(signer, REGION, told(stored), at=NOW) == stored


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (keys("attest"), ""),
        (keys("attest killed", "unlisted"), "the key folder is missing"),
    ],
)
def test_the_operator_is_told_why_nothing_is_signed(made: AttestationKeys, problem: str) -> None:
    found = made.problem(REGION)
    assert found.startswith(problem) if problem else found == ""
    if problem:
        with pytest.raises(RuleError) as refused:
            made.key_id(REGION)
        assert refused.value.reason is Reason.NO_ATTESTATION_KEY
    else:
        assert made.key_id(REGION) == key_id("attest")


def test_without_trust_nothing_is_signed_and_who_pulls_it_tells() -> None:
    made = keys("attest", holds_trust=False)
    assert made.problem(REGION) == ""
    with pytest.raises(RuleError) as refused:
        made.key_id(REGION)
    assert refused.value.reason is Reason.NO_ATTESTATION_KEY


def test_a_region_without_a_key_is_told_how_to_get_one() -> None:
    assert "yibao keys request" in keys("attest").problem("440100")
