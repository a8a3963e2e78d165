"""Declared months as they are read: with what each payer owes by now."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_settlement.application.change import told_before
from yibao_settlement.application.declaration.rows import (
    DeclarationWish,
    OrderWish,
    PaymentWish,
)
from yibao_settlement.rules.day.act import DayAct, DaySpan
from yibao_settlement.rules.day.clearing_type import clearing_type_of
from yibao_settlement.rules.declaration.month import (
    Declaration,
    MonthSums,
    declaration_not_found,
)
from yibao_settlement.rules.declaration.order import (
    Deduction,
    DeductionType,
    DepositMove,
    OrderState,
)
from yibao_settlement.rules.declaration.payment import (
    Payment,
    PaymentLine,
    PaymentState,
    payment_not_found,
)
from yibao_settlement.rules.declaration.share import Share
from yibao_settlement.rules.ledger import fund_account
from yibao_settlement.rules.period.month import end_of, first_instant

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class TypeSum(NamedTuple):
    """What acts of an insurance type and a clearing type come to; `funds` by their types."""

    insurance_type: str
    clearing_type: str
    sums: MonthSums
    funds: Mapping[str, int]


class MonthTotals(NamedTuple):
    """What a month's acts come to by types, in their order, and whether all of it is told."""

    sums: Sequence[TypeSum]
    is_over: bool


class ToldDeclaration(NamedTuple):
    """A declaration with its payers' shares, funds first; `payment_id` is None where it has none.

    In lists shares are left out and `funds` too.
    """

    declaration: Declaration
    shares: Sequence[Share] = ()
    payment_id: str | None = None

    @property
    def payable_fen(self) -> int:
        """What is paid of it in all."""
        return sum(each.payable_fen for each in self.shares)


class ToldPayment(NamedTuple):
    """A payment with what it is of."""

    payment: Payment
    lines: Sequence[PaymentLine] = ()


def span_of_month(month: int) -> DaySpan:
    """Returns when acts of a month in Asia/Shanghai were done."""
    return DaySpan(first_instant(month), end_of(month))


class DeclarationReads:
    """Reads declared months and what became of them. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what is read of, and the clock by which acts are done."""
        self._transactions = transactions
        self._clock = clock

    def month(self, region: str, institution_id: str, month: int) -> MonthTotals:
        """Returns what an institution's acts of a month come to."""
        told_until = told_before(self._clock())
        start, end = span_of_month(month)
        span = DaySpan(start, max(start, min(end, told_until)))
        with self._transactions.read(region) as work:
            found = work.declarations.month_sums(institution_id, span)
        sums: dict[tuple[str, str], TypeSum] = {}
        for each in found:
            key = each.insurance_type, clearing_type_of(each.care_type)
            before = sums.get(key, TypeSum(*key, MonthSums(), {}))
            funds = dict(before.funds)
            for fund_type, fen in each.funds.items():
                funds[fund_type] = funds.get(fund_type, 0) + fen
            sums[key] = TypeSum(*key, before.sums.plus(each.sums), funds)
        return MonthTotals([sums[key] for key in sorted(sums)], told_until >= end)

    def declaration(
        self, region: str, declaration_id: str, *, institution_id: str | None
    ) -> ToldDeclaration:
        """Returns a declaration, of an institution its own alone.

        Raises RuleError DECLARATION_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            return told(work, self._own(work, declaration_id, institution_id))

    def acts(
        self,
        region: str,
        declaration_id: str,
        *,
        institution_id: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[DayAct]:
        """Returns acts of a declaration; raises RuleError DECLARATION_NOT_FOUND."""
        with self._transactions.read(region) as work:
            self._own(work, declaration_id, institution_id)
            return work.declarations.acts(declaration_id, after=after, limit=limit)

    def declarations(
        self, region: str, wish: DeclarationWish, *, after: str | None, limit: int
    ) -> Sequence[Declaration]:
        """Returns declarations by their ids."""
        with self._transactions.read(region) as work:
            return work.declarations.page(wish, after=after, limit=limit)

    def deductions(
        self, region: str, wish: OrderWish, *, after: str | None, limit: int
    ) -> Sequence[Deduction]:
        """Returns deductions by their ids."""
        with self._transactions.read(region) as work:
            return work.declaration_orders.deduction_page(wish, after=after, limit=limit)

    def moves(
        self, region: str, wish: OrderWish, *, after: str | None, limit: int
    ) -> Sequence[DepositMove]:
        """Returns moves of deposits by their ids."""
        with self._transactions.read(region) as work:
            return work.declaration_orders.move_page(wish, after=after, limit=limit)

    def payment(self, region: str, payment_id: str, *, institution_id: str | None) -> ToldPayment:
        """Returns a payment; raises RuleError INSTITUTION_PAYMENT_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.payments.find(payment_id)
            if found is None or institution_id not in (None, found.institution_id):
                raise payment_not_found(payment_id)
            return ToldPayment(found, work.payments.lines(payment_id))

    def payments(
        self, region: str, wish: PaymentWish, *, after: str | None, limit: int
    ) -> Sequence[Payment]:
        """Returns payments by their ids."""
        with self._transactions.read(region) as work:
            return work.payments.page(wish, after=after, limit=limit)

    @staticmethod
    def _own(work: "Work", declaration_id: str, institution_id: str | None) -> Declaration:
        found = work.declarations.find(declaration_id)
        if found is None or institution_id not in (None, found.institution_id):
            raise declaration_not_found(declaration_id)
        return found


def told(work: "Work", declaration: Declaration) -> ToldDeclaration:
    """Returns a declaration with its payers' shares."""
    declaration_id = declaration.declaration_id
    shares = shares_of(work, [declaration_id])[declaration_id]
    lines = work.payments.standing_lines([declaration_id]).get(declaration_id, ())
    # Of a payment that only waits nothing is withheld yet.
    withheld = {
        line.account_id: line.deposit_fen
        for payment, line in lines
        if payment.state is not PaymentState.PROPOSED
    }
    shares = [each._replace(deposit_fen=withheld.get(each.account_id, 0)) for each in shares]
    payment_id = lines[0][0].payment_id if lines else None
    return ToldDeclaration(declaration, shares, payment_id)


def shares_of(work: "Work", declaration_ids: Collection[str]) -> Mapping[str, list[Share]]:
    """Returns the payers' shares of declarations, without deposits: funds first."""
    declared = work.declarations.declared(declaration_ids)
    deducted: dict[tuple[str, str, bool], int] = {}
    for each in work.declaration_orders.deductions(declaration_ids):
        if each.state is OrderState.CARRIED_OUT:
            is_offset = each.deduction_type is DeductionType.PREPAYMENT_OFFSET
            key = each.declaration_id, fund_account(each.fund_type), is_offset
            deducted[key] = deducted.get(key, 0) + each.amount_fen
    shares: dict[str, list[Share]] = {}
    for declaration_id in declaration_ids:
        payers = dict(declared.get(declaration_id, {}))
        # A deduction that gives back may be of a fund that the month has nothing of.
        for of, account_id, _ in deducted:
            if of == declaration_id:
                payers.setdefault(account_id, 0)
        shares[declaration_id] = [
            Share(
                account_id,
                payers[account_id],
                deducted.get((declaration_id, account_id, False), 0),
                deducted.get((declaration_id, account_id, True), 0),
            )
            for account_id in sorted(payers, key=lambda each: (not each.startswith("fund:"), each))
        ]
    return shares
