"""What a bill costs whom: the outcome of an adjudication."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.benefit.bill import Balances, BillLine, RefusedLine
from yibao_settlement.rules.benefit.classify import LineParts
from yibao_settlement.rules.benefit.layout import Layout
from yibao_settlement.rules.benefit.leg import Take
from yibao_settlement.rules.benefit.memory import Memory
from yibao_settlement.rules.benefit.plan import Plan
from yibao_settlement.rules.benefit.record import Record
from yibao_settlement.rules.benefit.steps import Bearer


class LegSplit(NamedTuple):
    """A leg as adjudicated: its lines and how they were split, what steps found and took.

    `amounts` lie as the layout has it; `left` is what nobody paid, by the bits of its lots.
    """

    day: dt.date
    plan: Plan
    lines: Sequence[BillLine]
    parts: Sequence[LineParts]
    amounts: Sequence[int]
    records: Sequence[Record]
    takes: Sequence[Take]
    left: Sequence[tuple[int, int]]


class Payment(NamedTuple):
    """What a step made somebody else than the person pay: a fund by its type, or a bearer.

    `arrears_fen` is owed for earlier bills and no part of this one.
    """

    step_id: str
    payer: str | Bearer
    base_fen: int
    amount_fen: int
    arrears_fen: int


class Sums(NamedTuple):
    """The sums of a bill. total = the four parts = funds + personal; personal = account + cash.

    `first_share_fen` is the first self-pay of the lines and of steps that are told under it.
    """

    total_fen: int
    eligible_fen: int
    first_self_pay_fen: int
    over_limit_fen: int
    excluded_fen: int
    deductible_fen: int
    first_share_fen: int
    fund_total_fen: int
    arrears_fen: int
    personal_fen: int
    account_fen: int
    cash_fen: int


class Split(NamedTuple):
    """What a bill costs whom, and what it leaves in the person's windows.

    `amounts` are those of all legs together, `change` is to be put behind the memory that
    the bill was adjudicated with, `paid_by_purse` what the account paid.
    """

    layout: Layout
    legs: tuple[LegSplit, ...]
    amounts: Sequence[int]
    sums: Sums
    refused_lines: tuple[RefusedLine, ...]
    paid_by_purse: Balances
    change: Memory

    def amount_fen(self, name: str) -> int:
        """Returns an amount by its name in policy files: `P1.paid`, `eligible.implant`."""
        return self.amounts[self.layout.positions[name]]

    def payments(self) -> tuple[Payment, ...]:
        """Returns what each step paid that pays for others than the person, in file order."""
        found = []
        for payer in self.layout.payers:
            first = payer.first
            if payer.is_tiers:
                base, _, _, paid, _, _, arrears = self.amounts[first : first + 7]
            else:
                base, paid, arrears = self.amounts[first], self.amounts[first], 0
            found.append(Payment(payer.step_id, payer.payer, base, paid, arrears))
        return tuple(found)


def check_sums(sums: Sums) -> None:
    """Checks that every fen of the bill is borne by exactly one party.

    Raises InvariantError where one is borne twice, by nobody, or less than nothing.
    """
    parts = sums.eligible_fen + sums.first_self_pay_fen + sums.over_limit_fen + sums.excluded_fen
    if min(sums) < 0 or parts != sums.total_fen:
        raise InvariantError(f"a bill is split into {sums}")
