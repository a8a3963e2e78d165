"""Persons registered, once by request id, with their first enrolment."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.person.rows import EncodePerson, EnrolledPerson
from yibao_identity.rules.enrolment import Enrolment
from yibao_identity.rules.person import (
    FormerHolder,
    Person,
    Registration,
    check_former_holder,
    person_exists,
    register,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class RegisterPerson:
    """Registers a person and the first enrolment.

    `former_holder_id` is who had the number before, as the operator states; mostly empty.
    """

    request: Request
    registration: Registration
    former_holder_id: str = ""


class PersonRegistrations:
    """Registers insured persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def register(self, command: RegisterPerson, encode: EncodePerson) -> bytes:
        """Registers a person once by request id and returns the answer's bytes.

        Raises:
            RuleError: what `rules.person.register` refuses, PERSON_EXISTS,
                NUMBER_HELD_BEFORE, SAME_MAKER_AND_CHECKER, REQUEST_ID_REUSED; in this
                order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._register(work, command))
        )

    def _register(self, work: "Work", command: RegisterPerson) -> EnrolledPerson:
        request, now = command.request, self._clock()
        person, enrolment = register(
            command.registration,
            region=request.region,
            person_id=self._ids(),
            now=now,
            today=shanghai_day(now),
        )
        first = dataclasses.replace(enrolment, enrolment_id=self._ids())
        return add_person(
            work,
            request,
            person,
            first,
            former_holder_id=command.former_holder_id,
            at=self._clock(),
            detail={},
        )


def add_person(
    work: "Work",
    request: Request,
    person: Person,
    first: Enrolment,
    *,
    former_holder_id: str,
    at: dt.datetime,
    detail: Mapping[str, str],
) -> EnrolledPerson:
    """Stores a new person with the first enrolment, which has its id, and tells of both.

    `at` and `detail` are for the record.

    Raises:
        RuleError: PERSON_EXISTS, names the record in use where the document's was merged;
            NUMBER_HELD_BEFORE, SAME_MAKER_AND_CHECKER.
    """
    person_id, now, caller = person.person_id, person.register_time, request.caller.path
    known = work.persons.of_document(person.key)
    if known is not None:
        raise person_exists(work.holders.survivor_of(known))
    detail = {**detail, **take_over(work, request, person, former_holder_id)}
    work.persons.insert(person, registered_by=caller)
    recorded = dataclasses.replace(first, record_time=now, recorded_by=caller)
    work.enrolments.insert(person_id, recorded, explanation="")
    work.feed.tell([person_id], at=now, caller=caller)
    subjects = (person_id, *([person.parent_id] if person.parent_id else []))
    work.audit.add(entry_of(request, at=at, subject_ids=subjects, detail=detail))
    return EnrolledPerson(person, (recorded,))


def take_over(
    work: "Work", request: Request, person: Person, former_holder_id: str
) -> dict[str, str]:
    """Checks whose the document, which nobody has now, was before; returns what to record of it.

    Raises:
        RuleError: NUMBER_HELD_BEFORE, SAME_MAKER_AND_CHECKER.
    """
    had = work.persons.former_holder(person.key)
    if had is None:
        return {}
    former = FormerHolder(work.holders.survivor_of(had.person_id), had.given_up_by)
    check_former_holder(
        former,
        person_id=person.person_id,
        stated_id=former_holder_id,
        operator=request.caller.path,
    )
    return {} if former.person_id == person.person_id else {"former_holder": former.person_id}
