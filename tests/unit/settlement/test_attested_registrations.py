"""What settlement makes of an attestation that a request carries."""

import datetime as dt

import pytest
from support.attestation_minting import (
    FIRST_DAY,
    LAST_DAY,
    attest_trust,
    attested,
    signed,
)
from support.token_minting import DAY, NOW, NOW_SECOND, REGION

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.registered import Benefit, RegisteredCare
from yibao_settlement.servicer.trust.attested import attested_of


def read(text: str, *, region: str = REGION, now: dt.datetime = NOW) -> RegisteredCare:
    return attested_of(text, trust=attest_trust(), region=region, at=now)


def test_it_states_a_registration_as_the_feed_tells_it() -> None:
    told = attested()
    assert read(signed(told) + "\r\n") == RegisteredCare(
        told.registration_id,
        told.person_id,
        told.category,
        "500000",
        "referral",
        (Benefit.INPATIENT, Benefit.OUTPATIENT, Benefit.CHRONIC),
        FIRST_DAY,
        LAST_DAY,
        is_void=False,
        origin=1,
        version=3,
    )


def test_benefits_that_are_new_in_a_later_version_are_left_out() -> None:
    assert read(signed(attested(benefits=(1, 9)))).benefits == (Benefit.INPATIENT,)


@pytest.mark.parametrize(
    ("text", "now", "reason"),
    [
        ("MR1-XYZ", NOW, Reason.ATTESTATION_MALFORMED),
        (signed(attested(terms=9)), NOW, Reason.ATTESTATION_MALFORMED),
        (signed(key="attest killed"), NOW, Reason.ATTESTATION_UNKNOWN_KEY),
        (
            signed(attested(region="500100", status_uri="mr:sl/500100/1"), "attest elsewhere"),
            NOW,
            Reason.ATTESTATION_OF_ANOTHER,
        ),
        (
            signed(attested(issue_second=NOW_SECOND - 9 * DAY, expire_second=NOW_SECOND - 60)),
            NOW,
            Reason.ATTESTATION_EXPIRED,
        ),
        (
            signed(attested(issue_second=NOW_SECOND + 60)),
            NOW,
            Reason.ATTESTATION_NOT_YET_VALID,
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(
    text: str, now: dt.datetime, reason: Reason
) -> None:
    with pytest.raises(RuleError) as refusal:
        read(text, now=now)
    assert refusal.value.reason is reason
