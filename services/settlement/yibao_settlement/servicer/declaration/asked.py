"""What lists of declared months and their orders are asked with."""

from yibao.settlement.v1 import declaration_service_pb2 as declarations
from yibao.settlement.v1 import institution_payment_service_pb2 as payments
from yibao_common.values.caller import Caller
from yibao_settlement.application.declaration.rows import OrderWish
from yibao_settlement.rules.declaration.order import OrderState


def institution_asked(institution_id: str, caller: Caller) -> str | None:
    """Returns whose are asked for: an institution's own, of an agency None where it says nothing.

    Raises RuleError OUT_OF_SCOPE.
    """
    if institution_id:
        caller.require_institution(institution_id)
    return institution_id or caller.institution_id


def order_wish(
    request: declarations.ListDeductionsRequest | payments.ListDepositMovesRequest, caller: Caller
) -> OrderWish:
    """Returns which orders are asked for: of an institution those that are carried out.

    Raises RuleError OUT_OF_SCOPE.
    """
    state = OrderState(request.state) if request.state else None
    institution_id = institution_asked(request.institution_id, caller)
    if caller.institution_id is not None:
        # What is only proposed is between two operators.
        state = OrderState.CARRIED_OUT
    return OrderWish(institution_id, request.declaration_id or None, state)
