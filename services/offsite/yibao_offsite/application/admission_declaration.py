"""Admission declarations: made once a stay by the hospital, kept up by it, read by the agency."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.application.person import all_records
from yibao_offsite.rules.admission_declaration import (
    AdmissionDeclaration,
    Moved,
    already_declared,
    check_declared,
    declaration_not_found,
    moved,
)
from yibao_offsite.rules.registration.registration import registration_not_found
from yibao_offsite.rules.registration.states import State
from yibao_offsite.rules.served import check_served

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[AdmissionDeclaration], bytes]
# Makes the declaration with its id and time.
Declared = Callable[[str, dt.datetime], AdmissionDeclaration]


class DeclaredPlace(NamedTuple):
    """Where a list goes on: behind the declaration of this time and id."""

    declare_time: dt.datetime
    admission_declaration_id: str


class DeclarationWish(NamedTuple):
    """Which declarations are asked for; None limits nothing.

    `person_ids` are records of one person; empty limits nothing.
    """

    institution_id: str | None = None
    person_ids: tuple[str, ...] = ()
    only_open: bool = False


class DeclarationRows(Protocol):
    """The admission declarations of a region."""

    def find(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        """Returns a declaration, or None."""
        ...

    def lock(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        """Locks a declaration until the transaction ends and returns it, or None."""
        ...

    def of_visit(self, visit_id: str) -> AdmissionDeclaration | None:
        """Returns the declaration of a stay, or None."""
        ...

    def whose_visits(self, visit_ids: Collection[str]) -> Mapping[str, Collection[str]]:
        """Returns as whose a hospital declared visits or marked them as emergencies.

        Visits that no hospital told of are left out.
        """
        ...

    def insert(self, declaration: AdmissionDeclaration) -> None:
        """Stores a new declaration."""
        ...

    def update(self, declaration: AdmissionDeclaration) -> None:
        """Stores what became of a locked declaration."""
        ...

    def page(
        self, wish: DeclarationWish, *, after: DeclaredPlace | None, limit: int
    ) -> Sequence[AdmissionDeclaration]:
        """Returns at most `limit` declarations by time and id."""
        ...


@dataclass(frozen=True, slots=True)
class UpdateAdmission:
    """Tells what became of a declared stay."""

    request: Request
    admission_declaration_id: str
    moved: Moved


class AdmissionDeclarations:
    """What callers ask of admission declarations. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        served: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions. See `rules.served` of `served`."""
        self._served = served
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def declare(self, request: Request, told: Declared, encode: Encode) -> bytes:
        """Declares a stay once by request id.

        Raises:
            RuleError: REGION_NOT_SERVED, FIELD_REQUIRED, FIELD_OUT_OF_RANGE,
                REGISTRATION_NOT_FOUND, REGISTRATION_STATE, ADMISSION_DECLARED, in this order;
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            request, lambda work: encode(self._declare(work, request, told))
        )

    def update(self, command: UpdateAdmission, encode: Encode) -> bytes:
        """Tells what became of a stay, once by request id.

        Raises:
            RuleError: ADMISSION_DECLARATION_NOT_FOUND, of another hospital's too,
                ADMISSION_DECLARATION_STATE, FIELD_REQUIRED, FIELD_OUT_OF_RANGE,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._update(work, command))
        )

    def find(
        self, region: str, admission_declaration_id: str, caller: Caller
    ) -> AdmissionDeclaration:
        """Returns a declaration. Raises RuleError ADMISSION_DECLARATION_NOT_FOUND."""
        with self._transactions.read(region) as work:
            return _seen(
                work.declarations.find(admission_declaration_id), admission_declaration_id, caller
            )

    def page(
        self, region: str, wish: DeclarationWish, *, after: DeclaredPlace | None, limit: int
    ) -> Sequence[AdmissionDeclaration]:
        """Returns at most `limit` declarations, the one declared first at the head."""
        with self._transactions.read(region) as work:
            wish = wish._replace(person_ids=all_records(work.persons, wish.person_ids))
            return work.declarations.page(wish, after=after, limit=limit)

    def _declare(self, work: "Work", request: Request, told: Declared) -> AdmissionDeclaration:
        check_served(request.region, self._served)
        now = self._clock()
        declaration = told(self._ids(), now)
        check_declared(declaration, today=shanghai_day(now))
        # Two declarations of one stay at once are made one by one.
        work.persons.lock(declaration.person_id)
        if declaration.registration_id:
            _check_registration(work, declaration)
        known = work.declarations.of_visit(declaration.visit_id)
        if known is not None:
            raise already_declared(known)
        work.declarations.insert(declaration)
        self._record(work, request, declaration)
        return declaration

    def _update(self, work: "Work", command: UpdateAdmission) -> AdmissionDeclaration:
        request, now = command.request, self._clock()
        found = _seen(
            work.declarations.lock(command.admission_declaration_id),
            command.admission_declaration_id,
            request.caller,
        )
        declaration = moved(found, command.moved, now=now, today=shanghai_day(now))
        work.declarations.update(declaration)
        self._record(work, request, declaration)
        return declaration

    def _record(self, work: "Work", request: Request, declaration: AdmissionDeclaration) -> None:
        subjects = (
            declaration.person_id,
            declaration.admission_declaration_id,
            declaration.visit_id,
        )
        # Where the patient lay when is what an audit asks later, and the row tells of now.
        detail = {"department": declaration.department_name, "bed": declaration.bed}
        if declaration.discharge_date is not None:
            detail["discharge_date"] = declaration.discharge_date.isoformat()
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)


def _check_registration(work: "Work", declaration: AdmissionDeclaration) -> None:
    registration_id = declaration.registration_id
    registration = work.registrations.find(registration_id)
    if registration is None or registration.person_id != declaration.person_id:
        raise registration_not_found(registration_id)
    if registration.state is not State.ACTIVE:
        raise RuleError(
            Reason.REGISTRATION_STATE,
            f"registration {registration_id} is {registration.state.name}",
            registration_id=registration_id,
            state=registration.state.name,
        )


def _seen(
    declaration: AdmissionDeclaration | None, admission_declaration_id: str, caller: Caller
) -> AdmissionDeclaration:
    """Returns a declaration that a caller may know of; a hospital knows of its own alone."""
    own = caller.institution_id
    if declaration is None or own not in (None, declaration.institution_id):
        raise declaration_not_found(admission_declaration_id)
    return declaration
