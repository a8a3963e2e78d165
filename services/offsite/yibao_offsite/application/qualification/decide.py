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
from yibao_offsite.application.qualification.apply import Encode, lock_own, note
from yibao_offsite.application.qualification.rows import Errand
from yibao_offsite.rules.qualification.deciding import approve, end, reject, retry, return_for
from yibao_offsite.rules.qualification.listed import DiseaseLists
from yibao_offsite.rules.qualification.qualification import EventKind, Qualification

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class Decision(enum.IntEnum):
    """What becomes of an application; numbers of the contract."""

    APPROVE = 1
    REJECT = 2
    RETURN = 3


_KINDS = {
    Decision.APPROVE: EventKind.APPROVED,
    Decision.REJECT: EventKind.REJECTED,
    Decision.RETURN: EventKind.RETURNED,
}


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
        """Decides on an application; refused with DISEASE_NOT_LISTED as well."""
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
        request, now, told = command.request, self._clock(), command.explanation
        checker = request.caller.path
        found = lock_own(work, request, command.qualification_id)
        lists = self._lists.of(request.region, shanghai_day(now))
        match command.decision:
            case Decision.APPROVE:
                decided = approve(
                    found,
                    listed=lists.listed(found.disease_code),
                    end_date=command.end_date,
                    checker=checker,
                    now=now,
                    explanation=told,
                )
            case Decision.REJECT:
                decided = reject(found, checker=checker, now=now, explanation=told)
            case Decision.RETURN:
                decided = return_for(
                    found,
                    command.returned_paper_codes,
                    listed=lists.listed(found.disease_code),
                    checker=checker,
                    explanation=told,
                )
        return self._store(work, request, decided, _KINDS[command.decision])

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
