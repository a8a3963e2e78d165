"""What registrations are found and changed by, each change once by request id."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.deciding import Moment, decided, read_known
from yibao_offsite.application.registration.keeping import keep, keep_new, record
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.change import check_changeable, give_way
from yibao_offsite.rules.registration.decide import Applicant, register
from yibao_offsite.rules.registration.places import check_no_change_waits
from yibao_offsite.rules.registration.registration import (
    Application,
    Registration,
    registration_not_found,
)
from yibao_offsite.rules.registration.states import Event, State, step

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Registration], bytes]
# Writes an answer about a registration and the one that gave way to it.
EncodeBoth = Callable[[Registration, Registration], bytes]


@dataclass(frozen=True, slots=True)
class ChangeRegistration:
    """Puts another registration in the place of one in force, of the same person."""

    request: Request
    applicant: Applicant
    registration_id: str
    application: Application


class Registering:
    """Changes registrations into others. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        national: RegionRules,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what begins transactions, and the rules of regions that approved none."""
        self._transactions = transactions
        self._national = national
        self._clock = clock
        self._ids = ids

    def change(self, command: ChangeRegistration, encode: EncodeBoth) -> bytes:
        """Puts another one in a registration's place, once by request id.

        Raises:
            RuleError: REQUEST_ID_REUSED, REGISTRATION_NOT_FOUND, REGISTRATION_STATE,
                CHANGE_NOT_YET_ALLOWED, then what `register` and `decided` refuse.
        """
        return self._transactions.once(
            command.request, lambda work: encode(*self._change(work, command))
        )

    def _change(
        self, work: "Work", command: ChangeRegistration
    ) -> tuple[Registration, Registration]:
        moment = moment_of(self._clock)
        before = locked(work, command.registration_id, command.applicant)
        # Told first, whatever is applied for: it cannot be changed at all.
        step(before.state, Event.CHANGED, registration_id=before.registration_id)
        check_changeable(before, today=moment.today)
        check_no_change_waits(before, work.registrations.of_person(before.person_id))
        rules = rules_in_force(work, self._national, moment)
        applied = register(
            dataclasses.replace(command.application, person_id=before.person_id),
            command.applicant,
            rules,
            region=work.region,
            registration_id=self._ids(),
            now=moment.now,
            today=moment.today,
        )
        registration = dataclasses.replace(applied, replaces_registration_id=before.registration_id)
        known = read_known(work, [registration.application])
        registration = decided(registration, known, command.applicant, rules, moment)
        keep_new(work, [registration], [command.applicant.path], at=moment.now)
        if registration.state is State.ACTIVE:
            before = give_way(before, registration)
            keep(work, before, Event.CHANGED, actor=command.applicant.path, at=moment.now)
        record(work, command.request, registration, before, at=moment.now)
        return registration, before


def moment_of(clock: Clock) -> Moment:
    """Returns now, and its day in Shanghai."""
    now = clock()
    return Moment(now, shanghai_day(now))


def rules_in_force(work: "Work", national: RegionRules, moment: Moment) -> RegionRules:
    """Returns the region's rules of today; the national ones where it has approved none."""
    return work.region_rules.in_force(moment.today) or national


def locked(work: "Work", registration_id: str, applicant: Applicant) -> Registration:
    """Locks a registration's person, then itself, and returns it.

    An institution finds those alone that it applied for.

    Raises:
        RuleError: REGISTRATION_NOT_FOUND.
    """
    found = work.registrations.find(registration_id)
    if found is None or not is_own(found, applicant.institution_id):
        raise registration_not_found(registration_id)
    work.persons.lock(found.person_id)
    # Read again: it may have changed while the person was waited for.
    registration = work.registrations.lock(registration_id)
    assert registration is not None, registration_id
    return registration


def is_own(registration: Registration, institution_id: str | None) -> bool:
    """Tells whether a caller may see a registration: an institution only what it applied for."""
    if institution_id is None:
        return True
    kind, _, rest = registration.registered_by.partition("/")
    return kind in ("institution", "terminal") and rest.partition("/")[0] == institution_id
