"""What is due of registrations and of the evaluations and rechecks of referrals."""

from collections.abc import Iterator

from yibao.offsite.v1 import evaluation_pb2, registration_pb2
from yibao.offsite.v1 import evaluation_service_pb2 as evaluation_pages
from yibao.offsite.v1 import registration_service_pb2 as registration_pages
from yibao.offsite.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao_cli.due.item import DueItem
from yibao_cli.due.kinds import DueKind
from yibao_cli.due.pages import Desk
from yibao_common.rpc.wire import from_date, to_date

# What is to be done by the task of a registration, or by the state of an evaluation. Both are
# open: of what a newer service adds, the thing itself is to be looked at.
_TASKS = {
    registration_pb2.REGISTRATION_TASK_KIND_DECISION: (
        "decide on what was applied for",
        ("ApproveRegistration", "ReturnRegistration", "RejectRegistration"),
    ),
    registration_pb2.REGISTRATION_TASK_KIND_CHECK: (
        "check what was accepted at once",
        ("ConfirmRegistrationCheck", "RevokeRegistration"),
    ),
    registration_pb2.REGISTRATION_TASK_KIND_EXPIRY: (
        "ask the person",
        ("ExtendRegistration", "ChangeRegistration"),
    ),
}
_STEPS = {
    evaluation_pb2.EVALUATION_STATE_OPEN: (
        "record the examination",
        ("RecordPreEvaluation", "CancelPreEvaluation"),
    ),
    evaluation_pb2.EVALUATION_STATE_RECORDED: (
        "approve what was recorded",
        ("ApprovePreEvaluation", "ReturnPreEvaluation"),
    ),
    evaluation_pb2.EVALUATION_STATE_APPROVED: (
        "compare with the discharge",
        ("RecordDischargeComparison",),
    ),
}


def registrations(desk: Desk) -> Iterator[DueItem]:
    """Yields registrations to decide on or to check, and those whose cover ends soon.

    Those are told of from a day on and are not late until cover ends, when they are told of no
    more: they wait.
    """
    request = registration_pages.ListRegistrationTasksRequest(
        region=desk.region, due_date=from_date(desk.until)
    )
    ask = RegistrationServiceStub(desk.channel).ListRegistrationTasks
    for each in desk.pages(ask, request, "registrations"):
        is_expiry = each.task_kind == registration_pb2.REGISTRATION_TASK_KIND_EXPIRY
        what, methods = _TASKS.get(each.task_kind, ("look at it", ("GetRegistration",)))
        if is_expiry:
            what += f", cover ends {to_date(each.end_date)}"
        yield DueItem(
            kind=DueKind.REGISTRATION,
            day=to_date(each.task_due_date),
            waits=is_expiry,
            what=what,
            methods=methods,
            id=each.registration_id,
            call="GetRegistration",
            request={"registration_id": each.registration_id},
            person_id=each.person_id,
        )


def evaluations(desk: Desk) -> Iterator[DueItem]:
    """Yields evaluations to record, to approve and to compare with the discharge."""
    request = evaluation_pages.ListPreEvaluationsRequest(
        region=desk.region, due_end_date=from_date(desk.until)
    )
    ask = EvaluationServiceStub(desk.channel).ListPreEvaluations
    for each in desk.pages(ask, request, "evaluations"):
        what, methods = _STEPS.get(each.state, ("look at it", ("GetPreEvaluation",)))
        yield DueItem(
            kind=DueKind.EVALUATION,
            day=to_date(each.due_date),
            what=what,
            methods=methods,
            id=each.evaluation_id,
            call="GetPreEvaluation",
            request={"evaluation_id": each.evaluation_id},
            person_id=each.person_id,
        )


def rechecks(desk: Desk) -> Iterator[DueItem]:
    """Yields persons who are to be seen again."""
    request = evaluation_pages.ListRechecksRequest(
        region=desk.region, due_end_date=from_date(desk.until)
    )
    ask = EvaluationServiceStub(desk.channel).ListRechecks
    for each in desk.pages(ask, request, "rechecks"):
        yield DueItem(
            kind=DueKind.RECHECK,
            day=to_date(each.due_date),
            what=f"record what came of recheck {each.recheck_id}",
            methods=("RecordRecheck",),
            id=each.recheck_id,
            call="GetPreEvaluation",
            request={"evaluation_id": each.evaluation_id},
            person_id=each.person_id,
        )
