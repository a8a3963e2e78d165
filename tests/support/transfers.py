"""The steps of a transfer of an account to another region, by operators of both."""

import dataclasses
import itertools
from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import feed_of, tell, transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1 import transfer_pb2 as pb
from yibao.settlement.v1.transfer_service_pb2 import (
    ReceiveTransferResponse,
    RequestTransferResponse,
)
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.feed import EnrolmentChange
from yibao_settlement.application.transfer.find import TransferBook
from yibao_settlement.application.transfer.steps import (
    CloseTransfer,
    PayTransfer,
    ReceiveTransfer,
    RecordTransferOut,
    RequestTransfer,
)
from yibao_settlement.servicer.transfer import received, transfer_encoder

OTHER = "999020"
NUMBER = "ZY-2026-000731"
_ACTIVE: dict[str, Any] = {"insurance_type": "310", "person_class": "11"}
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


def enrol_there(world: World, *persons: str) -> None:
    """Enrols persons in the other region, of the same database."""
    feed = feed_of(world.database, clock=world.clock)
    first = feed.position(OTHER).sequence + 1
    changes = [
        dataclasses.replace(world.insured(each, **_ACTIVE), credentials=()) for each in persons
    ]
    tell(feed, OTHER, list(itertools.starmap(EnrolmentChange, enumerate(changes, first))))


def receive(world: World, person: str, amount_fen: int, **changes: Any) -> ReceiveTransferResponse:
    caller = parse_caller(f"agency/{OTHER}/zhao")
    values: dict[str, Any] = {
        "request": Request(OTHER, new_id(), new_id().encode()[:32], "ReceiveTransfer", caller),
        "person_id": person,
        "other_region": REGION,
        "transfer_number": NUMBER,
        "amount_fen": amount_fen,
        "second_above_fen": None,
        "encode": received,
    }
    (outcome,) = world.work(OTHER, [ReceiveTransfer(**{**values, **changes})])
    if isinstance(outcome, RuleError):
        raise outcome
    return ReceiveTransferResponse.FromString(outcome)
