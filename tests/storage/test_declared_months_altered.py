"""What was done by hand to declared months, deductions and payments is found by the checker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, as_owner
from support.declared_months.books import MonthBooks
from support.declared_months.desk import Desk
from support.periods import DECEMBER
from support.settlement_world import HOSPITAL, REGION, World

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.ledger_check.declaration import ACTS, PAID, declaration_faults
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import DeductionType, DepositMoveKind
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.declaration import tables as declared

TYPE = "390100"
FUND = f"fund:{TYPE}"
Alter = Callable[[sa.Connection], object]


class UndoneError(Exception):
    """Ends a transaction whose changes are not to stay."""


@dataclass
class Made:
    """A month that is paid, with something deducted and withheld; one that waits, one withdrawn."""

    world: World
    paid: str
    withdrawn: str
    waiting: str
    bills: list[str]


def made_in(databases: Databases) -> Made:
    books = MonthBooks(benefit_world(databases))
    world, desk, oracle = books.world, Desk(books.world), books.oracle
    (person,) = world.enrol()
    world.run(world.credit_command(person, 5_000))
    bills = [books.visit(fen, person=person) for fen in (300_000, 200_000)]
    books.visit(900_000, person=person, care_type="2101")
    world.clock.now = DECEMBER

    def declare(clearing_type: str) -> str:
        key = (HOSPITAL, 202611, "390", clearing_type)
        sums = MonthSums(*oracle.sums(key))
        return desk.declare(MonthOf(*key), sums, oracle.funds(key)).declaration_id

    paid, withdrawn = declare("11"), declare("21")
    desk.withdraw(withdrawn)
    waiting = declare("21")
    desk.accept(paid)
    gone = desk.deduct(paid, TYPE, 300)
    desk.deduct(paid, revoked_id=gone.deduction_id)
    desk.deduct(paid, TYPE, 1_000, settlement_id=bills[0])
    desk.deduct(paid, TYPE, 2_000, kind=DeductionType.RESERVE)
    desk.pay(paid)
    desk.move(paid, TYPE, 500, kind=DepositMoveKind.FORFEIT)
    released = desk.move(paid, TYPE, 700)
    desk.pay(release_ids=(released.move_id,))
    assert_books_are_right(world)
    return Made(world, paid, withdrawn, waiting, bills)


def changed(table: sa.Table, *where: sa.ColumnElement[bool], **values: Any) -> Alter:
    def alter(connection: sa.Connection) -> None:
        assert connection.execute(sa.update(table).where(*where).values(values)).rowcount

    return alter


def removed(table: sa.Table, *where: sa.ColumnElement[bool]) -> Alter:
    def alter(connection: sa.Connection) -> None:
        assert connection.execute(sa.delete(table).where(*where)).rowcount

    return alter


def alterations(made: Made) -> Mapping[str, tuple[Alter, set[int]]]:
    """Returns what is done by hand, and the invariants that tell of it."""
    declaration, act, share = (
        declared.declaration,
        declared.declared_act,
        declared.declaration_share,
    )
    deduction, move = declared.deduction, declared.deposit_move
    payment, line = declared.institution_payment, declared.institution_payment_line
    entry, of = tables.entry, declaration.c.declaration_id == made.paid
    own_act = act.c.declaration_id == made.paid
    one_act = sa.and_(own_act, act.c.settlement_id == made.bills[0])
    big = payment.c.deposit_fen > 0
    own_line = sa.and_(line.c.item_id == made.paid, line.c.account_id == FUND)
    audit = deduction.c.deduction_type == int(DeductionType.AUDIT)
    kept = sa.and_(audit, deduction.c.settlement_id == made.bills[0])
    is_deduction = entry.c.kind == int(PostingKind.DEDUCTION)
    return {
        "more declared": (changed(declaration, of, fund_total_fen=1), {PAID}),
        "another month": (changed(declaration, of, month=202610), {PAID, ACTS}),
        "other types": (changed(declaration, of, clearing_type="14"), {ACTS}),
        "not paid": (changed(declaration, of, state=2), {PAID}),
        "gone": (removed(declaration, of), {PAID, ACTS}),
        "another payer's part": (
            changed(share, share.c.account_id == FUND, declared_fen=7),
            {PAID},
        ),
        "an act of less": (changed(act, one_act, cash_fen=1), {PAID, ACTS}),
        "an act less": (removed(act, one_act), {PAID, ACTS}),
        "an act free": (changed(act, one_act, free_time=DECEMBER), {ACTS}),
        "one ended and its acts not free": (
            changed(declaration, declaration.c.declaration_id == made.waiting, end_time=DECEMBER),
            {PAID, ACTS},
        ),
        "acts twice": (twice(made), {ACTS}),
        "a deduction raised": (changed(deduction, kept, amount_fen=1_001), {PAID}),
        "a deduction of another fund": (changed(deduction, kept, fund_type="310200"), {PAID}),
        "a deduction of one operator": (
            changed(deduction, kept, checker=deduction.c.maker),
            {PAID},
        ),
        "a deduction withdrawn": (changed(deduction, kept, state=3), {PAID}),
        "a deduction removed": (removed(deduction, kept), {PAID}),
        "given back twice": (
            changed(deduction, deduction.c.amount_fen < 0, amount_fen=-299),
            {PAID},
        ),
        "a forfeit raised": (
            changed(move, move.c.move_kind == int(DepositMoveKind.FORFEIT), amount_fen=50_000),
            {PAID},
        ),
        "a release removed": (
            removed(move, move.c.move_kind == int(DepositMoveKind.RELEASE)),
            {PAID},
        ),
        "more paid": (changed(payment, big, amount_fen=payment.c.amount_fen + 1), {PAID}),
        "less withheld": (changed(payment, big, deposit_fen=payment.c.deposit_fen - 1), {PAID}),
        "a line of more": (changed(line, own_line, amount_fen=line.c.amount_fen + 1), {PAID}),
        "above five per cent": (
            changed(
                *(line, own_line),
                deposit_fen=line.c.deposit_fen + 1,
                amount_fen=line.c.amount_fen - 1,
            ),
            {PAID},
        ),
        "not reported": (changed(payment, big, bank_reference=None), {PAID}),
        "a payment of one operator": (changed(payment, big, checker=payment.c.maker), {PAID}),
        "a payment withdrawn": (changed(payment, big, state=4), {PAID}),
        "entries of another amount": (
            changed(entry, is_deduction, amount_fen=entry.c.amount_fen * 2),
            {PAID},
        ),
        "entries of no month": (changed(entry, is_deduction, original_month=None), {PAID}),
        "entries of nothing": (
            changed(
                entry,
                entry.c.kind == int(PostingKind.DEPOSIT_WITHHELD),
                posting_id=new_id(),
            ),
            {PAID},
        ),
        "the audit of a payment": (
            removed(tables.audit.event, tables.audit.event.c.method == "ReportInstitutionPayment"),
            {PAID},
        ),
    }


def twice(made: Made) -> Alter:
    """Takes away what keeps acts from standing twice, and lets those of one withdrawn stand."""
    act = declared.declared_act
    alter = changed(act, act.c.declaration_id == made.withdrawn, free_time=None)

    def both(connection: sa.Connection) -> None:
        connection.execute(sa.text("DROP INDEX uq_declared_act_region_act_id"))
        alter(connection)

    return both


def faults_after(world: World, alter: Alter) -> list[tuple[int, str, str]]:
    """Returns what is found of a change, which is undone then."""
    found: list[tuple[int, str, str]] = []

    def look() -> None:
        with as_owner(world.database) as connection:
            alter(connection)
            found.extend(declaration_faults(connection, REGION))
            raise UndoneError

    with pytest.raises(UndoneError):
        look()
    return found


def test_what_was_altered_by_hand_is_found(databases: Databases) -> None:
    made = made_in(databases)
    for name, (alter, invariants) in alterations(made).items():
        found = faults_after(made.world, alter)
        assert {number for number, _, _ in found} == invariants, (name, found)
    assert_books_are_right(made.world)
    with as_owner(made.world.database) as connection:
        changed(declared.declared_act, cash_fen=1)(connection)
    told = {each.invariant for each in check_ledger(made.world.database).drifts}
    assert told == {INVARIANTS[PAID], INVARIANTS[ACTS]}
