"""What application decides of declared months, and in which order, without a database."""

import datetime as dt
from collections.abc import Callable

import pytest
from support.memory.settlement.declaration import MemoryDeclarations
from support.memory.settlement.work import REGION, MemoryWork, request
from support.refusals import Given, assert_refused_in_order, reason_of

from yibao_common.values.errors import TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.declaration.declare import Declarations, DeclareMonth
from yibao_settlement.application.declaration.order import (
    DecideDeduction,
    DeclarationOrders,
    ProposeDeduction,
)
from yibao_settlement.application.declaration.pay import (
    DecidePayment,
    InstitutionPayments,
    ProposePayment,
    ReportPayment,
)
from yibao_settlement.application.declaration.rows import FoundSums
from yibao_settlement.rules.declaration.month import DeclarationState, MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import Deduction, DeductionType
from yibao_settlement.rules.declaration.payment import PaymentState

HOSPITAL, FUND = "H99901900001", "390100"
OF = MonthOf(HOSPITAL, 202611, "390", "11")
SUMS = MonthSums(2, 1_000, 600, 100, 300)
DECEMBER = dt.datetime(2026, 12, 3, 4, tzinfo=dt.UTC)


class Desk:
    """An institution and its agency over rows in memory."""

    def __init__(self, *, ends: bool = True) -> None:
        self.work = MemoryWork()
        self.now = DECEMBER
        self.waited: list[int] = []
        self._ends = ends
        of = {"clock": lambda: self.now, "ids": new_id}
        self.declarations = Declarations(self.work, others_ended=self._others_ended, **of)  # type: ignore[arg-type]
        self.orders = DeclarationOrders(self.work, **of)  # type: ignore[arg-type]
        self.payments = InstitutionPayments(self.work, deposit_ratio_ppm={REGION: 50_000}, **of)  # type: ignore[arg-type]
        self.rows.found = FoundSums(SUMS, {f"fund:{FUND}": 600})

    @property
    def rows(self) -> MemoryDeclarations:
        assert isinstance(self.work.work.declarations, MemoryDeclarations)
        return self.work.work.declarations

    def _others_ended(self) -> bool:
        self.waited.append(self.work.periods.ended)
        return self._ends

    def declare(self, sums: MonthSums = SUMS) -> str:
        made: list[str] = []
        command = DeclareMonth(request("DeclareMonth", new_id()), OF, sums, {FUND: 600})

        def encode(done: object) -> bytes:
            made.append(done.declaration.declaration_id)  # type: ignore[attr-defined]
            return b"done"

        self.declarations.declare(command, encode)
        return made[-1]

    def put(self, name: str, **changes: object) -> None:
        self.rows.rows[name] = self.rows.rows[name]._replace(**changes)  # type: ignore[arg-type]


def test_a_month_is_ended_and_waited_for_before_it_is_summed() -> None:
    desk = Desk()
    name = desk.declare()
    assert desk.waited == [202611]
    assert desk.rows.payers[name] == {f"fund:{FUND}": 600, "person:": 100}
    slow = Desk(ends=False)
    with pytest.raises(TransientError):
        slow.declare()
    assert slow.rows.rows == {}


def test_who_declares_is_refused_in_the_order_that_the_contract_tells() -> None:
    desk = Desk()
    name = desk.declare()
    desk.now, desk.rows.found = (
        dt.datetime(2026, 11, 30, 15, tzinfo=dt.UTC),
        FoundSums(MonthSums(), {}),
    )
    given = Given(sums=SUMS._replace(cash_fen=0))

    def turn(now: dt.datetime) -> None:
        desk.now = now

    def find() -> None:
        desk.rows.found = FoundSums(SUMS, {f"fund:{FUND}": 600})

    assert_refused_in_order(
        lambda: desk.declare(given.values["sums"]),
        (Reason.PERIOD_NOT_OVER, lambda: turn(DECEMBER)),
        (Reason.DECLARATION_EXISTS, lambda: desk.put(name, end_time=DECEMBER)),
        (Reason.DECLARATION_EMPTY, find),
        (Reason.DECLARATION_SUMS_DIFFER, lambda: given.now(sums=SUMS)),
    )


def test_a_deduction_is_decided_under_the_lock_of_its_declaration() -> None:
    desk = Desk()
    name = desk.declare()
    given = Given(of=new_id(), fen=601, settlement=new_id())
    kept: list[str] = []

    def propose() -> None:
        command = ProposeDeduction(
            request("ProposeDeduction", new_id()),
            given.values["of"],
            DeductionType.AUDIT,
            FUND,
            given.values["fen"],
            given.values["settlement"],
            None,
            "why",
        )

        def encode(done: Deduction) -> bytes:
            kept.append(done.deduction_id)
            return b""

        desk.orders.propose_deduction(command, encode)

    assert_refused_in_order(
        propose,
        (Reason.DECLARATION_NOT_FOUND, lambda: given.now(of=name)),
        (Reason.DECLARATION_STATE, lambda: desk.put(name, state=DeclarationState.ACCEPTED)),
        (Reason.DEDUCTION_EXCEEDS, lambda: given.now(fen=600)),
        (
            Reason.DEDUCTION_SETTLEMENT,
            lambda: desk.rows.left.update({given.values["settlement"]: 600}),
        ),
    )
    assert desk.rows.locked[-1] == name
    deduction = Given(id=new_id(), operator="maker", fen=1)

    def confirm() -> None:
        asked = request("ConfirmDeduction", new_id(), operator=deduction.values["operator"])
        command = DecideDeduction(asked, deduction.values["id"], deduction.values["fen"])
        desk.orders.confirm_deduction(command, lambda done: b"done")

    assert_refused_in_order(
        confirm,
        (Reason.DEDUCTION_NOT_FOUND, lambda: deduction.now(id=kept[0])),
        (Reason.SAME_MAKER_AND_CHECKER, lambda: deduction.now(operator="checker")),
        (Reason.DEDUCTION_STATE, lambda: deduction.now(fen=600)),
    )
    assert reason_of(confirm) is Reason.DEDUCTION_STATE
    (posting,) = desk.work.work.declaration_orders.posted  # type: ignore[attr-defined]
    assert (posting.month, posting.original_month) == (202612, 202611)


def test_a_payment_is_confirmed_by_another_and_paid_once() -> None:
    desk = Desk()
    name = desk.declare()
    desk.put(name, state=DeclarationState.ACCEPTED)

    def done(act: Callable[[Callable[[object], bytes]], bytes]) -> None:
        act(lambda told: b"done")

    ask = request("ProposeInstitutionPayment", new_id())
    done(lambda encode: desk.payments.propose(ProposePayment(ask, (name,), ()), encode))
    (payment,) = desk.work.work.payments.rows.values()  # type: ignore[attr-defined]
    assert (payment.amount_fen, payment.deposit_fen) == (670, 30)
    report = Given(reference="B1", fen=1)

    def tell() -> None:
        asked = request("ReportInstitutionPayment", new_id())
        values = report.values
        command = ReportPayment(asked, payment.payment_id, values["fen"], values["reference"])
        done(lambda encode: desk.payments.report(command, encode))

    def confirm(operator: str = "checker") -> None:
        asked = request("ConfirmInstitutionPayment", new_id(), operator=operator)
        command = DecidePayment(asked, payment.payment_id, 670)
        done(lambda encode: desk.payments.confirm(command, encode))

    assert reason_of(tell) is Reason.INSTITUTION_PAYMENT_STATE
    assert reason_of(lambda: confirm("maker")) is Reason.SAME_MAKER_AND_CHECKER
    confirm()
    assert reason_of(confirm) is Reason.INSTITUTION_PAYMENT_STATE
    assert reason_of(tell) is Reason.INSTITUTION_PAYMENT_STATE
    report.now(fen=670)
    tell()
    tell()
    assert desk.rows.rows[name].state is DeclarationState.PAID
    paid = desk.work.work.payments.find(payment.payment_id)
    assert paid is not None
    assert paid.state is PaymentState.PAID
    posted = desk.work.work.declaration_orders.posted  # type: ignore[attr-defined]
    assert [sorted(fen for _, fen in each.entries) for each in posted] == [[-30, 30], [-670, 670]]
