"""Repairs of a person's bills, as one operator proposes them and another confirms."""

from typing import Any

from support.reviews import CHECKER
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.difference_pb2 import Repair
from yibao.settlement.v1.difference_service_pb2 import (
    ConfirmRepairResponse,
    ProposeRepairResponse,
    WithdrawRepairResponse,
)
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.repair.order import (
    ConfirmRepair,
    ProposeRepair,
    WithdrawRepair,
    find_repair,
    first_bill,
)
from yibao_settlement.servicer.repair import repair_encoder


def propose_command(reads: Reads, person: str, *, caller: str = AGENCY) -> ProposeRepair:
    """Returns a proposal; raises NOTHING_TO_REPAIR where the person has no bills."""
    return ProposeRepair(
        World.request("ProposeRepair", caller=caller),
        person,
        first_bill(reads, REGION, person),
        "reversals out of order",
        repair_encoder(ProposeRepairResponse),
    )


def confirm_command(
    reads: Reads, repair: Repair, *, caller: str = CHECKER, **read: int
) -> ConfirmRepair:
    """Returns a confirmation; raises REPAIR_NOT_FOUND. What was read may be told otherwise."""
    amounts: dict[str, Any] = {
        "fund_change_fen": repair.fund_change_fen,
        "difference_fen": repair.difference_fen,
        **read,
    }
    return ConfirmRepair(
        World.request("ConfirmRepair", caller=caller),
        find_repair(reads, REGION, repair.repair_id),
        encode=repair_encoder(ConfirmRepairResponse),
        **amounts,
    )


def propose(world: World, person: str) -> Repair:
    answer = world.run(propose_command(world.queries, person))
    return ProposeRepairResponse.FromString(answer).repair


def confirm(world: World, repair: Repair) -> Repair:
    answer = world.run(confirm_command(world.queries, repair))
    return ConfirmRepairResponse.FromString(answer).repair


def withdraw_command(world: World, repair: Repair, *, caller: str = AGENCY) -> WithdrawRepair:
    """Returns a withdrawal; raises REPAIR_NOT_FOUND."""
    return WithdrawRepair(
        World.request("WithdrawRepair", caller=caller),
        find_repair(world.queries, REGION, repair.repair_id),
        repair_encoder(WithdrawRepairResponse),
    )


def withdraw(world: World, repair: Repair, *, caller: str = AGENCY) -> Repair:
    answer = world.run(withdraw_command(world, repair, caller=caller))
    return WithdrawRepairResponse.FromString(answer).repair
