"""CardService: lost cards and their replacements."""

import grpc

from yibao.identity.v1 import loss_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_identity.application.cards import (
    Cards,
    CollectReplacement,
    OrderReplacement,
    ReportCardLoss,
)
from yibao_identity.rules.card import Card
from yibao_identity.servicer.card_messages import (
    card_message,
    document_of,
    papers_of,
    request_of,
)


class CardLossMethods:
    """Methods about lost cards; everything blocks, so it runs in threads."""

    _cards: Cards
    _blocking: Blocking

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

        response = await self._blocking.run(self._cards.report_loss, command, encode)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

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

        response = await self._blocking.run(self._cards.order_replacement, command, encode)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

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
        )

        def encode(card: Card) -> bytes:
            return pb.CollectReplacementResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._cards.collect_replacement, command, encode)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are
