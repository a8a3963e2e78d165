"""DifferenceService: what lies between the funds and persons, read and settled."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import difference_pb2 as messages
from yibao.settlement.v1 import difference_service_pb2 as pb
from yibao.settlement.v1 import difference_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.difference.find import DifferenceRow, find_difference
from yibao_settlement.application.difference.move import (
    MoveAllDue,
    MovedDue,
    MoveDue,
    page_with_due,
)
from yibao_settlement.application.difference.order import (
    CONFIRM_METHOD,
    Case,
    ConfirmDifferenceOrder,
    Encode,
    ProposeDifferenceOrder,
    RejectDifferenceOrder,
    check_fund,
    find_order,
)
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.repair.order import CONFIRM_METHOD as CONFIRM_REPAIR_METHOD
from yibao_settlement.application.repair.order import WITHDRAW_METHOD as WITHDRAW_REPAIR_METHOD
from yibao_settlement.application.repair.order import (
    ConfirmRepair,
    ProposeRepair,
    ToldRepair,
    WithdrawRepair,
    find_repair,
    first_bill,
)
from yibao_settlement.rules.difference_order import (
    DIFFERENCE_DUST_FEN,
    DifferenceOrder,
    OrderKind,
    OrderState,
    is_dust,
)
from yibao_settlement.rules.repair import RepairState
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.repair import repair_encoder, repair_message

_MOST_ROWS = 500
_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_MOVE_PAGE_SIZE = 50
_MOVE_PAGE_SIZE_MAX = 100

MessageT = TypeVar("MessageT", bound=Message)


class DifferenceServicer(rpc.DifferenceServiceServicer):
    """Settles differences through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        viewers: Viewers,
        dust_fen: Mapping[str, int],
    ) -> None:
        """Takes the engine, and below what nobody is asked for a difference, by region."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._viewers = viewers
        self._dust_fen = dust_fen

    async def GetDifference(
        self,
        request: pb.GetDifferenceRequest,
        context: "grpc.aio.ServicerContext[pb.GetDifferenceRequest, pb.GetDifferenceResponse]",
    ) -> pb.GetDifferenceResponse:
        """Reads what lies between the funds and a person."""
        viewer = await self._viewers.of(request)
        person_id = viewer.own_person(request.person_id)
        found = await self._blocking.run(find_difference, self._reads, request.region, person_id)
        dust_fen = self._dust_fen.get(request.region, DIFFERENCE_DUST_FEN)
        return pb.GetDifferenceResponse(
            difference_fen=found.difference_fen,
            due_fen=found.due_fen,
            rows=map(_row_message, found.rows[:_MOST_ROWS]),
            row_count=len(found.rows),
            paid_fen=found.settled_fen(OrderKind.PAY_OUT),
            collected_fen=found.settled_fen(OrderKind.COLLECT),
            written_off_fen=found.settled_fen(OrderKind.WRITE_OFF),
            orders=map(_order_message, found.orders[:_MOST_ROWS]),
            order_count=len(found.orders),
            is_dust=is_dust(found.difference_fen, dust_fen=dust_fen),
            moved_fen=found.moved_fen,
            moves=map(_move_message, found.moves[:_MOST_ROWS]),
            move_count=len(found.moves),
        )

    async def ListDifferenceOrders(
        self,
        request: pb.ListDifferenceOrdersRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListDifferenceOrdersRequest, pb.ListDifferenceOrdersResponse]"
        ),
    ) -> pb.ListDifferenceOrdersResponse:
        """Lists orders, the one proposed first at the head."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.difference_orders,
            request.region,
            OrderState(request.state) if request.state else None,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].order_id) if len(found) > size else ""
        return pb.ListDifferenceOrdersResponse(
            orders=map(_order_message, page), next_page_token=token
        )

    async def ProposeDifferenceOrder(
        self,
        request: pb.ProposeDifferenceOrderRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ProposeDifferenceOrderRequest, pb.ProposeDifferenceOrderResponse]"
        ),
    ) -> pb.ProposeDifferenceOrderResponse:
        """Proposes that some of a difference is settled."""
        asked = request_of(request, "ProposeDifferenceOrder")
        kind, fund_type = OrderKind(request.order_kind), request.fund_type or None
        await self._blocking.run(check_fund, self._reads, request.region, kind, fund_type)
        command = ProposeDifferenceOrder(
            asked,
            request.person_id,
            kind,
            request.amount_fen,
            request.reason,
            order_encoder(pb.ProposeDifferenceOrderResponse),
            fund_type,
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposeDifferenceOrderResponse, response)

    async def ConfirmDifferenceOrder(
        self,
        request: pb.ConfirmDifferenceOrderRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ConfirmDifferenceOrderRequest, pb.ConfirmDifferenceOrderResponse]"
        ),
    ) -> pb.ConfirmDifferenceOrderResponse:
        """Confirms an order, and posts it."""
        command = ConfirmDifferenceOrder(
            request_of(request, CONFIRM_METHOD),
            await self._case(request.region, request.order_id),
            OrderKind(request.order_kind),
            request.amount_fen,
            order_encoder(pb.ConfirmDifferenceOrderResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ConfirmDifferenceOrderResponse, response)

    async def RejectDifferenceOrder(
        self,
        request: pb.RejectDifferenceOrderRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.RejectDifferenceOrderRequest, pb.RejectDifferenceOrderResponse]"
        ),
    ) -> pb.RejectDifferenceOrderResponse:
        """Rejects an order."""
        command = RejectDifferenceOrder(
            request_of(request, "RejectDifferenceOrder"),
            await self._case(request.region, request.order_id),
            request.reason,
            order_encoder(pb.RejectDifferenceOrderResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RejectDifferenceOrderResponse, response)

    async def ProposeRepair(
        self,
        request: pb.ProposeRepairRequest,
        context: "grpc.aio.ServicerContext[pb.ProposeRepairRequest, pb.ProposeRepairResponse]",
    ) -> pb.ProposeRepairResponse:
        """Proposes that all bills of a person are decided again."""
        asked = request_of(request, "ProposeRepair")
        first = await self._blocking.run(first_bill, self._reads, request.region, request.person_id)
        encode = repair_encoder(pb.ProposeRepairResponse)
        command = ProposeRepair(asked, request.person_id, first, request.reason, encode)
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposeRepairResponse, response)

    async def ConfirmRepair(
        self,
        request: pb.ConfirmRepairRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmRepairRequest, pb.ConfirmRepairResponse]",
    ) -> pb.ConfirmRepairResponse:
        """Confirms a repair, and books it."""
        asked = request_of(request, CONFIRM_REPAIR_METHOD)
        command = ConfirmRepair(
            asked,
            await self._blocking.run(find_repair, self._reads, request.region, request.repair_id),
            request.fund_change_fen,
            request.difference_fen,
            repair_encoder(pb.ConfirmRepairResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ConfirmRepairResponse, response)

    async def WithdrawRepair(
        self,
        request: pb.WithdrawRepairRequest,
        context: "grpc.aio.ServicerContext[pb.WithdrawRepairRequest, pb.WithdrawRepairResponse]",
    ) -> pb.WithdrawRepairResponse:
        """Withdraws a repair."""
        command = WithdrawRepair(
            request_of(request, WITHDRAW_REPAIR_METHOD),
            await self._blocking.run(find_repair, self._reads, request.region, request.repair_id),
            repair_encoder(pb.WithdrawRepairResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.WithdrawRepairResponse, response)

    async def ListRepairs(
        self,
        request: pb.ListRepairsRequest,
        context: "grpc.aio.ServicerContext[pb.ListRepairsRequest, pb.ListRepairsResponse]",
    ) -> pb.ListRepairsResponse:
        """Lists repairs, the one proposed first at the head."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.repairs,
            request.region,
            RepairState(request.state) if request.state else None,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].repair_id) if len(found) > size else ""
        repairs = (repair_message(ToldRepair(each, ())) for each in page)
        return pb.ListRepairsResponse(repairs=repairs, next_page_token=token)

    async def MoveDue(
        self,
        request: pb.MoveDueRequest,
        context: "grpc.aio.ServicerContext[pb.MoveDueRequest, pb.MoveDueResponse]",
    ) -> pb.MoveDueResponse:
        """Moves what is due to a person's account into it."""
        command = MoveDue(
            request_of(request, "MoveDue"), request.person_id, request.due_fen, moved_due
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.MoveDueResponse, response)

    async def MoveAllDue(
        self,
        request: pb.MoveAllDueRequest,
        context: "grpc.aio.ServicerContext[pb.MoveAllDueRequest, pb.MoveAllDueResponse]",
    ) -> pb.MoveAllDueResponse:
        """Moves what is due to the accounts of a page of persons."""
        asked = request_of(request, "MoveAllDue")
        page, is_last = await self._blocking.run(
            page_with_due,
            self._reads,
            request.region,
            after=request.after_person_id or None,
            limit=min(request.page_size or _MOVE_PAGE_SIZE, _MOVE_PAGE_SIZE_MAX),
        )
        command = MoveAllDue(asked, page, moved_page("" if is_last else page[-1]))
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.MoveAllDueResponse, response)

    async def _case(self, region: str, order_id: str) -> Case:
        """Returns whose order it is: the person is known before it is locked."""
        order = await self._blocking.run(find_order, self._reads, region, order_id)
        return Case(order.order_id, order.person_id)


def order_encoder(kind: type[MessageT]) -> Encode:
    """Returns what writes an answer that holds an order, as a ProposeDifferenceOrderResponse."""
    return lambda order: kind(order=_order_message(order)).SerializeToString()


def _order_message(order: DifferenceOrder) -> messages.DifferenceOrder:
    message = messages.DifferenceOrder(
        order_id=order.order_id,
        region=order.region,
        person_id=order.person_id,
        state=messages.DifferenceOrderState.ValueType(order.state),
        order_kind=messages.DifferenceOrderKind.ValueType(order.kind),
        amount_fen=order.amount_fen,
        fund_type=order.fund_type or "",
        reason=order.reason,
        maker=order.maker,
        propose_time=from_instant(order.propose_time),
        checker=order.checker or "",
        posting_id=order.posting_id or "",
        reject_reason=order.reject_reason or "",
    )
    if order.close_time is not None:
        message.close_time.CopyFrom(from_instant(order.close_time))
    return message


def moved_due(moved: MovedDue) -> bytes:
    """Writes a MoveDueResponse."""
    return pb.MoveDueResponse(
        amount_fen=moved.amount_fen, settlement_count=moved.settlements
    ).SerializeToString()


def moved_page(last_person_id: str) -> Callable[[MovedDue], bytes]:
    """Returns what writes a MoveAllDueResponse of a page that ends with a person."""

    def encode(moved: MovedDue) -> bytes:
        return pb.MoveAllDueResponse(
            amount_fen=moved.amount_fen,
            person_count=moved.persons,
            settlement_count=moved.settlements,
            last_person_id=last_person_id,
        ).SerializeToString()

    return encode


def _move_message(move: DueMove) -> messages.DueMove:
    return messages.DueMove(
        settlement_id=move.settlement_id,
        posting_id=move.posting_id,
        move_time=from_instant(move.move_time),
        amount_fen=move.amount_fen,
    )


def _row_message(row: DifferenceRow) -> messages.DifferenceRow:
    record, adjustment = row.record, row.adjustment
    return messages.DifferenceRow(
        settlement_id=record.settlement_id,
        institution_id=record.institution_id,
        bill_number=record.bill_number,
        service_date=from_date(record.service_date),
        revision=adjustment.revision,
        adjust_time=from_instant(adjustment.adjust_time),
        reversal_id=adjustment.cause_id,
        fund_change_fen=row.fund_change_fen,
        difference_fen=row.difference_fen,
        due_fen=row.due_fen,
    )
