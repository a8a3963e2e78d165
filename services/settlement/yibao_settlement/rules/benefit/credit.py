"""Credits to personal accounts (划入): what a month brings, by files of `yibao-credit/1`."""

from dataclasses import dataclass
from typing import NamedTuple

from yibao_settlement.rules.benefit.asking import as_text, find_row
from yibao_settlement.rules.benefit.conditions import FactValue
from yibao_settlement.rules.benefit.curve import half_up
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.leg import fact_missing
from yibao_settlement.rules.benefit.table import Table


@dataclass(frozen=True, slots=True)
class CreditShare:
    """A share of the month's base, in ppm."""

    ratio_ppm: int


@dataclass(frozen=True, slots=True)
class CreditRule:
    """A credit of each month: a share of the bounded base, or an amount in fen.

    The base (划入基数: wage or pension of the month) counts from `least_fen` to `most_fen`,
    None without end. `clause` cites document and clause, empty where the file does not.
    """

    id: str
    title: str
    title_zh: str
    clause: str
    least_fen: int
    most_fen: int | None
    table: Table[CreditShare | int]

    def bounded_fen(self, base_fen: int) -> int:
        """Returns the base as far as it counts."""
        bounded = max(base_fen, self.least_fen)
        return bounded if self.most_fen is None else min(bounded, self.most_fen)


@dataclass(frozen=True, slots=True, eq=False)
class CreditPolicy:
    """The credits of a file. `version` is the SHA-256 of the file in hexadecimal."""

    version: str
    credits: tuple[CreditRule, ...]


class MonthlyCredit(NamedTuple):
    """What one credit brings in a month, by which row, of which bounded base."""

    credit_id: str
    row_index: int
    base_fen: int
    amount_fen: int


def monthly_credits(
    policy: CreditPolicy, facts: Facts, *, base_fen: int
) -> tuple[MonthlyCredit, ...]:
    """Returns what a person is credited in a month, in the order of the file.

    A share is rounded half up to fen.

    Raises:
        RuleError: POLICY_NO_MATCHING_ROW, where a table has no row for the person;
            FACT_MISSING, where it asks for what is not known.
    """

    def value_of(fact: str) -> FactValue:
        value: FactValue | None = getattr(facts, fact)
        if value is None:
            raise fact_missing(fact)
        return value

    found = []
    for credit in policy.credits:
        index, row = find_row(
            credit.table, credit.id, value_of, lambda fact: as_text(value_of(fact))
        )
        bounded = credit.bounded_fen(base_fen)
        share = row.value
        amount = share if isinstance(share, int) else half_up(bounded * share.ratio_ppm)
        found.append(MonthlyCredit(credit.id, index, bounded, amount))
    return tuple(found)
