"""DeclarationService: months of institutions, declared, accepted and deducted from."""

import grpc

from yibao.settlement.v1 import declaration_service_pb2 as pb
from yibao.settlement.v1 import declaration_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.declaration.declare import (
    AcceptDeclaration,
    Declarations,
    DeclareMonth,
    RejectDeclaration,
    WithdrawDeclaration,
)
from yibao_settlement.application.declaration.find import DeclarationReads
from yibao_settlement.application.declaration.order import (
    DecideDeduction,
    DeclarationOrders,
    ProposeDeduction,
)
from yibao_settlement.application.declaration.rows import DeclarationWish
from yibao_settlement.rules.declaration.month import DeclarationState, MonthOf
from yibao_settlement.rules.declaration.order import DeductionType
from yibao_settlement.servicer.declaration.asked import institution_asked, order_wish
from yibao_settlement.servicer.declaration.messages import (
    act_message,
    declaration_message,
    deduction_message,
    listed_message,
    month_from,
    sum_message,
    sums_from,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
_ACTS, _ACTS_MAX = 500, 2_000


class DeclarationServicer(rpc.DeclarationServiceServicer):
    """Declares, accepts, deducts and reads in threads."""

    def __init__(
        self,
        declarations: Declarations,
        orders: DeclarationOrders,
        reads: DeclarationReads,
        blocking: Blocking,
        closing: Blocking,
    ) -> None:
        """Takes what answers; in `closing` it is waited for what others still write."""
        self._declarations = declarations
        self._orders = orders
        self._reads = reads
        self._blocking = blocking
        self._closing = closing

    async def GetMonthTotals(
        self,
        request: pb.GetMonthTotalsRequest,
        context: "grpc.aio.ServicerContext[pb.GetMonthTotalsRequest, pb.GetMonthTotalsResponse]",
    ) -> pb.GetMonthTotalsResponse:
        """Tells what an institution's acts of a month come to."""
        caller = current_caller()
        caller.require_region(request.region)
        institution_id = institution_asked(request.institution_id, caller)
        if institution_id is None:
            message = "an agency names the institution"
            refuse_faults([FieldFault("institution_id", Reason.FIELD_REQUIRED, message)])
        totals = await self._blocking.run(
            self._reads.month, request.region, institution_id or "", month_from(request.month)
        )
        return pb.GetMonthTotalsResponse(sums=map(sum_message, totals.sums), is_over=totals.is_over)

    async def DeclareMonth(
        self,
        request: pb.DeclareMonthRequest,
        context: "grpc.aio.ServicerContext[pb.DeclareMonthRequest, pb.DeclareMonthResponse]",
    ) -> pb.DeclareMonthResponse:
        """Declares a month of the caller's institution."""
        asked = request_of(request, "DeclareMonth")
        caller = current_caller()
        sums, funds = sums_from(request.sum)
        of = MonthOf(
            caller.own_institution(),
            month_from(request.month),
            request.sum.insurance_type,
            request.sum.clearing_type,
        )
        command = DeclareMonth(asked, of, sums, funds)
        response = await self._closing.run(
            self._declarations.declare,
            command,
            lambda done: pb.DeclareMonthResponse(
                declaration=declaration_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.DeclareMonthResponse, response)

    async def WithdrawDeclaration(
        self,
        request: pb.WithdrawDeclarationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.WithdrawDeclarationRequest, pb.WithdrawDeclarationResponse]"
        ),
    ) -> pb.WithdrawDeclarationResponse:
        """Takes back a declaration."""
        asked = request_of(request, "WithdrawDeclaration")
        caller = current_caller()
        command = WithdrawDeclaration(asked, request.declaration_id, caller.own_institution())
        response = await self._blocking.run(
            self._declarations.withdraw,
            command,
            lambda done: pb.WithdrawDeclarationResponse(
                declaration=declaration_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.WithdrawDeclarationResponse, response)

    async def GetDeclaration(
        self,
        request: pb.GetDeclarationRequest,
        context: "grpc.aio.ServicerContext[pb.GetDeclarationRequest, pb.GetDeclarationResponse]",
    ) -> pb.GetDeclarationResponse:
        """Reads a declaration with its payers' shares."""
        caller = current_caller()
        caller.require_region(request.region)
        told = await self._blocking.run(
            self._reads.declaration,
            request.region,
            request.declaration_id,
            institution_id=caller.institution_id,
        )
        return pb.GetDeclarationResponse(declaration=declaration_message(told, caller))

    async def ListDeclarations(
        self,
        request: pb.ListDeclarationsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListDeclarationsRequest, pb.ListDeclarationsResponse]"
        ),
    ) -> pb.ListDeclarationsResponse:
        """Lists declarations."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = DeclarationWish(
            institution_asked(request.institution_id, caller),
            month_from(request.month) if request.month else None,
            DeclarationState(request.state) if request.state else None,
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.declarations,
            request.region,
            wish,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].declaration_id) if len(found) > size else ""
        return pb.ListDeclarationsResponse(
            declarations=[listed_message(each, caller) for each in page], next_page_token=token
        )

    async def ListDeclaredActs(
        self,
        request: pb.ListDeclaredActsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListDeclaredActsRequest, pb.ListDeclaredActsResponse]"
        ),
    ) -> pb.ListDeclaredActsResponse:
        """Lists the acts of a declaration."""
        caller = current_caller()
        caller.require_region(request.region)
        size = min(request.page_size or _ACTS, _ACTS_MAX)
        found = await self._blocking.run(
            self._reads.acts,
            request.region,
            request.declaration_id,
            institution_id=caller.institution_id,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].act_id) if len(found) > size else ""
        return pb.ListDeclaredActsResponse(
            acts=[act_message(each) for each in page], next_page_token=token
        )

    async def AcceptDeclaration(
        self,
        request: pb.AcceptDeclarationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.AcceptDeclarationRequest, pb.AcceptDeclarationResponse]"
        ),
    ) -> pb.AcceptDeclarationResponse:
        """Accepts a declaration."""
        asked = request_of(request, "AcceptDeclaration")
        caller = current_caller()
        command = AcceptDeclaration(asked, request.declaration_id)
        response = await self._blocking.run(
            self._declarations.accept,
            command,
            lambda done: pb.AcceptDeclarationResponse(
                declaration=declaration_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.AcceptDeclarationResponse, response)

    async def RejectDeclaration(
        self,
        request: pb.RejectDeclarationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RejectDeclarationRequest, pb.RejectDeclarationResponse]"
        ),
    ) -> pb.RejectDeclarationResponse:
        """Sends a declaration back."""
        asked = request_of(request, "RejectDeclaration")
        caller = current_caller()
        command = RejectDeclaration(asked, request.declaration_id, request.reason)
        response = await self._blocking.run(
            self._declarations.reject,
            command,
            lambda done: pb.RejectDeclarationResponse(
                declaration=declaration_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.RejectDeclarationResponse, response)

    async def ProposeDeduction(
        self,
        request: pb.ProposeDeductionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ProposeDeductionRequest, pb.ProposeDeductionResponse]"
        ),
    ) -> pb.ProposeDeductionResponse:
        """Proposes that something is deducted, or given back."""
        asked = request_of(request, "ProposeDeduction")
        caller = current_caller()
        refuse_faults(_deduction_faults(request))
        command = ProposeDeduction(
            asked,
            request.declaration_id,
            DeductionType(request.deduction_type) if request.deduction_type else None,
            request.fund_type,
            request.amount_fen,
            request.settlement_id or None,
            request.revoked_id or None,
            request.reason,
        )
        response = await self._blocking.run(
            self._orders.propose_deduction,
            command,
            lambda done: pb.ProposeDeductionResponse(
                deduction=deduction_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ProposeDeductionResponse, response)

    async def ConfirmDeduction(
        self,
        request: pb.ConfirmDeductionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ConfirmDeductionRequest, pb.ConfirmDeductionResponse]"
        ),
    ) -> pb.ConfirmDeductionResponse:
        """Confirms and posts a deduction."""
        asked = request_of(request, "ConfirmDeduction")
        caller = current_caller()
        command = DecideDeduction(asked, request.deduction_id, request.amount_fen)
        response = await self._blocking.run(
            self._orders.confirm_deduction,
            command,
            lambda done: pb.ConfirmDeductionResponse(
                deduction=deduction_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.ConfirmDeductionResponse, response)

    async def WithdrawDeduction(
        self,
        request: pb.WithdrawDeductionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.WithdrawDeductionRequest, pb.WithdrawDeductionResponse]"
        ),
    ) -> pb.WithdrawDeductionResponse:
        """Withdraws a deduction."""
        asked = request_of(request, "WithdrawDeduction")
        caller = current_caller()
        command = DecideDeduction(asked, request.deduction_id)
        response = await self._blocking.run(
            self._orders.withdraw_deduction,
            command,
            lambda done: pb.WithdrawDeductionResponse(
                deduction=deduction_message(done, caller)
            ).SerializeToString(),
        )
        return as_sent(pb.WithdrawDeductionResponse, response)

    async def ListDeductions(
        self,
        request: pb.ListDeductionsRequest,
        context: "grpc.aio.ServicerContext[pb.ListDeductionsRequest, pb.ListDeductionsResponse]",
    ) -> pb.ListDeductionsResponse:
        """Lists deductions."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = order_wish(request, caller)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.deductions,
            request.region,
            wish,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].deduction_id) if len(found) > size else ""
        return pb.ListDeductionsResponse(
            deductions=[deduction_message(each, caller) for each in page], next_page_token=token
        )


def _deduction_faults(request: pb.ProposeDeductionRequest) -> list[FieldFault]:
    """Returns what is missing of a deduction, or is told of one that another one tells of."""
    fields = {
        "deduction_type": request.deduction_type,
        "fund_type": request.fund_type,
        "amount_fen": request.amount_fen,
    }
    if not request.revoked_id:
        return [
            FieldFault(name, Reason.FIELD_REQUIRED, "a deduction has it")
            for name, value in fields.items()
            if not value
        ]
    return [
        FieldFault(name, Reason.FIELD_OUT_OF_RANGE, "is that of the deduction given back")
        for name, value in (fields | {"settlement_id": request.settlement_id}).items()
        if value
    ]
