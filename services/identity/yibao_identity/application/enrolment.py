"""Enrolments (参保): added, changed and paid for, each once by request id, and their history."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import refuse_faults
from yibao_common.values.ids import Ids
from yibao_identity.application.holder import LockedPerson, lock_live_person
from yibao_identity.application.person.rows import (
    EncodePerson,
    EnrolledPerson,
    enrolled,
    standing_enrolments,
)
from yibao_identity.rules.death import check_alive_on
from yibao_identity.rules.enrolment import (
    Enrolment,
    EnrolmentChangePlan,
    EnrolmentTerms,
    add,
    change,
    check_begins_soon,
    new_period,
    standing_one,
)
from yibao_identity.rules.lifetime import premium_faults
from yibao_identity.rules.person import person_not_found

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

Standing = tuple[Enrolment, ...]
Plan = Callable[[LockedPerson, Standing], EnrolmentChangePlan]


class EnrolmentRows(Protocol):
    """Periods of cover in a region, as one transaction finds and writes them."""

    def standing(self, person_ids: Collection[str]) -> Mapping[str, Sequence[Enrolment]]:
        """Returns the periods that stand of each of `person_ids` (none twice), in any order."""
        ...

    def history(self, person_id: str) -> Sequence[Enrolment]:
        """Returns every period that was ever recorded, in the order of recording."""
        ...

    def insert(self, person_id: str, enrolment: Enrolment, *, explanation: str) -> None:
        """Stores a new period, which has its id, time and recorder."""
        ...

    def replace(self, enrolment_ids: Sequence[str], *, at: dt.datetime) -> None:
        """Notes that periods no longer stand; they stay as history."""
        ...

    def set_premium(
        self, enrolment_id: str, *, receive_date: dt.date, payment_reference: str
    ) -> None:
        """Notes when the premium of a period was received."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class AddEnrolment:
    """Adds a period of another insurance type, or after a gap."""

    request: Request
    person_id: str
    insurance_type: str
    terms: EnrolmentTerms
    start_date: dt.date
    end_date: dt.date | None


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeEnrolment:
    """Changes a period from `effective_date` on."""

    request: Request
    person_id: str
    enrolment_id: str
    terms: EnrolmentTerms
    effective_date: dt.date
    end_date: dt.date | None
    explanation: str


@dataclasses.dataclass(frozen=True, slots=True)
class RecordPremium:
    """Records that the premium of a period was received."""

    request: Request
    person_id: str
    enrolment_id: str
    receive_date: dt.date
    payment_reference: str


class Enrolments:
    """The periods that persons are insured in. Blocks.

    Each change returns the answer's bytes, once by request id, and raises RuleError
    PERSON_NOT_FOUND, PERSON_MERGED, what it names and what the rules refuse, in this order;
    REQUEST_ID_REUSED comes before all.
    """

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def add(self, command: AddEnrolment, encode: EncodePerson) -> bytes:
        """Adds a period; refused with PERSON_DECEASED, NEWBORN_ENROLMENT_LATE, … as well."""

        def plan(locked: LockedPerson, standing: Standing) -> EnrolmentChangePlan:
            check_alive_on(locked.death_date, command.start_date)
            self._check_begins_soon(command.start_date, "start_date")
            new = new_period(
                command.insurance_type,
                command.terms,
                start_date=command.start_date,
                end_date=command.end_date,
                birth_date=locked.birth_date,
                today=shanghai_day(self._clock()),
                terms_at="terms.",
            )
            return add(standing, new)

        def decide(work: "Work") -> bytes:
            return encode(
                self._carry_out(work, command.request, command.person_id, plan, explanation="")
            )

        return self._transactions.once(command.request, decide)

    def change(self, command: ChangeEnrolment, encode: EncodePerson) -> bytes:
        """Changes a period; refused with PERSON_DECEASED, ENROLMENT_NOT_FOUND, … as well."""

        def plan(locked: LockedPerson, standing: Standing) -> EnrolmentChangePlan:
            check_alive_on(locked.death_date, command.effective_date)
            planned = change(
                standing,
                command.enrolment_id,
                command.terms,
                effective_date=command.effective_date,
                end_date=command.end_date,
                birth_date=locked.birth_date,
                today=shanghai_day(self._clock()),
            )
            self._check_begins_soon(command.effective_date, "effective_date")
            return planned

        def decide(work: "Work") -> bytes:
            request, explanation = command.request, command.explanation
            return encode(
                self._carry_out(work, request, command.person_id, plan, explanation=explanation)
            )

        return self._transactions.once(command.request, decide)

    def record_premium(self, command: RecordPremium, encode: EncodePerson) -> bytes:
        """Records a premium; refused with ENROLMENT_NOT_FOUND as well."""
        return self._transactions.once(
            command.request, lambda work: encode(self._record_premium(work, command))
        )

    def history(self, region: str, person_id: str) -> Sequence[Enrolment]:
        """Returns every period that was ever recorded, in the order of recording.

        Raises:
            RuleError: PERSON_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            if not work.persons.is_registered(person_id):
                raise person_not_found(person_id)
            return work.enrolments.history(person_id)

    def _check_begins_soon(self, day: dt.date, field: str) -> None:
        check_begins_soon(day, today=shanghai_day(self._clock()), field=field)

    def _carry_out(
        self, work: "Work", request: Request, person_id: str, plan: Plan, *, explanation: str
    ) -> EnrolledPerson:
        now, caller = self._clock(), request.caller.path
        locked = lock_live_person(work.holders, person_id)
        planned = plan(locked, standing_enrolments(work, [person_id])[person_id])
        work.enrolments.replace(planned.replaced_ids, at=now)
        added = []
        for period in planned.new:
            recorded = dataclasses.replace(
                period, enrolment_id=self._ids(), record_time=now, recorded_by=caller
            )
            work.enrolments.insert(person_id, recorded, explanation=explanation)
            added.append(recorded.enrolment_id)
        work.feed.tell([person_id], at=now, caller=caller)
        detail = {"added": ",".join(added)}
        if planned.replaced_ids:
            detail |= {"replaced": ",".join(planned.replaced_ids), "explanation": explanation}
        self._record(work, request, person_id, detail)
        return enrolled(work, person_id)

    def _record_premium(self, work: "Work", command: RecordPremium) -> EnrolledPerson:
        request, now, person_id = command.request, self._clock(), command.person_id
        locked = lock_live_person(work.holders, person_id)
        standing = standing_enrolments(work, [person_id])[person_id]
        period = standing_one(standing, command.enrolment_id)
        refuse_faults(
            premium_faults(
                command.receive_date,
                birth_date=locked.birth_date,
                today=shanghai_day(now),
                field="receive_date",
            )
        )
        if period.premium_receive_date is None:
            work.enrolments.set_premium(
                period.enrolment_id,
                receive_date=command.receive_date,
                payment_reference=command.payment_reference,
            )
            work.feed.tell([person_id], at=now, caller=request.caller.path)
        self._record(work, request, person_id, {"enrolment_id": command.enrolment_id})
        return enrolled(work, person_id)

    def _record(
        self, work: "Work", request: Request, person_id: str, detail: Mapping[str, str]
    ) -> None:
        entry = entry_of(request, at=self._clock(), subject_ids=(person_id,), detail=detail)
        work.audit.add(entry)
