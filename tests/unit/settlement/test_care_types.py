"""The list of care types, and what is registered where."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import (
    CARE_TYPES,
    CareKind,
    check_care_type,
    is_stay,
    needs_disease,
)


@pytest.mark.parametrize(
    ("code", "kind", "stays", "with_disease"),
    [
        ("11", CareKind.OUTPATIENT, False, False),
        ("13", CareKind.EMERGENCY, False, False),
        ("14", CareKind.CHRONIC, False, True),
        ("9901", CareKind.CHRONIC, False, True),
        ("2101", CareKind.INPATIENT, True, False),
        ("2102", CareKind.INPATIENT, True, True),
        ("28", CareKind.DAY_SURGERY, True, False),
        ("51", CareKind.MATERNITY, False, False),
        ("52", CareKind.MATERNITY, True, False),
        ("41", CareKind.PHARMACY, False, False),
        ("71", CareKind.OUTPATIENT, False, False),
    ],
)
def test_a_care_type_is_of_a_kind_and_may_be_a_stay_or_of_a_disease(
    code: str, kind: CareKind, stays: bool, with_disease: bool
) -> None:
    assert CARE_TYPES[code].kind is kind
    assert (is_stay(code), needs_disease(code)) == (stays, with_disease)


def test_every_kind_is_in_the_list() -> None:
    assert {care_type.kind for care_type in CARE_TYPES.values()} == set(CareKind)


@pytest.mark.parametrize("code", ["10", "210", "2199", "1", "999999"])
def test_a_code_of_no_list_is_refused_with_the_name_of_the_list(code: str) -> None:
    with pytest.raises(RuleError, match="national list med_type") as caught:
        check_care_type(code, is_pharmacy=False)
    assert caught.value.reason is Reason.CARE_TYPE_UNKNOWN
    assert (is_stay(code), needs_disease(code)) == (False, False)


@pytest.mark.parametrize("code", CARE_TYPES)
def test_a_pharmacy_registers_purchases_and_what_it_dispenses_for(code: str) -> None:
    check_care_type(code, is_pharmacy=False)
    if code in {"41", "14", "18", "9901", "9904"}:
        check_care_type(code, is_pharmacy=True)
        return
    with pytest.raises(RuleError, match="pharmacy") as caught:
        check_care_type(code, is_pharmacy=True)
    assert caught.value.reason is Reason.CARE_TYPE_NOT_ALLOWED
