"""Complaints: filed by anyone, tracked by a receipt, followed by an audit, answered."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_common.commands.audit import OK, AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_offsite.application.audit_task.desk import AuditDesk
from yibao_offsite.application.audit_task.opening import new_task
from yibao_offsite.application.audit_task.rows import Place
from yibao_offsite.rules.audit_task.states import OPEN_STATES
from yibao_offsite.rules.audit_task.task import AuditTask, Subject, TaskType, audit_task_is_open
from yibao_offsite.rules.complaint import (
    Complaint,
    ComplaintAct,
    ComplaintState,
    ComplaintTerms,
    Told,
    check_count,
    complaint_not_found,
    filed,
    is_secret_of,
    party_digest,
)
from yibao_offsite.rules.served import check_served

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Complaint], bytes]
EncodeAccepted = Callable[[Complaint, AuditTask], bytes]


class ComplaintWish(NamedTuple):
    """Which complaints are asked for; None limits nothing, `due_until` is the last due day."""

    state: ComplaintState | None = None
    due_until: dt.date | None = None
    institution_id: str | None = None


class ComplaintRows(Protocol):
    """The complaints of a region."""

    def find(self, complaint_id: str) -> Complaint | None:
        """Returns a complaint, or None."""
        ...

    def lock(self, complaint_id: str) -> Complaint | None:
        """Locks a complaint until the transaction ends and returns it, or None."""
        ...

    def of_receipt(self, receipt_number: str) -> Complaint | None:
        """Returns the complaint of a receipt, or None."""
        ...

    def insert(self, complaint: Complaint) -> None:
        """Stores a new complaint."""
        ...

    def update(self, complaint: Complaint) -> None:
        """Stores what became of a locked complaint."""
        ...

    def count(self, day: dt.date, party: bytes) -> int:
        """Counts one more complaint of a party on a day; returns how many there were before.

        Nobody else counts for the party until the transaction ends. Counts of earlier days
        are taken away.
        """
        ...

    def page(self, wish: ComplaintWish, *, after: Place | None, limit: int) -> Sequence[Complaint]:
        """Returns at most `limit` complaints by due day and id."""
        ...


@dataclass(frozen=True, slots=True)
class FileComplaint:
    """Files a complaint; `secret` is what its filer tracks it by."""

    request: Request
    told: Told
    secret: str


class Complaints:
    """What callers ask of complaints. Blocks."""

    def __init__(
        self, desk: AuditDesk, terms: ComplaintTerms, *, served: Collection[str] = ()
    ) -> None:
        """Takes the desk of audits, which follow complaints; see `rules.served` of `served`."""
        self._desk = desk
        self._served = served
        self._terms = terms

    def file(self, command: FileComplaint, encode: Encode) -> bytes:
        """Files once by request id.

        Raises:
            RuleError: REGION_NOT_SERVED, FIELD_OUT_OF_RANGE, COMPLAINTS_TOO_MANY,
                REQUEST_ID_REUSED.
        """
        return self._desk.transactions.once(
            command.request, lambda work: encode(self._file(work, command))
        )

    def track(self, region: str, receipt_number: str, secret: str) -> Complaint:
        """Returns the complaint of a receipt. Raises RuleError COMPLAINT_NOT_FOUND."""
        with self._desk.transactions.read(region) as work:
            complaint = work.complaints.of_receipt(receipt_number)
        if complaint is None or not is_secret_of(complaint, secret):
            raise complaint_not_found()
        return complaint

    def find(self, region: str, complaint_id: str, caller: Caller) -> Complaint:
        """Returns a complaint, after the reading was put on record.

        Raises:
            RuleError: COMPLAINT_NOT_FOUND.
        """

        def read(work: "Work") -> Complaint:
            complaint = work.complaints.find(complaint_id)
            if complaint is None:
                raise complaint_not_found()
            now = self._desk.clock()
            work.audit.add(
                AuditEntry(region, now, caller.path, "GetComplaint", (complaint_id,), OK, {}, "")
            )
            return complaint

        return self._desk.transactions.change(region, read)

    def page(
        self, region: str, wish: ComplaintWish, *, after: Place | None, limit: int
    ) -> Sequence[Complaint]:
        """Returns at most `limit` complaints, the one due first at the head."""
        with self._desk.transactions.read(region) as work:
            return work.complaints.page(wish, after=after, limit=limit)

    def accept(
        self, request: Request, complaint_id: str, *, reason: str, encode: EncodeAccepted
    ) -> bytes:
        """Opens an audit task that follows a complaint.

        Raises:
            RuleError: COMPLAINT_NOT_FOUND, COMPLAINT_STATE, REQUEST_ID_REUSED.
        """

        def accept(work: "Work") -> bytes:
            complaint = _locked(work, complaint_id).after(ComplaintAct.ACCEPT)
            subject = Subject(
                institution_id=complaint.told.institution_id,
                visit_id=complaint.told.visit_id,
                complaint_id=complaint_id,
            )
            due = self._desk.terms.due(TaskType.COMPLAINT, self._desk.today())
            task = new_task(
                work,
                self._desk,
                request,
                TaskType.COMPLAINT,
                subject,
                reason=reason,
                # Whoever complained is answered after the task, so that one is not due later.
                due_date=min(due, complaint.due_date),
            )
            complaint = replace(complaint, task_id=task.task_id)
            work.complaints.update(complaint)
            self._record(work, request, complaint)
            return encode(complaint, task)

        return self._desk.transactions.once(request, accept)

    def answer(self, request: Request, complaint_id: str, *, text: str, encode: Encode) -> bytes:
        """Answers a complaint for good.

        Raises:
            RuleError: COMPLAINT_NOT_FOUND, COMPLAINT_STATE, AUDIT_TASK_STATE,
                REQUEST_ID_REUSED.
        """

        def answer(work: "Work") -> bytes:
            complaint = _locked(work, complaint_id).after(ComplaintAct.ANSWER)
            if complaint.task_id:
                task = work.audit_tasks.find(complaint.task_id)
                if task is not None and task.state in OPEN_STATES:
                    raise audit_task_is_open(task)
            complaint = replace(
                complaint,
                answer=text,
                answerer=request.caller.path,
                answer_time=self._desk.clock(),
            )
            work.complaints.update(complaint)
            self._record(work, request, complaint)
            return encode(complaint)

        return self._desk.transactions.once(request, answer)

    def _file(self, work: "Work", command: FileComplaint) -> Complaint:
        request, caller, now = command.request, command.request.caller, self._desk.clock()
        check_served(request.region, self._served)
        complaint = filed(
            command.told,
            region=request.region,
            complaint_id=self._desk.ids(),
            filer=caller.path,
            secret=command.secret,
            terms=self._terms,
            now=now,
        )
        today = shanghai_day(now)
        count = work.complaints.count(today, party_digest(caller.party, today))
        check_count(count, most=self._terms.most_of(caller.role))
        work.complaints.insert(complaint)
        entry = entry_of(request, at=now, subject_ids=(complaint.complaint_id,))
        if complaint.told.is_anonymous:
            # The request's id too would lead to its caller, by the log of calls.
            entry = replace(entry, caller=caller.role.value, request_id="")
        work.audit.add(entry)
        return complaint

    def _record(self, work: "Work", request: Request, complaint: Complaint) -> None:
        subjects = [complaint.complaint_id, complaint.task_id]
        work.audit.add(
            entry_of(
                request,
                at=self._desk.clock(),
                subject_ids=tuple(each for each in subjects if each),
                detail={"state": complaint.state.name},
            )
        )


def _locked(work: "Work", complaint_id: str) -> Complaint:
    complaint = work.complaints.lock(complaint_id)
    if complaint is None:
        raise complaint_not_found()
    return complaint
