"""What is due of audits: tasks, holds, assistance checks, and complaints."""

from collections.abc import Iterator

from yibao.offsite.v1 import audit_service_pb2 as pages
from yibao.offsite.v1 import audit_task_pb2, complaint_pb2
from yibao.offsite.v1 import complaint_service_pb2 as complaint_pages
from yibao.offsite.v1.audit_service_pb2_grpc import AuditServiceStub
from yibao.offsite.v1.complaint_service_pb2_grpc import ComplaintServiceStub
from yibao_cli.due.item import DueItem
from yibao_cli.due.kinds import DueKind
from yibao_cli.due.pages import Desk
from yibao_common.rpc.wire import from_date, to_date

_ASSISTANCE = audit_task_pb2.AUDIT_TASK_TYPE_ASSISTANCE_CHECK
# What is to be done by the state of a task: see `_TASKS` of registrations.
_TASKS = {
    audit_task_pb2.AUDIT_TASK_STATE_OPENED: (
        "give it to an operator",
        ("AssignAuditTask", "CancelAuditTask"),
    ),
    audit_task_pb2.AUDIT_TASK_STATE_ASSIGNED: (
        "begin",
        ("BeginAuditTask", "AssignAuditTask", "CancelAuditTask"),
    ),
    audit_task_pb2.AUDIT_TASK_STATE_IN_PROGRESS: (
        "find and report",
        ("RecordAuditFinding", "ReportAuditTask"),
    ),
    audit_task_pb2.AUDIT_TASK_STATE_REPORTED: (
        "close what another operator reported",
        ("CloseAuditTask", "ReturnAuditTask"),
    ),
}
# Answered ones are over.
_COMPLAINTS = (
    (
        complaint_pb2.COMPLAINT_STATE_FILED,
        "have it followed, or answer",
        ("AcceptComplaint", "AnswerComplaint"),
    ),
    (complaint_pb2.COMPLAINT_STATE_ACCEPTED, "answer once its task is over", ("AnswerComplaint",)),
)


def audits(desk: Desk) -> Iterator[DueItem]:
    """Yields open tasks but those that ask a place of treatment."""
    return _tasks(desk, DueKind.AUDIT)


def assistance(desk: Desk) -> Iterator[DueItem]:
    """Yields tasks of the region that ask a place of treatment, and what the region is asked."""
    yield from _tasks(desk, DueKind.ASSISTANCE)
    request = pages.ListAssistanceChecksRequest(region=desk.region, only_unanswered=True)
    for each in desk.pages(AuditServiceStub(desk.channel).ListAssistanceChecks, request, "checks"):
        day = to_date(each.assistance.answer_due_date)
        if day > desk.until:
            return  # By that day.
        yield DueItem(
            kind=DueKind.ASSISTANCE,
            day=day,
            what=f"answer region {each.region}",
            methods=("AnswerAssistanceCheck",),
            id=each.task_id,
            call="AnswerAssistanceCheck",
            request={"region": each.region, "task_id": each.task_id},
            person_id=each.person_id,
        )


def holds(desk: Desk) -> Iterator[DueItem]:
    """Yields holds that stand although the day of their task is over."""
    request = pages.ListAuditHoldsRequest(region=desk.region, only_overdue=True)
    for each in desk.pages(AuditServiceStub(desk.channel).ListAuditHolds, request, "holds"):
        day = to_date(each.due_date)
        if day > desk.until:
            return  # By that day.
        yield DueItem(
            kind=DueKind.HOLD,
            day=day,
            what=f"close its task, or lift hold {each.hold_id}",
            methods=("CloseAuditTask", "LiftAuditHold"),
            id=each.hold_id,
            call="GetAuditTask",
            request={"task_id": each.task_id},
            person_id=each.person_id,
        )


def complaints(desk: Desk) -> Iterator[DueItem]:
    """Yields complaints that are not answered."""
    ask = ComplaintServiceStub(desk.channel).ListComplaints
    for state, what, methods in _COMPLAINTS:
        request = complaint_pages.ListComplaintsRequest(
            region=desk.region, state=state, due_end_date=from_date(desk.until)
        )
        for each in desk.pages(ask, request, "complaints"):
            yield DueItem(
                kind=DueKind.COMPLAINT,
                day=to_date(each.due_date),
                what=what,
                methods=methods,
                id=each.complaint_id,
                call="GetComplaint",
                request={"complaint_id": each.complaint_id},
            )


def _tasks(desk: Desk, kind: DueKind) -> Iterator[DueItem]:
    """Yields open tasks of one kind: those that ask a place of treatment, or all others."""
    request = pages.ListAuditTasksRequest(
        region=desk.region, due_end_date=from_date(desk.until), only_open=True
    )
    if kind is DueKind.ASSISTANCE:
        request.task_type = _ASSISTANCE
    for each in desk.pages(AuditServiceStub(desk.channel).ListAuditTasks, request, "tasks"):
        if (each.type == _ASSISTANCE) != (kind is DueKind.ASSISTANCE):
            continue
        what, methods = _TASKS.get(each.state, ("look at it", ("GetAuditTask",)))
        name = audit_task_pb2.AuditTaskType.Name(each.type).removeprefix("AUDIT_TASK_TYPE_")
        if kind is DueKind.ASSISTANCE:
            answered = each.assistance.answer != audit_task_pb2.ASSISTANCE_ANSWER_UNSPECIFIED
            word = "answered" if answered else "has not answered"
            name = f"region {each.assistance.treatment_region} {word}"
        yield DueItem(
            kind=kind,
            day=to_date(each.due_date),
            what=f"{what} ({name})",
            methods=methods,
            id=each.task_id,
            call="GetAuditTask",
            request={"task_id": each.task_id},
            person_id=each.person_id,
        )
