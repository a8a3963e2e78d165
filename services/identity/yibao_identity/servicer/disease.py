"""PersonService: registered chronic and special diseases."""

import grpc

from yibao.identity.v1 import disease_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_date, to_optional_date
from yibao_identity.application.disease import Diseases, EndDisease, RegisterDisease
from yibao_identity.rules.disease import Disease
from yibao_identity.servicer.person.messages import disease_message

# The service that qualifies persons for diseases, and carries what was approved here.
_QUALIFYING = "offsite"


class DiseasePart:
    """Registers, ends and lists diseases."""

    def __init__(self, diseases: Diseases, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._diseases = diseases
        self._blocking = blocking

    async def RegisterDisease(
        self,
        request: pb.RegisterDiseaseRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterDiseaseRequest, pb.RegisterDiseaseResponse]",
    ) -> pb.RegisterDiseaseResponse:
        """Registers a disease from a day on."""
        current_caller().require_service(_QUALIFYING)
        command = RegisterDisease(
            request_of(request, "RegisterDisease"),
            request.person_id,
            request.disease_code,
            to_date(request.start_date),
            to_optional_date(request, "end_date"),
        )
        response = await self._blocking.run(self._diseases.register, command, _registered)
        return as_sent(pb.RegisterDiseaseResponse, response)

    async def EndDisease(
        self,
        request: pb.EndDiseaseRequest,
        context: "grpc.aio.ServicerContext[pb.EndDiseaseRequest, pb.EndDiseaseResponse]",
    ) -> pb.EndDiseaseResponse:
        """Gives the registration of a disease its last day."""
        current_caller().require_service(_QUALIFYING)
        command = EndDisease(
            request_of(request, "EndDisease"),
            request.person_id,
            request.disease_registration_id,
            to_date(request.end_date),
            request.explanation,
        )
        response = await self._blocking.run(self._diseases.end, command, _ended)
        return as_sent(pb.EndDiseaseResponse, response)

    async def ListDiseases(
        self,
        request: pb.ListDiseasesRequest,
        context: "grpc.aio.ServicerContext[pb.ListDiseasesRequest, pb.ListDiseasesResponse]",
    ) -> pb.ListDiseasesResponse:
        """Reads every registration that was ever recorded of a person."""
        caller = current_caller()
        caller.require_region(request.region)
        caller.require_service(_QUALIFYING)
        history = await self._blocking.run(
            self._diseases.history, request.region, request.person_id, caller
        )
        return pb.ListDiseasesResponse(diseases=map(disease_message, history))


def _registered(disease: Disease) -> bytes:
    return pb.RegisterDiseaseResponse(disease=disease_message(disease)).SerializeToString()


def _ended(disease: Disease) -> bytes:
    return pb.EndDiseaseResponse(disease=disease_message(disease)).SerializeToString()
