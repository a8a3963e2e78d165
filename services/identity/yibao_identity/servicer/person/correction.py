"""PersonService: persons corrected."""

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_identity.application.person.correction import PersonCorrections, UpdatePerson
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.person import Correction
from yibao_identity.servicer.person.limit import LookupLimit
from yibao_identity.servicer.person.messages import document_of, person_message


class CorrectionPart:
    """Corrects persons."""

    def __init__(
        self, corrections: PersonCorrections, blocking: Blocking, *, limit: LookupLimit
    ) -> None:
        """Takes what answers, which blocks, and how often an agency may find somebody."""
        self._limit = limit
        self._corrections = corrections
        self._blocking = blocking

    async def UpdatePerson(
        self,
        request: pb.UpdatePersonRequest,
        context: "grpc.aio.ServicerContext[pb.UpdatePersonRequest, pb.UpdatePersonResponse]",
    ) -> pb.UpdatePersonResponse:
        """Corrects the name or replaces the identity document."""
        document = document_of(request.document) if request.HasField("document") else None
        command = UpdatePerson(
            request_of(request, "UpdatePerson"),
            request.person_id,
            Correction(request.person_name, document),
            request.explanation,
            request.former_holder_id,
        )
        with self._limit.found_out(command.request.caller):
            response = await self._blocking.run(self._corrections.update, command, _updated)
        return as_sent(pb.UpdatePersonResponse, response)


def _updated(enrolled: EnrolledPerson) -> bytes:
    return pb.UpdatePersonResponse(person=person_message(enrolled)).SerializeToString()
