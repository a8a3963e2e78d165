"""AuditService: audits of care elsewhere, their findings, evidence, holds and lists."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from yibao.offsite.v1 import audit_service_pb2 as pb
from yibao.offsite.v1 import audit_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_instant
from yibao_offsite.application.audit_task import reading
from yibao_offsite.application.audit_task.assisting import Answered, answer_assistance
from yibao_offsite.application.audit_task.closing import (
    Closing,
    cancel_task,
    close_task,
    return_task,
)
from yibao_offsite.application.audit_task.desk import AtTask, AuditDesk
from yibao_offsite.application.audit_task.holding import (
    HoldAsked,
    lift_hold,
    place_hold,
)
from yibao_offsite.application.audit_task.opening import assign_task, open_task
from yibao_offsite.application.audit_task.working import (
    Shown,
    add_evidence,
    begin_task,
    record_finding,
    report_task,
)
from yibao_offsite.servicer.audit_task import asked
from yibao_offsite.servicer.audit_task.encode import Encoders
from yibao_offsite.servicer.audit_task.messages import (
    asked_message,
    event_message,
    evidence_message,
    finding_message,
    hold_message,
    task_message,
)

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500

AnswerT = TypeVar("AnswerT", bound=Message)


class AuditServicer(rpc.AuditServiceServicer):
    """Everything blocks, so it runs in threads."""

    def __init__(self, desk: AuditDesk, blocking: Blocking) -> None:
        """Takes what answers."""
        self._desk = desk
        self._blocking = blocking
        self._encode = Encoders(desk.today)

    async def OpenAuditTask(
        self,
        request: pb.OpenAuditTaskRequest,
        context: ("grpc.aio.ServicerContext[pb.OpenAuditTaskRequest, pb.OpenAuditTaskResponse]"),
    ) -> pb.OpenAuditTaskResponse:
        """Opens a task."""
        command = asked.open_command(request, request_of(request, "OpenAuditTask"))
        return await self._run(
            pb.OpenAuditTaskResponse,
            open_task,
            command,
            self._encode.task(pb.OpenAuditTaskResponse),
        )

    async def AssignAuditTask(
        self,
        request: pb.AssignAuditTaskRequest,
        context: (
            "grpc.aio.ServicerContext[pb.AssignAuditTaskRequest, pb.AssignAuditTaskResponse]"
        ),
    ) -> pb.AssignAuditTaskResponse:
        """Gives a task to an operator."""
        assignee = asked.operator_path(request.region, request.assignee)
        command = _at(request, "AssignAuditTask")
        encoder = self._encode.task(pb.AssignAuditTaskResponse)
        return await self._run(pb.AssignAuditTaskResponse, assign_task, command, assignee, encoder)

    async def BeginAuditTask(
        self,
        request: pb.BeginAuditTaskRequest,
        context: ("grpc.aio.ServicerContext[pb.BeginAuditTaskRequest, pb.BeginAuditTaskResponse]"),
    ) -> pb.BeginAuditTaskResponse:
        """Begins with a task."""
        command = _at(request, "BeginAuditTask")
        encoder = self._encode.task(pb.BeginAuditTaskResponse)
        return await self._run(pb.BeginAuditTaskResponse, begin_task, command, encoder)

    async def RecordAuditFinding(
        self,
        request: pb.RecordAuditFindingRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RecordAuditFindingRequest, pb.RecordAuditFindingResponse]"
        ),
    ) -> pb.RecordAuditFindingResponse:
        """Adds a finding."""
        command = _at(request, "RecordAuditFinding")
        found = asked.found(request)
        return await self._run(
            pb.RecordAuditFindingResponse, record_finding, command, found, self._encode.found
        )

    async def AddAuditEvidence(
        self,
        request: pb.AddAuditEvidenceRequest,
        context: (
            "grpc.aio.ServicerContext[pb.AddAuditEvidenceRequest, pb.AddAuditEvidenceResponse]"
        ),
    ) -> pb.AddAuditEvidenceResponse:
        """Adds a photo or paper."""
        command = _at(request, "AddAuditEvidence")
        shown = Shown(
            request.material_id,
            request.content_sha256,
            to_instant(request.taken_time),
            request.author,
            request.place,
        )
        return await self._run(
            pb.AddAuditEvidenceResponse, add_evidence, command, shown, self._encode.added
        )

    async def ReportAuditTask(
        self,
        request: pb.ReportAuditTaskRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReportAuditTaskRequest, pb.ReportAuditTaskResponse]"
        ),
    ) -> pb.ReportAuditTaskResponse:
        """Reports what came out."""
        command = _at(request, "ReportAuditTask")
        outcome = asked.outcome(request.outcome)
        encoder = self._encode.task(pb.ReportAuditTaskResponse)
        return await self._run(
            pb.ReportAuditTaskResponse, report_task, command, outcome, request.report_text, encoder
        )

    async def ReturnAuditTask(
        self,
        request: pb.ReturnAuditTaskRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReturnAuditTaskRequest, pb.ReturnAuditTaskResponse]"
        ),
    ) -> pb.ReturnAuditTaskResponse:
        """Sends a task back."""
        command = _at(request, "ReturnAuditTask")
        encoder = self._encode.task(pb.ReturnAuditTaskResponse)
        return await self._run(
            pb.ReturnAuditTaskResponse, return_task, command, request.reason, encoder
        )

    async def CloseAuditTask(
        self,
        request: pb.CloseAuditTaskRequest,
        context: ("grpc.aio.ServicerContext[pb.CloseAuditTaskRequest, pb.CloseAuditTaskResponse]"),
    ) -> pb.CloseAuditTaskResponse:
        """Closes a task and lifts its holds."""
        command = _at(request, "CloseAuditTask")
        closing = Closing(asked.outcome(request.outcome), request.version, request.reason)
        encoder = self._encode.ended(pb.CloseAuditTaskResponse)
        return await self._run(pb.CloseAuditTaskResponse, close_task, command, closing, encoder)

    async def CancelAuditTask(
        self,
        request: pb.CancelAuditTaskRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CancelAuditTaskRequest, pb.CancelAuditTaskResponse]"
        ),
    ) -> pb.CancelAuditTaskResponse:
        """Gives up a task and lifts its holds."""
        command = _at(request, "CancelAuditTask")
        encoder = self._encode.ended(pb.CancelAuditTaskResponse)
        return await self._run(
            pb.CancelAuditTaskResponse, cancel_task, command, request.reason, encoder
        )

    async def PlaceAuditHold(
        self,
        request: pb.PlaceAuditHoldRequest,
        context: ("grpc.aio.ServicerContext[pb.PlaceAuditHoldRequest, pb.PlaceAuditHoldResponse]"),
    ) -> pb.PlaceAuditHoldResponse:
        """Holds a visit."""
        command = _at(request, "PlaceAuditHold")
        wish = HoldAsked(request.visit_id, request.person_id, request.reason)
        return await self._run(
            pb.PlaceAuditHoldResponse, place_hold, command, wish, self._encode.placed
        )

    async def LiftAuditHold(
        self,
        request: pb.LiftAuditHoldRequest,
        context: ("grpc.aio.ServicerContext[pb.LiftAuditHoldRequest, pb.LiftAuditHoldResponse]"),
    ) -> pb.LiftAuditHoldResponse:
        """Lifts a hold before its task is closed."""
        response = await self._blocking.run(
            lift_hold,
            self._desk,
            request_of(request, "LiftAuditHold"),
            request.audit_hold_id,
            reason=request.reason,
            encode=self._encode.lifted,
        )
        return as_sent(pb.LiftAuditHoldResponse, response)

    async def AnswerAssistanceCheck(
        self,
        request: pb.AnswerAssistanceCheckRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.AnswerAssistanceCheckRequest, pb.AnswerAssistanceCheckResponse]"
        ),
    ) -> pb.AnswerAssistanceCheckResponse:
        """Answers for the place of treatment."""
        caller = current_caller()
        # Not the scope of the region that asks: an agency answers for its own.
        request_made = Request.of(
            caller,
            method="AnswerAssistanceCheck",
            region=request.region,
            request_id=request.request_id,
            contents=request.SerializeToString(),
        )
        assert caller.region is not None, caller.path
        answer = asked.answer(request.assistance_answer)
        said = Answered(caller.region, answer, request.reason)
        command = AtTask(request_made, request.task_id)
        return await self._run(
            pb.AnswerAssistanceCheckResponse,
            answer_assistance,
            command,
            said,
            self._encode.answered,
        )

    async def GetAuditTask(
        self,
        request: pb.GetAuditTaskRequest,
        context: ("grpc.aio.ServicerContext[pb.GetAuditTaskRequest, pb.GetAuditTaskResponse]"),
    ) -> pb.GetAuditTaskResponse:
        """Reads a task with all that belongs to it."""
        current_caller().require_region(request.region)
        whole = await self._blocking.run(
            reading.find_task, self._desk, request.region, request.task_id
        )
        today, due = self._desk.today(), whole.task.due_date
        return pb.GetAuditTaskResponse(
            task=task_message(whole.task, with_report=True),
            findings=map(finding_message, whole.findings),
            holds=[
                hold_message(
                    each,
                    due,
                    today=today,
                    is_undeclared=each.hold_id in whole.undeclared_hold_ids,
                )
                for each in whole.holds
            ],
            events=map(event_message, whole.events),
            is_evidence_altered=whole.is_evidence_altered,
        )

    async def ListAuditTasks(
        self,
        request: pb.ListAuditTasksRequest,
        context: ("grpc.aio.ServicerContext[pb.ListAuditTasksRequest, pb.ListAuditTasksResponse]"),
    ) -> pb.ListAuditTasksResponse:
        """Lists tasks, the one due first at the head."""
        current_caller().require_region(request.region)
        wish = asked.task_wish(request)
        after = place_after(request, request.page_token, asked.place_of)
        size = _size(request.page_size)
        found = await self._blocking.run(
            # One more tells whether there is another page.
            reading.list_tasks,
            self._desk,
            request.region,
            wish,
            after=after,
            limit=size + 1,
        )
        page, token = found[:size], ""
        if len(found) > size:
            token = page_token(request, asked.place_text(page[-1].due_date, page[-1].task_id))
        return pb.ListAuditTasksResponse(tasks=map(task_message, page), next_page_token=token)

    async def ListAuditEvidence(
        self,
        request: pb.ListAuditEvidenceRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListAuditEvidenceRequest, pb.ListAuditEvidenceResponse]"
        ),
    ) -> pb.ListAuditEvidenceResponse:
        """Reads what evidence a task has, on record."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            reading.read_evidence,
            self._desk,
            caller,
            region=request.region,
            task_id=request.task_id,
            purpose=asked.purpose(request.reading_purpose),
        )
        return pb.ListAuditEvidenceResponse(evidence=map(evidence_message, found))

    async def ListAuditHolds(
        self,
        request: pb.ListAuditHoldsRequest,
        context: ("grpc.aio.ServicerContext[pb.ListAuditHoldsRequest, pb.ListAuditHoldsResponse]"),
    ) -> pb.ListAuditHoldsResponse:
        """Lists holds that stand."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, asked.place_of)
        size = _size(request.page_size)
        found, undeclared = await self._blocking.run(
            reading.list_holds,
            self._desk,
            request.region,
            only_overdue=request.only_overdue,
            visit_id=request.visit_id or None,
            after=after,
            limit=size + 1,
        )
        page, token, today = found[:size], "", self._desk.today()
        if len(found) > size:
            last = page[-1]
            token = page_token(request, asked.place_text(last.due_date, last.hold.hold_id))
        holds = [
            hold_message(
                each.hold,
                each.due_date,
                today=today,
                is_undeclared=each.hold.hold_id in undeclared,
            )
            for each in page
        ]
        return pb.ListAuditHoldsResponse(holds=holds, next_page_token=token)

    async def ListAssistanceChecks(
        self,
        request: pb.ListAssistanceChecksRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListAssistanceChecksRequest, pb.ListAssistanceChecksResponse]"
        ),
    ) -> pb.ListAssistanceChecksResponse:
        """Lists what a place of treatment is asked."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, asked.place_of)
        size = _size(request.page_size)
        found = await self._blocking.run(
            reading.list_assistance,
            self._desk,
            request.region,
            only_unanswered=request.only_unanswered,
            after=after,
            limit=size + 1,
        )
        page, token, today = found[:size], "", self._desk.today()
        if len(found) > size:
            last = page[-1]
            assert last.assistance is not None, last.task_id
            place = asked.place_text(last.assistance.answer_due_date, last.task_id)
            token = page_token(request, place)
        checks = [asked_message(each, today=today) for each in page]
        return pb.ListAssistanceChecksResponse(checks=checks, next_page_token=token)

    async def _run(
        self, answer: type[AnswerT], act: Callable[..., bytes], *arguments: Any
    ) -> AnswerT:
        return as_sent(answer, await self._blocking.run(act, self._desk, *arguments))


def _at(request: Any, method: str) -> AtTask:
    return AtTask(request_of(request, method), request.task_id)


def _size(page_size: int) -> int:
    return min(page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
