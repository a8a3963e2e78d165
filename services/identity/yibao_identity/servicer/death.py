"""PersonService: deaths."""

import grpc

from yibao.identity.v1 import death_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_date
from yibao_identity.application.death import Deaths, RecordDeath, Report, RevokeDeath
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.servicer.person.messages import person_message


class DeathPart:
    """Records and revokes deaths."""

    def __init__(self, deaths: Deaths, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._deaths = deaths
        self._blocking = blocking

    async def RecordDeath(
        self,
        request: pb.RecordDeathRequest,
        context: "grpc.aio.ServicerContext[pb.RecordDeathRequest, pb.RecordDeathResponse]",
    ) -> pb.RecordDeathResponse:
        """Records a death and ends all that the person could use."""
        command = RecordDeath(
            request_of(request, "RecordDeath"),
            request.person_id,
            Report(to_date(request.death_date), request.evidence_reference),
        )

        def encode(enrolled: EnrolledPerson) -> bytes:
            return pb.RecordDeathResponse(person=person_message(enrolled)).SerializeToString()

        response = await self._blocking.run(self._deaths.record, command, encode)
        return as_sent(pb.RecordDeathResponse, response)

    async def RevokeDeath(
        self,
        request: pb.RevokeDeathRequest,
        context: "grpc.aio.ServicerContext[pb.RevokeDeathRequest, pb.RevokeDeathResponse]",
    ) -> pb.RevokeDeathResponse:
        """Takes back a death that was reported by mistake."""
        command = RevokeDeath(
            request_of(request, "RevokeDeath"), request.person_id, request.explanation
        )

        def encode(enrolled: EnrolledPerson) -> bytes:
            return pb.RevokeDeathResponse(person=person_message(enrolled)).SerializeToString()

        response = await self._blocking.run(self._deaths.revoke, command, encode)
        return as_sent(pb.RevokeDeathResponse, response)
