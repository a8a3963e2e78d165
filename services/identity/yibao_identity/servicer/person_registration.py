"""PersonService: persons registered one by one or many at once, newborns, corrections."""

from collections.abc import Sequence

import grpc

from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.endings import database_unavailable
from yibao_common.rpc.status import item_error
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_identity.application import persons as commands
from yibao_identity.application.records import EnrolledPerson
from yibao_identity.rules.newborn import NewbornRegistration
from yibao_identity.rules.person import Correction, Registration
from yibao_identity.servicer.encode import person_message
from yibao_identity.servicer.person_requests import document_of, gender_of, request_of

_ITEM_VALIDATOR = Validator(pb.RegisterPersonRequest.DESCRIPTOR)


class RegistrationMethods:
    """Registers and corrects persons; everything blocks, so it runs in threads."""

    _persons: commands.Persons
    _blocking: Blocking
    _regions: frozenset[str]

    async def RegisterPerson(
        self,
        request: pb.RegisterPersonRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterPersonRequest, pb.RegisterPersonResponse]",
    ) -> pb.RegisterPersonResponse:
        """Registers a person and the first enrolment."""
        command = self._registration(request, current_caller())
        response = await self._blocking.run(self._persons.register, command, _registered)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def RegisterNewborn(
        self,
        request: pb.RegisterNewbornRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterNewbornRequest, pb.RegisterNewbornResponse]",
    ) -> pb.RegisterNewbornResponse:
        """Registers a newborn with a parent, covered from birth."""
        gender = gender_of(request.gender)
        assert gender is not None, "the gate has checked it"
        command = commands.RegisterNewborn(
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
        )
        response = await self._blocking.run(
            self._persons.register_newborn, command, _newborn_registered
        )
        return response  # type: ignore[return-value]  # as above

    async def SubmitPersons(
        self,
        request: pb.SubmitPersonsRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitPersonsRequest, pb.SubmitPersonsResponse]",
    ) -> pb.SubmitPersonsResponse:
        """Registers persons each on its own; results in the order of the items."""
        results = await self._blocking.run(self._submit, request.items, current_caller())
        return pb.SubmitPersonsResponse(results=results)

    async def UpdatePerson(
        self,
        request: pb.UpdatePersonRequest,
        context: "grpc.aio.ServicerContext[pb.UpdatePersonRequest, pb.UpdatePersonResponse]",
    ) -> pb.UpdatePersonResponse:
        """Corrects the name or replaces the identity document."""
        document = document_of(request.document) if request.HasField("document") else None
        command = commands.UpdatePerson(
            request_of(request, "UpdatePerson"),
            request.person_id,
            Correction(request.person_name, document),
            request.explanation,
        )
        response = await self._blocking.run(self._persons.update, command, _updated)
        return response  # type: ignore[return-value]  # as above

    def _submit(
        self, items: Sequence[pb.RegisterPersonRequest], caller: Caller
    ) -> list[pb.SubmitPersonsResult]:
        """Registers one item after the other: each is a transaction of its own."""
        return [self._submit_item(item, caller) for item in items]

    def _submit_item(
        self, item: pb.RegisterPersonRequest, caller: Caller
    ) -> pb.SubmitPersonsResult:
        try:
            _ITEM_VALIDATOR.check(item)
            response = self._persons.register(self._registration(item, caller), _registered)
        except RuleError as refusal:
            return pb.SubmitPersonsResult(error=item_error(refusal))
        except TransientError:
            # The items before took effect, so the call as a whole has not failed.
            return pb.SubmitPersonsResult(error=item_error(database_unavailable()))
        person = pb.RegisterPersonResponse.FromString(response).person
        return pb.SubmitPersonsResult(person_id=person.person_id)

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
            ),
        )


def _registered(enrolled: EnrolledPerson) -> bytes:
    return pb.RegisterPersonResponse(person=person_message(enrolled)).SerializeToString()


def _newborn_registered(enrolled: EnrolledPerson) -> bytes:
    return pb.RegisterNewbornResponse(person=person_message(enrolled)).SerializeToString()


def _updated(enrolled: EnrolledPerson) -> bytes:
    return pb.UpdatePersonResponse(person=person_message(enrolled)).SerializeToString()
