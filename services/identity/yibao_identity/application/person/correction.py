"""Persons corrected, once by request id: another name, another document; history is kept."""

import dataclasses
import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.citizen_number import Gender
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import Ids
from yibao_identity.application.holder import live_person, lock_persons
from yibao_identity.application.person.registration import take_over
from yibao_identity.application.person.rows import (
    EncodePerson,
    EnrolledPerson,
    enrolled,
    standing_enrolments,
)
from yibao_identity.rules.disease import check_after_birth
from yibao_identity.rules.document import person_key
from yibao_identity.rules.enrolment import EnrolmentChangePlan, from_birth
from yibao_identity.rules.person import Correction, Person, correct, mask_name, person_exists

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class UpdatePerson:
    """Corrects the name or replaces the identity document.

    `former_holder_id` is who had the document before, as the operator states; mostly empty.
    """

    request: Request
    person_id: str
    correction: Correction
    explanation: str
    former_holder_id: str = ""


class PersonCorrections:
    """Corrects insured persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def update(self, command: UpdatePerson, encode: EncodePerson) -> bytes:
        """Corrects a person once by request id and returns the answer's bytes.

        Raises:
            RuleError: PERSON_NOT_FOUND, PERSON_MERGED, what `rules.person.correct` refuses,
                FIELD_OUT_OF_RANGE and NEWBORN_ENROLMENT_LATE, what a corrected birth date
                makes wrong, PERSON_EXISTS, NUMBER_HELD_BEFORE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._update(work, command))
        )

    def _update(self, work: "Work", command: UpdatePerson) -> EnrolledPerson:
        request, now = command.request, self._clock()
        person_id, caller = command.person_id, request.caller.path
        locked_ids = _lock_for_update(work, command)
        former = enrolled(work, person_id)
        person = correct(
            former.person,
            command.correction,
            today=shanghai_day(now),
            parent_birth_date=_parent_birth_date(work, former.person),
            child_birth_date=work.persons.first_child_birth_date(
                work.holders.records_of(person_id)
            ),
        )
        is_born_otherwise = person.birth_date != former.person.birth_date
        plan = _cover_from(work, person) if is_born_otherwise else None
        # The feed tells nothing else of what was corrected.
        is_told = is_born_otherwise or _shown(person) != _shown(former.person)
        taken = _claim_document(work, command, former.person, person, locked_ids)
        work.persons.correct(person, at=now, by=caller, explanation=command.explanation)
        if plan is not None:
            taken |= self._change_cover(work, command, plan, at=now)
        if is_told:
            work.feed.tell([person_id], at=now, caller=caller)
        changed = ",".join(_changed_fields(former.person, person))
        detail = {"changed": changed, "explanation": command.explanation, **taken}
        entry = entry_of(request, at=self._clock(), subject_ids=(person_id,), detail=detail)
        work.audit.add(entry)
        return enrolled(work, person_id)

    def _change_cover(
        self, work: "Work", command: UpdatePerson, plan: EnrolmentChangePlan, *, at: dt.datetime
    ) -> dict[str, str]:
        """Lets cover begin as planned; returns what to record of it."""
        if not plan.replaced_ids:
            return {}
        work.enrolments.replace(plan.replaced_ids, at=at)
        for period in plan.new:
            recorded = dataclasses.replace(
                period,
                enrolment_id=self._ids(),
                record_time=at,
                recorded_by=command.request.caller.path,
            )
            work.enrolments.insert(command.person_id, recorded, explanation=command.explanation)
        return {"replaced": ",".join(plan.replaced_ids)}


def _shown(person: Person) -> tuple[str, Gender]:
    """Returns what settlement is told for a counter to compare with who stands there."""
    return mask_name(person.person_name), person.gender


def _cover_from(work: "Work", person: Person) -> EnrolmentChangePlan:
    """Returns which cover has to begin later for a birth date that was corrected.

    Raises:
        RuleError: NEWBORN_ENROLMENT_LATE; FIELD_OUT_OF_RANGE, a disease from before birth.
    """
    person_id, birth_date = person.person_id, person.birth_date
    field = "document.certificate_number"
    check_after_birth(
        work.diseases.standing([person_id])[person_id], birth_date=birth_date, field=field
    )
    return from_birth(standing_enrolments(work, [person_id])[person_id], birth_date=birth_date)


def _lock_for_update(work: "Work", command: UpdatePerson) -> Collection[str]:
    """Locks a person, and who has the document that the person is to have; returns both.

    Together, because a merged duplicate of a lower id could not be locked afterwards. A
    parent is locked as well, whose birth date may be corrected at this moment.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED.
    """
    wanted, document = {command.person_id}, command.correction.document
    if document is not None:
        known = work.persons.of_document(person_key(document))
        wanted |= {known} if known else set()
        person = work.persons.find(command.person_id)
        if person is not None and person.parent_id is not None:
            wanted.add(work.holders.survivor_of(person.parent_id))
    live_person(lock_persons(work.holders, wanted)[command.person_id])
    return wanted


def _parent_birth_date(work: "Work", person: Person) -> dt.date | None:
    if person.parent_id is None:
        return None
    parent = work.persons.find(work.holders.survivor_of(person.parent_id))
    assert parent is not None, "no record is ever deleted"
    return parent.birth_date


def _claim_document(
    work: "Work",
    command: UpdatePerson,
    former: Person,
    person: Person,
    locked_ids: Collection[str],
) -> dict[str, str]:
    """Refuses a document that is or was another's; takes over that of a merged duplicate.

    Returns what to record of it.

    Raises:
        RuleError: PERSON_EXISTS; NUMBER_HELD_BEFORE, SAME_MAKER_AND_CHECKER.
        TransientError: somebody else got the document meanwhile.
    """
    known = work.persons.of_document(person.key)
    if known == person.person_id or (known is None and person.key == former.key):
        return {}
    if known is None:
        return take_over(work, command.request, person, command.former_holder_id)
    survivor = work.holders.survivor_of(known)
    if survivor != person.person_id:
        raise person_exists(survivor)
    if known not in locked_ids:
        raise TransientError("the document changed hands at this moment")
    work.persons.give_up_document(known)
    return {}


def _changed_fields(former: Person, person: Person) -> list[str]:
    names = [field.name for field in dataclasses.fields(Person)]
    return [name for name in names if getattr(person, name) != getattr(former, name)]
