"""CertificateService: suspected misuse of cards and e-certificates."""

import grpc

from yibao.identity.v1 import misuse_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Role
from yibao_identity.application.misuse import DecideCase, MisuseCases, ReportMisuse
from yibao_identity.rules.misuse import MisuseCase, Suspicion, case_not_found
from yibao_identity.servicer.certificate_messages import CASE_STATES, KINDS, case_message, known
from yibao_identity.servicer.person_requests import request_of

_DEFAULT_CASES = 100
_MOST_CASES = 500


class MisuseMethods:
    """Reports, decides and reads cases."""

    _cases: MisuseCases
    _blocking: Blocking

    async def ReportMisuse(
        self,
        request: pb.ReportMisuseRequest,
        context: "grpc.aio.ServicerContext[pb.ReportMisuseRequest, pb.ReportMisuseResponse]",
    ) -> pb.ReportMisuseResponse:
        """Reports suspected misuse of a credential."""
        kind = known(KINDS, request.kind, field="kind", what="kind of misuse")
        command = ReportMisuse(
            request_of(request, "ReportMisuse"),
            request.subject,
            Suspicion(kind, request.description, request.evidence_reference),
        )
        response = await self._blocking.run(self._cases.report, command, _reported)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

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
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def LiftSuspension(
        self,
        request: pb.LiftSuspensionRequest,
        context: "grpc.aio.ServicerContext[pb.LiftSuspensionRequest, pb.LiftSuspensionResponse]",
    ) -> pb.LiftSuspensionResponse:
        """Closes a case and lifts its suspension."""
        command = DecideCase(request_of(request, "LiftSuspension"), request.case_id, request.note)
        response = await self._blocking.run(self._cases.lift, command, _lifted)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def GetMisuseCase(
        self,
        request: pb.GetMisuseCaseRequest,
        context: "grpc.aio.ServicerContext[pb.GetMisuseCaseRequest, pb.GetMisuseCaseResponse]",
    ) -> pb.GetMisuseCaseResponse:
        """Reads one case."""
        caller = current_caller()
        caller.require_region(request.region)
        case = await self._blocking.run(self._cases.find, request.region, request.case_id)
        if case is None:
            raise case_not_found(request.case_id)
        message = case_message(case, with_description=caller.role is Role.AGENCY)
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
            state = known(CASE_STATES, request.state, field="state", what="state of a case")
        cases = await self._blocking.run(
            self._cases.list,
            request.region,
            state=state,
            before_case_id=request.before_case_id,
            limit=min(request.page_size or _DEFAULT_CASES, _MOST_CASES),
        )
        is_agency = caller.role is Role.AGENCY
        messages = [case_message(case, with_description=is_agency) for case in cases]
        return pb.ListMisuseCasesResponse(cases=messages)


def _reported(case: MisuseCase) -> bytes:
    return pb.ReportMisuseResponse(case_id=case.case_id).SerializeToString()


def _suspended(case: MisuseCase) -> bytes:
    message = case_message(case, with_description=True)
    return pb.SuspendCredentialResponse(misuse_case=message).SerializeToString()


def _lifted(case: MisuseCase) -> bytes:
    message = case_message(case, with_description=True)
    return pb.LiftSuspensionResponse(misuse_case=message).SerializeToString()
