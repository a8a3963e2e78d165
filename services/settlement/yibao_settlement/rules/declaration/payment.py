"""Payments to institutions: declared months and released deposits together, by the bank."""

import datetime as dt
import enum
from collections.abc import Iterable
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.ledger import (
    Entry,
    balanced,
    deposit_account,
    fund_account,
    payable_account,
    payment_account,
)


class PaymentState(enum.IntEnum):
    """Where a payment is in its life, by the numbers of the contract."""

    PROPOSED = 1
    # Deposits are withheld, and the bank is to pay.
    CONFIRMED = 2
    PAID = 3
    WITHDRAWN = 4


class PaymentLine(NamedTuple):
    """A payer's part of a declaration, or a released deposit, in fen."""

    item_id: str
    account_id: str
    amount_fen: int
    deposit_fen: int = 0


class Payment(NamedTuple):
    """What an institution is paid at once.

    `deposit_posting_id` withheld deposits, where there are any; `posting_id` is what the bank's
    payment posted, where it paid anything.
    """

    region: str
    payment_id: str
    institution_id: str
    amount_fen: int
    deposit_fen: int
    maker: str
    propose_time: dt.datetime
    state: PaymentState = PaymentState.PROPOSED
    checker: str | None = None
    decide_time: dt.datetime | None = None
    deposit_posting_id: str | None = None
    bank_reference: str | None = None
    reported_by: str | None = None
    pay_time: dt.datetime | None = None
    posting_id: str | None = None


def check_payable(amount_fen: int) -> None:
    """Raises PAYMENT_NEGATIVE where the institution owes more than it is owed."""
    if amount_fen < 0:
        raise RuleError(
            Reason.PAYMENT_NEGATIVE, f"comes to {amount_fen} fen", amount_fen=amount_fen
        )


def confirmed(
    payment: Payment, *, checker: str, read_fen: int, posting_id: str, now: dt.datetime
) -> Payment:
    """Returns a payment confirmed.

    Raises INSTITUTION_PAYMENT_STATE where it does not wait or is of another amount than the
    checker read, SAME_MAKER_AND_CHECKER.
    """
    _check_state(payment, PaymentState.PROPOSED)
    if is_same_operator(payment.maker, checker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who proposed to pay cannot confirm it")
    _check_amount(payment, read_fen)
    return payment._replace(
        state=PaymentState.CONFIRMED,
        checker=checker,
        decide_time=now,
        deposit_posting_id=posting_id if payment.deposit_fen else None,
    )


def payment_withdrawn(payment: Payment, *, by: str, now: dt.datetime) -> Payment:
    """Returns a payment withdrawn; raises INSTITUTION_PAYMENT_STATE once it is confirmed."""
    _check_state(payment, PaymentState.PROPOSED)
    return payment._replace(state=PaymentState.WITHDRAWN, checker=by, decide_time=now)


def is_paid_so(payment: Payment, *, bank_reference: str, paid_fen: int) -> bool:
    """Tells whether a payment was reported as it is reported again."""
    return payment.state is PaymentState.PAID and (payment.bank_reference, payment.amount_fen) == (
        bank_reference,
        paid_fen,
    )


def paid(
    payment: Payment,
    *,
    bank_reference: str,
    paid_fen: int,
    by: str,
    posting_id: str,
    now: dt.datetime,
) -> Payment:
    """Returns a payment paid; raises INSTITUTION_PAYMENT_STATE."""
    _check_state(payment, PaymentState.CONFIRMED)
    _check_amount(payment, paid_fen)
    return payment._replace(
        state=PaymentState.PAID,
        bank_reference=bank_reference,
        reported_by=by,
        pay_time=now,
        posting_id=posting_id if payment.amount_fen else None,
    )


def check_reference(used_by: Payment | None) -> None:
    """Raises BANK_REFERENCE_USED where another payment was made under the bank's reference."""
    if used_by is not None:
        raise RuleError(
            Reason.BANK_REFERENCE_USED,
            f"payment {used_by.payment_id} was made under this reference",
            payment_id=used_by.payment_id,
        )


def deposit_entries(institution_id: str, lines: Iterable[PaymentLine]) -> tuple[Entry, ...]:
    """Returns what withholding the deposits of a payment posts, one account a fund."""
    withheld: dict[str, int] = {}
    for line in lines:
        if line.deposit_fen:
            fund_type = line.account_id.removeprefix(fund_account(""))
            account_id = deposit_account(institution_id, fund_type)
            withheld[account_id] = withheld.get(account_id, 0) + line.deposit_fen
    total_fen = sum(withheld.values())
    entries = [Entry(account_id, fen) for account_id, fen in sorted(withheld.items())]
    return balanced([Entry(payable_account(institution_id), -total_fen), *entries])


def payment_entries(payment: Payment) -> tuple[Entry, ...]:
    """Returns what the bank's payment posts."""
    return balanced(
        [
            Entry(payable_account(payment.institution_id), -payment.amount_fen),
            Entry(payment_account(payment.payment_id), payment.amount_fen),
        ]
    )


def payment_not_found(payment_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed, or is another institution's."""
    return RuleError(
        Reason.INSTITUTION_PAYMENT_NOT_FOUND, f"no payment {payment_id}", payment_id=payment_id
    )


def other_institution(item_id: str) -> RuleError:
    """Returns the refusal for a payment of two institutions."""
    return RuleError(
        Reason.OTHER_INSTITUTION, f"{item_id} is of another institution", item_id=item_id
    )


def _check_state(payment: Payment, state: PaymentState) -> None:
    if payment.state is not state:
        raise _wrong_state(payment, f"is {payment.state.name}")


def _check_amount(payment: Payment, read_fen: int) -> None:
    if read_fen != payment.amount_fen:
        raise _wrong_state(payment, f"is of {payment.amount_fen} fen")


def _wrong_state(payment: Payment, told: str) -> RuleError:
    return RuleError(
        Reason.INSTITUTION_PAYMENT_STATE,
        f"payment {payment.payment_id} {told}",
        payment_id=payment.payment_id,
        state=payment.state.name,
        amount_fen=payment.amount_fen,
    )
