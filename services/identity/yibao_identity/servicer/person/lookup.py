"""PersonService: insured persons read and looked up."""

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Role
from yibao_identity.application.person.lookup import PersonLookups, SearchPersons
from yibao_identity.servicer.person.limit import LookupLimit
from yibao_identity.servicer.person.messages import document_of, person_message


class LookupPart:
    """Reads persons, and finds them by their documents."""

    def __init__(
        self,
        lookups: PersonLookups,
        blocking: Blocking,
        *,
        limit: LookupLimit,
    ) -> None:
        """Takes what answers, and how often an agency may search."""
        self._lookups = lookups
        self._blocking = blocking
        self._limit = limit

    async def GetPerson(
        self,
        request: pb.GetPersonRequest,
        context: "grpc.aio.ServicerContext[pb.GetPersonRequest, pb.GetPersonResponse]",
    ) -> pb.GetPersonResponse:
        """Reads one person."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(self._lookups.find, request.region, request.person_id)
        is_masked = caller.role is Role.SUPERVISOR
        return pb.GetPersonResponse(person=person_message(found, is_masked=is_masked))

    async def SearchPersons(
        self,
        request: pb.SearchPersonsRequest,
        context: "grpc.aio.ServicerContext[pb.SearchPersonsRequest, pb.SearchPersonsResponse]",
    ) -> pb.SearchPersonsResponse:
        """Finds the person that an identity document names."""
        caller = current_caller()
        caller.require_region(request.region)
        self._limit.take(caller)
        command = SearchPersons(request.region, caller, document_of(request.document))
        found = await self._blocking.run(self._lookups.search, command)
        persons = [] if found is None else [person_message(found)]
        return pb.SearchPersonsResponse(persons=persons)
