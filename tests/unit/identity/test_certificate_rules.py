"""Subjects of e-certificates, and for which certificates codes are issued."""

import datetime as dt
import os

import pytest

from yibao import _token
from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_identity.rules.certificate import (
    SUBJECT_ALPHABET,
    Certificate,
    CertificateState,
    check_may_issue,
    new_subject,
)


def _certificate(state: CertificateState) -> Certificate:
    now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    return Certificate("500100", "c", "p", "0123456789ABC", state, now)


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


def test_no_code_is_issued_for_a_suspended_certificate() -> None:
    # Rule I-06.
    with pytest.raises(RuleError) as caught:
        check_may_issue(_certificate(CertificateState.SUSPENDED))
    assert caught.value.reason is Reason.ECERT_NOT_ACTIVATED
    assert caught.value.metadata == {"certificate_id": "c", "state": "SUSPENDED"}
