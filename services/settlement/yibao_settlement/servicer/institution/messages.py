"""The messages of what belongs to institutions."""

import datetime as dt

from yibao.settlement.v1 import institution_pb2 as messages
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.application.institution.registry import SentStaff
from yibao_settlement.rules.institution.points import DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import Suspension
from yibao_settlement.servicer.rows import form_faults_of, row_day, row_days

_SCOPE = Validator(messages.InstitutionScope.DESCRIPTOR, refuse_unknown=True)
_DEPARTMENT = Validator(messages.Department.DESCRIPTOR, refuse_unknown=True)
_DOCTOR = Validator(messages.Doctor.DESCRIPTOR, refuse_unknown=True)


def sent_scope(message: messages.InstitutionScope) -> SentStaff:
    """Returns a row of ImportInstitutionScopes."""
    faults, total = form_faults_of(_SCOPE, message)
    row = InstitutionScope(
        message.institution_id,
        row_day(message, "start_date") or dt.date.min,
        message.institution_kind,
        tuple(message.care_types),
        message.is_offsite_networked,
        message.ecert_supported,
    )
    return SentStaff(row, faults, total)


def sent_department(message: messages.Department) -> SentStaff:
    """Returns a row of ImportDepartments."""
    faults, total = form_faults_of(_DEPARTMENT, message)
    row = Department(
        message.institution_id,
        message.department_code,
        message.department_name,
        message.national_department_code,
        *row_days(message),
    )
    return SentStaff(row, faults, total)


def sent_doctor(message: messages.Doctor) -> SentStaff:
    """Returns a row of ImportDoctors."""
    faults, total = form_faults_of(_DOCTOR, message)
    row = Doctor(
        message.institution_id,
        message.doctor_code,
        message.doctor_name,
        message.department_code,
        *row_days(message),
    )
    return SentStaff(row, faults, total)


def scope_message(scope: InstitutionScope) -> messages.InstitutionScope:
    """Returns a scope as sent."""
    return messages.InstitutionScope(
        institution_id=scope.institution_id,
        start_date=from_date(scope.start_date),
        institution_kind=scope.institution_kind,
        care_types=scope.care_types,
        is_offsite_networked=scope.is_offsite_networked,
        ecert_supported=scope.ecert_supported,
    )


def department_message(department: Department) -> messages.Department:
    """Returns a department as sent."""
    end = department.end_date
    return messages.Department(
        institution_id=department.institution_id,
        department_code=department.department_code,
        department_name=department.department_name,
        national_department_code=department.national_department_code,
        start_date=from_date(department.start_date),
        end_date=None if end is None else from_date(end),
    )


def doctor_message(doctor: Doctor) -> messages.Doctor:
    """Returns a doctor as sent."""
    end = doctor.end_date
    return messages.Doctor(
        institution_id=doctor.institution_id,
        doctor_code=doctor.doctor_code,
        doctor_name=doctor.doctor_name,
        department_code=doctor.department_code,
        start_date=from_date(doctor.start_date),
        end_date=None if end is None else from_date(end),
    )


def points_message(points: DoctorPoints) -> messages.DoctorPoints:
    """Returns points as sent."""
    return messages.DoctorPoints(
        points_id=points.points_id,
        points=points.points,
        points_date=from_date(points.points_date),
        reason=points.reason,
        add_time=from_instant(points.add_time),
        added_by=points.added_by,
    )


def suspension_message(suspension: Suspension) -> messages.Suspension:
    """Returns a suspension as sent."""
    message = messages.Suspension(
        suspension_id=suspension.suspension_id,
        kind=messages.SuspendedKind.ValueType(suspension.kind),
        institution_id=suspension.institution_id,
        code=suspension.code,
        start_date=from_date(suspension.start_date),
        reason=suspension.reason,
        suspend_time=from_instant(suspension.suspend_time),
        suspended_by=suspension.suspended_by,
        lifted_by=suspension.lifted_by,
        lift_reason=suspension.lift_reason,
    )
    if suspension.end_date is not None:
        message.end_date.CopyFrom(from_date(suspension.end_date))
    if suspension.lift_time is not None:
        message.lift_time.CopyFrom(from_instant(suspension.lift_time))
    if suspension.lift_last_date is not None:
        message.lift_last_date.CopyFrom(from_date(suspension.lift_last_date))
    return message
