"""The marks that a hospital sends of care (`exp_content` of 2203, 2206, 2401 and 2403).

Required of persons of elsewhere; of those of the own region what is told has to fit together.
"""

import enum
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import is_stay


class AdmissionKind(enum.IntEnum):
    """How a person was admitted (IPT_TYPE), by its national number."""

    ORDINARY = 1
    EMERGENCY = 2
    TRANSFER = 3


class OutpatientKind(enum.IntEnum):
    """What outpatient care is for persons of elsewhere (OTP_ER_REFL_FLAG), by its number."""

    EMERGENCY = 1
    REFERRAL = 2
    EMERGENCY_AND_REFERRAL = 3


class CareMarks(NamedTuple):
    """The marks of a visit; None where nothing was told.

    `epidemic_group` is MDTRT_GRP_TYPE, 1 to 4; `is_trauma` TRUM_FLAG, `is_third_partys`
    REL_TTP_FLAG: whether a third party is liable.
    """

    epidemic_group: int | None = None
    is_trauma: bool | None = None
    is_third_partys: bool | None = None
    admission_kind: AdmissionKind | None = None
    outpatient_kind: OutpatientKind | None = None

    @property
    def is_emergency(self) -> bool:
        """Whether the hospital says that it is an emergency or a rescue."""
        return self.admission_kind is AdmissionKind.EMERGENCY or self.outpatient_kind in (
            OutpatientKind.EMERGENCY,
            OutpatientKind.EMERGENCY_AND_REFERRAL,
        )


NO_MARKS = CareMarks()

_OF_TRAUMA = ("9903", "22")
_OF_EMERGENCY = ("13", "1301")
_STAY_FROM_EMERGENCY = "24"


def mark_faults(marks: CareMarks, care_type: str, *, is_elsewhere: bool) -> Iterator[FieldFault]:
    """Yields what is wrong with the marks of a visit of a care type."""
    if marks == NO_MARKS and not is_elsewhere:
        return
    yield from _trauma_faults(marks, care_type)
    stays = is_stay(care_type)
    if stays and marks.outpatient_kind is not None:
        yield _mismatch("outpatient_kind", "is of outpatient care, and this is a stay")
    if not stays and marks.admission_kind is not None:
        yield _mismatch("admission_kind", "is of stays, and this is none")
    if care_type in _OF_EMERGENCY and not marks.is_emergency:
        yield _mismatch("outpatient_kind", f"must say emergency for care type {care_type}")
    if care_type == _STAY_FROM_EMERGENCY and marks.admission_kind is not AdmissionKind.EMERGENCY:
        yield _mismatch("admission_kind", f"must say emergency for care type {care_type}")


def _trauma_faults(marks: CareMarks, care_type: str) -> Iterator[FieldFault]:
    if care_type in _OF_TRAUMA and not marks.is_trauma:
        message = f"must be true for care type {care_type}"
        yield FieldFault("marks.is_trauma", Reason.TRAUMA_MARK_MISSING, message)
    if marks.is_trauma and marks.is_third_partys is None:
        message = "must say whether a third party is liable for the trauma"
        yield FieldFault("marks.is_third_party_liable", Reason.TRAUMA_MARK_MISSING, message)
    if marks.is_third_partys is not None and not marks.is_trauma:
        message = "is told of trauma alone"
        yield FieldFault("marks.is_third_party_liable", Reason.FIELD_OUT_OF_RANGE, message)


def _mismatch(field: str, message: str) -> FieldFault:
    return FieldFault(f"marks.{field}", Reason.EMERGENCY_MARK_MISMATCH, message)


def check_nobody_liable(marks: CareMarks, visit_id: str) -> None:
    """Raises THIRD_PARTY_LIABLE while a third party is said to be liable for a trauma.

    The fund does not pay what a third party has to bear (Social Insurance Law, art. 30), until
    the hospital tells that nobody is.
    """
    if marks.is_third_partys:
        raise RuleError(
            Reason.THIRD_PARTY_LIABLE,
            f"a third party is told to be liable for the trauma of visit {visit_id}: tell anew "
            "by UpdateVisit once it is cleared that nobody is",
            visit_id=visit_id,
        )
