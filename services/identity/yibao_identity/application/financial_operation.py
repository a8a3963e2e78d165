"""Questions about money: whether an operation may be made here, and where if not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_identity.application.card.calls import CardCalls
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.holder import require_holder
from yibao_identity.rules.card import CardLimits, check_not_closed
from yibao_identity.rules.certificate import certificate_not_found
from yibao_identity.rules.financial_operation import FinancialOperation, Purse, check_operation

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_METHOD = "ValidateFinancialOperation"


@dataclass(frozen=True, slots=True)
class ValidateOperation:
    """Asks whether an operation with money may be made here; one of the ids is empty."""

    region: str
    caller: Caller
    card_id: str
    certificate_id: str
    purse: Purse
    operation: FinancialOperation


class FinancialOperations:
    """Answers what may be done with whose money. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, clock: Clock, limits: CardLimits
    ) -> None:
        """Takes what begins transactions."""
        self._calls = CardCalls(transactions, clock=clock, limits=limits)

    def validate(self, question: ValidateOperation) -> str:
        """Returns the bank where the operation belongs: the caller.

        Raises:
            RuleError: CARD_NOT_FOUND, CERTIFICATE_NOT_FOUND, CARD_CLOSED, OUT_OF_SCOPE and
                what `rules.financial_operation` refuses.
        """
        caller = question.caller
        card_bank = None
        with self._calls.read(question.region, caller, _METHOD, question.card_id) as work:
            if question.card_id:
                card = self._calls.find(work, CardName(question.card_id))
                require_holder(work.holders, caller, card.person_id)
                check_not_closed(card)
                card_bank = card.bank_code
            else:
                caller.require_certificate(question.certificate_id)
                if not work.holders.has_certificate(question.certificate_id):
                    raise certificate_not_found(question.certificate_id)
        return check_operation(
            question.purse,
            question.operation,
            card_bank=card_bank,
            caller_bank=caller.id if caller.role is Role.BANK else None,
        )
