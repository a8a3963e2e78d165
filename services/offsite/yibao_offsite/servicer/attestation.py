"""AttestationService: what of a registration is signed, and which of it holds no longer."""

import grpc

from yibao.offsite.v1 import attestation_service_pb2 as pb
from yibao.offsite.v1 import attestation_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_instant
from yibao_offsite.application.attestation import Attestations


class AttestationServicer(rpc.AttestationServiceServicer):
    """Signs and reads; everything blocks, so it runs in threads."""

    def __init__(self, attestations: Attestations, blocking: Blocking) -> None:
        """Takes what answers."""
        self._attestations = attestations
        self._blocking = blocking

    async def GetAttestation(
        self,
        request: pb.GetAttestationRequest,
        context: "grpc.aio.ServicerContext[pb.GetAttestationRequest, pb.GetAttestationResponse]",
    ) -> pb.GetAttestationResponse:
        """Signs what a registration covers."""
        caller = current_caller()
        caller.require_region(request.region)
        asked = Request.trial(caller, method="GetAttestation", region=request.region)
        issued = await self._blocking.run(self._attestations.issue, asked, request.registration_id)
        statement = issued.statement
        return pb.GetAttestationResponse(
            text=issued.text,
            issue_time=from_instant(statement.issue_time),
            expire_time=from_instant(statement.expire_time),
            version=statement.told.version,
        )

    async def GetAttestationStatusList(
        self,
        request: pb.GetAttestationStatusListRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetAttestationStatusListRequest, pb.GetAttestationStatusListResponse]"
        ),
    ) -> pb.GetAttestationStatusListResponse:
        """Reads a status list."""
        document = await self._blocking.run(self._attestations.status_list, request.uri)
        return pb.GetAttestationStatusListResponse(status_list=document)
