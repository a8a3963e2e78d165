"""Repairs of a person's bills as messages of DifferenceService."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from yibao.settlement.v1 import difference_pb2 as messages
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.repair.order import ToldRepair

_MOST_BILLS = 500

MessageT = TypeVar("MessageT", bound=Message)


def repair_encoder(kind: type[MessageT]) -> Callable[[ToldRepair], bytes]:
    """Returns what writes an answer that holds a repair, as a ProposeRepairResponse."""
    return lambda told: kind(repair=repair_message(told)).SerializeToString()


def repair_message(told: ToldRepair) -> messages.Repair:
    """Returns a repair with the bills that are told of it."""
    repair = told.repair
    message = messages.Repair(
        repair_id=repair.repair_id,
        region=repair.region,
        person_id=repair.person_id,
        state=messages.RepairState.ValueType(repair.state),
        bills=[
            messages.RepairedBill(
                settlement_id=moved.record.settlement_id,
                institution_id=moved.record.institution_id,
                bill_number=moved.record.bill_number,
                fund_change_fen=moved.fund_change_fen,
                difference_fen=moved.difference_fen,
                due_fen=moved.due_fen,
            )
            for moved in told.moved[:_MOST_BILLS]
        ],
        bill_count=repair.bill_count,
        fund_change_fen=repair.fund_change_fen,
        difference_fen=repair.difference_fen,
        due_fen=repair.due_fen,
        reason=repair.reason,
        maker=repair.maker,
        propose_time=from_instant(repair.propose_time),
        checker=repair.checker or "",
    )
    if repair.close_time is not None:
        message.close_time.CopyFrom(from_instant(repair.close_time))
    return message
