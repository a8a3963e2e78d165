"""CardService: lost cards and their replacements."""

import grpc

from yibao.identity.v1 import loss_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.wire import as_sent
from yibao_identity.application.card_loss import (
    CardLosses,
    CollectReplacement,
    OrderReplacement,
    ReportCardLoss,
)
from yibao_identity.rules.card import Card
from yibao_identity.servicer.card.messages import (
    card_message,
    document_of,
    papers_of,
    request_of,
)


class CardLossPart:
    """Methods about lost cards; everything blocks, so it runs in threads."""

    def __init__(self, losses: CardLosses, blocking: Blocking) -> None:
        """Takes what answers."""
        self._losses = losses
        self._blocking = blocking

    async def ReportCardLoss(
        self,
        request: pb.ReportCardLossRequest,
        context: "grpc.aio.ServicerContext[pb.ReportCardLossRequest, pb.ReportCardLossResponse]",
    ) -> pb.ReportCardLossResponse:
        """Freezes a card at once."""
        command = ReportCardLoss(
            request_of("ReportCardLoss", request.region, request.request_id, request),
            request.card_id,
            papers_of(request.papers),
        )

        def encode(card: Card) -> bytes:
            return pb.ReportCardLossResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._losses.report, command, encode)
        return as_sent(pb.ReportCardLossResponse, response)

    async def OrderReplacement(
        self,
        request: pb.OrderReplacementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.OrderReplacementRequest, pb.OrderReplacementResponse]"
        ),
    ) -> pb.OrderReplacementResponse:
        """Orders the replacement of a lost card."""
        command = OrderReplacement(
            request_of("OrderReplacement", request.region, request.request_id, request),
            request.card_id,
            papers_of(request.papers),
            document_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.OrderReplacementResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._losses.order, command, encode)
        return as_sent(pb.OrderReplacementResponse, response)

    async def CollectReplacement(
        self,
        request: pb.CollectReplacementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CollectReplacementRequest, pb.CollectReplacementResponse]"
        ),
    ) -> pb.CollectReplacementResponse:
        """Hands out the replacement."""
        command = CollectReplacement(
            request_of("CollectReplacement", request.region, request.request_id, request),
            request.card_id,
            request.card_serial,
            request.chip_number,
            document_of(request),
            request.standard_version,
        )

        def encode(card: Card) -> bytes:
            return pb.CollectReplacementResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._losses.collect, command, encode)
        return as_sent(pb.CollectReplacementResponse, response)
