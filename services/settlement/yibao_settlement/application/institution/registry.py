"""What institutions are for, their staff, and who is suspended: imported, read, changed."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from yibao_common.commands.audit import AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refusal_of, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.institution.rows import InstitutionRows
from yibao_settlement.rules.catalogue import repeated_rows, row_repeated
from yibao_settlement.rules.institution.points import DoctorPoints, PointsTerms, suspended_days
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor, days_faults
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.visit import check_known

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

StaffRow = InstitutionScope | Department | Doctor
StaffT = TypeVar("StaffT", InstitutionScope, Department, Doctor)
_TOMORROW = dt.timedelta(days=1)


class SentStaff(NamedTuple):
    """A row of an import and what is wrong with its form; see `SentRow`."""

    row: StaffRow
    form_faults: Sequence[FieldFault] = ()
    form_total: int = 0


class ImportStaff(NamedTuple):
    """Imports scopes, departments or doctors: rows of one kind."""

    request: Request
    rows: Sequence[SentStaff]
    # Takes, row by row, why it was refused; None where it was stored.
    encode: Callable[[Sequence[RuleError | None]], bytes]


class AddPoints(NamedTuple):
    """Adds points to a doctor; `suspend_date` is None for tomorrow."""

    request: Request
    doctor_code: str
    points: int
    points_date: dt.date
    reason: str
    suspend_date: dt.date | None
    terms: PointsTerms
    # Takes the points, those of the year, and what they brought.
    encode: Callable[[DoctorPoints, int, Suspension | None], bytes]


class Suspend(NamedTuple):
    """Suspends somebody."""

    request: Request
    kind: SuspendedKind
    institution_id: str
    code: str
    start_date: dt.date
    end_date: dt.date | None
    reason: str
    encode: Callable[[Suspension], bytes]


class LiftSuspension(NamedTuple):
    """Lifts a suspension, after a day or altogether."""

    request: Request
    suspension_id: str
    last_date: dt.date | None
    reason: str
    encode: Callable[[Suspension], bytes]


class InstitutionRegistry:
    """What is changed of institutions, each call answered once by its request id. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def import_rows(self, command: ImportStaff) -> bytes:
        """Stores the rows without a fault and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED.
        """
        request = command.request

        def decide(work: "Work") -> bytes:
            # First: it locks the region.
            if _are_cached(work.institutions, command.rows):
                work.reference.raise_epoch()
            ids = {each.row.institution_id for each in command.rows if not each.form_faults}
            refusals = _refusals(command, known=set(work.institutions.find(ids)))
            accepted = [
                each.row
                for each, refusal in zip(command.rows, refusals, strict=True)
                if refusal is None
            ]
            # In one order: of two who import the same rows one waits for the other.
            for institution_id in sorted({each.institution_id for each in accepted}):
                work.mappings.lock(institution_id)
            _put(work.institutions, accepted)
            refused = len(refusals) - len(accepted)
            detail = {"rows": str(len(accepted)), "digest": request.digest.hex()}
            if refused:
                detail["refused"] = str(refused)
            work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))
            return command.encode(refusals)

        return self._transactions.once(request, decide)

    def add_points(self, command: AddPoints) -> bytes:
        """Adds points, and suspends the doctor where they come to that.

        Raises RuleError FIELD_OUT_OF_RANGE, DOCTOR_NOT_FOUND, REQUEST_ID_REUSED.
        """
        request, code = command.request, command.doctor_code

        def decide(work: "Work") -> bytes:
            # Locks the region: of two who add points one sees those of the other.
            work.reference.raise_epoch()
            now = self._clock()
            today = shanghai_day(now)
            if command.points_date > today:
                fault = FieldFault("points_date", Reason.FIELD_OUT_OF_RANGE, "lies after today")
                refuse_faults([fault])
            if not work.institutions.doctor(code):
                raise doctor_not_found(code)
            first, last = year_of(command.points_date.year)
            before = sum(each.points for each in work.institutions.points(code, first, last))
            points = DoctorPoints(
                *(self._ids(), code, command.points, command.points_date, command.reason),
                *(now, request.caller.path),
            )
            work.institutions.add_points(points)
            start = command.suspend_date or today + _TOMORROW
            days = suspended_days(before, command.points, command.terms, start=start)
            total, brought = before + command.points, None
            if days is not None:
                brought = Suspension(
                    *(self._ids(), SuspendedKind.DOCTOR, "", code, "", *days),
                    f"{total} points in {command.points_date.year}",
                    *(now, request.caller.path),
                )
                work.institutions.add_suspension(brought)
            detail = {"points": str(command.points), "total": str(total), "reason": command.reason}
            if brought is not None:
                detail["suspension"] = brought.suspension_id
            detail["doctor"] = code
            work.audit.add(
                entry_of(request, at=now, subject_ids=(points.points_id,), detail=detail)
            )
            return command.encode(points, total, brought)

        return self._transactions.once(request, decide)

    def suspend(self, command: Suspend) -> bytes:
        """Suspends an institution, a department or a doctor.

        Raises RuleError FIELD_REQUIRED, FIELD_OUT_OF_RANGE, INSTITUTION_NOT_DESIGNATED,
        DEPARTMENT_NOT_FOUND, DOCTOR_NOT_FOUND, REQUEST_ID_REUSED.
        """
        request = command.request
        refuse_faults(_suspend_faults(command))

        def decide(work: "Work") -> bytes:
            work.reference.raise_epoch()
            now = self._clock()
            suspension = Suspension(
                *(self._ids(), command.kind, command.institution_id, command.code),
                _name_of(command, work.institutions),
                *(command.start_date, command.end_date, command.reason),
                *(now, request.caller.path),
            )
            work.institutions.add_suspension(suspension)
            work.audit.add(_entry(request, suspension, now, command.reason))
            return command.encode(suspension)

        return self._transactions.once(request, decide)

    def lift(self, command: LiftSuspension) -> bytes:
        """Lifts a suspension.

        Raises RuleError SUSPENSION_NOT_FOUND, SUSPENSION_STATE, FIELD_OUT_OF_RANGE,
        REQUEST_ID_REUSED.
        """
        request = command.request

        def decide(work: "Work") -> bytes:
            work.reference.raise_epoch()
            found = work.institutions.suspensions(suspension_id=command.suspension_id)
            if not found:
                raise RuleError(
                    Reason.SUSPENSION_NOT_FOUND,
                    f"no suspension {command.suspension_id}",
                    suspension_id=command.suspension_id,
                )
            (suspension,) = found
            if suspension.lift_time is not None:
                raise RuleError(Reason.SUSPENSION_STATE, "the suspension is lifted already")
            last, end = command.last_date, suspension.end_date
            if last is not None and (last < suspension.start_date or (end and last > end)):
                message = "is no day of the suspension"
                refuse_faults([FieldFault("last_date", Reason.FIELD_OUT_OF_RANGE, message)])
            now = self._clock()
            lifted = suspension._replace(
                lift_time=now,
                lifted_by=request.caller.path,
                lift_last_date=last,
                lift_reason=command.reason,
            )
            work.institutions.lift(lifted)
            work.audit.add(_entry(request, lifted, now, command.reason))
            return command.encode(lifted)

        return self._transactions.once(request, decide)


def _entry(request: Request, suspension: Suspension, now: dt.datetime, reason: str) -> AuditEntry:
    detail = {
        "kind": suspension.kind.name,
        "institution": suspension.institution_id,
        "code": suspension.code,
        "start_date": suspension.start_date.isoformat(),
        "reason": reason,
    }
    told = {name: value for name, value in detail.items() if value}
    return entry_of(request, at=now, subject_ids=(suspension.suspension_id,), detail=told)


def year_of(year: int) -> tuple[dt.date, dt.date]:
    """Returns the first and last day of a calendar year."""
    return dt.date(year, 1, 1), dt.date(year, 12, 31)


def doctor_not_found(doctor_code: str) -> RuleError:
    """Returns the refusal for a doctor whom the region does not know, or the institution."""
    return RuleError(Reason.DOCTOR_NOT_FOUND, f"no doctor {doctor_code}", doctor_code=doctor_code)


def _are_cached(institutions: InstitutionRows, sent: Sequence[SentStaff]) -> bool:
    """Tells whether rows are of what a region's reference data holds.

    It holds scopes, and names of suspended departments; other staff is imported without keeping
    anybody's bills waiting.
    """
    rows = [each.row for each in sent]
    if any(isinstance(row, InstitutionScope) for row in rows):
        return True
    codes = {row[:2] for row in rows if isinstance(row, Department)}
    return bool(codes) and any(
        each.kind is SuspendedKind.DEPARTMENT and (each.institution_id, each.code) in codes
        for each in institutions.suspensions()
    )


def _refusals(command: ImportStaff, *, known: set[str]) -> list[RuleError | None]:
    """Returns why each row is refused, with every fault of it at once."""
    own = command.request.caller.institution_id
    keys = [None if each.form_faults else _key(each.row) for each in command.rows]
    repeated = repeated_rows(keys)
    refusals = []
    for place, (row, form_faults, form_total) in enumerate(command.rows):
        faults = list(form_faults)
        untold = max(form_total - len(faults), 0)
        if not faults:
            if own not in (None, row.institution_id):
                message = "is another institution"
                faults.append(FieldFault("institution_id", Reason.OUT_OF_SCOPE, message))
            elif row.institution_id not in known:
                message = "has no agreement with the region"
                reason = Reason.INSTITUTION_NOT_DESIGNATED
                faults.append(FieldFault("institution_id", reason, message))
            if not isinstance(row, InstitutionScope):
                faults += days_faults(row.start_date, row.end_date)
        if place in repeated:
            faults.append(row_repeated("institution_id", repeated[place]))
        refusals.append(refusal_of(faults, total=len(faults) + untold))
    return refusals


def _key(row: StaffRow) -> tuple[object, ...]:
    if isinstance(row, InstitutionScope):
        return row.institution_id, row.start_date
    code = row.department_code if isinstance(row, Department) else row.doctor_code
    return row.institution_id, code


def _put(institutions: InstitutionRows, rows: Sequence[StaffRow]) -> None:
    institutions.put_scopes([each for each in rows if isinstance(each, InstitutionScope)])
    institutions.put_departments([each for each in rows if isinstance(each, Department)])
    institutions.put_doctors([each for each in rows if isinstance(each, Doctor)])


def _suspend_faults(command: Suspend) -> list[FieldFault]:
    faults = list(days_faults(command.start_date, command.end_date))
    is_doctor = command.kind is SuspendedKind.DOCTOR
    is_institution = command.kind is SuspendedKind.INSTITUTION
    for field, value, is_named in (
        ("institution_id", command.institution_id, not is_doctor),
        ("code", command.code, not is_institution),
    ):
        if is_named and not value:
            faults.append(FieldFault(field, Reason.FIELD_REQUIRED, "is required"))
        elif value and not is_named:
            message = "is not named of such a suspension"
            faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    return faults


def _name_of(command: Suspend, institutions: InstitutionRows) -> str:
    """Returns what lines call a department, after whoever is suspended was found."""
    if command.kind is SuspendedKind.DOCTOR:
        if not institutions.doctor(command.code):
            raise doctor_not_found(command.code)
        return ""
    known = institutions.find([command.institution_id])
    check_known(known.get(command.institution_id), command.institution_id)
    if command.kind is SuspendedKind.INSTITUTION:
        return ""
    department = institutions.department(command.institution_id, command.code)
    if department is None:
        raise RuleError(
            Reason.DEPARTMENT_NOT_FOUND, f"no department {command.code}", code=command.code
        )
    return department.department_name
