"""Subjects of e-certificates, and for which certificates codes are issued."""

import datetime as dt
import os

import pytest

from yibao import _token
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.certificate import (
    SUBJECT_ALPHABET,
    Certificate,
    CertificateState,
    check_may_issue,
    credential_state,
    new_subject,
)
from yibao_identity.rules.credential import CredentialState


def _certificate(state: CertificateState, case_id: str | None = None) -> Certificate:
    now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    return Certificate("500100", "c", "p", "0123456789ABC", state, now, case_id)


def test_a_subject_has_the_length_that_verifiers_demand() -> None:
    assert len(new_subject(os.urandom)) == _token.SUBJECT_CHARACTERS


@pytest.mark.parametrize(
    ("random", "subject"),
    [
        (b"\x00" * 9, "0000000000000"),
        (b"\xff" * 9, "ZZZZZZZZZZZZZ"),
        (b"\x00" * 8 + b"\x1f", "Z000000000000"),
        (b"\x01" + b"\x00" * 8, "000000000000G"),
    ],
)
def test_every_random_bit_of_65_counts(random: bytes, subject: str) -> None:
    def random_bytes(count: int) -> bytes:
        assert count == len(random)
        return random

    assert new_subject(random_bytes) == subject


def test_subjects_avoid_letters_that_are_mistaken() -> None:
    assert len(SUBJECT_ALPHABET) == len(set(SUBJECT_ALPHABET)) == 32
    assert not set("ILOU") & set(SUBJECT_ALPHABET)
    assert SUBJECT_ALPHABET.isascii()


def test_subjects_are_not_repeated() -> None:
    assert len({new_subject(os.urandom) for _ in range(1_000)}) == 1_000


def test_codes_are_issued_for_an_active_certificate() -> None:
    check_may_issue(_certificate(CertificateState.ACTIVE))


@pytest.mark.parametrize(
    ("state", "case_id", "reason", "metadata"),
    [
        # I-04: suspended in a case, which is named.
        (CertificateState.SUSPENDED, "m", Reason.ECERT_SUSPENDED, {"case_id": "m"}),
        # I-06: no code without an activated e-certificate.
        (
            CertificateState.CLOSED,
            None,
            Reason.ECERT_NOT_ACTIVATED,
            {"certificate_id": "c", "state": "CLOSED"},
        ),
        # One closed while it was suspended is closed.
        (
            CertificateState.CLOSED,
            "m",
            Reason.ECERT_NOT_ACTIVATED,
            {"certificate_id": "c", "state": "CLOSED"},
        ),
    ],
)
def test_no_code_is_issued_for_a_certificate_that_is_not_active(
    state: CertificateState, case_id: str | None, reason: Reason, metadata: dict[str, str]
) -> None:
    with pytest.raises(RuleError) as caught:
        check_may_issue(_certificate(state, case_id))
    assert (caught.value.reason, caught.value.metadata) == (reason, metadata)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (CertificateState.ACTIVE, CredentialState.USABLE),
        (CertificateState.SUSPENDED, CredentialState.SUSPENDED),
        (CertificateState.CLOSED, CredentialState.CLOSED),
    ],
)
def test_settlement_is_told_each_state(state: CertificateState, told: CredentialState) -> None:
    assert credential_state(state) is told
