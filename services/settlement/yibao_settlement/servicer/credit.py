"""CreditService: credits by their keys, and orders of accounts that take two operators."""

from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import credit_pb2 as messages
from yibao.settlement.v1 import credit_service_pb2 as pb
from yibao.settlement.v1 import credit_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.credit.find import CreditBook
from yibao_settlement.application.credit.order import (
    CONFIRM_METHOD,
    REJECT_METHOD,
    ConfirmAccountOrder,
    Encode,
    OrderCase,
    ProposeCorrection,
    ProposePayOut,
    RejectAccountOrder,
)
from yibao_settlement.rules.credit.credit import Credit
from yibao_settlement.rules.credit.order import (
    AccountOrder,
    AccountOrderKind,
    AccountOrderState,
    PayOutCause,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500

MessageT = TypeVar("MessageT", bound=Message)


class CreditServicer(rpc.CreditServiceServicer):
    """Proposes and confirms through the batcher; reads in threads."""

    def __init__(
        self, batcher: Batcher[Command, bytes], book: CreditBook, blocking: Blocking
    ) -> None:
        """Takes the engine, and what finds credits and orders."""
        self._batcher = batcher
        self._book = book
        self._blocking = blocking

    async def ListCredits(
        self,
        request: pb.ListCreditsRequest,
        context: "grpc.aio.ServicerContext[pb.ListCreditsRequest, pb.ListCreditsResponse]",
    ) -> pb.ListCreditsResponse:
        """Lists the credits of a person, the newest first."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._book.credits,
            request.region,
            request.person_id,
            before=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].credit_id) if len(found) > size else ""
        return pb.ListCreditsResponse(credits=map(credit_message, page), next_page_token=token)

    async def ProposeCreditCorrection(
        self,
        request: pb.ProposeCreditCorrectionRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ProposeCreditCorrectionRequest, pb.ProposeCreditCorrectionResponse]"
        ),
    ) -> pb.ProposeCreditCorrectionResponse:
        """Proposes that a credit is taken back."""
        asked = request_of(request, "ProposeCreditCorrection")
        credit = await self._blocking.run(self._book.credit, request.region, request.credit_id)
        command = ProposeCorrection(
            asked,
            request.credit_id,
            credit.person_id,
            request.amount_fen,
            request.reason,
            order_encoder(pb.ProposeCreditCorrectionResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposeCreditCorrectionResponse, response)

    async def ProposePayOut(
        self,
        request: pb.ProposePayOutRequest,
        context: "grpc.aio.ServicerContext[pb.ProposePayOutRequest, pb.ProposePayOutResponse]",
    ) -> pb.ProposePayOutResponse:
        """Proposes that an account is paid out."""
        command = ProposePayOut(
            request_of(request, "ProposePayOut"),
            request.person_id,
            request.amount_fen,
            PayOutCause(request.pay_out_cause),
            request.payee_reference,
            request.reason,
            order_encoder(pb.ProposePayOutResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposePayOutResponse, response)

    async def ListAccountOrders(
        self,
        request: pb.ListAccountOrdersRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListAccountOrdersRequest, pb.ListAccountOrdersResponse]"
        ),
    ) -> pb.ListAccountOrdersResponse:
        """Lists orders, the one proposed first at the head."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._book.orders,
            request.region,
            AccountOrderState(request.state) if request.state else None,
            after=place_after(request, request.page_token, id_place),
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].order_id) if len(found) > size else ""
        return pb.ListAccountOrdersResponse(orders=map(order_message, page), next_page_token=token)

    async def ConfirmAccountOrder(
        self,
        request: pb.ConfirmAccountOrderRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ConfirmAccountOrderRequest, pb.ConfirmAccountOrderResponse]"
        ),
    ) -> pb.ConfirmAccountOrderResponse:
        """Confirms an order, and posts it."""
        command = ConfirmAccountOrder(
            request_of(request, CONFIRM_METHOD),
            await self._case(request.region, request.order_id),
            AccountOrderKind(request.order_kind),
            request.amount_fen,
            order_encoder(pb.ConfirmAccountOrderResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ConfirmAccountOrderResponse, response)

    async def RejectAccountOrder(
        self,
        request: pb.RejectAccountOrderRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RejectAccountOrderRequest, pb.RejectAccountOrderResponse]"
        ),
    ) -> pb.RejectAccountOrderResponse:
        """Rejects an order."""
        command = RejectAccountOrder(
            request_of(request, REJECT_METHOD),
            await self._case(request.region, request.order_id),
            request.reason,
            order_encoder(pb.RejectAccountOrderResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RejectAccountOrderResponse, response)

    async def _case(self, region: str, order_id: str) -> OrderCase:
        """Returns whose order it is: the person is known before it is locked."""
        return await self._blocking.run(self._book.case, region, order_id)


def order_encoder(kind: type[MessageT]) -> Encode:
    """Returns what writes an answer that holds an order, as a ProposePayOutResponse."""

    def encode(order: AccountOrder) -> bytes:
        return kind(order=order_message(order)).SerializeToString()

    return encode


def credit_message(credit: Credit) -> messages.Credit:
    """Returns a credit as sent."""
    return messages.Credit(
        credit_id=credit.credit_id,
        person_id=credit.person_id,
        insurance_type=credit.insurance_type,
        credit_source=credit.source,
        business_key=credit.business_key,
        amount_fen=credit.amount_fen,
        is_carried=credit.is_carried,
        state=messages.CreditState.ValueType(credit.state),
        order_id=credit.order_id or "",
        posting_id=credit.posting_id or "",
        taken_back_fen=credit.taken_back_fen,
        credit_time=from_instant(credit.credit_time),
    )


def order_message(order: AccountOrder) -> messages.AccountOrder:
    """Returns an order as sent."""
    message = messages.AccountOrder(
        order_id=order.order_id,
        region=order.region,
        person_id=order.person_id,
        state=messages.AccountOrderState.ValueType(order.state),
        order_kind=messages.AccountOrderKind.ValueType(order.kind),
        amount_fen=order.amount_fen,
        credit_id=order.credit_id or "",
        pay_out_cause=messages.PayOutCause.ValueType(order.cause or 0),
        payee_reference=order.payee_reference or "",
        reason=order.reason,
        maker=order.maker,
        propose_time=from_instant(order.propose_time),
        checker=order.checker or "",
        posting_id=order.posting_id or "",
        receivable_fen=order.receivable_fen,
        reject_reason=order.reject_reason or "",
    )
    if order.close_time is not None:
        message.close_time.CopyFrom(from_instant(order.close_time))
    return message
