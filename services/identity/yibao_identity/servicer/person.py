"""PersonService: insured persons and the feed of their enrolments."""

from collections.abc import Collection

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao.identity.v1 import person_service_pb2_grpc as rpc
from yibao_common.answers import request_digest
from yibao_common.blocking import Blocking
from yibao_common.callers import Role, current_caller
from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_common.wire import to_date
from yibao_identity.application.commands import RegisterPerson
from yibao_identity.application.ports import Persons
from yibao_identity.application.records import EnrolledPerson
from yibao_identity.rules.person import Registration, person_not_found
from yibao_identity.servicer.encode import change_message, person_message

# The one service that the feed is for.
FEED_READER = "settlement"

_DEFAULT_CHANGES = 1_000
_MOST_CHANGES = 5_000


class PersonServicer(rpc.PersonServiceServicer):
    """Registers and reads persons; everything blocks, so it runs in threads."""

    def __init__(self, persons: Persons, blocking: Blocking, *, regions: Collection[str]) -> None:
        """Takes the regions that this deployment has an issuer key for."""
        self._persons = persons
        self._blocking = blocking
        self._regions = frozenset(regions)

    async def RegisterPerson(
        self,
        request: pb.RegisterPersonRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterPersonRequest, pb.RegisterPersonResponse]",
    ) -> pb.RegisterPersonResponse:
        """Registers a person and the first enrolment."""
        caller = current_caller()
        caller.require_region(request.region)
        if request.region not in self._regions:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                f"region {request.region} is not served here",
                scope=f"region/{request.region}",
            )
        command = RegisterPerson(
            request.region,
            request.request_id,
            request_digest("RegisterPerson", caller.path, request.SerializeToString()),
            caller.path,
            Registration(
                request.certificate_type,
                request.certificate_number,
                request.person_name,
                request.insurance_type,
                request.person_class,
                tuple(request.entitlement_groups),
                to_date(request.start_date),
            ),
        )
        response = await self._blocking.run(self._persons.register, command, _registered)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def GetPerson(
        self,
        request: pb.GetPersonRequest,
        context: "grpc.aio.ServicerContext[pb.GetPersonRequest, pb.GetPersonResponse]",
    ) -> pb.GetPersonResponse:
        """Reads one person."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(self._persons.find, request.region, request.person_id)
        if found is None:
            raise person_not_found(request.person_id)
        return pb.GetPersonResponse(person=person_message(found))

    async def ListEnrolmentChanges(
        self,
        request: pb.ListEnrolmentChangesRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListEnrolmentChangesRequest, pb.ListEnrolmentChangesResponse]"
        ),
    ) -> pb.ListEnrolmentChangesResponse:
        """Reads what changed after a sequence number."""
        caller = current_caller()
        if caller.role is not Role.SERVICE or caller.id != FEED_READER:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                "the feed is for the settlement service",
                scope=f"service/{FEED_READER}",
            )
        changes = await self._blocking.run(
            self._persons.changes,
            request.region,
            after_sequence=request.after_sequence,
            limit=min(request.page_size or _DEFAULT_CHANGES, _MOST_CHANGES),
        )
        return pb.ListEnrolmentChangesResponse(changes=map(change_message, changes))


def _registered(enrolled: EnrolledPerson) -> bytes:
    return pb.RegisterPersonResponse(person=person_message(enrolled)).SerializeToString()
