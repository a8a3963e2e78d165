"""Deductions of declared months, and deposits that are released or forfeited.

Who decides on one locks its declaration first, so that what is deducted and withheld of it is
decided one after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.changes import Posting
from yibao_settlement.application.declaration.posting import Poster, refers_to
from yibao_settlement.rules.declaration.month import (
    Declaration,
    DeclarationState,
    check_state,
    declaration_not_found,
)
from yibao_settlement.rules.declaration.order import (
    Deduction,
    DeductionType,
    DepositMove,
    DepositMoveKind,
    OrderState,
    OrderT,
    carried_out,
    check_concerned,
    check_deductible,
    check_revocable,
    check_withheld,
    deduction_not_found,
    move_not_found,
    order_withdrawn,
    wrong_state,
)
from yibao_settlement.rules.declaration.payment import PaymentState
from yibao_settlement.rules.ledger import fund_account

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

CONFIRM_DEDUCTION = "ConfirmDeduction"
CONFIRM_MOVE = "ConfirmDepositMove"

EncodeDeduction: TypeAlias = Callable[[Deduction], bytes]
EncodeMove: TypeAlias = Callable[[DepositMove], bytes]


@dataclass(frozen=True, slots=True)
class ProposeDeduction:
    """Proposes to deduct something, or to give back what `revoked_id` deducted.

    Of the latter type, fund and settlement are those of that one, and so is the amount.
    """

    request: Request
    declaration_id: str
    deduction_type: DeductionType | None
    fund_type: str
    amount_fen: int
    settlement_id: str | None
    revoked_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DecideDeduction:
    """Confirms a deduction of the amount that was read, or withdraws it."""

    request: Request
    deduction_id: str
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class ProposeDepositMove:
    """Proposes what becomes of something withheld."""

    request: Request
    declaration_id: str
    move_kind: DepositMoveKind
    fund_type: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class DecideDepositMove:
    """Confirms a move of the kind and amount that were read, or withdraws it."""

    request: Request
    move_id: str
    move_kind: DepositMoveKind = DepositMoveKind.RELEASE
    amount_fen: int = 0


class DeclarationOrders:
    """Deducts, releases and forfeits by two operators. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def propose_deduction(self, command: ProposeDeduction, encode: EncodeDeduction) -> bytes:
        """Proposes a deduction once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DECLARATION_STATE,
        DEDUCTION_NOT_FOUND, DEDUCTION_STATE, DEDUCTION_SETTLEMENT, DEDUCTION_EXCEEDS.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._propose_deduction(work, command))
        )

    def confirm_deduction(self, command: DecideDeduction, encode: EncodeDeduction) -> bytes:
        """Confirms a deduction once by request id, posts it and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DEDUCTION_NOT_FOUND, DEDUCTION_STATE,
        DEDUCTION_SETTLEMENT, SAME_MAKER_AND_CHECKER.
        """

        def confirm(work: "Work") -> bytes:
            # No payment is proposed while a deduction waits: the declaration is accepted still.
            found, declaration = self._locked_deduction(work, command.deduction_id)
            if found.state is OrderState.PROPOSED:
                # What it concerns may have been reversed or returned since it was proposed.
                _check_concerned(work, found, beside=found.deduction_id)
            done, posting = self._carry_out(work, command.request, found, command.amount_fen)
            self._store(work, command.request, done)
            assert done.decide_time is not None, "it is carried out"
            posting = refers_to(posting, declaration.month)
            work.declaration_orders.post(posting, now=done.decide_time)
            return encode(done)

        return self._transactions.once(command.request, confirm)

    def withdraw_deduction(self, command: DecideDeduction, encode: EncodeDeduction) -> bytes:
        """Withdraws a deduction once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DEDUCTION_NOT_FOUND, DEDUCTION_STATE.
        """

        def withdraw(work: "Work") -> bytes:
            found, _ = self._locked_deduction(work, command.deduction_id)
            by = command.request.caller.path
            done = order_withdrawn(found, by=by, now=self._clock())
            self._store(work, command.request, done)
            return encode(done)

        return self._transactions.once(command.request, withdraw)

    def propose_move(self, command: ProposeDepositMove, encode: EncodeMove) -> bytes:
        """Proposes what becomes of a deposit once by request id; returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DEPOSIT_EXCEEDED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._propose_move(work, command))
        )

    def confirm_move(self, command: DecideDepositMove, encode: EncodeMove) -> bytes:
        """Confirms what becomes of a deposit once by request id, posts it; returns the answer.

        Raises RuleError REQUEST_ID_REUSED, DEPOSIT_MOVE_NOT_FOUND, DEPOSIT_MOVE_STATE,
        SAME_MAKER_AND_CHECKER.
        """

        def confirm(work: "Work") -> bytes:
            found, declaration = self._locked_move(work, command.move_id)
            done, posting = self._carry_out(work, command.request, found, command.amount_fen)
            if command.move_kind is not found.move_kind:
                raise wrong_state(found, f"is {found.move_kind.name}")
            self._store(work, command.request, done)
            assert done.decide_time is not None, "it is carried out"
            posting = refers_to(posting, declaration.month)
            work.declaration_orders.post(posting, now=done.decide_time)
            return encode(done)

        return self._transactions.once(command.request, confirm)

    def withdraw_move(self, command: DecideDepositMove, encode: EncodeMove) -> bytes:
        """Withdraws a move once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DEPOSIT_MOVE_NOT_FOUND, DEPOSIT_MOVE_STATE.
        """

        def withdraw(work: "Work") -> bytes:
            found, _ = self._locked_move(work, command.move_id)
            done = order_withdrawn(found, by=command.request.caller.path, now=self._clock())
            self._store(work, command.request, done)
            return encode(done)

        return self._transactions.once(command.request, withdraw)

    def _propose_deduction(self, work: "Work", command: ProposeDeduction) -> Deduction:
        request = command.request
        declaration = _locked(work, command.declaration_id)
        check_state(declaration, DeclarationState.ACCEPTED)
        kind, fund_type = command.deduction_type, command.fund_type
        amount_fen, settlement_id = command.amount_fen, command.settlement_id
        institution_id = declaration.institution_id
        if command.revoked_id is not None:
            revoked = self._revocable(work, command.revoked_id, institution_id)
            kind, fund_type, settlement_id = (
                revoked.deduction_type,
                revoked.fund_type,
                revoked.settlement_id,
            )
            amount_fen = -revoked.amount_fen
        assert kind is not None, "the servicer asks for one"
        if amount_fen > 0:
            self._check_deductible(work, declaration, fund_type, amount_fen)
        deduction = Deduction(
            request.region,
            self._ids(),
            declaration.declaration_id,
            institution_id,
            kind,
            fund_type,
            amount_fen,
            settlement_id,
            command.revoked_id,
            command.reason,
            request.caller.path,
            self._clock(),
        )
        _check_concerned(work, deduction)
        work.declaration_orders.insert(deduction)
        self._put_on_record(work, request, deduction)
        return deduction

    def _revocable(self, work: "Work", deduction_id: str, institution_id: str) -> Deduction:
        revoked = work.declaration_orders.find_deduction(deduction_id)
        if revoked is None:
            raise deduction_not_found(deduction_id)
        # Its own declaration, too: two give-backs with two months must not both find none.
        _locked(work, revoked.declaration_id)
        check_revocable(
            revoked,
            institution_id=institution_id,
            is_revoked=work.declaration_orders.is_revoked(deduction_id),
        )
        return revoked

    def _check_deductible(
        self, work: "Work", declaration: Declaration, fund_type: str, amount_fen: int
    ) -> None:
        ids = [declaration.declaration_id]
        declared = work.declarations.declared(ids).get(declaration.declaration_id, {})
        deducted = [
            each.amount_fen
            for each in work.declaration_orders.deductions(ids)
            # What is to be given back is not there until it is confirmed.
            if each.fund_type == fund_type
            and (each.amount_fen > 0 or each.state is OrderState.CARRIED_OUT)
        ]
        check_deductible(
            fund_type,
            amount_fen,
            declared_fen=declared.get(fund_account(fund_type), 0),
            deducted_fen=sum(deducted),
        )

    def _propose_move(self, work: "Work", command: ProposeDepositMove) -> DepositMove:
        request = command.request
        declaration = _locked(work, command.declaration_id)
        left_fen = withheld_left_fen(work, declaration.declaration_id, command.fund_type)
        check_withheld(command.fund_type, command.amount_fen, left_fen=left_fen)
        move = DepositMove(
            request.region,
            self._ids(),
            declaration.declaration_id,
            declaration.institution_id,
            command.move_kind,
            command.fund_type,
            command.amount_fen,
            command.reason,
            request.caller.path,
            self._clock(),
        )
        work.declaration_orders.insert(move)
        self._put_on_record(work, request, move)
        return move

    def _locked_deduction(self, work: "Work", deduction_id: str) -> tuple[Deduction, Declaration]:
        """Returns a deduction as it is once its declaration is locked."""
        found = work.declaration_orders.find_deduction(deduction_id)
        if found is None:
            raise deduction_not_found(deduction_id)
        declaration = _locked(work, found.declaration_id)
        found = work.declaration_orders.find_deduction(deduction_id)
        assert found is not None, "what was proposed never goes away"
        return found, declaration

    def _locked_move(self, work: "Work", move_id: str) -> tuple[DepositMove, Declaration]:
        """Returns a move as it is once its declaration is locked."""
        found = work.declaration_orders.find_move(move_id)
        if found is None:
            raise move_not_found(move_id)
        declaration = _locked(work, found.declaration_id)
        found = work.declaration_orders.find_move(move_id)
        assert found is not None, "what was proposed never goes away"
        return found, declaration

    def _carry_out(
        self, work: "Work", request: Request, order: OrderT, read_fen: int
    ) -> tuple[OrderT, Posting]:
        """Returns an order carried out, with what posts it."""
        poster = Poster(work, clock=self._clock, ids=self._ids)
        posting = poster.posting(request, order.posting_kind, order.entries)
        done = carried_out(
            order,
            checker=request.caller.path,
            posting_id=posting.posting_id,
            read_fen=read_fen,
            now=poster.now,
        )
        return done, posting

    def _store(self, work: "Work", request: Request, order: Deduction | DepositMove) -> None:
        work.declaration_orders.update(order)
        self._put_on_record(work, request, order)

    def _put_on_record(
        self, work: "Work", request: Request, order: Deduction | DepositMove
    ) -> None:
        detail = {
            "order": order.order_id,
            "declaration": order.declaration_id,
            "institution": order.institution_id,
            "fund": order.fund_type,
            "amount_fen": str(order.amount_fen),
            "state": order.state.name,
            "maker": order.maker,
        }
        subjects = (order.order_id,)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail))


def withheld_left_fen(work: "Work", declaration_id: str, fund_type: str) -> int:
    """Returns what is withheld of a fund's part of a declaration and is not to be moved yet.

    As a deposit by its payment, and as a reserve by deductions.
    """
    account_id = fund_account(fund_type)
    lines = work.payments.standing_lines([declaration_id]).get(declaration_id, ())
    deposits = [
        line.deposit_fen
        for payment, line in lines
        if line.account_id == account_id and payment.state is not PaymentState.PROPOSED
    ]
    reserves = [
        each.amount_fen
        for each in work.declaration_orders.deductions([declaration_id])
        if each.fund_type == fund_type
        and each.deduction_type is DeductionType.RESERVE
        and each.state is OrderState.CARRIED_OUT
    ]
    moved = [
        each.amount_fen
        for each in work.declaration_orders.moves(declaration_id)
        if each.fund_type == fund_type
    ]
    return sum(deposits) + sum(reserves) - sum(moved)


def _check_concerned(work: "Work", deduction: Deduction, *, beside: str | None = None) -> None:
    """Raises DEDUCTION_SETTLEMENT; what gives something back is of what was deducted."""
    settlement_id = deduction.settlement_id
    if settlement_id is not None and deduction.amount_fen > 0:
        left_fen = work.declarations.fund_left_fen(
            deduction.institution_id, settlement_id, beside=beside
        )
        check_concerned(settlement_id, deduction.amount_fen, left_fen=left_fen)


def _locked(work: "Work", declaration_id: str) -> Declaration:
    found = work.declarations.lock([declaration_id]).get(declaration_id)
    if found is None:
        raise declaration_not_found(declaration_id)
    return found
