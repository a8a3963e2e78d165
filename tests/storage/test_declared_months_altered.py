"""What was done by hand to declared months, deductions and payments is found by the checker."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.declared_months.books import MonthBooks
from support.declared_months.desk import Desk
from support.periods import DECEMBER
from support.settlement_world import AGENCY, HOSPITAL, REGION

from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import DeductionType, DepositMoveKind
from yibao_settlement.storage import tables

FUND = "390100"
PAID, ACTS = 25, 26
Alter = Callable[[sa.Connection], object]
CHECKER = f"agency/{REGION}/li"


class Rolled(Exception):
    """Ends a transaction whose changes are not to stay."""


@pytest.fixture(scope="module")
def world(databases_of_module: Databases) -> Iterator[Database]:
    """One month is paid with something deducted and withheld, one waits, one was withdrawn."""
    books = MonthBooks(benefit_world(databases_of_module))
    made, desk = books.world, Desk(books.world)
    (person,) = made.enrol()
    bills = [books.visit(fen, person=person) for fen in (300_000, 200_000)]
    books.visit(900_000, person=person, care_type="2101")
    made.clock.now = DECEMBER
    oracle = books.oracle
    for clearing_type in ("11", "21", "21"):
        key = (HOSPITAL, 202611, "390", clearing_type)
        sums = MonthSums(*oracle.sums(key))
        told = desk.declare(MonthOf(*key), sums, oracle.funds(key))
        if clearing_type == "11":
            name = desk.accept(told.declaration_id).declaration_id
        elif told and len(made.persons) and not getattr(made, "_withdrawn", False):
            desk.withdraw(told.declaration_id)
            object.__setattr__(made, "_withdrawn", True) if False else None
            break
    key = (HOSPITAL, 202611, "390", "21")
    desk.declare(MonthOf(*key), MonthSums(*oracle.sums(key)), oracle.funds(key))
    desk.deduct(name, FUND, 1_000, settlement_id=bills[0])
    desk.deduct(name, FUND, 2_000, kind=DeductionType.RESERVE)
    desk.pay(name)
    desk.move(name, FUND, 500, kind=DepositMoveKind.FORFEIT)
    released = desk.move(name, FUND, 700)
    desk.pay(release_ids=(released.move_id,))
    assert_books_are_right(made)
    yield made.database
