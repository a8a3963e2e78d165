"""VisitService: visits, and the persons known of them."""

import datetime as dt
from collections.abc import Collection, Mapping

import grpc

from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after, timed_place, timed_place_text
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, known, to_date, to_optional_date
from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.catalogue_version.terms import Terms
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.visit.cancel import CancelVisit
from yibao_settlement.application.visit.discharge import CancelDischarge, DischargeVisit
from yibao_settlement.application.visit.find import (
    VisitName,
    find_open_stays,
    find_with_missing,
)
from yibao_settlement.application.visit.first_use import FirstUse, validate_first_use
from yibao_settlement.application.visit.listing import (
    VisitPlace,
    VisitWish,
    institution_asked_of,
)
from yibao_settlement.application.visit.register import RegisterVisit
from yibao_settlement.application.visit.update import UpdateVisit
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.marks import NO_MARKS
from yibao_settlement.rules.visit import DischargeWay, registration_audience
from yibao_settlement.servicer.decode import (
    diagnoses_of,
    facts_of,
    operations_of,
)
from yibao_settlement.servicer.elsewhere.messages import marks_of
from yibao_settlement.servicer.encode import (
    DISCHARGE_WAY_SENT,
    cancelled,
    discharge_cancelled,
    discharged,
    registered,
    updated,
    visit_message,
)
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.trust.holder import TrustHolder

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_DAY = dt.timedelta(days=1)
# Whether what is listed is cancelled; None is either.
_LISTED_STATES = {
    visit_pb2.VISIT_STATE_UNSPECIFIED: None,
    visit_pb2.VISIT_STATE_REGISTERED: False,
    visit_pb2.VISIT_STATE_CANCELLED: True,
}
_DISCHARGE_WAYS: Mapping[int, DischargeWay] = {
    number: way for way, number in DISCHARGE_WAY_SENT.items()
}


class VisitServicer(rpc.VisitServiceServicer):
    """Registers, discharges, cancels and reads visits, and takes what is told of them."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        trust: TrustHolder,
        news: News,
        terms: Terms,
        discharge_required_in: Collection[str],
        clock: Clock,
    ) -> None:
        """Takes the engine; `news` carries out what identity's news may help.

        `discharge_required_in` are regions; see `SettlementConfig`.
        """
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._trust = trust
        self._news = news
        self._terms = terms
        self._discharge_required_in = discharge_required_in
        self._clock = clock

    async def RegisterVisit(
        self,
        request: pb.RegisterVisitRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterVisitRequest, pb.RegisterVisitResponse]",
    ) -> pb.RegisterVisitResponse:
        """Registers a visit for the holder of a QR code."""
        asked = request_of(request, "RegisterVisit")
        code = self._trust.judge(
            request.presentation,
            region=request.region,
            audience=registration_audience(request.care_type),
            caller=asked.caller,
            now=self._clock(),
        )
        facts = facts_of(request)
        command = RegisterVisit(
            asked,
            code,
            request.provider_visit_number,
            request.care_type,
            to_date(request.start_date),
            registered,
            facts,
            request.transfer_from_visit_id or None,
            await self._unknown_terms(request.region, facts, to_date(request.start_date)),
            marks_of(request) or NO_MARKS,
            self._trust.attested(
                request.registration_attestation, region=request.region, now=self._clock()
            ),
        )
        response = await self._news.submit(request.region, command)
        return as_sent(pb.RegisterVisitResponse, response)

    async def UpdateVisit(
        self,
        request: pb.UpdateVisitRequest,
        context: "grpc.aio.ServicerContext[pb.UpdateVisitRequest, pb.UpdateVisitResponse]",
    ) -> pb.UpdateVisitResponse:
        """Tells anew what a visit is about."""
        asked, facts = request_of(request, "UpdateVisit"), facts_of(request)
        unknown = await self._unknown_terms(request.region, facts, shanghai_day(self._clock()))
        told = (request.visit_id, facts, updated, unknown, marks_of(request))
        command = UpdateVisit(asked, *told)
        return as_sent(pb.UpdateVisitResponse, await self._batcher.submit(request.region, command))

    async def DischargeVisit(
        self,
        request: pb.DischargeVisitRequest,
        context: "grpc.aio.ServicerContext[pb.DischargeVisitRequest, pb.DischargeVisitResponse]",
    ) -> pb.DischargeVisitResponse:
        """Ends a stay."""
        end_date = to_date(request.end_date)
        told = CareFacts(
            diagnoses=diagnoses_of(request.diagnoses), operations=operations_of(request.operations)
        )
        command = DischargeVisit(
            request_of(request, "DischargeVisit"),
            request.visit_id,
            end_date,
            known(
                _DISCHARGE_WAYS,
                request.discharge_way,
                field="discharge_way",
                what="way of discharge",
            ),
            told.diagnoses,
            told.operations,
            discharged,
            await self._unknown_terms(request.region, told, end_date),
            marks_of(request),
        )
        return as_sent(
            pb.DischargeVisitResponse, await self._batcher.submit(request.region, command)
        )

    async def CancelDischarge(
        self,
        request: pb.CancelDischargeRequest,
        context: "grpc.aio.ServicerContext[pb.CancelDischargeRequest, pb.CancelDischargeResponse]",
    ) -> pb.CancelDischargeResponse:
        """Opens a stay again."""
        command = CancelDischarge(
            request_of(request, "CancelDischarge"), request.visit_id, discharge_cancelled
        )
        return as_sent(
            pb.CancelDischargeResponse, await self._batcher.submit(request.region, command)
        )

    async def CancelVisit(
        self,
        request: pb.CancelVisitRequest,
        context: "grpc.aio.ServicerContext[pb.CancelVisitRequest, pb.CancelVisitResponse]",
    ) -> pb.CancelVisitResponse:
        """Cancels a visit that nothing stands settled of."""
        command = CancelVisit(request_of(request, "CancelVisit"), request.visit_id, cancelled)
        return as_sent(pb.CancelVisitResponse, await self._batcher.submit(request.region, command))

    async def ValidateFirstUse(
        self,
        request: pb.ValidateFirstUseRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ValidateFirstUseRequest, pb.ValidateFirstUseResponse]"
        ),
    ) -> pb.ValidateFirstUseResponse:
        """Confirms that a card may be activated at its first use."""
        first_use = FirstUse(
            request.region,
            request.person_id,
            request.institution_id,
            request.provider_visit_number,
        )
        await self._blocking.run(
            validate_first_use, self._reads, first_use, caller=current_caller(), now=self._clock()
        )
        return pb.ValidateFirstUseResponse()

    async def GetVisit(
        self,
        request: pb.GetVisitRequest,
        context: "grpc.aio.ServicerContext[pb.GetVisitRequest, pb.GetVisitResponse]",
    ) -> pb.GetVisitResponse:
        """Reads one visit."""
        caller = current_caller()
        caller.require_region(request.region)
        visit, missing = await self._blocking.run(
            find_with_missing,
            self._reads,
            request.region,
            VisitName(request.visit_id, request.provider_visit_number, request.institution_id),
            caller,
            is_discharge_required=request.region in self._discharge_required_in,
        )
        return pb.GetVisitResponse(
            visit=visit_message(request.region, visit), missing_for_settlement=missing
        )

    async def ListVisits(
        self,
        request: pb.ListVisitsRequest,
        context: "grpc.aio.ServicerContext[pb.ListVisitsRequest, pb.ListVisitsResponse]",
    ) -> pb.ListVisitsResponse:
        """Lists visits of an institution, the one registered last first."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = _wish_of(request, institution_asked_of(caller, request.institution_id))
        after = place_after(request, request.page_token, _place_of)
        if request.state not in _LISTED_STATES:
            return pb.ListVisitsResponse()
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.visits,
            request.region,
            wish,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        response = pb.ListVisitsResponse(
            visits=[visit_message(request.region, visit) for visit in page]
        )
        if len(found) > size:
            place = timed_place_text(page[-1].register_time, page[-1].visit_id)
            response.next_page_token = page_token(request, place)
        return response

    async def ListOpenStays(
        self,
        request: pb.ListOpenStaysRequest,
        context: "grpc.aio.ServicerContext[pb.ListOpenStaysRequest, pb.ListOpenStaysResponse]",
    ) -> pb.ListOpenStaysResponse:
        """Lists the open stays of a person."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            find_open_stays, self._reads, request.region, request.person_id, caller
        )
        return pb.ListOpenStaysResponse(
            visits=[visit_message(request.region, visit) for visit in found]
        )

    async def _unknown_terms(
        self, region: str, facts: CareFacts, day: dt.date
    ) -> tuple[FieldFault, ...]:
        """Returns what dictionaries do not have: told when the visit is decided, once."""
        if not self._terms.asks(region):
            return ()
        return await self._blocking.run(self._terms.faults, region, facts, day)


def _wish_of(request: pb.ListVisitsRequest, institution_id: str) -> VisitWish:
    since = to_optional_date(request, "register_start_date")
    until = to_optional_date(request, "register_end_date")
    return VisitWish(
        institution_id,
        None if since is None else shanghai_midnight(since),
        None if until is None else shanghai_midnight(until + _DAY),
        request.person_id or None,
        request.care_type or None,
        _LISTED_STATES.get(request.state),
    )


def _place_of(text: str) -> VisitPlace:
    return VisitPlace(*timed_place(text))
