"""Bills of lines of any price and quantity, and returns of them."""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from support.benefit_world import admit
from support.charges import assert_books_are_right
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import (
    RefundSettlementResponse,
)
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.bill import ChargedLine, LineDetails
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.refund.refunding import refunded
from yibao_settlement.storage import tables


class Charged(NamedTuple):
    """A line of a bill in numbers: item, price in micro yuan, quantity in ten-thousandths."""

    item: str
    price: int
    quantity: int

    @property
    def fen(self) -> int:
        exact = Decimal(self.price * self.quantity) / 10**8
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    def line(self, number: int, line_id: str = "") -> ChargedLine:
        price, quantity = Decimal(self.price) / 10**6, Decimal(self.quantity) / 10**4
        details = LineDetails(line_id=line_id) if line_id else None
        return ChargedLine(number, self.item, f"{price:f}", f"{quantity:f}", self.fen, details)


def yuan(item: str, price: str, quantity: str = "1") -> Charged:
    return Charged(item, int(Decimal(price) * 10**6), int(Decimal(quantity) * 10**4))


def settle(
    world: World,
    person: str,
    lines: list[Charged],
    *,
    institution: str = HOSPITAL,
    visit_id: str = "",
    **bill: object,
) -> str:
    if not visit_id:
        visit_id = admit(world, person, TODAY, institution_id=institution)
        # A reversal would open the stay again.
        world.run(world.discharge_command(visit_id, institution_id=institution))
    charged = tuple(line.line(number) for number, line in enumerate(lines, 1) if line.quantity)
    values = {"lines": charged, "total_fen": sum(line.fen for line in lines), **bill}
    told = world.settle(
        visit_id, person, bill=world.bill(visit_id, **values), institution_id=institution
    )
    return told.settlement_id


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def refused(world: World, settlement_id: str, *returned: AskedReturn, **changes: object) -> Reason:
    before = world.queries.standing(REGION, record_of(world, settlement_id).person_id)
    with pytest.raises(RuleError) as refusal:
        world.refund(settlement_id, *returned, **changes)
    assert world.queries.standing(REGION, record_of(world, settlement_id).person_id) == before
    assert_books_are_right(world)
    return refusal.value.reason


def entries(world: World) -> dict[tuple[str, str], int]:
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(sa.select(entry.posting_id, entry.account_id, entry.amount_fen))
        return {(row[0], row[1]): row[2] for row in rows}


def tried(world: World, settlement_id: str, *returned: AskedReturn) -> RefundSettlementResponse:
    caller = parse_caller(f"institution/{HOSPITAL}")
    request = Request.trial(caller, method="TrialRefund", region=REGION)
    command = world.refund_command(settlement_id, *returned)
    values = (settlement_id, returned, "", refunded)
    return RefundSettlementResponse.FromString(world.run(type(command)(request, *values)))
