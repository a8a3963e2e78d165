"""A policy in words: one sentence a row, in the order of the steps, conditions first."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from yibao_settlement.rules.benefit.amounts import Adjustment, Amount, BracketsRow
from yibao_settlement.rules.benefit.conditions import Condition
from yibao_settlement.rules.benefit.policy import BenefitPolicy, Counter
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    AnyStep,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    SharesRow,
    TiersStep,
)


class Sentence(NamedTuple):
    """What a row says; `owner` is the step's id or the counter's name.

    `row` is the position of the row in its table; of a step without a table it is 0. `key`
    names the table and what the row asks for in the language of the text.
    """

    owner: str
    row: int
    text: str
    clause: str
    key: str


class Language(Protocol):
    """A language in which policies are told. `when` of None is the row `otherwise`."""

    def sentence(self, title: str, conditions: str, text: str) -> str:
        """Returns a whole sentence; `conditions` may be empty."""

    def title(self, owner: str, title: str, title_zh: str) -> str:
        """Returns how a step or counter is called."""

    def conditions(self, applies: Condition, when: Condition | None) -> str:
        """Returns the conditions of a step and of a row in it."""

    def shares(self, row: SharesRow) -> str:
        """Returns first self-pay shares by class."""

    def deductible(self, step: DeductibleStep, amount: Amount) -> str:
        """Returns what is borne first."""

    def brackets(self, step: TiersStep, row: BracketsRow) -> str:
        """Returns what a payer pays along brackets, or tops up."""

    def adjustment(self, change: Adjustment) -> str:
        """Returns how ratios change."""

    def given(self, step: GivenStep) -> str:
        """Returns what others have paid."""

    def account(self, step: AccountStep) -> str:
        """Returns what the account pays."""

    def limit(self, counter: Counter, limit: Amount | None) -> str:
        """Returns what a counter lets through."""


_ALWAYS = Condition()


def policy_in_words(policy: BenefitPolicy, language: Language) -> Iterator[Sentence]:
    """Yields the rows of a policy as sentences, its counters behind its steps."""
    for step in policy.steps:
        title = language.title(step.id, step.title, step.title_zh)
        for row, when, text, clause, table in _of_step(step, language):
            conditions = language.conditions(step.applies, when)
            sentence = language.sentence(title, conditions, text)
            yield Sentence(step.id, row, sentence, clause, f"{table} {conditions}")
    for counter in policy.counters:
        title = language.title(counter.name, counter.title, counter.title_zh)
        for number, limited in enumerate(counter.table.rows):
            conditions = language.conditions(_ALWAYS, limited.when)
            text = language.sentence(title, conditions, language.limit(counter, limited.value))
            yield Sentence(counter.name, number, text, limited.clause, f"rows {conditions}")


_Told = tuple[int, Condition | None, str, str, str]


def _of_step(step: AnyStep, language: Language) -> Iterator[_Told]:
    """Yields position, condition, text, clause and table of each row of a step."""
    match step:
        case ClassifyStep():
            for number, shares in enumerate(step.table.rows):
                yield number, shares.when, language.shares(shares.value), shares.clause, "rows"
        case DeductibleStep():
            for number, due in enumerate(step.table.rows):
                yield number, due.when, language.deductible(step, due.value), due.clause, "rows"
        case TiersStep():
            for number, paid in enumerate(step.table.rows):
                yield number, paid.when, language.brackets(step, paid.value), paid.clause, "rows"
            for place, table in enumerate(step.adjust):
                for number, change in enumerate(table.rows):
                    text = language.adjustment(change.value)
                    yield number, change.when, text, change.clause, f"adjust[{place}]"
        case GivenStep():
            yield 0, _ALWAYS, language.given(step), step.clause, ""
        case AccountStep():
            yield 0, _ALWAYS, language.account(step), step.clause, ""
