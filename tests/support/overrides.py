"""Overrides, as one operator proposes them and another confirms."""

from typing import Any

from support.corrections import record_of
from support.reviews import CHECKER
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_settlement.application.override.order import (
    ConfirmOverride,
    ProposeOverride,
    WithdrawOverride,
    find_override,
)
from yibao_settlement.servicer.override import Acts, confirmation_of, proposal_of, withdrawn
from yibao_settlement.servicer.refund.correcting import CorrectedAnswer

ACTS = Acts()


def reversal(settlement_id: str) -> pb.Override:
    """Returns what is asked of an override that reverses."""
    return _asked(settlement_id, pb.OVERRIDE_KIND_REVERSAL)


def refund(settlement_id: str, *returned: int | pb.LineReturn) -> pb.Override:
    """Returns what is asked of one that returns lines; those that are named by number, whole."""
    lines = [
        pb.LineReturn(line_number=each) if isinstance(each, int) else each for each in returned
    ]
    return _asked(settlement_id, pb.OVERRIDE_KIND_REFUND, lines=lines)


def correction(settlement_id: str, bill: pb.CorrectedBill) -> pb.Override:
    """Returns what is asked of one that puts a bill in the place."""
    return _asked(settlement_id, pb.OVERRIDE_KIND_CORRECTION, bill=bill)


def _asked(settlement_id: str, kind: pb.OverrideKind.ValueType, **act: Any) -> pb.Override:
    return pb.Override(
        region=REGION,
        override_kind=kind,
        settlement_id=settlement_id,
        reason="the court said so",
        **act,
    )


def propose_command(
    world: World,
    asked: pb.Override,
    *,
    newest_first: bool = True,
    acts: Acts = ACTS,
    **request: Any,
) -> ProposeOverride[Any]:
    requested = world.request("ProposeOverride", **{"caller": AGENCY, **request})
    record = record_of(world, asked.settlement_id)
    act = acts.of(requested, asked, record, CorrectedAnswer())
    return proposal_of(act, asked, newest_first=newest_first)


def confirm_command(
    world: World, told: pb.Override, *, acts: Acts = ACTS, **changes: Any
) -> ConfirmOverride[Any]:
    """Returns a confirmation; raises OVERRIDE_NOT_FOUND. What was read may be told otherwise."""
    names = changes.keys() & {"caller", "request_id", "digest"}
    asked = {"caller": CHECKER, **{name: changes.pop(name) for name in names}}
    read: dict[str, Any] = {
        "amounts": told.amounts,
        "adjusted_fund_change_fen": told.adjusted_fund_change_fen,
        "adjusted_count": told.adjusted_count,
        "held_count": told.held_count,
    }
    request = pb.ConfirmOverrideRequest(override_id=told.override_id, **{**read, **changes})
    override = find_override(world.queries, REGION, told.override_id)
    stored = pb.Override.FromString(override.told)
    act = acts.of(
        world.request("ConfirmOverride", **asked),
        stored,
        record_of(world, stored.settlement_id),
        CorrectedAnswer(),
    )
    return confirmation_of(act, override, request)


def propose(world: World, asked: pb.Override, **request: Any) -> pb.Override:
    answer = world.run(propose_command(world, asked, **request))
    return pb.ProposeOverrideResponse.FromString(answer).override


def confirm(world: World, told: pb.Override, **changes: Any) -> pb.ConfirmOverrideResponse:
    answer = world.run(confirm_command(world, told, **changes))
    return pb.ConfirmOverrideResponse.FromString(answer)


def withdraw_command(world: World, told: pb.Override, *, caller: str = AGENCY) -> WithdrawOverride:
    """Returns a withdrawal; raises OVERRIDE_NOT_FOUND."""
    override = find_override(world.queries, REGION, told.override_id)
    return WithdrawOverride(world.request("WithdrawOverride", caller=caller), override, withdrawn)


def withdraw(world: World, told: pb.Override, *, caller: str = AGENCY) -> pb.Override:
    answer = world.run(withdraw_command(world, told, caller=caller))
    return pb.WithdrawOverrideResponse.FromString(answer).override
