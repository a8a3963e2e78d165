"""Three bills of which an agency takes the first one back, in each way that there is."""

from typing import Any

import pytest
from support.corrections import settle
from support.overrides import correction, refund, reversal
from support.settlement_world import OTHER_HOSPITAL, World

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_common.values.errors import RuleError

EARLY = (("A1", 4_000_000), ("B1", 9_000_000))


def three(world: World) -> tuple[str, str, str, str]:
    """Returns a person with an early bill and two later ones, at two hospitals."""
    (person,) = world.enrol()
    early = settle(world, person, *EARLY)
    elsewhere = settle(world, person, ("A1", 7_000_000), institution=OTHER_HOSPITAL)
    return person, early, elsewhere, settle(world, person, ("A1", 600_000))


def corrected_bill() -> pb.CorrectedBill:
    return pb.CorrectedBill(
        lines=[
            bill_pb2.BillLine(
                line_number=1,
                item_code="C1",
                unit_price="40000.00",
                quantity="1",
                amount_fen=4_000_000,
            )
        ],
        total_fen=4_000_000,
        account_use=bill_pb2.ACCOUNT_USE_NONE,
    )


def all_three(settlement_id: str) -> tuple[pb.Override, ...]:
    """Returns each way of taking a settlement back."""
    return (
        reversal(settlement_id),
        refund(settlement_id, 1, 2),
        correction(settlement_id, corrected_bill()),
    )


EACH_WAY = pytest.mark.parametrize("way", range(3), ids=("reversal", "refund", "correction"))


def refusal(world: World, command: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value
