"""Marks of care and terms of care elsewhere, between messages and values."""

from collections.abc import Mapping
from typing import TypeVar

from yibao.offsite.v1 import registration_pb2
from yibao.settlement.v1 import elsewhere_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2
from yibao_common.rpc.wire import from_date, known
from yibao_settlement.rules.elsewhere.marks import AdmissionKind, CareMarks, OutpatientKind
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.rules.elsewhere.terms import Elsewhere

# What a region's policy knows as its fact `offsite`, by its number in the contract.
TERMS: Mapping[str, registration_pb2.OffsiteTerms.ValueType] = {
    "local": registration_pb2.OFFSITE_TERMS_LOCAL,
    "long_term": registration_pb2.OFFSITE_TERMS_LONG_TERM,
    "referral": registration_pb2.OFFSITE_TERMS_REFERRAL,
    "emergency": registration_pb2.OFFSITE_TERMS_EMERGENCY,
    "temporary": registration_pb2.OFFSITE_TERMS_TEMPORARY,
    "unregistered": registration_pb2.OFFSITE_TERMS_UNREGISTERED,
}
_ADMISSIONS: Mapping[int, AdmissionKind] = {int(kind): kind for kind in AdmissionKind}
_OUTPATIENTS: Mapping[int, OutpatientKind] = {int(kind): kind for kind in OutpatientKind}
KindT = TypeVar("KindT")
_Request = (
    visit_service_pb2.RegisterVisitRequest
    | visit_service_pb2.UpdateVisitRequest
    | visit_service_pb2.DischargeVisitRequest
)


def marks_of(request: _Request) -> CareMarks | None:
    """Returns the marks of a request, None where it has none.

    Raises RuleError FIELD_OUT_OF_RANGE for kinds of a newer contract.
    """
    if not request.HasField("marks"):
        return None
    told = request.marks
    return CareMarks(
        told.epidemic_group or None,
        told.is_trauma if told.HasField("is_trauma") else None,
        told.is_third_party_liable if told.HasField("is_third_party_liable") else None,
        _kind(_ADMISSIONS, told.admission_kind, "admission_kind"),
        _kind(_OUTPATIENTS, told.outpatient_kind, "outpatient_kind"),
    )


def _kind(kinds: Mapping[int, KindT], number: int, field: str) -> KindT | None:
    """Returns what a number stands for; 0 is none told."""
    if not number:
        return None
    return known(kinds, number, field=f"marks.{field}", what=field.replace("_", " "))


def marks_message(marks: CareMarks) -> pb.CareMarks:
    """Returns marks as sent."""
    message = pb.CareMarks(
        epidemic_group=marks.epidemic_group or 0,
        admission_kind=pb.AdmissionKind.ValueType(marks.admission_kind or 0),
        outpatient_kind=pb.OutpatientKind.ValueType(marks.outpatient_kind or 0),
    )
    if marks.is_trauma is not None:
        message.is_trauma = marks.is_trauma
    if marks.is_third_partys is not None:
        message.is_third_party_liable = marks.is_third_partys
    return message


def care_message(care: Elsewhere) -> pb.CareElsewhere:
    """Returns the terms of care elsewhere as sent."""
    return pb.CareElsewhere(
        treatment_region=care.place_region,
        terms=TERMS.get(care.terms, registration_pb2.OFFSITE_TERMS_UNSPECIFIED),
        registration_id=care.registration_id or "",
        category=registration_pb2.RegistrationCategory.ValueType(care.category),
        start_date=None if care.start_date is None else from_date(care.start_date),
        end_date=None if care.end_date is None else from_date(care.end_date),
    )


def registration_message(told: RegisteredCare) -> pb.CareElsewhere:
    """Returns a registration that holds, as a counter is told of it."""
    return care_message(
        Elsewhere(
            told.treatment_region,
            told.terms,
            told.registration_id,
            told.category,
            told.start_date,
            told.end_date,
        )
    )
