"""For how many commands of a batch one counts: what has many lines takes as long as many bills."""

import datetime as dt
from typing import Any

import pytest
from support.charges import CALLER, charged
from support.settlement_world import REGION

from yibao_common.commands.request import Request
from yibao_settlement.application.charge.upload import UploadLines
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.hold.release import ReleaseHold
from yibao_settlement.application.hold.take import HoldBill
from yibao_settlement.application.override.order import ProposeOverride
from yibao_settlement.application.settlement.correct import CorrectSettlement
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.application.visit.cancel import CancelVisit
from yibao_settlement.batches import weight_of
from yibao_settlement.rules.bill import Bill, Selection

ASKED = Request(REGION, "id", b"", "method", CALLER)
LINES = 100
WEIGHT = 6
# Of a command by which later bills may be decided again.
AGAIN = 7


def nothing(*_: Any) -> bytes:
    return b""


def bill(lines: int, selection: Selection | None = None) -> Bill:
    made = tuple(charged(f"L{number}") for number in range(lines))
    return Bill("visit", "1", dt.date(2026, 11, 1), made, 100, False, selection)


def settling(lines: int, selection: Selection | None = None) -> SettleBill:
    return SettleBill(ASKED, None, bill(lines, selection), nothing)


def correcting(lines: int) -> CorrectSettlement:
    return CorrectSettlement(ASKED, "settlement", bill(lines), "mistake", nothing)


NAMED = Selection(tuple(map(str, range(LINES))))


@pytest.mark.parametrize(
    ("command", "weight"),
    [
        (settling(1), 1),
        (settling(19), 1),
        (settling(20), 2),
        (settling(LINES), WEIGHT),
        (settling(0, NAMED), WEIGHT),
        (settling(0, Selection()), 21),
        (HoldBill(settling(LINES), dt.timedelta(hours=1), nothing), WEIGHT),
        (correcting(LINES), WEIGHT + AGAIN),
        (
            ProposeOverride(correcting(LINES), "settlement", "", nothing, nothing, True),
            WEIGHT + AGAIN,
        ),
        (ReverseSettlement(ASKED, "settlement", "", nothing), 1 + AGAIN),
        (ReleaseHold(ASKED, "hold", "", nothing, nothing), 1 + AGAIN),
        (ExpireHolds.of(REGION, "person"), 1 + AGAIN),
        (UploadLines(ASKED, "visit", "", bill(LINES).lines, nothing), WEIGHT),
        (CancelVisit(ASKED, "visit", nothing), 1),
    ],
)
def test_a_command_weighs_as_much_as_its_lines(command: Any, weight: int) -> None:
    assert weight_of(command) == weight
