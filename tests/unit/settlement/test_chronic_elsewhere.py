"""Which chronic diseases are settled elsewhere, and for whom."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.files.qualification.read import load_disease_lists
from yibao_settlement.rules.elsewhere.chronic import OPEN_DISEASES, check_disease, open_disease
from yibao_settlement.rules.enrolment import RegisteredDisease

MAR_1, MAR_8 = dt.date(2027, 3, 1), dt.date(2027, 3, 8)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize("disease", sorted(OPEN_DISEASES))
def test_each_of_the_ten_diseases_is_settled_elsewhere(disease: str) -> None:
    # Rule O-05, settled directly.
    held = [RegisteredDisease(disease, MAR_1, MAR_8)]
    check_disease(disease, held, on=MAR_1)
    check_disease(disease, held, on=MAR_8)
    for day in (MAR_1 - DAY, MAR_8 + DAY):
        with pytest.raises(RuleError) as refusal:
            check_disease(disease, held, on=day)
        assert refusal.value.reason is Reason.OFFSITE_DISEASE_NOT_QUALIFIED


@pytest.mark.parametrize(
    ("held", "told", "is_settled"),
    [
        ("M03905", "M03900", True),
        ("M00201", "M00202", True),
        ("M01601", "M01600", True),
        # Renal failure without dialysis is not dialysis, nor is a region's part of it.
        ("M07800", "M07801", False),
        ("M07801", "M07800", False),
        ("M07800", "M07800", False),
        ("M07805", "M07801", False),
        # Tumours without radiation and chemotherapy are none of the ten.
        ("M00504", "M00500", False),
        ("M00500", "M00504", False),
        ("M00500", "M00501", True),
        ("X0001", "M07801", False),
        ("X0001", "X0001", False),
    ],
)
def test_a_sub_code_is_of_its_whole_disease_and_of_no_other(
    held: str, told: str, is_settled: bool
) -> None:
    diseases = [RegisteredDisease(held, MAR_1, None)]
    if is_settled:
        check_disease(told, diseases, on=MAR_1)
        return
    with pytest.raises(RuleError) as refusal:
        check_disease(told, diseases, on=MAR_1)
    assert refusal.value.reason is Reason.OFFSITE_DISEASE_NOT_QUALIFIED


def test_settlement_and_offsite_hold_the_same_diseases_for_open() -> None:
    national = load_disease_lists([]).of("500100", MAR_1)
    assert OPEN_DISEASES.keys() == {
        each.national_disease_code for each in national.diseases.values() if each.is_open_elsewhere
    }
    for code, each in national.diseases.items():
        assert (open_disease(code) is not None) is each.is_open_elsewhere, code
    # A region's own parts of each disease of the list, with no word on what they stand for.
    listed = "".join(f"  - {{code: {code[:4]}7Z, name: 病种}}\n" for code in national.diseases)
    own = "format: yibao-chronic/1\nregion: '500100'\nstart: 2026-01-01\npapers: []\ndiseases:\n"
    rows = dict.fromkeys(listed.splitlines(keepends=True))
    parts = load_disease_lists([("own", (own + "".join(rows)).encode())]).of("500100", MAR_1)
    assert len(parts.diseases) > len(OPEN_DISEASES)
    for code, each in parts.diseases.items():
        assert (open_disease(code) is not None) is each.is_open_elsewhere, code


def test_a_disease_that_is_none_of_the_ten_or_anothers_is_refused() -> None:
    held = [RegisteredDisease("M02500", MAR_1, None), RegisteredDisease("M01600", MAR_1, None)]
    for code in ("M02500", "M03900"):
        with pytest.raises(RuleError) as refusal:
            check_disease(code, held, on=MAR_1)
        assert refusal.value.reason is Reason.OFFSITE_DISEASE_NOT_QUALIFIED
    assert len(OPEN_DISEASES) == 10
