"""TransferService: personal accounts that move to another region, step by step."""

from collections.abc import Mapping
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import transfer_pb2 as messages
from yibao.settlement.v1 import transfer_service_pb2 as pb
from yibao.settlement.v1 import transfer_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.credit.book import Credited
from yibao_settlement.application.transfer.find import TransferBook
from yibao_settlement.application.transfer.steps import (
    CloseTransfer,
    Encode,
    PayTransfer,
    ReceiveTransfer,
    RecordTransferOut,
    RequestTransfer,
    TransferCase,
)
from yibao_settlement.rules.transfer import Transfer, TransferState
from yibao_settlement.servicer.credit import credit_message

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500

MessageT = TypeVar("MessageT", bound=Message)


class TransferServicer(rpc.TransferServiceServicer):
    """Takes steps through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        book: TransferBook,
        blocking: Blocking,
        *,
        second_above_fen: Mapping[str, int],
    ) -> None:
        """Takes the engine, and limits of credits by region."""
        self._batcher = batcher
        self._book = book
        self._blocking = blocking
        self._second_above_fen = second_above_fen

    async def RequestTransfer(
        self,
        request: pb.RequestTransferRequest,
        context: "grpc.aio.ServicerContext[pb.RequestTransferRequest, pb.RequestTransferResponse]",
    ) -> pb.RequestTransferResponse:
        """Requests that an account moves."""
        command = RequestTransfer(
            request_of(request, "RequestTransfer"),
            request.person_id,
            request.other_region,
            request.transfer_number,
            request.reason,
            transfer_encoder(pb.RequestTransferResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RequestTransferResponse, response)

    async def RecordTransferOut(
        self,
        request: pb.RecordTransferOutRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RecordTransferOutRequest, pb.RecordTransferOutResponse]"
        ),
    ) -> pb.RecordTransferOutResponse:
        """Takes everything out of the account."""
        command = RecordTransferOut(
            request_of(request, "RecordTransferOut"),
            await self._case(request.region, request.transfer_id),
            request.amount_fen,
            transfer_encoder(pb.RecordTransferOutResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RecordTransferOutResponse, response)

    async def PayTransfer(
        self,
        request: pb.PayTransferRequest,
        context: "grpc.aio.ServicerContext[pb.PayTransferRequest, pb.PayTransferResponse]",
    ) -> pb.PayTransferResponse:
        """Books that the bank paid."""
        command = PayTransfer(
            request_of(request, "PayTransfer"),
            await self._case(request.region, request.transfer_id),
            request.amount_fen,
            request.payment_reference,
            transfer_encoder(pb.PayTransferResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.PayTransferResponse, response)

    async def CompleteTransfer(
        self,
        request: pb.CompleteTransferRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CompleteTransferRequest, pb.CompleteTransferResponse]"
        ),
    ) -> pb.CompleteTransferResponse:
        """Notes that the other region booked it in."""
        command = CloseTransfer(
            request_of(request, "CompleteTransfer"),
            await self._case(request.region, request.transfer_id),
            False,
            transfer_encoder(pb.CompleteTransferResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.CompleteTransferResponse, response)

    async def CancelTransfer(
        self,
        request: pb.CancelTransferRequest,
        context: "grpc.aio.ServicerContext[pb.CancelTransferRequest, pb.CancelTransferResponse]",
    ) -> pb.CancelTransferResponse:
        """Notes that nothing comes of a request."""
        command = CloseTransfer(
            request_of(request, "CancelTransfer"),
            await self._case(request.region, request.transfer_id),
            True,
            transfer_encoder(pb.CancelTransferResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.CancelTransferResponse, response)

    async def ReceiveTransfer(
        self,
        request: pb.ReceiveTransferRequest,
        context: "grpc.aio.ServicerContext[pb.ReceiveTransferRequest, pb.ReceiveTransferResponse]",
    ) -> pb.ReceiveTransferResponse:
        """Books in what another region sent."""
        command = ReceiveTransfer(
            request_of(request, "ReceiveTransfer"),
            request.person_id,
            request.other_region,
            request.transfer_number,
            request.amount_fen,
            self._second_above_fen.get(request.region),
            received,
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ReceiveTransferResponse, response)

    async def GetTransfer(
        self,
        request: pb.GetTransferRequest,
        context: "grpc.aio.ServicerContext[pb.GetTransferRequest, pb.GetTransferResponse]",
    ) -> pb.GetTransferResponse:
        """Reads a transfer."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(self._book.find, request.region, request.transfer_id)
        return pb.GetTransferResponse(transfer=self._message(found))

    async def ListTransfers(
        self,
        request: pb.ListTransfersRequest,
        context: "grpc.aio.ServicerContext[pb.ListTransfersRequest, pb.ListTransfersResponse]",
    ) -> pb.ListTransfersResponse:
        """Lists transfers, the one requested first at the head."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        if request.is_stuck:
            stuck = await self._blocking.run(self._book.stuck, request.region)
            found = [each for each in stuck if each.transfer_id > (after or "")]
        else:
            found = await self._blocking.run(
                self._book.page,
                request.region,
                TransferState(request.state) if request.state else None,
                after=after,
                # One more tells whether there is another page.
                limit=size + 1,
            )
        page = found[:size]
        token = page_token(request, page[-1].transfer_id) if len(found) > size else ""
        return pb.ListTransfersResponse(transfers=map(self._message, page), next_page_token=token)

    def _message(self, transfer: Transfer) -> messages.AccountTransfer:
        message = transfer_message(transfer)
        message.is_stuck = transfer.is_stuck(self._book.now())
        return message

    async def _case(self, region: str, transfer_id: str) -> TransferCase:
        """Returns whose transfer it is: the person is known before it is locked."""
        return await self._blocking.run(self._book.case, region, transfer_id)


def transfer_encoder(kind: type[MessageT]) -> Encode:
    """Returns what writes an answer that holds a transfer, as a RequestTransferResponse."""

    def encode(transfer: Transfer) -> bytes:
        return kind(transfer=transfer_message(transfer)).SerializeToString()

    return encode


def received(transfer: Transfer, credited: Credited) -> bytes:
    """Returns a serialized ReceiveTransferResponse."""
    return pb.ReceiveTransferResponse(
        transfer=transfer_message(transfer),
        credit=credit_message(credited.credit),
        is_repeated=credited.is_repeated,
    ).SerializeToString()


def transfer_message(transfer: Transfer) -> messages.AccountTransfer:
    """Returns a transfer as sent; whether it is stuck is told by who reads it."""
    message = messages.AccountTransfer(
        transfer_id=transfer.transfer_id,
        region=transfer.region,
        direction=messages.TransferDirection.ValueType(transfer.direction),
        person_id=transfer.person_id,
        other_region=transfer.other_region,
        transfer_number=transfer.transfer_number,
        state=messages.TransferState.ValueType(transfer.state),
        amount_fen=transfer.amount_fen or 0,
        reason=transfer.reason,
        maker=transfer.maker,
        request_time=from_instant(transfer.request_time),
        checker=transfer.checker or "",
        payment_reference=transfer.payment_reference or "",
        credit_id=transfer.credit_id or "",
    )
    for name in ("record_time", "pay_time", "close_time"):
        instant = getattr(transfer, name)
        if instant is not None:
            getattr(message, name).CopyFrom(from_instant(instant))
    return message
