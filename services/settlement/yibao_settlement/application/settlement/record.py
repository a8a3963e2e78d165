"""The settlement of record: everything that was decided of a bill, as it is stored.

It is made when the bill is settled, written in the same transaction and never changed;
reversals stand beside it. Explanation, reversal, listing and the ledger checker read it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.bill import LineParticulars, RefusedLine
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.split import Facts, FundPayment, SplitLine


class ReversalNote(NamedTuple):
    """That a settlement was reversed: by which posting, when, why and by whom."""

    reversal_id: str
    reverse_time: dt.datetime
    reason: str
    reversed_by: str


class SettlementRecord(NamedTuple):
    """A settlement: what a bill costs whom, what decided it and what it was decided on.

    A named tuple, because one is made for every bill. `settled_by` is the path of the
    caller's identity, empty for settlements of before it was kept. `year_before` and
    `balance_before_fen` are the person's benefit year and account before it;
    `accumulations` are what it added to the year. `reversal` is None while it stands.
    `particulars` are empty, or one for each line, None where it has none; `refused_lines`
    are those that it does not charge.
    """

    region: str
    settlement_id: str
    request_id: str
    settled_by: str
    settle_time: dt.datetime
    visit_id: str
    bill_number: str
    person_id: str
    institution_id: str
    insurance_type: str
    service_date: dt.date
    policy_version: str
    facts: Facts
    year_before: Accumulators
    account_used: bool
    balance_before_fen: int
    lines: tuple[SplitLine, ...]
    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    deductible_fen: int
    fund_payments: tuple[FundPayment, ...]
    fund_total_fen: int
    account_fen: int
    cash_fen: int
    accumulations: Accumulators
    trace_sha256: bytes
    entries: tuple[Entry, ...]
    is_interim: bool = False
    reversal: ReversalNote | None = None
    particulars: tuple[LineParticulars | None, ...] = ()
    refused_lines: tuple[RefusedLine, ...] = ()

    @property
    def benefit_year(self) -> int:
        """The year whose accumulators it adds to."""
        return self.service_date.year

    @property
    def personal_total_fen(self) -> int:
        """What the person bears."""
        return self.account_fen + self.cash_fen

    @property
    def balance_after_fen(self) -> int:
        """The personal account after it."""
        return self.balance_before_fen - self.account_fen


class Reversal(NamedTuple):
    """A settlement with its reversal, as just booked; amounts in fen."""

    settlement: SettlementRecord
    entries: tuple[Entry, ...]
    balance_after_fen: int


def amounts_by_fund(payments: Iterable[FundPayment]) -> Mapping[str, int]:
    """Returns what each fund pays in fen; several steps may draw on one fund."""
    amounts: dict[str, int] = {}
    for payment in payments:
        if payment.amount_fen:
            paid_fen = amounts.get(payment.fund_type, 0)
            amounts[payment.fund_type] = paid_fen + payment.amount_fen
    return amounts


def settlement_not_found(settlement_id: str) -> RuleError:
    """Returns the refusal for a settlement that the caller cannot see."""
    return RuleError(
        Reason.SETTLEMENT_NOT_FOUND,
        f"no settlement {settlement_id}",
        settlement_id=settlement_id,
    )
