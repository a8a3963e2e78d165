"""RepricingService: bills that get the terms of their days by now."""

from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import repricing_pb2 as messages
from yibao.settlement.v1 import repricing_service_pb2 as pb
from yibao.settlement.v1 import repricing_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant, to_date
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.repricing.orders import (
    ConfirmRepricing,
    RepriceSettlements,
    Repricings,
    ToldRepricing,
)
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    RepricedPeriod,
    RepricedPerson,
    RepricedTerm,
    RepricingState,
    Scope,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 20, 100
_PERSONS, _PERSONS_MAX = 100, 500

MessageT = TypeVar("MessageT", bound=Message)


class RepricingServicer(rpc.RepricingServiceServicer):
    """Proposes, confirms and reads repricings in threads."""

    def __init__(self, repricings: Repricings, blocking: Blocking) -> None:
        """Takes what answers."""
        self._repricings = repricings
        self._blocking = blocking

    async def RepriceSettlements(
        self,
        request: pb.RepriceSettlementsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RepriceSettlementsRequest, pb.RepriceSettlementsResponse]"
        ),
    ) -> pb.RepriceSettlementsResponse:
        """Proposes that bills get the terms of their days by now."""
        refuse_faults(_faults(request))
        command = RepriceSettlements(
            request_of(request, "RepriceSettlements"),
            _scope_of(request),
            tuple(sorted({RepricedTerm(each) for each in request.repriced_terms})),
            Liability(request.third_party_liability),
            request.reason,
        )
        response = await self._blocking.run(
            self._repricings.propose, command, repricing_encoder(pb.RepriceSettlementsResponse)
        )
        return as_sent(pb.RepriceSettlementsResponse, response)

    async def GetRepricing(
        self,
        request: pb.GetRepricingRequest,
        context: "grpc.aio.ServicerContext[pb.GetRepricingRequest, pb.GetRepricingResponse]",
    ) -> pb.GetRepricingResponse:
        """Reads a repricing and how far it came."""
        current_caller().require_region(request.region)
        told = await self._blocking.run(self._repricings.find, request.region, request.repricing_id)
        return pb.GetRepricingResponse(repricing=_message(told))

    async def ListRepricings(
        self,
        request: pb.ListRepricingsRequest,
        context: "grpc.aio.ServicerContext[pb.ListRepricingsRequest, pb.ListRepricingsResponse]",
    ) -> pb.ListRepricingsResponse:
        """Lists repricings, the one proposed last at the head."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._repricings.page,
            request.region,
            before=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        is_last = len(found) <= size
        token = "" if is_last else page_token(request, page[-1].repricing.repricing_id)
        return pb.ListRepricingsResponse(repricings=map(_message, page), next_page_token=token)

    async def ListRepricedPersons(
        self,
        request: pb.ListRepricedPersonsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListRepricedPersonsRequest, pb.ListRepricedPersonsResponse]"
        ),
    ) -> pb.ListRepricedPersonsResponse:
        """Lists the persons of a repricing."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PERSONS, _PERSONS_MAX)
        found = await self._blocking.run(
            self._repricings.persons,
            request.region,
            request.repricing_id,
            [PersonState(request.state)] if request.state else [],
            after=place_after(request, request.page_token, id_place),
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].person_id) if len(found) > size else ""
        return pb.ListRepricedPersonsResponse(
            persons=map(_person_message, page), next_page_token=token
        )

    async def ConfirmRepricing(
        self,
        request: pb.ConfirmRepricingRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ConfirmRepricingRequest, pb.ConfirmRepricingResponse]"
        ),
    ) -> pb.ConfirmRepricingResponse:
        """Confirms a repricing, which is then booked."""
        command = ConfirmRepricing(
            request_of(request, "ConfirmRepricing"),
            request.repricing_id,
            request.fund_change_fen,
            request.difference_fen,
        )
        response = await self._blocking.run(
            self._repricings.confirm, command, repricing_encoder(pb.ConfirmRepricingResponse)
        )
        return as_sent(pb.ConfirmRepricingResponse, response)

    async def WithdrawRepricing(
        self,
        request: pb.WithdrawRepricingRequest,
        context: (
            "grpc.aio.ServicerContext[pb.WithdrawRepricingRequest, pb.WithdrawRepricingResponse]"
        ),
    ) -> pb.WithdrawRepricingResponse:
        """Withdraws a repricing."""
        response = await self._blocking.run(
            self._repricings.withdraw,
            request_of(request, "WithdrawRepricing"),
            request.repricing_id,
            repricing_encoder(pb.WithdrawRepricingResponse),
        )
        return as_sent(pb.WithdrawRepricingResponse, response)


def repricing_encoder(kind: type[MessageT]) -> Callable[[ToldRepricing], bytes]:
    """Returns what writes an answer that holds a repricing, as a RepriceSettlementsResponse."""
    return lambda told: kind(repricing=_message(told)).SerializeToString()


def _faults(request: pb.RepriceSettlementsRequest) -> list[FieldFault]:
    """Returns what does not go together in what is asked."""
    faults = []
    has_period = request.HasField("period")
    if not has_period and not request.settlement_ids:
        faults.append(FieldFault("settlement_ids", Reason.FIELD_REQUIRED, "or period is required"))
    if has_period and request.settlement_ids:
        message = "are named where no period is"
        faults.append(FieldFault("settlement_ids", Reason.FIELD_LENGTH, message))
    if has_period and to_date(request.period.end_date) < to_date(request.period.start_date):
        message = "lies before start_date"
        faults.append(FieldFault("period.end_date", Reason.FIELD_OUT_OF_RANGE, message))
    if has_period and request.third_party_liability:
        message = "is told of settlements that are named"
        faults.append(FieldFault("third_party_liability", Reason.FIELD_OUT_OF_RANGE, message))
    if not request.repriced_terms and not request.third_party_liability:
        message = "or third_party_liability is required"
        faults.append(FieldFault("repriced_terms", Reason.FIELD_REQUIRED, message))
    return faults


def _scope_of(request: pb.RepriceSettlementsRequest) -> Scope:
    if not request.HasField("period"):
        return Scope(settlement_ids=tuple(sorted(set(request.settlement_ids))))
    period = request.period
    return Scope(
        period=RepricedPeriod(
            period.insurance_type, to_date(period.start_date), to_date(period.end_date)
        )
    )


def _message(told: ToldRepricing) -> messages.Repricing:
    repricing, progress = told
    waiting = (PersonState.WAITING,)
    if repricing.state is RepricingState.CONFIRMED:
        waiting = (PersonState.SIMULATED,)
    message = messages.Repricing(
        repricing_id=repricing.repricing_id,
        region=repricing.region,
        state=_state_of(told),
        repriced_terms=[messages.RepricedTerm.ValueType(each) for each in repricing.terms],
        third_party_liability=messages.ThirdPartyLiability.ValueType(repricing.liability),
        settlement_ids=repricing.scope.settlement_ids,
        reason=repricing.reason,
        maker=repricing.maker,
        propose_time=from_instant(repricing.propose_time),
        checker=repricing.checker or "",
        person_count=sum(progress.persons.values()),
        waiting_count=progress.count(*waiting),
        unchanged_count=progress.count(PersonState.UNCHANGED),
        refused_count=progress.count(PersonState.REFUSED),
        changed_count=progress.count(PersonState.CHANGED),
        carried_out_count=progress.count(PersonState.CARRIED_OUT),
        **progress.sums._asdict(),
    )
    if repricing.close_time is not None:
        message.close_time.CopyFrom(from_instant(repricing.close_time))
    period = repricing.scope.period
    if period is not None:
        message.period.insurance_type = period.insurance_type
        message.period.start_date.CopyFrom(from_date(period.start_date))
        message.period.end_date.CopyFrom(from_date(period.end_date))
    return message


def _state_of(told: ToldRepricing) -> messages.RepricingState.ValueType:
    repricing, progress = told
    if repricing.state is RepricingState.WITHDRAWN:
        return messages.REPRICING_STATE_WITHDRAWN
    if repricing.state is RepricingState.CONFIRMED:
        if progress.is_done:
            return messages.REPRICING_STATE_CARRIED_OUT
        return messages.REPRICING_STATE_CARRYING_OUT
    if progress.is_simulated:
        return messages.REPRICING_STATE_SIMULATED
    return messages.REPRICING_STATE_SIMULATING


def _person_message(person: RepricedPerson) -> messages.RepricedPerson:
    return messages.RepricedPerson(
        person_id=person.person_id,
        state=messages.RepricedPersonState.ValueType(person.state),
        reason=Reason[person.reason].wire_name if person.reason else "",
        **person.sums._asdict(),
    )
