"""Deductions of declared months and what becomes of deposits: by maker and checker, as money."""

import datetime as dt
import enum
from typing import NamedTuple, TypeVar

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.ledger import (
    Entry,
    PostingKind,
    balanced,
    deposit_account,
    fund_account,
    payable_account,
    prepaid_account,
)


class OrderState(enum.IntEnum):
    """Where an order is in its life, by the numbers of the contract."""

    PROPOSED = 1
    CARRIED_OUT = 2
    WITHDRAWN = 3


class DeductionType(enum.IntEnum):
    """Why something is deducted (det_type), by the codes of the trade."""

    AUDIT = 10
    INSPECTION = 20
    PREPAYMENT_OFFSET = 30
    RESERVE = 40
    OTHER = 99


class DepositMoveKind(enum.IntEnum):
    """What becomes of a deposit, by the numbers of the contract."""

    RELEASE = 1
    FORFEIT = 2


class Deduction(NamedTuple):
    """What is deducted from a fund's part of a declaration.

    `amount_fen` is negative where it gives back what `revoked_id` deducted. `checker` is who
    confirmed or withdrew it; `posting_id` what carried it out.
    """

    region: str
    deduction_id: str
    declaration_id: str
    institution_id: str
    deduction_type: DeductionType
    fund_type: str
    amount_fen: int
    settlement_id: str | None
    revoked_id: str | None
    reason: str
    maker: str
    propose_time: dt.datetime
    state: OrderState = OrderState.PROPOSED
    checker: str | None = None
    decide_time: dt.datetime | None = None
    posting_id: str | None = None

    @property
    def order_id(self) -> str:
        """Its own id."""
        return self.deduction_id

    @property
    def posting_kind(self) -> PostingKind:
        """What posts it."""
        return PostingKind.DEDUCTION

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What it posts: the institution is owed less, and the fund or what is kept has more."""
        to = {
            DeductionType.PREPAYMENT_OFFSET: prepaid_account(self.institution_id),
            DeductionType.RESERVE: deposit_account(self.institution_id, self.fund_type),
        }.get(self.deduction_type, fund_account(self.fund_type))
        return _moved(payable_account(self.institution_id), to, self.amount_fen)


class DepositMove(NamedTuple):
    """What becomes of something withheld of a fund's part of a declaration.

    `payment_id` is the payment, not withdrawn, that a release is in.
    """

    region: str
    move_id: str
    declaration_id: str
    institution_id: str
    move_kind: DepositMoveKind
    fund_type: str
    amount_fen: int
    reason: str
    maker: str
    propose_time: dt.datetime
    state: OrderState = OrderState.PROPOSED
    checker: str | None = None
    decide_time: dt.datetime | None = None
    posting_id: str | None = None
    payment_id: str | None = None

    @property
    def order_id(self) -> str:
        """Its own id."""
        return self.move_id

    @property
    def posting_kind(self) -> PostingKind:
        """What posts it."""
        if self.move_kind is DepositMoveKind.RELEASE:
            return PostingKind.DEPOSIT_RELEASED
        return PostingKind.DEPOSIT_FORFEITED

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What it posts: it is owed to the institution again, or the fund's."""
        to = {
            DepositMoveKind.RELEASE: payable_account(self.institution_id),
            DepositMoveKind.FORFEIT: fund_account(self.fund_type),
        }[self.move_kind]
        return _moved(deposit_account(self.institution_id, self.fund_type), to, self.amount_fen)


OrderT = TypeVar("OrderT", Deduction, DepositMove)


def carried_out(
    order: OrderT, *, checker: str, posting_id: str, read_fen: int, now: dt.datetime
) -> OrderT:
    """Returns an order carried out.

    Raises DEDUCTION_STATE or DEPOSIT_MOVE_STATE where it does not wait or is of another amount
    than the checker read, SAME_MAKER_AND_CHECKER.
    """
    _check_waits(order)
    if is_same_operator(order.maker, checker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who proposed it cannot confirm it")
    if read_fen != order.amount_fen:
        raise wrong_state(order, f"is of {order.amount_fen} fen")
    return order._replace(
        state=OrderState.CARRIED_OUT, checker=checker, decide_time=now, posting_id=posting_id
    )


def order_withdrawn(order: OrderT, *, by: str, now: dt.datetime) -> OrderT:
    """Returns an order withdrawn; raises DEDUCTION_STATE or DEPOSIT_MOVE_STATE."""
    _check_waits(order)
    return order._replace(state=OrderState.WITHDRAWN, checker=by, decide_time=now)


def _check_waits(order: Deduction | DepositMove) -> None:
    if order.state is not OrderState.PROPOSED:
        raise wrong_state(order, f"is {order.state.name}")


def wrong_state(order: Deduction | DepositMove, told: str) -> RuleError:
    """Returns the refusal of what an order is not there for, as `told` says."""
    message = f"{order.order_id} {told}"
    if isinstance(order, Deduction):
        return RuleError(
            Reason.DEDUCTION_STATE,
            message,
            deduction_id=order.order_id,
            state=order.state.name,
            amount_fen=order.amount_fen,
        )
    return RuleError(
        Reason.DEPOSIT_MOVE_STATE,
        message,
        move_id=order.order_id,
        state=order.state.name,
        amount_fen=order.amount_fen,
    )


def check_revocable(revoked: Deduction, *, institution_id: str, is_revoked: bool) -> None:
    """Raises DEDUCTION_STATE unless a deduction can be given back with an institution's month.

    A reserve is released instead; what gave something back is deducted anew.
    """
    if revoked.institution_id != institution_id:
        raise deduction_not_found(revoked.deduction_id)
    if revoked.state is not OrderState.CARRIED_OUT:
        raise wrong_state(revoked, f"is {revoked.state.name}")
    if is_revoked or revoked.revoked_id is not None:
        raise wrong_state(revoked, "is given back, or is to be, or gives back itself")
    if revoked.deduction_type is DeductionType.RESERVE:
        raise wrong_state(revoked, "is a reserve, which is released")


def check_deductible(
    fund_type: str, amount_fen: int, *, declared_fen: int, deducted_fen: int
) -> None:
    """Raises DEDUCTION_EXCEEDS where all deductions were more than the fund's part.

    `deducted_fen` are those that are carried out or wait.
    """
    left_fen = max(declared_fen, 0) - deducted_fen
    if amount_fen > max(left_fen, 0):
        raise RuleError(
            Reason.DEDUCTION_EXCEEDS,
            f"of fund {fund_type} {max(left_fen, 0)} fen may be deducted yet",
            fund_type=fund_type,
            left_fen=max(left_fen, 0),
        )


def check_concerned(settlement_id: str, amount_fen: int, *, left_fen: int | None) -> None:
    """Raises DEDUCTION_SETTLEMENT.

    `left_fen` is what funds pay of the settlement less what was deducted for it, None where no
    declaration of the institution that stands has it.
    """
    if left_fen is None or amount_fen > left_fen:
        told = "is of no declaration of the institution"
        if left_fen is not None:
            told = f"has {left_fen} fen of funds that may be deducted yet"
        raise RuleError(
            Reason.DEDUCTION_SETTLEMENT,
            f"settlement {settlement_id} {told}",
            settlement_id=settlement_id,
        )


def check_withheld(fund_type: str, amount_fen: int, *, left_fen: int) -> None:
    """Raises DEPOSIT_EXCEEDED where more is moved than is withheld and not moved yet."""
    if amount_fen > left_fen:
        raise RuleError(
            Reason.DEPOSIT_EXCEEDED,
            f"of fund {fund_type} {left_fen} fen are withheld",
            fund_type=fund_type,
            left_fen=left_fen,
        )


def deduction_not_found(deduction_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed."""
    return RuleError(
        Reason.DEDUCTION_NOT_FOUND, f"no deduction {deduction_id}", deduction_id=deduction_id
    )


def move_not_found(move_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed."""
    return RuleError(Reason.DEPOSIT_MOVE_NOT_FOUND, f"no move {move_id}", move_id=move_id)


def _moved(from_account: str, to_account: str, amount_fen: int) -> tuple[Entry, ...]:
    return balanced([Entry(from_account, -amount_fen), Entry(to_account, amount_fen)])
