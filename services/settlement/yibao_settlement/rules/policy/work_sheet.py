"""The work sheet on which the steps of a policy adjudicate one bill."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.policy.step import Sum


@dataclass(slots=True)
class WorkSheet:
    """What the steps so far have found; lives for one bill only.

    `amounts` stand at the positions of `Policy.amount_names`. `added` is what the bill
    adds to the year so far.
    """

    amounts: list[int]
    year: Mapping[str, int]
    added: dict[str, int]
    unpaid_fen: int = 0
    deductible_fen: int = 0
    payments: list[FundPayment] = field(default_factory=list)

    def used(self, accumulator: str) -> int:
        """Returns what earlier bills and earlier steps have used up of the year."""
        return self.year.get(accumulator, 0) + self.added.get(accumulator, 0)

    def use(self, accumulator: str, amount: int) -> None:
        """Adds to what this bill uses up of the year."""
        self.added[accumulator] = self.added.get(accumulator, 0) + amount

    def sum_of(self, terms: Sum) -> int:
        """Returns the value of an expression, at least zero."""
        amounts = self.amounts
        value = 0
        for position in terms.add:
            value += amounts[position]
        for position in terms.subtract:
            value -= amounts[position]
        return max(value, 0)
