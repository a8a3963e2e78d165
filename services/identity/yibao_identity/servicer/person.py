"""PersonService: insured persons read and looked up, and the feed of their changes."""

import time
from collections.abc import Callable, Collection

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao.identity.v1 import person_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.rates import RateLimits
from yibao_common.values.caller import Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.enrolments import Enrolments
from yibao_identity.application.merges import Merges
from yibao_identity.application.persons import Persons, SearchPersons
from yibao_identity.application.relatives import Relatives
from yibao_identity.rules.person import person_not_found
from yibao_identity.servicer.encode import change_message, person_message
from yibao_identity.servicer.person_enrolment import EnrolmentMethods
from yibao_identity.servicer.person_merge import MergeMethods
from yibao_identity.servicer.person_registration import RegistrationMethods
from yibao_identity.servicer.person_relative import RelativeMethods
from yibao_identity.servicer.person_requests import document_of

# The one service that the feed is for.
FEED_READER = "settlement"

_DEFAULT_CHANGES = 1_000
_MOST_CHANGES = 5_000
_SECONDS_A_MINUTE = 60


class PersonServicer(
    RegistrationMethods,
    EnrolmentMethods,
    MergeMethods,
    RelativeMethods,
    rpc.PersonServiceServicer,
):
    """Everything blocks, so it runs in threads."""

    def __init__(
        self,
        persons: Persons,
        enrolments: Enrolments,
        merges: Merges,
        relatives: Relatives,
        blocking: Blocking,
        *,
        regions: Collection[str],
        search_rate_per_minute: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the regions that this deployment has an issuer key for."""
        self._persons = persons
        self._enrolments = enrolments
        self._merges = merges
        self._relatives = relatives
        self._blocking = blocking
        self._regions = frozenset(regions)
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
        found = await self._blocking.run(self._persons.find, request.region, request.person_id)
        if found is None:
            raise person_not_found(request.person_id)
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
        found = await self._blocking.run(self._persons.search, command)
        persons = [] if found is None else [person_message(found)]
        return pb.SearchPersonsResponse(persons=persons)

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
