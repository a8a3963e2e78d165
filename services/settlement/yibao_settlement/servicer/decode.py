"""Reads requests into the values that the rules work with."""

from yibao.settlement.v1 import bill_pb2
from yibao_common.rpc.wire import to_date
from yibao_settlement.rules.bill import Bill, ChargedLine


def bill_of(message: bill_pb2.Bill) -> Bill:
    """Returns the bill of a request; the gate has checked its form."""
    return Bill(
        message.visit_id,
        message.bill_number,
        to_date(message.service_date),
        tuple(
            [
                ChargedLine(
                    line.line_number,
                    line.item_code,
                    line.unit_price,
                    line.quantity,
                    line.amount_fen,
                )
                for line in message.lines
            ]
        ),
        message.total_fen,
        message.account_use == bill_pb2.ACCOUNT_USE_OWN,
    )
