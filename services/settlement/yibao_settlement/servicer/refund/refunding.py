"""What a call to return lines asks for, and the answer to it."""

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_settlement.application.settlement.refund import RefundDone
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.encode import fill_entries, fill_settlement
from yibao_settlement.servicer.refund.encode import fill_adjusted, refund_message


def asked_return(line: pb.LineReturn) -> AskedReturn:
    """Returns what a line asks to return."""
    return AskedReturn(line.line_number, line.line_id, line.quantity)


def refunded(done: RefundDone) -> bytes:
    """Returns a serialized RefundSettlementResponse."""
    response = pb.RefundSettlementResponse(refund=refund_message(done.refund))
    fill_settlement(response.settlement, done.left)
    fill_entries(response.settlement, done.entries)
    fill_adjusted(response, done.folded, institution_id=done.before.institution_id)
    return response.SerializeToString()
