"""PersonService: persons registered one by one or many at once."""

from collections.abc import Collection

import grpc

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.calls import tell_item
from yibao_common.rpc.endings import database_unavailable
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import as_sent, to_date, to_optional_date
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_identity.application.person import registration as commands
from yibao_identity.application.person.registration import PersonRegistrations
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.person import Registration
from yibao_identity.servicer.person.limit import LookupLimit
from yibao_identity.servicer.person.messages import gender_of, number_of, person_message

_ITEM_VALIDATOR = Validator(pb.RegisterPersonRequest.DESCRIPTOR, refuse_unknown=True)


class RegistrationPart:
    """Registers persons."""

    def __init__(
        self,
        registrations: PersonRegistrations,
        blocking: Blocking,
        *,
        regions: Collection[str],
        limit: LookupLimit,
    ) -> None:
        """Takes what answers, the regions with an issuer key, and how often to find somebody."""
        self._limit = limit
        self._registrations = registrations
        self._blocking = blocking
        self._regions = frozenset(regions)

    async def RegisterPerson(
        self,
        request: pb.RegisterPersonRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterPersonRequest, pb.RegisterPersonResponse]",
    ) -> pb.RegisterPersonResponse:
        """Registers a person and the first enrolment."""
        response = await self._blocking.run(self._register, request, current_caller())
        return as_sent(pb.RegisterPersonResponse, response)

    async def SubmitPersons(
        self,
        request: pb.SubmitPersonsRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitPersonsRequest, pb.SubmitPersonsResponse]",
    ) -> pb.SubmitPersonsResponse:
        """Registers persons each on its own; results in the order of the items."""
        outcomes, caller = [], current_caller()
        # One after the other: each is a transaction of its own, and other calls get their
        # turn of the threads between two.
        for number, item in enumerate(request.items, 1):
            outcome = await self._blocking.run(self._submit_item, item, caller)
            reason = outcome.reason if isinstance(outcome, RuleError) else None
            tell_item(number, item.request_id, reason)
            outcomes.append(outcome)
        errors = item_errors(each if isinstance(each, RuleError) else None for each in outcomes)
        return pb.SubmitPersonsResponse(results=map(_result, outcomes, errors))

    def _submit_item(self, item: pb.RegisterPersonRequest, caller: Caller) -> bytes | RuleError:
        try:
            _ITEM_VALIDATOR.check(item)
            return self._register(item, caller)
        except RuleError as refusal:
            return refusal
        except TransientError:
            # The items before took effect, so the call as a whole has not failed.
            return database_unavailable()

    def _register(self, request: pb.RegisterPersonRequest, caller: Caller) -> bytes:
        command = self._registration(request, caller)
        with self._limit.found_out(caller):
            return self._registrations.register(command, _registered)

    def _registration(
        self, request: pb.RegisterPersonRequest, caller: Caller
    ) -> commands.RegisterPerson:
        # An item of SubmitPersons is the same request as by itself, and is answered so.
        asked = request_of(request, "RegisterPerson", caller)
        if request.region not in self._regions:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                f"region {request.region} is not served here",
                scope=f"region/{request.region}",
            )
        return commands.RegisterPerson(
            asked,
            Registration(
                request.certificate_type,
                request.certificate_number,
                request.person_name,
                request.insurance_type,
                request.person_class,
                tuple(request.entitlement_groups),
                to_date(request.start_date),
                to_optional_date(request, "end_date"),
                request.employer_code,
                gender_of(request.gender),
                to_optional_date(request, "birth_date"),
                request.tier,
                number_of(request, "insured_months_before"),
                number_of(request, "months_owing"),
                number_of(request, "years_unclaimed"),
            ),
            request.former_holder_id,
        )


def _result(outcome: bytes | RuleError, error: ItemError | None) -> pb.SubmitPersonsResult:
    if isinstance(outcome, RuleError):
        return pb.SubmitPersonsResult(error=error)
    person = pb.RegisterPersonResponse.FromString(outcome).person
    return pb.SubmitPersonsResult(person_id=person.person_id)


def _registered(enrolled: EnrolledPerson) -> bytes:
    return pb.RegisterPersonResponse(person=person_message(enrolled)).SerializeToString()
