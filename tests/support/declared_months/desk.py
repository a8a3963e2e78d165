"""Institutions that declare months, and two operators who deduct, withhold and pay."""

from dataclasses import dataclass, field
from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, HOSPITAL, REGION, World

from yibao.settlement.v1.declaration_pb2 import Declaration as DeclarationMessage
from yibao.settlement.v1.declaration_pb2 import Deduction as DeductionMessage
from yibao.settlement.v1.institution_payment_pb2 import DepositMove as MoveMessage
from yibao.settlement.v1.institution_payment_pb2 import InstitutionPayment as PaymentMessage
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_settlement.application.declaration.declare import (
    AcceptDeclaration,
    Declarations,
    DeclareMonth,
    RejectDeclaration,
    WithdrawDeclaration,
)
from yibao_settlement.application.declaration.find import DeclarationReads
from yibao_settlement.application.declaration.order import (
    DecideDeduction,
    DecideDepositMove,
    DeclarationOrders,
    ProposeDeduction,
    ProposeDepositMove,
)
from yibao_settlement.application.declaration.pay import (
    DecidePayment,
    InstitutionPayments,
    ProposePayment,
    ReportPayment,
)
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import DeductionType, DepositMoveKind
from yibao_settlement.servicer.declaration.messages import (
    declaration_message,
    deduction_message,
    move_message,
    payment_message,
)

RATIO_PPM = 50_000
READER = parse_caller(AGENCY)


@dataclass
class Desk:
    """All who act on a world's declared months; answers are the messages that they get."""

    world: World
    ratio_ppm: int = RATIO_PPM
    _parts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        transactions = transactions_of(self.world.database, clock=self.world.clock)
        of: dict[str, Any] = {"clock": self.world.clock, "ids": new_id}
        self.declarations = Declarations(
            transactions, others_ended=self.world.database.others_ended, **of
        )
        self.orders = DeclarationOrders(transactions, **of)
        self.payments = InstitutionPayments(
            transactions, deposit_ratio_ppm={REGION: self.ratio_ppm}, **of
        )
        self.reads = DeclarationReads(transactions, clock=self.world.clock)

    def declare(
        self, of: MonthOf, sums: MonthSums, funds: dict[str, int], **changes: Any
    ) -> DeclarationMessage:
        request = self._own("DeclareMonth", of.institution_id, changes)
        return self._declaration(
            self.declarations.declare(DeclareMonth(request, of, sums, funds), _declaration)
        )

    def withdraw(
        self, declaration_id: str, institution_id: str = HOSPITAL, **changes: Any
    ) -> DeclarationMessage:
        request = self._own("WithdrawDeclaration", institution_id, changes)
        command = WithdrawDeclaration(request, declaration_id, institution_id)
        return self._declaration(self.declarations.withdraw(command, _declaration))

    def accept(self, declaration_id: str, **changes: Any) -> DeclarationMessage:
        command = AcceptDeclaration(self._of("AcceptDeclaration", changes), declaration_id)
        return self._declaration(self.declarations.accept(command, _declaration))

    def reject(self, declaration_id: str, **changes: Any) -> DeclarationMessage:
        request = self._of("RejectDeclaration", changes)
        command = RejectDeclaration(request, declaration_id, "papers are missing")
        return self._declaration(self.declarations.reject(command, _declaration))

    def propose_deduction(
        self,
        declaration_id: str,
        fund_type: str = "",
        amount_fen: int = 0,
        *,
        kind: DeductionType | None = DeductionType.AUDIT,
        settlement_id: str | None = None,
        revoked_id: str | None = None,
        **changes: Any,
    ) -> DeductionMessage:
        command = ProposeDeduction(
            self._of("ProposeDeduction", changes),
            declaration_id,
            None if revoked_id else kind,
            fund_type,
            amount_fen,
            settlement_id,
            revoked_id,
            "price above the ceiling",
        )
        return DeductionMessage.FromString(self.orders.propose_deduction(command, _deduction))

    def confirm_deduction(
        self, told: DeductionMessage, *, amount_fen: int | None = None, **changes: Any
    ) -> DeductionMessage:
        read = told.amount_fen if amount_fen is None else amount_fen
        request = self._of("ConfirmDeduction", {"caller": CHECKER, **changes})
        command = DecideDeduction(request, told.deduction_id, read)
        return DeductionMessage.FromString(self.orders.confirm_deduction(command, _deduction))

    def withdraw_deduction(self, told: DeductionMessage, **changes: Any) -> DeductionMessage:
        command = DecideDeduction(self._of("WithdrawDeduction", changes), told.deduction_id)
        return DeductionMessage.FromString(self.orders.withdraw_deduction(command, _deduction))

    def deduct(self, *of: Any, **said: Any) -> DeductionMessage:
        """Has something deducted by two operators."""
        return self.confirm_deduction(self.propose_deduction(*of, **said))

    def propose_payment(
        self, *declaration_ids: str, release_ids: tuple[str, ...] = (), **changes: Any
    ) -> PaymentMessage:
        request = self._of("ProposeInstitutionPayment", changes)
        command = ProposePayment(request, declaration_ids, release_ids)
        return PaymentMessage.FromString(self.payments.propose(command, _payment))

    def confirm_payment(
        self, told: PaymentMessage, *, amount_fen: int | None = None, **changes: Any
    ) -> PaymentMessage:
        read = told.amount_fen if amount_fen is None else amount_fen
        request = self._of("ConfirmInstitutionPayment", {"caller": CHECKER, **changes})
        command = DecidePayment(request, told.payment_id, read)
        return PaymentMessage.FromString(self.payments.confirm(command, _payment))

    def withdraw_payment(self, told: PaymentMessage, **changes: Any) -> PaymentMessage:
        request = self._of("WithdrawInstitutionPayment", changes)
        command = DecidePayment(request, told.payment_id)
        return PaymentMessage.FromString(self.payments.withdraw(command, _payment))

    def report(
        self,
        told: PaymentMessage,
        reference: str,
        *,
        amount_fen: int | None = None,
        **changes: Any,
    ) -> PaymentMessage:
        paid_fen = told.amount_fen if amount_fen is None else amount_fen
        request = self._of("ReportInstitutionPayment", changes)
        command = ReportPayment(request, told.payment_id, paid_fen, reference)
        return PaymentMessage.FromString(self.payments.report(command, _payment))

    def pay(self, *declaration_ids: str, reference: str = "", **said: Any) -> PaymentMessage:
        """Has something paid by two operators and the bank."""
        told = self.confirm_payment(self.propose_payment(*declaration_ids, **said))
        return self.report(told, reference or f"BANK-{told.payment_id}")

    def propose_move(
        self,
        declaration_id: str,
        fund_type: str,
        amount_fen: int,
        *,
        kind: DepositMoveKind = DepositMoveKind.RELEASE,
        **changes: Any,
    ) -> MoveMessage:
        request = self._of("ProposeDepositMove", changes)
        command = ProposeDepositMove(
            request, declaration_id, kind, fund_type, amount_fen, "by the assessment of the year"
        )
        return MoveMessage.FromString(self.orders.propose_move(command, _move))

    def confirm_move(self, told: MoveMessage, **changes: Any) -> MoveMessage:
        request = self._of("ConfirmDepositMove", {"caller": CHECKER, **changes})
        kind = DepositMoveKind(told.move_kind)
        command = DecideDepositMove(request, told.move_id, kind, told.amount_fen)
        return MoveMessage.FromString(self.orders.confirm_move(command, _move))

    def withdraw_move(self, told: MoveMessage, **changes: Any) -> MoveMessage:
        command = DecideDepositMove(self._of("WithdrawDepositMove", changes), told.move_id)
        return MoveMessage.FromString(self.orders.withdraw_move(command, _move))

    def move(self, *of: Any, **said: Any) -> MoveMessage:
        """Has a deposit released or forfeited by two operators."""
        return self.confirm_move(self.propose_move(*of, **said))

    def read(self, declaration_id: str) -> DeclarationMessage:
        told = self.reads.declaration(REGION, declaration_id, institution_id=None)
        return declaration_message(told, READER)

    def _of(self, method: str, changes: dict[str, Any]) -> Any:
        return self.world.request(method, **{"caller": AGENCY, **changes})

    def _own(self, method: str, institution_id: str, changes: dict[str, Any]) -> Any:
        own = {"caller": f"institution/{institution_id}"}
        return self.world.request(method, **{**own, **changes})

    @staticmethod
    def _declaration(answer: bytes) -> DeclarationMessage:
        return DeclarationMessage.FromString(answer)


def _declaration(done: Any) -> bytes:
    return declaration_message(done, READER).SerializeToString()


def _deduction(done: Any) -> bytes:
    return deduction_message(done, READER).SerializeToString()


def _payment(done: Any) -> bytes:
    return payment_message(done, READER).SerializeToString()


def _move(done: Any) -> bytes:
    return move_message(done, READER).SerializeToString()
