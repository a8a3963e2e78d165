"""CardService: questions about money."""

import grpc

from yibao.identity.v1 import card_use_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.values.reasons import Reason
from yibao_identity.application.financial_operation import FinancialOperations, ValidateOperation
from yibao_identity.rules.financial_operation import FinancialOperation, Purse
from yibao_identity.servicer.card.messages import refuse_field

_PURSES = {
    pb.PURSE_MEDICAL_ACCOUNT: Purse.MEDICAL_ACCOUNT,
    pb.PURSE_FINANCIAL_ACCOUNT: Purse.FINANCIAL_ACCOUNT,
}
_OPERATIONS = {
    pb.FINANCIAL_OPERATION_DEPOSIT: FinancialOperation.DEPOSIT,
    pb.FINANCIAL_OPERATION_WITHDRAW: FinancialOperation.WITHDRAW,
    pb.FINANCIAL_OPERATION_TRANSFER: FinancialOperation.TRANSFER,
}


class FinancialOperationPart:
    """The method about money; it blocks, so it runs in threads."""

    def __init__(self, operations: FinancialOperations, blocking: Blocking) -> None:
        """Takes what answers."""
        self._operations = operations
        self._blocking = blocking

    async def ValidateFinancialOperation(
        self,
        request: pb.ValidateFinancialOperationRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ValidateFinancialOperationRequest, pb.ValidateFinancialOperationResponse]"
        ),
    ) -> pb.ValidateFinancialOperationResponse:
        """Tells whether an operation with money may be made here, and where if not."""
        caller = current_caller()
        caller.require_region(request.region)
        if bool(request.card_id) == bool(request.certificate_id):
            message = "give one of card_id and certificate_id"
            refuse_field("card_id", Reason.FIELD_REQUIRED, message)
        question = ValidateOperation(
            request.region,
            caller,
            request.card_id,
            request.certificate_id,
            _PURSES[request.purse],
            _OPERATIONS[request.operation],
        )
        bank_code = await self._blocking.run(self._operations.validate, question)
        return pb.ValidateFinancialOperationResponse(bank_code=bank_code)
