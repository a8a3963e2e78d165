"""The facts of one leg, asked by the tables of a policy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.amounts import Amount, PartOf
from yibao_settlement.rules.benefit.conditions import FactValue
from yibao_settlement.rules.benefit.facts import CARE_GROUP, COUNT
from yibao_settlement.rules.benefit.leg import fact_missing
from yibao_settlement.rules.benefit.policy import BenefitPolicy, ParameterValue
from yibao_settlement.rules.benefit.table import Row, Table

Value = TypeVar("Value")

# How a refusal begins to tell care that is of no group.
NO_GROUP = f"{CARE_GROUP}=none"


@dataclass(slots=True)
class Asking:
    """Answers tables, and remembers which counts they asked for.

    `facts` are those that any table of the policy asks for; None is not said. `numbers` has
    the number of each count, or the fact that is missing to know it. `epochs` says of each
    parameter which of its values is in force, -1 for none yet.
    """

    policy: BenefitPolicy
    facts: dict[str, FactValue | None]
    care_group: str
    numbers: tuple[int | str, ...]
    epochs: tuple[int, ...]
    asked_counts: set[int] = field(default_factory=set)

    def value(self, fact: str) -> FactValue:
        """Returns a fact by its name in files. Raises RuleError FACT_MISSING."""
        if fact == CARE_GROUP:
            return self.care_group
        if fact.startswith(COUNT):
            return self._number(fact.removeprefix(COUNT))
        value = self.facts[fact]
        if value is None:
            raise fact_missing(fact)
        return value

    def _number(self, name: str) -> int:
        names = [count.name for count in self.policy.counts]
        index = names.index(name)
        self.asked_counts.add(index)
        number = self.numbers[index]
        if isinstance(number, str):
            raise fact_missing(number)
        return number

    def row(self, table: Table[Value], step_id: str) -> tuple[int, Row[Value]]:
        """Returns the row that holds. Raises RuleError POLICY_NO_MATCHING_ROW, FACT_MISSING."""
        return find_row(table, step_id, self.value, self._text)

    def _text(self, fact: str) -> str:
        """Returns a fact as refusals tell it; care of no group by its type."""
        if fact == CARE_GROUP and not self.care_group:
            return f"none (care_type {self.facts['care_type']})"
        return as_text(self.value(fact))

    def amount(self, amount: Amount, otherwise: Callable[[PartOf], Value]) -> int | Value:
        """Returns fen; what is a share of no parameter is made by `otherwise`."""
        if isinstance(amount, int):
            return amount
        for index, parameter in enumerate(self.policy.parameters):
            if parameter.name == amount.of:
                value = self._parameter(index).fen
                return amount.within_bounds_fen(value)
        return otherwise(amount)

    def _parameter(self, index: int) -> ParameterValue:
        parameter, epoch = self.policy.parameters[index], self.epochs[index]
        if epoch < 0:
            raise RuleError(
                Reason.PARAMETER_NOT_IN_FORCE,
                f"{parameter.name} has no value before {parameter.values[0].start_date}",
                parameter=parameter.name,
                date=str(parameter.values[0].start_date),
            )
        return parameter.values[epoch]


def find_row(
    table: Table[Value],
    step_id: str,
    value_of: Callable[[str], FactValue],
    text_of: Callable[[str], str],
) -> tuple[int, Row[Value]]:
    """Returns the row that holds, and its index; `value_of` answers what the table asks, and
    `text_of` tells it in a refusal.

    Raises RuleError POLICY_NO_MATCHING_ROW; none is guessed.
    """
    index = table.find(value_of)
    if index is None:
        key = ", ".join(f"{fact}={text_of(fact)}" for fact in table.by)
        raise RuleError(
            Reason.POLICY_NO_MATCHING_ROW,
            f"step {step_id} has no row for {key}",
            step_id=step_id,
            key=key,
        )
    return index, table.rows[index]


def as_text(value: FactValue) -> str:
    """Returns a fact as refusals tell it."""
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)
