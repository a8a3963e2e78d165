"""Answers of audits as the bytes that are stored with their requests."""

import datetime as dt
from collections.abc import Callable, Sequence

from google.protobuf.message import Message

from yibao.offsite.v1 import audit_service_pb2 as pb
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.task import AuditTask, Finding
from yibao_offsite.servicer.audit_task.messages import (
    assistance_message,
    evidence_message,
    finding_message,
    hold_message,
    task_message,
)


class Encoders:
    """What writes answers; whether a hold is overdue is told as of `today`."""

    def __init__(self, today: Callable[[], dt.date]) -> None:
        """Takes what tells the day in Shanghai."""
        self._today = today

    def task(self, kind: type[Message]) -> Callable[[AuditTask], bytes]:
        """Returns what writes an answer that holds a task."""
        return lambda task: kind(task=task_message(task)).SerializeToString()

    def placed(self, hold: PlacedHold, task: AuditTask, is_undeclared: bool) -> bytes:
        """Returns a serialized PlaceAuditHoldResponse."""
        message = hold_message(
            hold, task.due_date, today=self._today(), is_undeclared=is_undeclared
        )
        return pb.PlaceAuditHoldResponse(hold=message).SerializeToString()

    def lifted(self, hold: PlacedHold, task: AuditTask) -> bytes:
        """Returns a serialized LiftAuditHoldResponse."""
        message = hold_message(hold, task.due_date, today=self._today())
        return pb.LiftAuditHoldResponse(hold=message).SerializeToString()

    def ended(self, kind: type[Message]) -> Callable[[AuditTask, Sequence[PlacedHold]], bytes]:
        """Returns what writes an answer that holds a task that is over, and its holds."""

        def encode(task: AuditTask, holds: Sequence[PlacedHold]) -> bytes:
            today = self._today()
            told = [hold_message(each, task.due_date, today=today) for each in holds]
            return kind(task=task_message(task), holds=told).SerializeToString()

        return encode

    def found(self, task: AuditTask, finding: Finding) -> bytes:
        """Returns a serialized RecordAuditFindingResponse."""
        message = finding_message(finding, with_text=False)
        return pb.RecordAuditFindingResponse(
            task=task_message(task), finding=message
        ).SerializeToString()

    def added(self, task: AuditTask, evidence: Evidence) -> bytes:
        """Returns a serialized AddAuditEvidenceResponse."""
        return pb.AddAuditEvidenceResponse(
            task=task_message(task), evidence=evidence_message(evidence)
        ).SerializeToString()

    def answered(self, assistance: Assistance) -> bytes:
        """Returns a serialized AnswerAssistanceCheckResponse."""
        message = assistance_message(assistance)
        return pb.AnswerAssistanceCheckResponse(assistance=message).SerializeToString()
