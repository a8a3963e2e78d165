"""CertificateService: suspected misuse of cards and e-certificates."""

from collections.abc import Mapping

import grpc

from yibao.identity.v1 import misuse_messages_pb2 as pb
from yibao.identity.v1 import misuse_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, known
from yibao_common.values.caller import Role
from yibao_identity.application.misuse import DecideCase, MisuseCases, ReportMisuse
from yibao_identity.rules.misuse import CaseState, MisuseCase, MisuseKind, Suspicion

_DEFAULT_CASES = 100
_MOST_CASES = 500
_STATE_SENT = {
    CaseState.REPORTED: misuse_pb2.CASE_STATE_REPORTED,
    CaseState.SUSPENDED: misuse_pb2.CASE_STATE_SUSPENDED,
    CaseState.CLOSED: misuse_pb2.CASE_STATE_CLOSED,
}
_KIND_SENT = {
    MisuseKind.LENT: misuse_pb2.MISUSE_KIND_LENT,
    MisuseKind.COPIED: misuse_pb2.MISUSE_KIND_COPIED,
    MisuseKind.FRAUD: misuse_pb2.MISUSE_KIND_FRAUD,
    MisuseKind.OTHER: misuse_pb2.MISUSE_KIND_OTHER,
}
_STATES: Mapping[int, CaseState] = {number: state for state, number in _STATE_SENT.items()}
_KINDS: Mapping[int, MisuseKind] = {number: kind for kind, number in _KIND_SENT.items()}


class MisuseMethods:
    """Reports, decides and reads cases; everything blocks, so it runs in threads."""

    def __init__(self, cases: MisuseCases, blocking: Blocking) -> None:
        """Takes what answers."""
        self._cases = cases
        self._blocking = blocking

    async def ReportMisuse(
        self,
        request: pb.ReportMisuseRequest,
        context: "grpc.aio.ServicerContext[pb.ReportMisuseRequest, pb.ReportMisuseResponse]",
    ) -> pb.ReportMisuseResponse:
        """Reports suspected misuse of a credential."""
        kind = known(_KINDS, request.kind, field="kind", what="kind of misuse")
        command = ReportMisuse(
            request_of(request, "ReportMisuse"),
            request.subject,
            Suspicion(kind, request.description, request.evidence_reference),
        )
        response = await self._blocking.run(self._cases.report, command, _reported)
        return as_sent(pb.ReportMisuseResponse, response)

    async def SuspendCredential(
        self,
        request: pb.SuspendCredentialRequest,
        context: (
            "grpc.aio.ServicerContext[pb.SuspendCredentialRequest, pb.SuspendCredentialResponse]"
        ),
    ) -> pb.SuspendCredentialResponse:
        """Suspends the credential of a case."""
        command = DecideCase(
            request_of(request, "SuspendCredential"), request.case_id, request.note
        )
        response = await self._blocking.run(self._cases.suspend, command, _suspended)
        return as_sent(pb.SuspendCredentialResponse, response)

    async def LiftSuspension(
        self,
        request: pb.LiftSuspensionRequest,
        context: "grpc.aio.ServicerContext[pb.LiftSuspensionRequest, pb.LiftSuspensionResponse]",
    ) -> pb.LiftSuspensionResponse:
        """Closes a case and lifts its suspension."""
        command = DecideCase(request_of(request, "LiftSuspension"), request.case_id, request.note)
        response = await self._blocking.run(self._cases.lift, command, _lifted)
        return as_sent(pb.LiftSuspensionResponse, response)

    async def GetMisuseCase(
        self,
        request: pb.GetMisuseCaseRequest,
        context: "grpc.aio.ServicerContext[pb.GetMisuseCaseRequest, pb.GetMisuseCaseResponse]",
    ) -> pb.GetMisuseCaseResponse:
        """Reads one case."""
        caller = current_caller()
        caller.require_region(request.region)
        case = await self._blocking.run(self._cases.find, request.region, request.case_id)
        message = _message(case, with_description=caller.role is Role.AGENCY)
        return pb.GetMisuseCaseResponse(misuse_case=message)

    async def ListMisuseCases(
        self,
        request: pb.ListMisuseCasesRequest,
        context: "grpc.aio.ServicerContext[pb.ListMisuseCasesRequest, pb.ListMisuseCasesResponse]",
    ) -> pb.ListMisuseCasesResponse:
        """Reads the cases of a region, the newest first."""
        caller = current_caller()
        caller.require_region(request.region)
        state = None
        if request.state:
            state = known(_STATES, request.state, field="state", what="state of a case")
        cases = await self._blocking.run(
            self._cases.list,
            request.region,
            state=state,
            before_case_id=request.before_case_id,
            limit=min(request.page_size or _DEFAULT_CASES, _MOST_CASES),
        )
        is_agency = caller.role is Role.AGENCY
        messages = [_message(case, with_description=is_agency) for case in cases]
        return pb.ListMisuseCasesResponse(cases=messages)


def _reported(case: MisuseCase) -> bytes:
    return pb.ReportMisuseResponse(case_id=case.case_id).SerializeToString()


def _suspended(case: MisuseCase) -> bytes:
    message = _message(case, with_description=True)
    return pb.SuspendCredentialResponse(misuse_case=message).SerializeToString()


def _lifted(case: MisuseCase) -> bytes:
    message = _message(case, with_description=True)
    return pb.LiftSuspensionResponse(misuse_case=message).SerializeToString()


def _message(case: MisuseCase, *, with_description: bool) -> misuse_pb2.MisuseCase:
    """Returns a case; what the reporter saw is for the agency alone."""
    message = misuse_pb2.MisuseCase(
        case_id=case.case_id,
        region=case.region,
        person_id=case.person_id,
        subject=case.subject,
        kind=_KIND_SENT[case.suspicion.kind],
        state=_STATE_SENT[case.state],
        description=case.suspicion.description if with_description else "",
        evidence_reference=case.suspicion.evidence_reference,
        reporter=case.reporter,
        report_time=from_instant(case.report_time),
        decider=case.decider,
        decision_note=case.decision_note,
    )
    if case.decide_time is not None:
        message.decide_time.CopyFrom(from_instant(case.decide_time))
    return message
