"""PersonService: newborns registered with a parent."""

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_date, to_optional_date
from yibao_identity.application.newborn import Newborns, RegisterNewborn
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.newborn import NewbornRegistration
from yibao_identity.servicer.person.limit import LookupLimit
from yibao_identity.servicer.person.messages import gender_of, person_message


class NewbornPart:
    """Registers newborns."""

    def __init__(self, newborns: Newborns, blocking: Blocking, *, limit: LookupLimit) -> None:
        """Takes what answers, which blocks, and how often an agency may find somebody."""
        self._limit = limit
        self._newborns = newborns
        self._blocking = blocking

    async def RegisterNewborn(
        self,
        request: pb.RegisterNewbornRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterNewbornRequest, pb.RegisterNewbornResponse]",
    ) -> pb.RegisterNewbornResponse:
        """Registers a newborn with a parent, covered from birth."""
        gender = gender_of(request.gender)
        assert gender is not None, "the gate has checked it"
        command = RegisterNewborn(
            request_of(request, "RegisterNewborn"),
            request.parent_id,
            NewbornRegistration(
                request.birth_certificate_number,
                request.person_name,
                gender,
                to_date(request.birth_date),
                to_date(request.enrol_date),
                to_optional_date(request, "premium_receive_date"),
            ),
            request.former_holder_id,
        )
        with self._limit.found_out(command.request.caller):
            response = await self._blocking.run(self._newborns.register, command, _registered)
        return as_sent(pb.RegisterNewbornResponse, response)


def _registered(enrolled: EnrolledPerson) -> bytes:
    return pb.RegisterNewbornResponse(person=person_message(enrolled)).SerializeToString()
