"""Whose money it is: the medical account here, the financial account at a bank (I-09, I-10)."""

import enum

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason


class Purse(enum.Enum):
    """A purse that somebody wants money of."""

    MEDICAL_ACCOUNT = 1
    FINANCIAL_ACCOUNT = 2


class FinancialOperation(enum.Enum):
    """What somebody wants to do with money."""

    DEPOSIT = 1
    WITHDRAW = 2
    TRANSFER = 3


def check_operation(
    purse: Purse, operation: FinancialOperation, *, card_bank: str | None, caller_bank: str | None
) -> str:
    """Returns the bank that may carry the operation out: the caller.

    `card_bank` is the bank of the card that was presented, None for an e-certificate;
    `caller_bank` is None where the caller is no bank.

    Raises:
        RuleError: CASH_WITHDRAWAL_FORBIDDEN (I-10); FIELD_OUT_OF_RANGE for a recharge,
            which is another call (I-29); NO_FINANCIAL_ACCOUNT, BANK_ACCOUNT_ELSEWHERE
            (I-09).
    """
    if purse is Purse.MEDICAL_ACCOUNT:
        raise _refusal_of_medical_money(operation)
    if card_bank is None:
        raise RuleError(Reason.NO_FINANCIAL_ACCOUNT, "an e-certificate has no financial account")
    if card_bank != caller_bank:
        raise RuleError(
            Reason.BANK_ACCOUNT_ELSEWHERE,
            f"the account is kept by bank {card_bank}",
            bank_code=card_bank,
        )
    return card_bank


def _refusal_of_medical_money(operation: FinancialOperation) -> RuleError:
    if operation is not FinancialOperation.DEPOSIT:
        return RuleError(
            Reason.CASH_WITHDRAWAL_FORBIDDEN,
            "money of the medical account can be neither withdrawn nor transferred",
        )
    message = "a medical account is recharged with AccountService.CreditAccount"
    fault = FieldFault("operation", Reason.FIELD_OUT_OF_RANGE, message)
    return RuleError(fault.reason, f"{fault.field}: {message}", faults=[fault])
