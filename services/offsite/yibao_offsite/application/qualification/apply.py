"""Applying for qualifications: new ones, renewals, papers, and what is withdrawn."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.applying import apply_for, check_renewal, hand_in
from yibao_offsite.rules.qualification.deciding import withdraw
from yibao_offsite.rules.qualification.listed import DiseaseLists
from yibao_offsite.rules.qualification.qualification import (
    Application,
    EventKind,
    HandedPaper,
    Qualification,
    QualificationEvent,
    QualificationState,
    check_room,
    qualification_not_found,
)
from yibao_offsite.rules.served import check_served

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Qualification], bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class ApplyForQualification:
    """Applies for a qualification."""

    request: Request
    application: Application


@dataclasses.dataclass(frozen=True, slots=True)
class RenewQualification:
    """Applies for what follows a qualification."""

    request: Request
    qualification_id: str
    institution_id: str
    diagnosis_code: str
    diagnosis_basis: str
    papers: tuple[HandedPaper, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class HandInPapers:
    """Hands in papers of an application that was returned."""

    request: Request
    qualification_id: str
    papers: tuple[HandedPaper, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class WithdrawQualification:
    """Withdraws an application."""

    request: Request
    qualification_id: str
    explanation: str


class QualificationApplications:
    """What applicants and hospitals ask of qualifications. Blocks.

    Each change returns the answer's bytes, once by request id; REQUEST_ID_REUSED comes before
    every other refusal.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        lists: DiseaseLists,
        *,
        clock: Clock,
        ids: Ids,
        served: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions, and what regions qualify for.

        See `rules.served` of `served`.
        """
        self._served = served
        self._transactions = transactions
        self._lists = lists
        self._clock = clock
        self._ids = ids

    def apply(self, command: ApplyForQualification, encode: Encode) -> bytes:
        """Applies for a qualification.

        Raises:
            RuleError: REGION_NOT_SERVED, DISEASE_NOT_LISTED, what the person is refused for, what
                `rules.qualification.applying` refuses, QUALIFICATION_EXISTS.
        """
        return self._transactions.once(
            command.request,
            lambda work: encode(self._apply(work, command.request, command.application)),
        )

    def renew(self, command: RenewQualification, encode: Encode) -> bytes:
        """Applies for what follows; refused as `apply` and `check_renewal` do."""
        return self._transactions.once(
            command.request, lambda work: encode(self._renew(work, command))
        )

    def hand_in(self, command: HandInPapers, encode: Encode) -> bytes:
        """Hands in papers.

        Raises:
            RuleError: QUALIFICATION_NOT_FOUND, QUALIFICATION_STATE, FIELD_OUT_OF_RANGE.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._hand_in(work, command))
        )

    def withdraw(self, command: WithdrawQualification, encode: Encode) -> bytes:
        """Withdraws an application.

        Raises:
            RuleError: QUALIFICATION_NOT_FOUND, QUALIFICATION_STATE.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._withdraw(work, command))
        )

    def _apply(
        self,
        work: "Work",
        request: Request,
        application: Application,
        renews: Qualification | None = None,
    ) -> Qualification:
        check_served(request.region, self._served)
        now = self._clock()
        today = shanghai_day(now)
        listed = self._lists.of(request.region, today).listed(application.disease_code)
        _lock_insured(work, application.person_id, on=today)
        new = apply_for(
            application,
            listed=listed,
            region=request.region,
            qualification_id=self._ids(),
            maker=request.caller.path,
            now=now,
            today=today,
            renews=renews,
        )
        # Read after the lock, so that it holds what the lock's last holder applied for.
        records = work.persons.records_of(application.person_id)
        check_room(new, work.qualifications.of_persons(records))
        work.qualifications.insert(new)
        note(work, request, new, EventKind.APPLIED, at=now)
        if new.missing_paper_codes:
            told = " ".join(new.missing_paper_codes)
            note_event(work, new, EventKind.RETURNED, at=now, actor="", explanation=told)
        return new

    def _renew(self, work: "Work", command: RenewQualification) -> Qualification:
        request = command.request
        found = find_own(work, request, command.qualification_id)
        work.persons.lock(found.person_id)
        former = lock_own(work, request, command.qualification_id)
        today = shanghai_day(self._clock())
        listed = self._lists.of(request.region, today).listed(former.disease_code)
        check_renewal(former, listed, today=today)
        assert former.end_date is not None
        application = Application(
            former.person_id,
            former.disease_code,
            command.institution_id,
            former.treating_institution_ids,
            command.diagnosis_code,
            command.diagnosis_basis,
            command.papers,
            former.end_date + dt.timedelta(days=1),
        )
        return self._apply(work, request, application, renews=former)

    def _hand_in(self, work: "Work", command: HandInPapers) -> Qualification:
        request, now = command.request, self._clock()
        found = lock_own(work, request, command.qualification_id)
        lists = self._lists.of(request.region, shanghai_day(now))
        brought = hand_in(
            found,
            command.papers,
            listed=lists.listed(found.disease_code),
            maker=request.caller.path,
        )
        work.qualifications.update(brought)
        work.qualifications.add_papers(
            found.qualification_id, command.papers, at=now, by=request.caller.path
        )
        note(work, request, brought, EventKind.PAPERS, at=now)
        return brought

    def _withdraw(self, work: "Work", command: WithdrawQualification) -> Qualification:
        request = command.request
        found = lock_own(work, request, command.qualification_id)
        withdrawn = withdraw(found, explanation=command.explanation)
        work.qualifications.update(withdrawn)
        note(work, request, withdrawn, EventKind.WITHDRAWN, at=self._clock())
        return withdrawn


def find_own(work: "Work", request: Request, qualification_id: str) -> Qualification:
    """Returns a qualification of the caller's.

    Raises RuleError QUALIFICATION_NOT_FOUND, also where another institution applied for it.
    """
    return own_of(work.qualifications.find(qualification_id), request, qualification_id)


def lock_own(work: "Work", request: Request, qualification_id: str) -> Qualification:
    """Locks a qualification of the caller's. Raises RuleError as `find_own`."""
    return own_of(work.qualifications.lock(qualification_id), request, qualification_id)


def own_of(found: Qualification | None, request: Request, qualification_id: str) -> Qualification:
    """Returns what was found, where it is the caller's. Raises RuleError as `find_own`."""
    institution_id = request.caller.institution_id
    if found is None or institution_id not in (None, found.institution_id):
        raise qualification_not_found(qualification_id)
    return found


def note(
    work: "Work",
    request: Request,
    qualification: Qualification,
    kind: EventKind,
    *,
    at: dt.datetime,
) -> None:
    """Puts on record what was done with a qualification, for its readers and for the audit."""
    actor, told = request.caller.path, qualification.explanation
    if kind in (EventKind.APPLIED, EventKind.PAPERS):
        told = ""
    note_event(work, qualification, kind, at=at, actor=actor, explanation=told)
    subjects = (qualification.person_id, qualification.qualification_id)
    detail = {"state": QualificationState(qualification.state).name}
    work.audit.add(entry_of(request, at=at, subject_ids=subjects, detail=detail))


def note_event(
    work: "Work",
    qualification: Qualification,
    kind: EventKind,
    *,
    at: dt.datetime,
    actor: str,
    explanation: str = "",
) -> None:
    """Adds to what happened to a qualification; without an actor the service did it."""
    event = QualificationEvent(kind, at, actor, explanation)
    work.qualifications.add_event(qualification.qualification_id, event)


def _lock_insured(work: "Work", person_id: str, *, on: dt.date) -> None:
    """Locks a person, and refuses whom the region does not insure on a day.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED, PERSON_NOT_ENROLLED.
    """
    person = work.persons.lock(person_id)
    if person is None:
        if work.persons.is_followed():
            raise RuleError(Reason.PERSON_NOT_FOUND, f"person {person_id} does not exist")
        return
    if person.merged_into is not None:
        raise RuleError(
            Reason.PERSON_MERGED,
            f"person {person_id} was merged into {person.merged_into}",
            person_id=person_id,
            merged_into=person.merged_into,
        )
    if person.death_date is not None:
        died = person.death_date.isoformat()
        raise RuleError(Reason.PERSON_DECEASED, f"the person died on {died}", death_date=died)
    if not person.is_enrolled_on(on):
        raise RuleError(
            Reason.PERSON_NOT_ENROLLED,
            f"the region does not insure the person on {on.isoformat()}",
        )
