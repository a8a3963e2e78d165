"""Corrections of settled bills, as tests of storage make and try them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from support.benefit_world import admit
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_pb2 import CorrectionAmounts as AmountsMessage
from yibao.settlement.v1.refund_service_pb2 import CorrectSettlementResponse
from yibao_common.commands.request import Request
from yibao_settlement.application.settlement.correct import CorrectSettlement
from yibao_settlement.application.settlement.corrected import Billed, CorrectionAmounts
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.servicer.refund.correcting import corrected, correction_tried


def charged(*items: tuple[str, int]) -> tuple[ChargedLine, ...]:
    """Returns a line of one unit for each item and what it costs in fen."""
    return tuple(
        ChargedLine(number, code, f"{fen // 100}.{fen % 100:02d}", "1", fen)
        for number, (code, fen) in enumerate(items, 1)
    )


def settle(
    world: World,
    person: str,
    *items: tuple[str, int],
    institution: str = HOSPITAL,
    **bill: object,
) -> str:
    """Settles a bill of a stay that is over, and returns the settlement."""
    visit_id = admit(world, person, TODAY, institution_id=institution)
    world.run(world.discharge_command(visit_id, institution_id=institution))
    lines = charged(*items)
    total_fen = sum(line.amount_fen for line in lines)
    made = world.bill(visit_id, **{"lines": lines, "total_fen": total_fen, **bill})
    return world.settle(visit_id, person, bill=made, institution_id=institution).settlement_id


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    """Returns a settlement as it is read."""
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def correct_command(
    world: World, settlement_id: str, lines: Sequence[ChargedLine], **changes: Any
) -> CorrectSettlement:
    """Returns a correction to other lines; `bill` are other changes of the bill."""
    record = record_of(world, settlement_id)
    bill = Bill(
        record.visit_id,
        record.bill_number,
        record.service_date,
        tuple(lines),
        sum(line.amount_fen for line in lines),
        record.account_used,
        is_interim=record.is_interim,
        family_used=bool(record.family),
    )
    names = changes.keys() & {"caller", "institution_id", "request_id", "digest"}
    asked = {name: changes.pop(name) for name in names}
    values: dict[str, Any] = {
        "request": world.request("CorrectSettlement", **asked),
        "settlement_id": settlement_id,
        "bill": bill._replace(**changes.pop("bill", {})),
        "reason": "charged the wrong item",
        "encode": corrected,
    }
    return CorrectSettlement(**{**values, **changes})


def trial_of(command: CorrectSettlement) -> CorrectSettlement:
    """Returns what tries a correction; it tells what comes out with a code where it has one."""
    asked = command.request
    request = Request.trial(asked.caller, method="TrialCorrection", region=asked.region)
    has_code = command.code is not None
    return replace(
        command, request=request, reason="", code=None, expected=None, tries_code=has_code
    )


def tried(world: World, command: CorrectSettlement) -> CorrectSettlementResponse:
    """Returns what a trial of a correction answers."""
    return correction_tried(world.run(trial_of(command)))


def amounts_of(told: AmountsMessage) -> CorrectionAmounts:
    """Returns the amounts of an answer, as a request carries them."""
    names = GivenBack._fields
    return CorrectionAmounts(
        GivenBack(*(getattr(told.returned, name) for name in names)),
        Billed(*(getattr(told.billed, name) for name in names)),
    )


def correct(
    world: World, settlement_id: str, lines: Sequence[ChargedLine], **changes: Any
) -> CorrectSettlementResponse:
    """Corrects a settlement with the amounts of a trial, as a counter does."""
    command = correct_command(world, settlement_id, lines, **changes)
    if command.expected is None:
        command = replace(command, expected=amounts_of(tried(world, command).amounts))
    return CorrectSettlementResponse.FromString(world.run(command))
