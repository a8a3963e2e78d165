"""VisitService: visits, and the persons known of them."""

import grpc

from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_date
from yibao_common.values.clock import Clock
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.visit.cancel import CancelVisit
from yibao_settlement.application.visit.find import find_visit
from yibao_settlement.application.visit.first_use import FirstUse, validate_first_use
from yibao_settlement.application.visit.register import RegisterVisit
from yibao_settlement.rules.visit import registration_audience
from yibao_settlement.servicer.encode import cancelled, registered, visit_message
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.trust.holder import TrustHolder


class VisitServicer(rpc.VisitServiceServicer):
    """Registers, cancels and reads visits."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        trust: TrustHolder,
        news: News,
        clock: Clock,
    ) -> None:
        """Takes the engine; `news` carries out what identity's news may help."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._trust = trust
        self._news = news
        self._clock = clock

    async def RegisterVisit(
        self,
        request: pb.RegisterVisitRequest,
        context: "grpc.aio.ServicerContext[pb.RegisterVisitRequest, pb.RegisterVisitResponse]",
    ) -> pb.RegisterVisitResponse:
        """Registers a visit for the holder of a QR code."""
        code = self._trust.judge(
            request.presentation,
            region=request.region,
            audience=registration_audience(request.care_type),
            now=self._clock(),
        )
        command = RegisterVisit(
            request_of(request, "RegisterVisit"),
            code,
            request.provider_visit_number,
            request.care_type,
            to_date(request.start_date),
            registered,
        )
        response = await self._news.submit(request.region, command)
        return as_sent(pb.RegisterVisitResponse, response)

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
        visit = await self._blocking.run(
            find_visit, self._reads, request.region, request.visit_id, caller
        )
        return pb.GetVisitResponse(visit=visit_message(request.region, visit))
