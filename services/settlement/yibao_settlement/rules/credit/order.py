"""Orders of accounts that need two operators: large credits, corrections and pay-outs.

One proposes, another one confirms or rejects. What a credit of an allocation or of a caller is
above the region's limit for waits as an order, too: its maker is who credited.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credit.credit import Credit, CreditState


class AccountOrderKind(enum.IntEnum):
    """What an order does; stored with it."""

    CREDIT = 1
    CORRECTION = 2
    PAY_OUT = 3


class AccountOrderState(enum.IntEnum):
    """Where an order is in its life; stored with it."""

    PROPOSED = 1
    CARRIED_OUT = 2
    REJECTED = 3


class PayOutCause(enum.IntEnum):
    """Why an account may be paid out in money; for nothing else (国发〔1998〕44号)."""

    # To the heirs (DFR_SOUC 303).
    DEATH = 1
    EMIGRATION = 2
    # The person ended the insurance for good, as by a statement.
    INSURANCE_ENDED = 3


class AccountOrder(NamedTuple):
    """An order: `amount_fen` comes into the account, or leaves it.

    `credit_id` is that which is confirmed or corrected; `cause` and `payee_reference`, the
    agency's number of the application, are of a pay-out. What follows `propose_time` is told once
    it is closed; of a correction `receivable_fen` is what the account did not hold.
    """

    region: str
    order_id: str
    kind: AccountOrderKind
    person_id: str
    amount_fen: int
    credit_id: str | None
    cause: PayOutCause | None
    payee_reference: str | None
    reason: str
    maker: str
    propose_time: dt.datetime
    state: AccountOrderState = AccountOrderState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None
    posting_id: str | None = None
    receivable_fen: int = 0
    reject_reason: str | None = None


def check_correctable(credit: Credit, amount_fen: int) -> None:
    """Raises CREDIT_NOT_LEFT where less of a credit is left than is to be taken back."""
    if not 0 < amount_fen <= credit.left_fen:
        raise RuleError(
            Reason.CREDIT_NOT_LEFT,
            f"{credit.left_fen} fen of credit {credit.credit_id} can be taken back",
            credit_id=credit.credit_id,
            left_fen=str(credit.left_fen),
        )


def check_waits(credit: Credit) -> None:
    """Raises ACCOUNT_ORDER_STATE where a credit that is to be confirmed does not wait."""
    if credit.state is not CreditState.WAITING:
        raise RuleError(
            Reason.ACCOUNT_ORDER_STATE,
            f"credit {credit.credit_id} does not wait",
            state=credit.state.name,
        )


def check_checker(
    order: AccountOrder, *, checker: str, kind: AccountOrderKind | None, amount_fen: int | None
) -> None:
    """Checks that an order waits for `checker`, who read `kind` and `amount_fen` of it.

    None of them is read by who rejects. Raises RuleError ACCOUNT_ORDER_STATE,
    SAME_MAKER_AND_CHECKER.
    """
    read = order.kind if kind is None else kind, amount_fen or order.amount_fen
    if order.state is not AccountOrderState.PROPOSED or read != (order.kind, order.amount_fen):
        raise RuleError(
            Reason.ACCOUNT_ORDER_STATE,
            f"the order is {order.state.name}, a {order.kind.name} of {order.amount_fen} fen",
            state=order.state.name,
            amount_fen=str(order.amount_fen),
        )
    if is_same_operator(order.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed an order cannot confirm or reject it"
        )


def carried_out(
    order: AccountOrder,
    *,
    checker: str,
    now: dt.datetime,
    posting_id: str,
    receivable_fen: int = 0,
) -> AccountOrder:
    """Returns the order carried out; `check_checker` comes first."""
    return order._replace(
        state=AccountOrderState.CARRIED_OUT,
        checker=checker,
        close_time=now,
        posting_id=posting_id,
        receivable_fen=receivable_fen,
    )


def rejected(order: AccountOrder, *, checker: str, now: dt.datetime, reason: str) -> AccountOrder:
    """Returns the order rejected; raises as `check_checker`."""
    check_checker(order, checker=checker, kind=None, amount_fen=None)
    return order._replace(
        state=AccountOrderState.REJECTED, checker=checker, close_time=now, reject_reason=reason
    )


def order_not_found(order_id: str) -> RuleError:
    """Returns the refusal for an order that there is not."""
    return RuleError(
        Reason.ACCOUNT_ORDER_NOT_FOUND, f"no account order {order_id}", order_id=order_id
    )


def order_waits(order: AccountOrder) -> RuleError:
    """Returns the refusal where another order is to be closed first."""
    return RuleError(
        Reason.ACCOUNT_ORDER_WAITS,
        "another order of the person waits for the checker",
        order_id=order.order_id,
    )


def check_payable(cause: PayOutCause, *, death_date: dt.date | None, is_insured: bool) -> None:
    """Checks that a person's account may be paid out.

    Raises RuleError CASH_NOT_PAID where it would be cash for somebody who lives and is insured,
    or is said to have died and is not known to.
    """
    if cause is PayOutCause.DEATH and death_date is None:
        message = "identity does not know of the death: report it there first"
    elif cause is not PayOutCause.DEATH and (is_insured or death_date is not None):
        message = "the person is insured, or died: end the insurance at identity first"
    else:
        return
    raise RuleError(Reason.CASH_NOT_PAID, message, cause=cause.name)


def pay_out_changed(payable_fen: int) -> RuleError:
    """Returns the refusal where an account holds another amount than was read."""
    return RuleError(
        Reason.PAY_OUT_NOT_OPEN,
        f"{payable_fen} fen can be paid out of the account",
        payable_fen=str(payable_fen),
    )
