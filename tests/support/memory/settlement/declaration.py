"""Declared months, their orders and payments in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from yibao_settlement.application.batch.changes import Posting
from yibao_settlement.application.declaration.rows import (
    ActsOf,
    CareSum,
    DeclarationOrderRows,
    DeclarationRows,
    DeclarationWish,
    FoundSums,
    OrderWish,
    PaymentRows,
    PaymentWish,
)
from yibao_settlement.rules.day.act import DayAct, DaySpan
from yibao_settlement.rules.declaration.month import Declaration, MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import Deduction, DepositMove, OrderState
from yibao_settlement.rules.declaration.payment import Payment, PaymentLine, PaymentState

# What only a reader asks for, whom no rule decides for.
_OVER_DATABASES = "lists and sums are read over both databases"


@dataclasses.dataclass
class MemoryDeclarations(DeclarationRows):
    """What acts come to, whichever are asked for, and what was declared of them."""

    found: FoundSums = FoundSums(MonthSums(), {})  # noqa: RUF009 (it never changes)
    rows: dict[str, Declaration] = dataclasses.field(default_factory=dict)
    payers: dict[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    # What may be deducted for settlements, and whose acts are free again.
    left: dict[str, int] = dataclasses.field(default_factory=dict)
    freed: list[str] = dataclasses.field(default_factory=list)
    locked: list[str] = dataclasses.field(default_factory=list)

    def lock(self, declaration_ids: Collection[str]) -> dict[str, Declaration]:
        self.locked += sorted(declaration_ids)
        return {each: self.rows[each] for each in sorted(declaration_ids) if each in self.rows}

    def find(self, declaration_id: str) -> Declaration | None:
        return self.rows.get(declaration_id)

    def standing(self, of: MonthOf) -> Declaration | None:
        found = [each for each in self.rows.values() if each.of == of and each.end_time is None]
        return found[0] if found else None

    def page(self, wish: DeclarationWish, *, after: str | None, limit: int) -> list[Declaration]:
        raise AssertionError(_OVER_DATABASES)

    def acts(self, declaration_id: str, *, after: str | None, limit: int) -> list[DayAct]:
        raise AssertionError(_OVER_DATABASES)

    def month_sums(self, institution_id: str, span: DaySpan) -> list[CareSum]:
        raise AssertionError(_OVER_DATABASES)

    def sums(self, acts: ActsOf) -> FoundSums:
        return self.found

    def insert(
        self, declaration: Declaration, payers: Mapping[str, int], acts: ActsOf
    ) -> MonthSums:
        self.rows[declaration.declaration_id] = declaration
        self.payers[declaration.declaration_id] = payers
        return self.found.sums

    def update(self, declaration: Declaration, *, are_acts_free: bool = False) -> None:
        self.rows[declaration.declaration_id] = declaration
        if are_acts_free:
            self.freed.append(declaration.declaration_id)

    def declared(self, declaration_ids: Collection[str]) -> dict[str, Mapping[str, int]]:
        return {each: self.payers[each] for each in declaration_ids}

    def fund_left_fen(
        self, institution_id: str, settlement_id: str, *, beside: str | None = None
    ) -> int | None:
        return self.left.get(settlement_id)


@dataclasses.dataclass
class MemoryDeclarationOrders(DeclarationOrderRows):
    """Deductions and moves, and what was posted."""

    rows: dict[str, Deduction | DepositMove] = dataclasses.field(default_factory=dict)
    posted: list[Posting] = dataclasses.field(default_factory=list)

    def find_deduction(self, deduction_id: str) -> Deduction | None:
        found = self.rows.get(deduction_id)
        return found if isinstance(found, Deduction) else None

    def find_move(self, move_id: str) -> DepositMove | None:
        found = self.rows.get(move_id)
        return found if isinstance(found, DepositMove) else None

    def deductions(self, declaration_ids: Collection[str]) -> list[Deduction]:
        return [
            each
            for each in self.rows.values()
            if isinstance(each, Deduction)
            and each.declaration_id in declaration_ids
            and each.state is not OrderState.WITHDRAWN
        ]

    def moves(self, declaration_id: str) -> list[DepositMove]:
        return [
            each
            for each in self.rows.values()
            if isinstance(each, DepositMove)
            and each.declaration_id == declaration_id
            and each.state is not OrderState.WITHDRAWN
        ]

    def is_revoked(self, deduction_id: str) -> bool:
        return any(
            isinstance(each, Deduction)
            and each.revoked_id == deduction_id
            and each.state is not OrderState.WITHDRAWN
            for each in self.rows.values()
        )

    def deduction_page(self, wish: OrderWish, *, after: str | None, limit: int) -> list[Deduction]:
        raise AssertionError(_OVER_DATABASES)

    def move_page(self, wish: OrderWish, *, after: str | None, limit: int) -> list[DepositMove]:
        raise AssertionError(_OVER_DATABASES)

    def insert(self, order: Deduction | DepositMove) -> None:
        self.rows[order.order_id] = order

    def update(self, order: Deduction | DepositMove) -> None:
        assert self.rows[order.order_id].state is OrderState.PROPOSED
        self.rows[order.order_id] = order

    def post(self, posting: Posting, *, now: dt.datetime) -> None:
        if posting.entries:
            self.posted.append(posting)


@dataclasses.dataclass
class MemoryPayments(PaymentRows):
    """Payments and what they are of."""

    rows: dict[str, Payment] = dataclasses.field(default_factory=dict)
    of: dict[str, list[PaymentLine]] = dataclasses.field(default_factory=dict)

    def lock(self, payment_id: str) -> Payment | None:
        return self.rows.get(payment_id)

    def find(self, payment_id: str) -> Payment | None:
        return self.rows.get(payment_id)

    def by_reference(self, bank_reference: str) -> Payment | None:
        found = [each for each in self.rows.values() if each.bank_reference == bank_reference]
        return found[0] if found else None

    def lines(self, payment_id: str) -> list[PaymentLine]:
        return sorted(self.of[payment_id])

    def standing_lines(
        self, item_ids: Collection[str]
    ) -> dict[str, list[tuple[Payment, PaymentLine]]]:
        found: dict[str, list[tuple[Payment, PaymentLine]]] = {}
        for payment in self.rows.values():
            for line in self.of[payment.payment_id]:
                if line.item_id in item_ids and payment.state is not PaymentState.WITHDRAWN:
                    found.setdefault(line.item_id, []).append((payment, line))
        return found

    def page(self, wish: PaymentWish, *, after: str | None, limit: int) -> list[Payment]:
        raise AssertionError(_OVER_DATABASES)

    def insert(self, payment: Payment, lines: Sequence[PaymentLine]) -> None:
        self.rows[payment.payment_id], self.of[payment.payment_id] = payment, list(lines)

    def update(self, payment: Payment) -> None:
        self.rows[payment.payment_id] = payment
