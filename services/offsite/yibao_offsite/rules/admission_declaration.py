"""Admission declarations (入院申报, O-07): the hospital tells of a stay while it lasts."""

import datetime as dt
import enum
from dataclasses import dataclass, replace

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason


class AdmissionReason(enum.IntEnum):
    """Why a stay is declared, by its number in the contract."""

    APPROVED_TRANSFER = 1
    LIVING_ELSEWHERE = 2
    LOCAL_RULE = 3


@dataclass(frozen=True, slots=True)
class AdmissionDeclaration:
    """A declared stay; `discharge_date` is None while it lasts.

    `registration_id` is empty where local rules alone ask for the declaration.
    """

    region: str
    admission_declaration_id: str
    visit_id: str
    person_id: str
    institution_id: str
    admission_date: dt.date
    department_name: str
    bed: str
    diagnosis_code: str
    reason: AdmissionReason
    registration_id: str
    declared_by: str
    declare_time: dt.datetime
    discharge_date: dt.date | None = None
    update_time: dt.datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """What a hospital tells of a stay later; empty and None where it stays as it is."""

    department_name: str
    bed: str
    discharge_date: dt.date | None


def check_declared(declaration: AdmissionDeclaration, *, today: dt.date) -> None:
    """Checks a new declaration by itself.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE where the stay is to come, FIELD_REQUIRED without the
            registration that the reason rests on; FIELDS_INVALID where both.
    """
    faults = []
    if declaration.admission_date > today:
        faults.append(FieldFault("admission_date", Reason.FIELD_OUT_OF_RANGE, "is to come"))
    is_local = declaration.reason is AdmissionReason.LOCAL_RULE
    if not is_local and not declaration.registration_id:
        message = f"is required for {declaration.reason.name}"
        faults.append(FieldFault("registration_id", Reason.FIELD_REQUIRED, message))
    refuse_faults(faults)


def moved(
    declaration: AdmissionDeclaration, told: Moved, *, now: dt.datetime, today: dt.date
) -> AdmissionDeclaration:
    """Returns the declaration with what is told of it later.

    Raises:
        RuleError: ADMISSION_DECLARATION_STATE after the discharge, FIELD_REQUIRED where nothing
            is told, FIELD_OUT_OF_RANGE for a discharge before the admission or to come.
    """
    if declaration.discharge_date is not None:
        raise RuleError(
            Reason.ADMISSION_DECLARATION_STATE,
            f"the stay of declaration {declaration.admission_declaration_id} has ended",
            admission_declaration_id=declaration.admission_declaration_id,
        )
    discharge = told.discharge_date
    faults = []
    if not told.department_name and not told.bed and discharge is None:
        message = "is required, or bed or discharge_date"
        faults.append(FieldFault("department_name", Reason.FIELD_REQUIRED, message))
    if discharge is not None and not declaration.admission_date <= discharge <= today:
        message = "is no day of the stay up to now"
        faults.append(FieldFault("discharge_date", Reason.FIELD_OUT_OF_RANGE, message))
    refuse_faults(faults)
    return replace(
        declaration,
        department_name=told.department_name or declaration.department_name,
        bed=told.bed or declaration.bed,
        discharge_date=discharge,
        update_time=now,
        version=declaration.version + 1,
    )


def already_declared(declaration: AdmissionDeclaration) -> RuleError:
    """Returns the refusal for a stay that is declared."""
    return RuleError(
        Reason.ADMISSION_DECLARED,
        f"visit {declaration.visit_id} is declared",
        admission_declaration_id=declaration.admission_declaration_id,
    )


def declaration_not_found(admission_declaration_id: str) -> RuleError:
    """Returns the refusal for a declaration that the region does not have."""
    return RuleError(
        Reason.ADMISSION_DECLARATION_NOT_FOUND,
        f"no admission declaration {admission_declaration_id}",
        admission_declaration_id=admission_declaration_id,
    )
