"""Who may be treated where, from which day to which, and with which code."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.visit import (
    Institution,
    Visit,
    check_designated,
    check_service_date,
    check_takes,
    registration_audience,
    settlement_audience,
)

REGION = "999019"
HOSPITAL = "H99901900001"
FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
DAY = dt.timedelta(days=1)
INSTITUTION = Institution(HOSPITAL, "示例医院", "2", True, FIRST, LAST)


@pytest.mark.parametrize(
    ("care_type", "audience"),
    [("11", "01101"), ("14", "01101"), ("2101", "01103"), ("21", "01103"), ("12", "01101")],
)
def test_the_code_that_registers_is_for_admission_where_the_care_is_inpatient(
    care_type: str, audience: str
) -> None:
    assert registration_audience(care_type) == audience


@pytest.mark.parametrize(
    ("institution_id", "audience"), [(HOSPITAL, "01301"), ("P99901900003", "02121")]
)
def test_the_code_that_pays_is_a_pharmacys_own_at_a_pharmacy(
    institution_id: str, audience: str
) -> None:
    assert settlement_audience(institution_id) == audience


@pytest.mark.parametrize(
    ("institution", "institution_id", "on", "reason"),
    [
        (INSTITUTION, HOSPITAL, FIRST - DAY, Reason.INSTITUTION_NOT_DESIGNATED),
        (INSTITUTION, HOSPITAL, FIRST, None),
        (INSTITUTION, HOSPITAL, LAST, None),
        (INSTITUTION, HOSPITAL, LAST + DAY, Reason.INSTITUTION_NOT_DESIGNATED),
        (None, HOSPITAL, FIRST, Reason.INSTITUTION_NOT_DESIGNATED),
        (None, "H11010500001", FIRST, Reason.OFFSITE_NOT_REGISTERED),
        # A region may have an agreement with an institution beyond its border.
        (
            Institution("H11010500001", "外地医院", "3", True, FIRST, None),
            "H11010500001",
            LAST + DAY,
            None,
        ),
    ],
)
def test_an_institution_needs_an_agreement_of_the_region_on_that_day(
    institution: Institution | None, institution_id: str, on: dt.date, reason: Reason | None
) -> None:
    # Rules T-03, T-05 and, for another region's institution, I-30.
    if reason is None:
        found = check_designated(institution, institution_id, region=REGION, on=on)
        assert found is institution
        return
    with pytest.raises(RuleError) as caught:
        check_designated(institution, institution_id, region=REGION, on=on)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("ecert_supported", "kind", "is_taken"),
    [
        (True, CredentialKind.ECERT, True),
        (True, CredentialKind.CARD, True),
        (False, CredentialKind.ECERT, False),
        (False, CredentialKind.CARD, True),
    ],
)
def test_an_institution_without_the_e_certificate_takes_cards_alone(
    ecert_supported: bool, kind: CredentialKind, is_taken: bool
) -> None:
    # Rule I-11.
    institution = Institution(HOSPITAL, "示例医院", "2", ecert_supported, FIRST, None)
    credential = Credential("SUBJECT000001", "person", kind, CredentialState.USABLE)
    if is_taken:
        check_takes(institution, credential)
    else:
        with pytest.raises(RuleError) as caught:
            check_takes(institution, credential)
        assert caught.value.reason is Reason.INSTITUTION_NO_ECERT
        assert "use the card" in caught.value.message


@pytest.mark.parametrize(
    ("service_date", "is_accepted"),
    [(FIRST - DAY, False), (FIRST, True), (FIRST + DAY, True), (FIRST + 2 * DAY, False)],
)
def test_a_service_date_lies_in_the_visit_and_not_ahead(
    service_date: dt.date, is_accepted: bool
) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    birth = dt.date(1950, 1, 1)
    visit = Visit(
        "visit", "person", HOSPITAL, "V1", "2101", FIRST, birth, "390", "16", (), "2", now
    )
    today = FIRST + DAY
    if is_accepted:
        check_service_date(service_date, visit=visit, today=today)
    else:
        with pytest.raises(RuleError) as caught:
            check_service_date(service_date, visit=visit, today=today)
        assert caught.value.reason is Reason.SERVICE_DATE_INVALID
