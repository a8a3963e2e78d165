"""Bills that are held, and what becomes of them."""

import datetime as dt
from typing import Any

from support.settlement_world import World

from yibao.settlement.v1.hold_pb2 import Hold
from yibao.settlement.v1.hold_service_pb2 import (
    ConfirmHoldResponse,
    HoldBillResponse,
    ReleaseHoldResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_settlement.application.hold.confirm import ConfirmHold
from yibao_settlement.application.hold.release import ReleaseHold
from yibao_settlement.application.hold.take import HoldBill
from yibao_settlement.servicer.hold import confirmed, held, released, released_unheld

HALF_AN_HOUR = dt.timedelta(minutes=30)


def hold_command(
    world: World,
    visit_id: str,
    person_id: str,
    *,
    valid_for: dt.timedelta = HALF_AN_HOUR,
    **changes: Any,
) -> HoldBill:
    names = {"request_id", "institution_id", "caller", "digest"}
    asked = {name: changes.pop(name) for name in names & changes.keys()}
    request = world.request("HoldBill", **asked)
    settling = world.settle_command(visit_id, person_id, **changes)._replace(request=request)
    return HoldBill(settling, valid_for, held)


def hold(world: World, visit_id: str, person_id: str, **changes: Any) -> Hold:
    answer = world.run(hold_command(world, visit_id, person_id, **changes))
    return HoldBillResponse.FromString(answer).hold


def confirm_command(world: World, hold_id: str, **changes: Any) -> ConfirmHold:
    return ConfirmHold(world.request("ConfirmHold", **changes), hold_id, confirmed)


def confirm(world: World, hold_id: str, **changes: Any) -> Settlement:
    answer = world.run(confirm_command(world, hold_id, **changes))
    return ConfirmHoldResponse.FromString(answer).settlement


def release_command(world: World, hold_id: str, **changes: Any) -> ReleaseHold:
    request = world.request("ReleaseHold", **changes)
    return ReleaseHold(request, hold_id, "the patient pays otherwise", released, released_unheld)


def release(world: World, hold_id: str, **changes: Any) -> ReleaseHoldResponse:
    answer = world.run(release_command(world, hold_id, **changes))
    return ReleaseHoldResponse.FromString(answer)
