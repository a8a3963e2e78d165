"""Deciding on qualifications, ending them, and having identity told again."""

import dataclasses
import datetime as dt
import enum
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.qualification.apply import Encode, find_own, lock_own, note
from yibao_offsite.application.qualification.ending import keep_ended, lock_surviving
from yibao_offsite.application.qualification.rows import Errand
from yibao_offsite.rules.qualification.deciding import (
    approve,
    check_goes_on,
    end,
    end_by_person,
    reject,
    retry,
    return_for,
)
from yibao_offsite.rules.qualification.listed import DiseaseLists
from yibao_offsite.rules.qualification.qualification import EventKind, Qualification

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class Decision(enum.IntEnum):
    """What becomes of an application; numbers of the contract."""

    APPROVE = 1
    REJECT = 2
    RETURN = 3


@dataclasses.dataclass(frozen=True, slots=True)
class DecideQualification:
    """Approves, rejects or returns an application."""

    request: Request
    qualification_id: str
    decision: Decision
    explanation: str
    returned_paper_codes: tuple[str, ...]
    end_date: dt.date | None


@dataclasses.dataclass(frozen=True, slots=True)
class EndQualification:
    """Gives a qualification its last day."""

    request: Request
    qualification_id: str
    end_date: dt.date
    explanation: str


@dataclasses.dataclass(frozen=True, slots=True)
class RetryQualification:
    """Has a qualification that identity refused tried again."""

    request: Request
    qualification_id: str
    explanation: str


class QualificationDecisions:
    """What clerks decide of qualifications. Blocks.

    Each change returns the answer's bytes, once by request id, and raises RuleError
    QUALIFICATION_NOT_FOUND and what the rules refuse; REQUEST_ID_REUSED comes before all.
    """

    def __init__(
        self, transactions: "Transactions[Work]", lists: DiseaseLists, *, clock: Clock, ids: Ids
    ) -> None:
        """Takes what begins transactions, and what regions qualify for."""
        self._transactions = transactions
        self._lists = lists
        self._clock = clock
        self._ids = ids

    def decide(self, command: DecideQualification, encode: Encode) -> bytes:
        """Decides on an application.

        Refused with DISEASE_NOT_LISTED as well; an approval also with PERSON_DECEASED and
        PERSON_NOT_ENROLLED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._decide(work, command))
        )

    def end(self, command: EndQualification, encode: Encode) -> bytes:
        """Ends a qualification."""

        def decided(work: "Work") -> bytes:
            found = lock_own(work, command.request, command.qualification_id)
            told = end(found, end_date=command.end_date, explanation=command.explanation)
            return encode(self._store(work, command.request, told, EventKind.ENDED))

        return self._transactions.once(command.request, decided)

    def retry(self, command: RetryQualification, encode: Encode) -> bytes:
        """Has identity told again."""

        def decided(work: "Work") -> bytes:
            found = lock_own(work, command.request, command.qualification_id)
            told = dataclasses.replace(retry(found), explanation=command.explanation)
            return encode(self._store(work, command.request, told, EventKind.RETRIED))

        return self._transactions.once(command.request, decided)

    def _decide(self, work: "Work", command: DecideQualification) -> Qualification:
        if command.decision is Decision.APPROVE:
            return self._approve(work, command)
        request, now, told = command.request, self._clock(), command.explanation
        checker = request.caller.path
        found = lock_own(work, request, command.qualification_id)
        if command.decision is Decision.REJECT:
            rejected = reject(found, checker=checker, now=now, explanation=told)
            return self._store(work, request, rejected, EventKind.REJECTED)
        returned = return_for(
            found,
            command.returned_paper_codes,
            listed=self._lists.of(request.region, shanghai_day(now)).listed(found.disease_code),
            checker=checker,
            explanation=told,
        )
        return self._store(work, request, returned, EventKind.RETURNED)

    def _approve(self, work: "Work", command: DecideQualification) -> Qualification:
        """Approves an application, and ends it where the enrolment is known to end before it."""
        request, now = command.request, self._clock()
        today = shanghai_day(now)
        named = find_own(work, request, command.qualification_id)
        # Before the qualification, as the feed locks them: what it tells waits for the commit,
        # and finds an approved one.
        person = lock_surviving(work, named.person_id)
        found = lock_own(work, request, command.qualification_id)
        decided = approve(
            found,
            listed=self._lists.of(request.region, today).listed(found.disease_code),
            end_date=command.end_date,
            checker=request.caller.path,
            now=now,
            explanation=command.explanation,
        )
        if person is not None:
            check_goes_on(found, person, today=today)
        approved = self._store(work, request, decided, EventKind.APPROVED)
        ended = None if person is None else end_by_person(approved, person, today=today)
        if ended is None:
            return approved
        # Told while nothing was approved: nobody tells it again.
        keep_ended(work, ended, now=now, ids=self._ids)
        return ended

    def _store(
        self, work: "Work", request: Request, decided: Qualification, kind: EventKind
    ) -> Qualification:
        """Stores what was decided, with what identity is to be told of it."""
        now = self._clock()
        work.qualifications.update(decided)
        if kind in (EventKind.APPROVED, EventKind.ENDED, EventKind.RETRIED):
            work.errands.put_errand(Errand(decided.qualification_id, self._ids(), now, 0, now))
        note(work, request, decided, kind, at=now)
        return decided
