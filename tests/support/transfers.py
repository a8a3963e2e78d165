"""The steps of a transfer of an account to another region, by operators of the region it leaves."""

from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1 import transfer_pb2 as pb
from yibao.settlement.v1.transfer_service_pb2 import RequestTransferResponse
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.transfer.find import TransferBook
from yibao_settlement.application.transfer.steps import (
    CloseTransfer,
    PayTransfer,
    RecordTransferOut,
    RequestTransfer,
)
from yibao_settlement.servicer.transfer import transfer_encoder

OTHER = "999020"
NUMBER = "ZY-2026-000731"
_encode = transfer_encoder(RequestTransferResponse)


def transfers(world: World) -> TransferBook:
    return TransferBook(transactions_of(world.database, clock=world.clock), clock=world.clock)


def step(world: World, command: Command) -> pb.AccountTransfer:
    return RequestTransferResponse.FromString(world.run(command)).transfer


def request_out(world: World, person: str, **changes: Any) -> pb.AccountTransfer:
    values: dict[str, Any] = {
        "request": world.request("RequestTransfer", caller=AGENCY),
        "person_id": person,
        "other_region": OTHER,
        "transfer_number": NUMBER,
        "reason": "works there now",
        "encode": _encode,
    }
    return step(world, RequestTransfer(**{**values, **changes}))


def record_out(
    world: World, transfer_id: str, amount_fen: int, *, caller: str = CHECKER
) -> pb.AccountTransfer:
    request = world.request("RecordTransferOut", caller=caller)
    case = transfers(world).case(REGION, transfer_id)
    return step(world, RecordTransferOut(request, case, amount_fen, _encode))


def pay(world: World, transfer_id: str, amount_fen: int) -> pb.AccountTransfer:
    request = world.request("PayTransfer", caller=AGENCY)
    case = transfers(world).case(REGION, transfer_id)
    return step(world, PayTransfer(request, case, amount_fen, "ICBC-77", _encode))


def close(world: World, transfer_id: str, *, is_cancelled: bool = False) -> pb.AccountTransfer:
    request = world.request("CloseTransfer", caller=AGENCY)
    case = transfers(world).case(REGION, transfer_id)
    return step(world, CloseTransfer(request, case, is_cancelled, _encode))
