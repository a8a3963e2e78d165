"""What declared months, deductions, deposits and payments find, lock and write."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.application.batch.changes import Posting
from yibao_settlement.rules.day.act import DayAct, DaySpan
from yibao_settlement.rules.day.clearing_type import CareTypes
from yibao_settlement.rules.declaration.month import (
    Declaration,
    DeclarationState,
    MonthOf,
    MonthSums,
)
from yibao_settlement.rules.declaration.order import Deduction, DepositMove, OrderState
from yibao_settlement.rules.declaration.payment import Payment, PaymentLine, PaymentState


class ActsOf(NamedTuple):
    """Which acts: of an institution in a span of time, of an insurance type and care types."""

    institution_id: str
    span: DaySpan
    insurance_type: str
    care_types: CareTypes


class FoundSums(NamedTuple):
    """What acts come to, and what each payer beside personal accounts pays, by its account."""

    sums: MonthSums
    payers: Mapping[str, int]


class CareSum(NamedTuple):
    """What acts of an insurance type and a care type come to; `funds` by their types."""

    insurance_type: str
    care_type: str
    sums: MonthSums
    funds: Mapping[str, int]


class DeclarationWish(NamedTuple):
    """Which declarations are listed; what is None limits nothing."""

    institution_id: str | None = None
    month: int | None = None
    state: DeclarationState | None = None


class OrderWish(NamedTuple):
    """Which deductions or moves are listed; what is None limits nothing."""

    institution_id: str | None = None
    declaration_id: str | None = None
    state: OrderState | None = None


class PaymentWish(NamedTuple):
    """Which payments are listed; what is None limits nothing."""

    institution_id: str | None = None
    state: PaymentState | None = None


class DeclarationRows(Protocol):
    """Declared months of a region."""

    def lock(self, declaration_ids: Collection[str]) -> Mapping[str, Declaration]:
        """Returns those of some declarations that there are, locked in the order of their ids."""
        ...

    def find(self, declaration_id: str) -> Declaration | None:
        """Returns a declaration, or None."""
        ...

    def standing(self, of: MonthOf) -> Declaration | None:
        """Returns the declaration of a month that is neither withdrawn nor rejected, or None."""
        ...

    def page(
        self, wish: DeclarationWish, *, after: str | None, limit: int
    ) -> Sequence[Declaration]:
        """Returns at most `limit` declarations behind one, by their ids."""
        ...

    def acts(self, declaration_id: str, *, after: str | None, limit: int) -> Sequence[DayAct]:
        """Returns at most `limit` acts of a declaration behind one, by their ids.

        Requests, bill numbers and callers are not told.
        """
        ...

    def month_sums(self, institution_id: str, span: DaySpan) -> Sequence[CareSum]:
        """Returns what all acts come to, by insurance type and care type."""
        ...

    def sums(self, acts: ActsOf) -> FoundSums:
        """Returns what some acts come to."""
        ...

    def insert(
        self, declaration: Declaration, payers: Mapping[str, int], acts: ActsOf
    ) -> MonthSums:
        """Stores a declaration with what payers owe and its acts; returns what these come to."""
        ...

    def update(self, declaration: Declaration, *, are_acts_free: bool = False) -> None:
        """Stores what changes of a declaration; its acts may be declared again where it ended."""
        ...

    def declared(self, declaration_ids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """Returns what payers owe by declarations, by account."""
        ...

    def fund_left_fen(
        self, institution_id: str, settlement_id: str, *, beside: str | None = None
    ) -> int | None:
        """Returns what funds pay of a settlement less what is deducted for it, or is to be.

        Locks it, so that nothing else is decided of it until the transaction ends. The deduction
        `beside` is not counted. 0 where it was reversed; None where no declaration of the
        institution that stands has it.
        """
        ...


class DeclarationOrderRows(Protocol):
    """Deductions and moves of deposits of a region."""

    def find_deduction(self, deduction_id: str) -> Deduction | None:
        """Returns a deduction, or None."""
        ...

    def find_move(self, move_id: str) -> DepositMove | None:
        """Returns a move, or None."""
        ...

    def deductions(self, declaration_ids: Collection[str]) -> Sequence[Deduction]:
        """Returns the deductions of declarations that are not withdrawn."""
        ...

    def moves(self, declaration_id: str) -> Sequence[DepositMove]:
        """Returns the moves of a declaration that are not withdrawn."""
        ...

    def is_revoked(self, deduction_id: str) -> bool:
        """Tells whether a deduction is given back or is to be."""
        ...

    def deduction_page(
        self, wish: OrderWish, *, after: str | None, limit: int
    ) -> Sequence[Deduction]:
        """Returns at most `limit` deductions behind one, by their ids."""
        ...

    def move_page(self, wish: OrderWish, *, after: str | None, limit: int) -> Sequence[DepositMove]:
        """Returns at most `limit` moves behind one, by their ids."""
        ...

    def insert(self, order: Deduction | DepositMove) -> None:
        """Stores what is proposed."""
        ...

    def update(self, order: Deduction | DepositMove) -> None:
        """Stores what became of it."""
        ...

    def post(self, posting: Posting, *, now: dt.datetime) -> None:
        """Appends a posting of a time to the ledger, where it has entries."""
        ...


class PaymentRows(Protocol):
    """Payments to institutions of a region."""

    def lock(self, payment_id: str) -> Payment | None:
        """Returns a payment, locked until the transaction ends, or None."""
        ...

    def find(self, payment_id: str) -> Payment | None:
        """Returns a payment, or None."""
        ...

    def by_reference(self, bank_reference: str) -> Payment | None:
        """Returns the payment that was made under a reference of the bank, or None."""
        ...

    def lines(self, payment_id: str) -> Sequence[PaymentLine]:
        """Returns what a payment is of, in the order of items and accounts."""
        ...

    def standing_lines(
        self, item_ids: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Payment, PaymentLine]]]:
        """Returns the lines of payments that are not withdrawn, by item."""
        ...

    def page(self, wish: PaymentWish, *, after: str | None, limit: int) -> Sequence[Payment]:
        """Returns at most `limit` payments behind one, by their ids."""
        ...

    def insert(self, payment: Payment, lines: Sequence[PaymentLine]) -> None:
        """Stores what is proposed."""
        ...

    def update(self, payment: Payment) -> None:
        """Stores what became of it."""
        ...
