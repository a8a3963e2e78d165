"""InstitutionPaymentService: what institutions are paid, and what becomes of deposits."""

import grpc

from yibao.settlement.v1 import institution_payment_service_pb2 as pb
from yibao.settlement.v1 import institution_payment_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.declaration.find import DeclarationReads
from yibao_settlement.application.declaration.order import (
    DecideDepositMove,
    DeclarationOrders,
    ProposeDepositMove,
)
from yibao_settlement.application.declaration.pay import (
    DecidePayment,
    InstitutionPayments,
    ProposePayment,
    ReportPayment,
)
from yibao_settlement.application.declaration.rows import PaymentWish
from yibao_settlement.rules.declaration.order import DepositMoveKind
from yibao_settlement.rules.declaration.payment import PaymentState
from yibao_settlement.servicer.declaration.asked import institution_asked, order_wish
from yibao_settlement.servicer.declaration.messages import (
    listed_payment,
    move_message,
    payment_message,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500


class InstitutionPaymentServicer(rpc.InstitutionPaymentServiceServicer):
    """Pays institutions and moves deposits in threads."""

    def __init__(
        self,
        payments: InstitutionPayments,
        orders: DeclarationOrders,
        reads: DeclarationReads,
        blocking: Blocking,
    ) -> None:
        """Takes what answers."""
        self._payments = payments
        self._orders = orders
        self._reads = reads
        self._blocking = blocking

    async def ProposeInstitutionPayment(
        self,
        request: pb.ProposeInstitutionPaymentRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ProposeInstitutionPaymentRequest, pb.ProposeInstitutionPaymentResponse]"
        ),
    ) -> pb.ProposeInstitutionPaymentResponse:
        """Proposes a payment."""
        asked = request_of(request, "ProposeInstitutionPayment")
        caller = current_caller()
        refuse_faults(_item_faults(request))
        command = ProposePayment(asked, tuple(request.declaration_ids), tuple(request.release_ids))
        response = await self._blocking.run(
            self._payments.propose,
            command,
            lambda done: pb.ProposeInstitutionPaymentResponse(
                payment=payment_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ProposeInstitutionPaymentResponse, response)

    async def ConfirmInstitutionPayment(
        self,
        request: pb.ConfirmInstitutionPaymentRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ConfirmInstitutionPaymentRequest, pb.ConfirmInstitutionPaymentResponse]"
        ),
    ) -> pb.ConfirmInstitutionPaymentResponse:
        """Confirms a payment and withholds deposits."""
        asked = request_of(request, "ConfirmInstitutionPayment")
        caller = current_caller()
        command = DecidePayment(asked, request.payment_id, request.amount_fen)
        response = await self._blocking.run(
            self._payments.confirm,
            command,
            lambda done: pb.ConfirmInstitutionPaymentResponse(
                payment=payment_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ConfirmInstitutionPaymentResponse, response)

    async def WithdrawInstitutionPayment(
        self,
        request: pb.WithdrawInstitutionPaymentRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.WithdrawInstitutionPaymentRequest, pb.WithdrawInstitutionPaymentResponse]"
        ),
    ) -> pb.WithdrawInstitutionPaymentResponse:
        """Withdraws a payment."""
        asked = request_of(request, "WithdrawInstitutionPayment")
        caller = current_caller()
        command = DecidePayment(asked, request.payment_id)
        response = await self._blocking.run(
            self._payments.withdraw,
            command,
            lambda done: pb.WithdrawInstitutionPaymentResponse(
                payment=payment_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.WithdrawInstitutionPaymentResponse, response)

    async def ReportInstitutionPayment(
        self,
        request: pb.ReportInstitutionPaymentRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ReportInstitutionPaymentRequest, pb.ReportInstitutionPaymentResponse]"
        ),
    ) -> pb.ReportInstitutionPaymentResponse:
        """Books that the bank paid."""
        asked = request_of(request, "ReportInstitutionPayment")
        caller = current_caller()
        command = ReportPayment(
            asked, request.payment_id, request.amount_fen, request.bank_reference
        )
        response = await self._blocking.run(
            self._payments.report,
            command,
            lambda done: pb.ReportInstitutionPaymentResponse(
                payment=payment_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ReportInstitutionPaymentResponse, response)

    async def GetInstitutionPayment(
        self,
        request: pb.GetInstitutionPaymentRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetInstitutionPaymentRequest, pb.GetInstitutionPaymentResponse]"
        ),
    ) -> pb.GetInstitutionPaymentResponse:
        """Reads a payment with its lines."""
        caller = current_caller()
        caller.require_region(request.region)
        told = await self._blocking.run(
            self._reads.payment,
            request.region,
            request.payment_id,
            institution_id=caller.institution_id,
        )
        return pb.GetInstitutionPaymentResponse(payment=payment_message(told, caller))

    async def ListInstitutionPayments(
        self,
        request: pb.ListInstitutionPaymentsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListInstitutionPaymentsRequest, pb.ListInstitutionPaymentsResponse]"
        ),
    ) -> pb.ListInstitutionPaymentsResponse:
        """Lists payments."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = PaymentWish(
            institution_asked(request.institution_id, caller),
            PaymentState(request.state) if request.state else None,
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.payments,
            request.region,
            wish,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].payment_id) if len(found) > size else ""
        return pb.ListInstitutionPaymentsResponse(
            payments=[listed_payment(each, caller) for each in page], next_page_token=token
        )

    async def ProposeDepositMove(
        self,
        request: pb.ProposeDepositMoveRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ProposeDepositMoveRequest, pb.ProposeDepositMoveResponse]"
        ),
    ) -> pb.ProposeDepositMoveResponse:
        """Proposes what becomes of a deposit."""
        asked = request_of(request, "ProposeDepositMove")
        caller = current_caller()
        command = ProposeDepositMove(
            asked,
            request.declaration_id,
            DepositMoveKind(request.move_kind),
            request.fund_type,
            request.amount_fen,
            request.reason,
        )
        response = await self._blocking.run(
            self._orders.propose_move,
            command,
            lambda done: pb.ProposeDepositMoveResponse(
                move=move_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ProposeDepositMoveResponse, response)

    async def ConfirmDepositMove(
        self,
        request: pb.ConfirmDepositMoveRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ConfirmDepositMoveRequest, pb.ConfirmDepositMoveResponse]"
        ),
    ) -> pb.ConfirmDepositMoveResponse:
        """Confirms and posts what becomes of a deposit."""
        asked = request_of(request, "ConfirmDepositMove")
        caller = current_caller()
        command = DecideDepositMove(
            asked, request.move_id, DepositMoveKind(request.move_kind), request.amount_fen
        )
        response = await self._blocking.run(
            self._orders.confirm_move,
            command,
            lambda done: pb.ConfirmDepositMoveResponse(
                move=move_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ConfirmDepositMoveResponse, response)

    async def WithdrawDepositMove(
        self,
        request: pb.WithdrawDepositMoveRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.WithdrawDepositMoveRequest, pb.WithdrawDepositMoveResponse]"
        ),
    ) -> pb.WithdrawDepositMoveResponse:
        """Withdraws what was proposed."""
        asked = request_of(request, "WithdrawDepositMove")
        caller = current_caller()
        command = DecideDepositMove(asked, request.move_id)
        response = await self._blocking.run(
            self._orders.withdraw_move,
            command,
            lambda done: pb.WithdrawDepositMoveResponse(
                move=move_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.WithdrawDepositMoveResponse, response)

    async def ListDepositMoves(
        self,
        request: pb.ListDepositMovesRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListDepositMovesRequest, pb.ListDepositMovesResponse]"
        ),
    ) -> pb.ListDepositMovesResponse:
        """Lists what became of deposits."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = order_wish(request, caller)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.moves,
            request.region,
            wish,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].move_id) if len(found) > size else ""
        return pb.ListDepositMovesResponse(
            moves=[move_message(each, caller) for each in page], next_page_token=token
        )


def _item_faults(request: pb.ProposeInstitutionPaymentRequest) -> list[FieldFault]:
    """Returns what is wrong with what a payment is of: nothing, or something twice."""
    if not request.declaration_ids and not request.release_ids:
        message = "a payment is of a declaration or a release"
        return [FieldFault("declaration_ids", Reason.FIELD_REQUIRED, message)]
    return [
        FieldFault(name, Reason.FIELD_MALFORMED, "something is named twice")
        for name, ids in (
            ("declaration_ids", request.declaration_ids),
            ("release_ids", request.release_ids),
        )
        if len(set(ids)) != len(ids)
    ]
