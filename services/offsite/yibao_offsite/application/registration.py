"""Registrations for care elsewhere: made and cancelled once by request id, read by id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.rules.registration import (
    Application,
    Registration,
    cancel,
    check_no_overlap,
    register,
    registration_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Registration], bytes]


class RegistrationRows(Protocol):
    """Registrations of a region, as one transaction finds, locks and writes them."""

    def lock_person(self, person_id: str) -> None:
        """Lets no other transaction register for the person until this one ends."""
        ...

    def of_person(self, person_id: str) -> Sequence[Registration]:
        """Returns every registration of a person."""
        ...

    def find(self, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        ...

    def lock(self, registration_id: str) -> Registration | None:
        """Locks a registration until the transaction ends and returns it, or None."""
        ...

    def insert(
        self, registration: Registration, application: Application, *, registered_by: str
    ) -> None:
        """Stores a new registration with what was applied for."""
        ...

    def cancel(self, registration: Registration, *, cancelled_by: str) -> None:
        """Stores the state of a registration that was locked and is cancelled now."""
        ...


@dataclass(frozen=True, slots=True)
class CreateRegistration:
    """Registers care elsewhere."""

    request: Request
    application: Application


@dataclass(frozen=True, slots=True)
class CancelRegistration:
    """Cancels an active registration."""

    request: Request
    registration_id: str


class Registrations:
    """What callers ask of registrations. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def create(self, command: CreateRegistration, encode: Encode) -> bytes:
        """Registers once by request id and returns the answer's bytes.

        Raises:
            RuleError: what `rules.registration.register` refuses, REGISTRATION_EXISTS,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._create(work, command))
        )

    def cancel(self, command: CancelRegistration, encode: Encode) -> bytes:
        """Cancels once by request id and returns the answer's bytes.

        Raises:
            RuleError: REGISTRATION_NOT_FOUND, REGISTRATION_STATE, REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._cancel(work, command))
        )

    def find(self, region: str, registration_id: str) -> Registration:
        """Returns a registration. Raises RuleError REGISTRATION_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.registrations.find(registration_id)
        if found is None:
            raise registration_not_found(registration_id)
        return found

    def _create(self, work: "Work", command: CreateRegistration) -> Registration:
        request, application, now = command.request, command.application, self._clock()
        registration = register(
            application,
            region=request.region,
            registration_id=self._ids(),
            now=now,
            today=shanghai_day(now),
        )
        work.registrations.lock_person(application.person_id)
        # Read after the lock, so that it holds what the lock's last holder registered.
        check_no_overlap(registration, work.registrations.of_person(application.person_id))
        work.registrations.insert(registration, application, registered_by=request.caller.path)
        self._record(work, request, registration)
        return registration

    def _cancel(self, work: "Work", command: CancelRegistration) -> Registration:
        request = command.request
        found = work.registrations.lock(command.registration_id)
        if found is None:
            raise registration_not_found(command.registration_id)
        cancelled = cancel(found, now=self._clock())
        work.registrations.cancel(cancelled, cancelled_by=request.caller.path)
        self._record(work, request, cancelled)
        return cancelled

    def _record(self, work: "Work", request: Request, registration: Registration) -> None:
        subjects = (registration.person_id, registration.registration_id)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subjects))
