"""Lines are returned of bills that two purses paid, each only some parts: who bears the rest."""

import pytest
from support.benefit_world import admit, benefit_world, policy_text
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_world import REGION, TODAY, World

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import Purses, purses_in
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.refund import AskedReturn, RefundOrder

ONE_STEP = """\
  - account:
      id: Z1
      title: The account
      title_zh: 个人账户
      base: [D1.paid, P1.copay, P1.overflow, prepay]
"""
# Money of earlier years pays deductibles alone, that of this year all else.
EACH_ITS_OWN = """\
  - account:
      id: Z1
      title: Earlier years
      title_zh: 历年账户
      purses: [carried]
      base: [D1.paid]
  - account:
      id: Z2
      title: This year
      title_zh: 当年账户
      purses: [current_year]
      base: [P1.copay, P1.overflow, prepay]
"""


def settled(world: World) -> tuple[str, SettlementRecord]:
    """Settles a stay of 5,000.00 of class A and 900.00 of class B, all paid by the account."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000, is_carried=True))
    world.run(world.credit_command(person, 900_000))
    visit = admit(world, person, TODAY)
    lines = (
        ChargedLine(1, "A1", "5000.00", "1", 500_000),
        ChargedLine(2, "B1", "900.00", "1", 90_000),
    )
    bill = world.bill(visit, lines=lines, total_fen=590_000, account_used=True)
    told = world.settle(visit, person, bill=bill)
    record = world.queries.settlement(REGION, told.settlement_id)
    assert record is not None
    assert (record.cash_fen, record.carried.paid_fen) == (0, 100_000)
    return person, record


@pytest.mark.parametrize("order", RefundOrder)
def test_neither_purse_is_asked_for_what_the_other_alone_may_pay(
    databases: Databases, order: RefundOrder
) -> None:
    text = policy_text()
    assert ONE_STEP in text
    world = benefit_world(databases, text=text.replace(ONE_STEP, EACH_ITS_OWN))
    person, before = settled(world)
    answer = world.refund(before.settlement_id, AskedReturn(1), order=order)
    left = world.queries.settlement(REGION, before.settlement_id)
    assert left is not None
    # 810.00 are below the deductible, 90.00 the first share of class B: the account had paid
    # all of the person's part, and does so of the rest.
    assert (left.account_fen, left.carried.paid_fen, left.cash_fen) == (90_000, 81_000, 0)
    assert answer.refund.amounts.account_fen == before.account_fen - 90_000
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert purses_in(standing, TODAY.year) == Purses(891_000, 19_000)
    assert_books_are_right(world)
