"""PersonService: insured persons read and looked up."""

import time
from collections.abc import Callable

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.rates import RateLimits
from yibao_common.values.caller import Role
from yibao_identity.application.person.lookup import PersonLookups, SearchPersons
from yibao_identity.servicer.person.messages import document_of, person_message

_SECONDS_A_MINUTE = 60


class LookupPart:
    """Reads persons, and finds them by their documents."""

    def __init__(
        self,
        lookups: PersonLookups,
        blocking: Blocking,
        *,
        search_rate_per_minute: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes what answers, and how often a caller may search."""
        self._lookups = lookups
        self._blocking = blocking
        self._monotonic = monotonic
        # Whoever tries numbers until one fits is slowed down before the database is asked.
        self._searches = RateLimits(
            rate_per_second=search_rate_per_minute / _SECONDS_A_MINUTE,
            burst=search_rate_per_minute,
        )

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
        now = self._monotonic()
        bucket = self._searches.bucket(caller.path, now=now)
        wait_seconds = 0.0 if bucket is None else bucket.take(now)
        if wait_seconds:
            raise RateLimitedError(wait_seconds)
        command = SearchPersons(request.region, caller, document_of(request.document))
        found = await self._blocking.run(self._lookups.search, command)
        persons = [] if found is None else [person_message(found)]
        return pb.SearchPersonsResponse(persons=persons)
