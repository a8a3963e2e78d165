"""Operators of an agency at audits, hospitals and whoever complains, over rows or a database."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from support.paper_desk import PERSON, REGION

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.files.calendar_file import national_calendar
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task import reading
from yibao_offsite.application.audit_task.assisting import Answered, answer_assistance
from yibao_offsite.application.audit_task.closing import (
    Closing,
    cancel_task,
    close_task,
    return_task,
)
from yibao_offsite.application.audit_task.desk import AtTask, AuditDesk
from yibao_offsite.application.audit_task.holding import HoldAsked, lift_hold, place_hold
from yibao_offsite.application.audit_task.opening import (
    OpenAuditTask,
    assign_task,
    open_task,
)
from yibao_offsite.application.audit_task.working import (
    Found,
    Shown,
    add_evidence,
    begin_task,
    record_finding,
    report_task,
)
from yibao_offsite.application.complaint import Complaints, FileComplaint
from yibao_offsite.application.work import Work
from yibao_offsite.rules.audit_task.assistance import Assistance, AssistanceAnswer
from yibao_offsite.rules.audit_task.evidence import Evidence, EvidencePurpose
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.opening import AuditTerms
from yibao_offsite.rules.audit_task.task import (
    AuditOutcome,
    AuditTask,
    FindingKind,
    Subject,
    TaskType,
)
from yibao_offsite.rules.complaint import Complaint, ComplaintSubject, ComplaintTerms, Told
from yibao_offsite.rules.feed import AuditHold

KindT = TypeVar("KindT")

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
# Opens and assigns; works; closes.
CHIEF, WANG, LI = (f"agency/{REGION}/{name}" for name in ("chief", "wang", "li"))
THERE = "310000"
HOSPITAL = "H31000000001"
VISIT = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b7d01"
SECRET = "0123456789abcdef"
ON_SITE = Subject(PERSON, HOSPITAL, VISIT)

_Told = TypeVar("_Told")


def signed(region: str, hold: AuditHold) -> bytes:
    """Returns what stands for a signature: what it is of."""
    return f"{region} {hold.hold_id} {hold.is_lifted} {hold.version}".encode()


def refused(refusal_reason: Reason, act: Any, /, *arguments: Any, **named: Any) -> RuleError:
    """Tries something that is refused, and returns the refusal."""
    with pytest.raises(RuleError) as refusal:
        act(*arguments, **named)
    assert refusal.value.reason is refusal_reason
    return refusal.value


@dataclass
class AuditWorld:
    """Acts at audits by the paths of callers; answers are the values that were encoded."""

    transactions: Transactions[Work]
    now: dt.datetime = NOW
    keeps_papers: bool = True

    def __post_init__(self) -> None:
        terms = AuditTerms(
            dict.fromkeys(TaskType, 5), 3_000_000, 26, 5, calendar=national_calendar()
        )
        self.desk = AuditDesk(
            self.transactions, lambda: self.now, new_id, terms, signed, self.keeps_papers
        )
        self.complaints = Complaints(self.desk, ComplaintTerms(15, 3, 5, national_calendar()))
        self.given: list[Any] = []

    def take(self, *values: Any) -> bytes:
        """Keeps what an answer tells, in the place of a message."""
        self.given.append(values[0] if len(values) == 1 else values)
        return b"told"

    def open(
        self,
        type: TaskType = TaskType.ON_SITE,
        subject: Subject = ON_SITE,
        *,
        by: str = CHIEF,
        due_date: dt.date | None = None,
        assistance: Assistance | None = None,
    ) -> AuditTask:
        """Opens a task."""
        command = OpenAuditTask(
            self.asked("OpenAuditTask", by), type, subject, "doubts", due_date, assistance
        )
        open_task(self.desk, command, self.take)
        return self.last(AuditTask)

    def assign(self, task_id: str, assignee: str = WANG, *, by: str = CHIEF) -> AuditTask:
        """Gives a task to an operator."""
        assign_task(self.desk, self.at(task_id, "AssignAuditTask", by), assignee, self.take)
        return self.last(AuditTask)

    def begin(self, task_id: str, *, by: str = WANG) -> AuditTask:
        """Begins with a task."""
        begin_task(self.desk, self.at(task_id, "BeginAuditTask", by), self.take)
        return self.last(AuditTask)

    def begun(self, **opened: Any) -> AuditTask:
        """Opens a task, which Wang begins with."""
        task_id = self.open(**opened).task_id
        self.assign(task_id)
        return self.begin(task_id)

    def find(
        self,
        task_id: str,
        *,
        by: str = WANG,
        kind: FindingKind = FindingKind.NOT_PRESENT,
        registration_id: str = "",
    ) -> AuditTask:
        """Records a finding."""
        found = Found(kind, "the bed was empty at night", 120_000, registration_id)
        record_finding(self.desk, self.at(task_id, "RecordAuditFinding", by), found, self.take)
        task: AuditTask = self.given[-1][0]
        return task

    def show(
        self, task_id: str, material_id: str, sha256: bytes, *, by: str = WANG, **told: Any
    ) -> Evidence:
        """Adds evidence."""
        facts = {"taken_time": self.now, "author": "Wang", "place": "ward 3, bed 12", **told}
        shown = Shown(material_id, sha256, **facts)
        add_evidence(self.desk, self.at(task_id, "AddAuditEvidence", by), shown, self.take)
        evidence: Evidence = self.given[-1][1]
        return evidence

    def report(
        self, task_id: str, outcome: AuditOutcome = AuditOutcome.FRAUD, *, by: str = WANG
    ) -> AuditTask:
        """Reports a task."""
        command = self.at(task_id, "ReportAuditTask", by)
        report_task(self.desk, command, outcome, "nobody lay there", self.take)
        return self.last(AuditTask)

    def reported(self, **opened: Any) -> AuditTask:
        """Opens a task, of which Wang finds something and reports it."""
        task_id = self.begun(**opened).task_id
        self.find(task_id)
        return self.report(task_id)

    def send_back(self, task_id: str, *, by: str = LI) -> AuditTask:
        """Sends a task back."""
        return_task(self.desk, self.at(task_id, "ReturnAuditTask", by), "and the days?", self.take)
        return self.last(AuditTask)

    def close(
        self,
        task: AuditTask,
        *,
        by: str = LI,
        outcome: AuditOutcome = AuditOutcome.FRAUD,
        request_id: str = "",
    ) -> tuple[AuditTask, Sequence[PlacedHold]]:
        """Closes a task as it was read; returns it with the holds that were lifted."""
        command = self.at(task.task_id, "CloseAuditTask", by, request_id)
        close_task(self.desk, command, Closing(outcome, task.version, "agreed"), self.take)
        ended: tuple[AuditTask, Sequence[PlacedHold]] = self.given[-1]
        return ended

    def cancel(self, task_id: str, *, by: str = LI) -> AuditTask:
        """Gives a task up."""
        cancel_task(self.desk, self.at(task_id, "CancelAuditTask", by), "no doubts", self.take)
        task: AuditTask = self.given[-1][0]
        return task

    def hold(
        self, task_id: str, visit_id: str = VISIT, *, by: str = WANG, person_id: str = ""
    ) -> PlacedHold:
        """Holds a visit."""
        asked = HoldAsked(visit_id, person_id, "until it is seen")
        place_hold(self.desk, self.at(task_id, "PlaceAuditHold", by), asked, self.take)
        hold: PlacedHold = self.given[-1][0]
        return hold

    def lift(self, hold_id: str, *, by: str = LI) -> PlacedHold:
        """Lifts a hold."""
        request = self.asked("LiftAuditHold", by)
        lift_hold(self.desk, request, hold_id, reason="wrong visit", encode=self.take)
        hold: PlacedHold = self.given[-1][0]
        return hold

    def answer(
        self, task_id: str, *, treatment_region: str = THERE, by: str = f"agency/{THERE}/chen"
    ) -> Assistance:
        """Answers an assistance check."""
        said = Answered(treatment_region, AssistanceAnswer.CORRECT, "as billed")
        command = self.at(task_id, "AnswerAssistanceCheck", by)
        answer_assistance(self.desk, command, said, self.take)
        return self.last(Assistance)

    def read(self, task_id: str) -> reading.WholeTask:
        """Reads a task with all that belongs to it."""
        return reading.find_task(self.desk, REGION, task_id)

    def evidence(self, task_id: str, *, by: str = WANG) -> Sequence[Evidence]:
        """Reads the evidence of a task."""
        return reading.read_evidence(
            self.desk,
            parse_caller(by),
            region=REGION,
            task_id=task_id,
            purpose=EvidencePurpose.AUDIT,
        )

    def complain(
        self, *, by: str = "channel/wallet", secret: str = SECRET, contact: str = "", **told: Any
    ) -> Complaint:
        """Files a complaint."""
        values = {
            "subject": ComplaintSubject.FRAUD,
            "is_anonymous": not contact,
            "institution_id": HOSPITAL,
            "visit_id": "",
            "text": "they bill beds in which nobody lies",
            **told,
        }
        command = FileComplaint(
            self.asked("FileComplaint", by), Told(**values, contact=contact), secret
        )
        self.complaints.file(command, self.take)
        return self.last(Complaint)

    def accept(self, complaint_id: str, *, by: str = CHIEF) -> tuple[Complaint, AuditTask]:
        """Has a complaint followed."""
        request = self.asked("AcceptComplaint", by)
        self.complaints.accept(request, complaint_id, reason="look at it", encode=self.take)
        accepted: tuple[Complaint, AuditTask] = self.given[-1]
        return accepted

    def answer_complaint(self, complaint_id: str, *, by: str = CHIEF) -> Complaint:
        """Answers a complaint."""
        request = self.asked("AnswerComplaint", by)
        self.complaints.answer(request, complaint_id, text="it was so", encode=self.take)
        return self.last(Complaint)

    def at(self, task_id: str, method: str, by: str, request_id: str = "") -> AtTask:
        """Returns an act of a caller at a task."""
        return AtTask(self.asked(method, by, request_id), task_id)

    def asked(self, method: str, by: str, request_id: str = "") -> Request:
        """Returns a request of a caller."""
        id = request_id or new_id()
        return Request(
            REGION, id, f"{method} {id}".encode().ljust(32)[:32], method, parse_caller(by)
        )

    def last(self, kind: type[_Told]) -> _Told:
        """Returns what the last answer told."""
        told = self.given[-1]
        assert isinstance(told, kind)
        return told
