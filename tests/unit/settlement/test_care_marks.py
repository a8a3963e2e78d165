"""The five marks of `exp_content`: what must be told, and what does not fit."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.hold import check_not_audited
from yibao_settlement.rules.elsewhere.marks import (
    NO_MARKS,
    AdmissionKind,
    CareMarks,
    OutpatientKind,
    check_nobody_liable,
    mark_faults,
)
from yibao_settlement.rules.elsewhere.registered import AuditHold

TRAUMA = ("marks.is_trauma", Reason.TRAUMA_MARK_MISSING)
LIABLE = ("marks.is_third_party_liable", Reason.TRAUMA_MARK_MISSING)
ADMISSION = ("marks.admission_kind", Reason.EMERGENCY_MARK_MISMATCH)
OUTPATIENT = ("marks.outpatient_kind", Reason.EMERGENCY_MARK_MISMATCH)
CALM = CareMarks(is_trauma=True, is_third_partys=False)


@pytest.mark.parametrize(
    ("care_type", "marks", "faults"),
    [
        ("2101", NO_MARKS, []),
        ("11", CareMarks(epidemic_group=1), []),
        # An accident and a trauma are one.
        ("9903", NO_MARKS, [TRAUMA]),
        ("22", CareMarks(is_trauma=False), [TRAUMA]),
        ("22", CareMarks(is_trauma=True), [LIABLE]),
        ("22", CALM, []),
        ("11", CareMarks(is_trauma=True, is_third_partys=True), []),
        (
            "11",
            CareMarks(is_third_partys=False),
            [("marks.is_third_party_liable", Reason.FIELD_OUT_OF_RANGE)],
        ),
        # How somebody was admitted is of stays, the other kind of all else.
        ("2101", CareMarks(admission_kind=AdmissionKind.TRANSFER), []),
        ("11", CareMarks(admission_kind=AdmissionKind.ORDINARY), [ADMISSION]),
        ("2101", CareMarks(outpatient_kind=OutpatientKind.EMERGENCY), [OUTPATIENT]),
        ("24", CareMarks(admission_kind=AdmissionKind.ORDINARY), [ADMISSION]),
        ("24", CareMarks(admission_kind=AdmissionKind.EMERGENCY), []),
        # Emergencies are marked as such: 1 or 3.
        ("13", NO_MARKS, [OUTPATIENT]),
        ("13", CareMarks(outpatient_kind=OutpatientKind.REFERRAL), [OUTPATIENT]),
        ("13", CareMarks(outpatient_kind=OutpatientKind.EMERGENCY), []),
        ("1301", CareMarks(outpatient_kind=OutpatientKind.EMERGENCY_AND_REFERRAL), []),
        # All that is wrong is told at once.
        (
            "22",
            CareMarks(outpatient_kind=OutpatientKind.REFERRAL),
            [TRAUMA, OUTPATIENT],
        ),
    ],
)
def test_marks_of_persons_of_elsewhere(
    care_type: str, marks: CareMarks, faults: list[tuple[str, Reason]]
) -> None:
    found = [(each.field, each.reason) for each in mark_faults(marks, care_type, is_elsewhere=True)]
    assert found == faults
    if marks != NO_MARKS:
        at_home = mark_faults(marks, care_type, is_elsewhere=False)
        assert [(each.field, each.reason) for each in at_home] == faults


@pytest.mark.parametrize("care_type", ["9903", "22", "13", "24"])
def test_marks_are_not_asked_of_persons_of_the_own_region(care_type: str) -> None:
    assert list(mark_faults(NO_MARKS, care_type, is_elsewhere=False)) == []


@pytest.mark.parametrize(
    ("marks", "is_emergency"),
    [
        (NO_MARKS, False),
        (CareMarks(admission_kind=AdmissionKind.EMERGENCY), True),
        (CareMarks(admission_kind=AdmissionKind.TRANSFER), False),
        (CareMarks(outpatient_kind=OutpatientKind.REFERRAL), False),
        (CareMarks(outpatient_kind=OutpatientKind.EMERGENCY_AND_REFERRAL), True),
    ],
)
def test_which_marks_say_emergency(marks: CareMarks, is_emergency: bool) -> None:
    assert marks.is_emergency is is_emergency


def test_what_a_third_party_bears_is_not_payable_until_it_is_cleared() -> None:
    with pytest.raises(RuleError) as refusal:
        check_nobody_liable(CALM._replace(is_third_partys=True), "v")
    assert refusal.value.reason is Reason.THIRD_PARTY_LIABLE
    check_nobody_liable(CALM, "v")
    check_nobody_liable(NO_MARKS, "v")


def test_a_hold_that_was_lifted_refuses_nothing_and_any_other_does() -> None:
    lifted = AuditHold("h1", "p", "v", "t1", is_lifted=True)
    check_not_audited([lifted])
    with pytest.raises(RuleError) as refusal:
        check_not_audited([lifted, AuditHold("h2", "p", "v", "t2", is_lifted=False)])
    assert refusal.value.reason is Reason.AUDIT_HOLD
    assert refusal.value.metadata["task_id"] == "t2"
