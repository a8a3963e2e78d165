"""What the issuer states in a code, and how it is laid out."""

import datetime as dt

import pytest
from support.token_minting import CODE_ID, NOW, NOW_SECOND, REGION, SUBJECT

from yibao import _cbor
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.code import (
    AUDIENCES,
    QrClaims,
    batch_seconds,
    check_batch,
    new_claims,
)


def claims(audience: str = "01301", now: dt.datetime = NOW) -> QrClaims:
    return new_claims(issuer=REGION, subject=SUBJECT, audience=audience, now=now, code_id=CODE_ID)


def test_a_code_lives_for_60_seconds_from_the_second_that_has_begun() -> None:
    made = claims(now=NOW + dt.timedelta(microseconds=999_999))
    assert (made.issue_second, made.expire_second) == (NOW_SECOND, NOW_SECOND + 60)


@pytest.mark.parametrize("audience", sorted(AUDIENCES))
def test_a_code_is_issued_for_each_business_type(audience: str) -> None:
    assert claims(audience).audience == audience


@pytest.mark.parametrize("audience", ["", "0130", "013011", "99999", "0130１"])
def test_a_code_is_not_issued_for_anything_else(audience: str) -> None:
    with pytest.raises(RuleError) as refused:
        claims(audience)
    assert refused.value.reason is Reason.FIELD_MALFORMED
    assert [fault.field for fault in refused.value.faults] == ["audience"]


def test_the_layout_is_the_deterministic_cbor_of_the_claims() -> None:
    encoded = claims().encoded()
    assert encoded == _cbor.encode(
        {1: REGION, 2: SUBJECT, 3: "01301", 4: NOW_SECOND + 60, 6: NOW_SECOND, 7: CODE_ID}
    )
    assert len(encoded) == 53


@pytest.mark.parametrize(
    ("issuer", "subject", "code_id"),
    [
        ("33010", SUBJECT, CODE_ID),
        ("33010A", SUBJECT, CODE_ID),
        (REGION, SUBJECT[:12], CODE_ID),
        (REGION, SUBJECT + "0", CODE_ID),
        (REGION, "统" * 13, CODE_ID),
        (REGION, SUBJECT, CODE_ID[:7]),
        (REGION, SUBJECT, CODE_ID + b"0"),
    ],
)
def test_the_service_must_supply_well_formed_parts(
    issuer: str, subject: str, code_id: bytes
) -> None:
    with pytest.raises(AssertionError):
        new_claims(issuer=issuer, subject=subject, audience="01301", now=NOW, code_id=code_id)


def test_a_batch_has_a_code_for_each_minute_without_a_gap() -> None:
    """I-01: each is valid in its own minute and no other."""
    starts = list(batch_seconds(NOW_SECOND, 60))
    assert starts == list(range(NOW_SECOND, NOW_SECOND + 3_600, 60))


@pytest.mark.parametrize(
    ("codes", "most", "reason"),
    [
        (1, 0, Reason.QR_BATCH_DISABLED),
        (60, 0, Reason.QR_BATCH_DISABLED),
        (11, 10, Reason.FIELD_OUT_OF_RANGE),
        (10, 10, None),
        (1, 10, None),
    ],
)
def test_the_operator_says_how_many_codes_are_signed_ahead(
    codes: int, most: int, reason: Reason | None
) -> None:
    if reason is None:
        check_batch(codes, most=most)
        return
    with pytest.raises(RuleError) as refused:
        check_batch(codes, most=most)
    assert refused.value.reason is reason
