"""ComplaintService: complaints of anyone, tracked by a receipt and answered by the agency."""

import grpc

from yibao.offsite.v1 import complaint_pb2 as messages
from yibao.offsite.v1 import complaint_service_pb2 as pb
from yibao.offsite.v1 import complaint_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant, known, to_optional_date
from yibao_offsite.application.complaint import Complaints, ComplaintWish, FileComplaint
from yibao_offsite.rules.audit_task.task import AuditTask
from yibao_offsite.rules.complaint import Complaint, ComplaintState, ComplaintSubject, Told
from yibao_offsite.servicer.audit_task.asked import place_of, place_text
from yibao_offsite.servicer.audit_task.messages import task_message

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_SUBJECTS = {int(each): each for each in ComplaintSubject}
_STATES = {int(each): each for each in ComplaintState}


class ComplaintServicer(rpc.ComplaintServiceServicer):
    """Files, tracks and answers; everything blocks, so it runs in threads."""

    def __init__(self, complaints: Complaints, blocking: Blocking) -> None:
        """Takes what answers."""
        self._complaints = complaints
        self._blocking = blocking

    async def FileComplaint(
        self,
        request: pb.FileComplaintRequest,
        context: "grpc.aio.ServicerContext[pb.FileComplaintRequest, pb.FileComplaintResponse]",
    ) -> pb.FileComplaintResponse:
        """Files a complaint, of any caller at any region."""
        made = Request.of(
            current_caller(),
            method="FileComplaint",
            region=request.region,
            request_id=request.request_id,
            contents=request.SerializeToString(),
        )
        told = Told(
            known(_SUBJECTS, request.complaint_subject, field="complaint_subject", what="subject"),
            request.is_anonymous,
            request.institution_id,
            request.visit_id,
            request.complaint_text,
            request.contact,
        )
        command = FileComplaint(made, told, request.tracking_secret)
        response = await self._blocking.run(self._complaints.file, command, _filed)
        return as_sent(pb.FileComplaintResponse, response)

    async def GetTrackedComplaint(
        self,
        request: pb.GetTrackedComplaintRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetTrackedComplaintRequest, pb.GetTrackedComplaintResponse]"
        ),
    ) -> pb.GetTrackedComplaintResponse:
        """Tells what became of a complaint, to who has its receipt and secret."""
        found = await self._blocking.run(
            self._complaints.track,
            request.region,
            request.receipt_number,
            request.tracking_secret,
        )
        return pb.GetTrackedComplaintResponse(complaint=_tracked(found))

    async def GetComplaint(
        self,
        request: pb.GetComplaintRequest,
        context: "grpc.aio.ServicerContext[pb.GetComplaintRequest, pb.GetComplaintResponse]",
    ) -> pb.GetComplaintResponse:
        """Reads a complaint, on record."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._complaints.find, request.region, request.complaint_id, caller
        )
        return pb.GetComplaintResponse(complaint=_message(found, with_texts=True))

    async def ListComplaints(
        self,
        request: pb.ListComplaintsRequest,
        context: "grpc.aio.ServicerContext[pb.ListComplaintsRequest, pb.ListComplaintsResponse]",
    ) -> pb.ListComplaintsResponse:
        """Lists complaints, the one due first at the head."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, place_of)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        state = request.state
        wish = ComplaintWish(
            known(_STATES, state, field="state", what="state") if state else None,
            to_optional_date(request, "due_end_date"),
            request.institution_id or None,
        )
        found = await self._blocking.run(
            # One more tells whether there is another page.
            self._complaints.page,
            request.region,
            wish,
            after=after,
            limit=size + 1,
        )
        page, token = found[:size], ""
        if len(found) > size:
            token = page_token(request, place_text(page[-1].due_date, page[-1].complaint_id))
        return pb.ListComplaintsResponse(complaints=map(_message, page), next_page_token=token)

    async def AcceptComplaint(
        self,
        request: pb.AcceptComplaintRequest,
        context: "grpc.aio.ServicerContext[pb.AcceptComplaintRequest, pb.AcceptComplaintResponse]",
    ) -> pb.AcceptComplaintResponse:
        """Has a complaint followed by an audit task."""
        response = await self._blocking.run(
            self._complaints.accept,
            request_of(request, "AcceptComplaint"),
            request.complaint_id,
            reason=request.reason,
            encode=_accepted,
        )
        return as_sent(pb.AcceptComplaintResponse, response)

    async def AnswerComplaint(
        self,
        request: pb.AnswerComplaintRequest,
        context: "grpc.aio.ServicerContext[pb.AnswerComplaintRequest, pb.AnswerComplaintResponse]",
    ) -> pb.AnswerComplaintResponse:
        """Answers a complaint for good."""
        response = await self._blocking.run(
            self._complaints.answer,
            request_of(request, "AnswerComplaint"),
            request.complaint_id,
            text=request.answer_text,
            encode=_answered,
        )
        return as_sent(pb.AnswerComplaintResponse, response)


def _filed(complaint: Complaint) -> bytes:
    return pb.FileComplaintResponse(complaint=_tracked(complaint)).SerializeToString()


def _accepted(complaint: Complaint, task: AuditTask) -> bytes:
    return pb.AcceptComplaintResponse(
        complaint=_message(complaint), task=task_message(task)
    ).SerializeToString()


def _answered(complaint: Complaint) -> bytes:
    return pb.AnswerComplaintResponse(complaint=_message(complaint)).SerializeToString()


def _tracked(complaint: Complaint) -> messages.TrackedComplaint:
    answer_time = complaint.answer_time
    return messages.TrackedComplaint(
        receipt_number=complaint.receipt_number,
        state=messages.ComplaintState.ValueType(complaint.state),
        file_time=from_instant(complaint.file_time),
        due_date=from_date(complaint.due_date),
        answer=complaint.answer,
        answer_time=None if answer_time is None else from_instant(answer_time),
    )


def _message(complaint: Complaint, *, with_texts: bool = False) -> messages.Complaint:
    """Returns a complaint as sent; what was written stands in the answer of GetComplaint alone."""
    told, answer_time = complaint.told, complaint.answer_time
    return messages.Complaint(
        complaint_id=complaint.complaint_id,
        region=complaint.region,
        receipt_number=complaint.receipt_number,
        subject=messages.ComplaintSubject.ValueType(told.subject),
        state=messages.ComplaintState.ValueType(complaint.state),
        is_anonymous=told.is_anonymous,
        institution_id=told.institution_id,
        visit_id=told.visit_id,
        text=told.text if with_texts else "",
        contact=told.contact if with_texts else "",
        filer=complaint.filer,
        file_time=from_instant(complaint.file_time),
        due_date=from_date(complaint.due_date),
        task_id=complaint.task_id,
        answer=complaint.answer if with_texts else "",
        answerer=complaint.answerer,
        answer_time=None if answer_time is None else from_instant(answer_time),
        version=complaint.version,
    )
