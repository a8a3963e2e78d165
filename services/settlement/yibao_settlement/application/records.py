"""What the commands decide, before an adapter writes it in the words of the contract."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split
from yibao_settlement.rules.standing import Accumulators, Standing
from yibao_settlement.rules.visit import Visit


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What a bill costs whom, and what decided it."""

    visit: Visit
    bill: Bill
    insurance_type: str
    facts: Facts
    policy_version: str
    lines: tuple[PricedLine, ...]
    year_before: Accumulators
    split: Split


@dataclass(frozen=True, slots=True)
class SettledBill:
    """A settlement as booked."""

    settlement_id: str
    region: str
    adjudication: Adjudication
    entries: tuple[Entry, ...]
    balance_after_fen: int
    settle_time: dt.datetime


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """The stored settlement, as far as commands need it.

    `fund_amounts` map fund types to fen; `reversal_id` is None while it stands.
    """

    settlement_id: str
    request_id: str
    visit_id: str
    bill_number: str
    person_id: str
    institution_id: str
    benefit_year: int
    account_fen: int
    accumulations: Mapping[str, int]
    fund_amounts: Mapping[str, int]
    reversal_id: str | None


@dataclass(frozen=True, slots=True)
class Reversal:
    """The reversal of a settlement, as booked."""

    reversal_id: str
    settlement: SettlementRow
    entries: tuple[Entry, ...]
    reverse_time: dt.datetime
    reason: str
    actor: str
    balance_after_fen: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit to a personal account, as booked."""

    posting_id: str
    region: str
    standing: Standing
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class StoredInputs:
    """What a stored settlement was calculated from, and what came out.

    `amounts` are fund total, account and cash in fen.
    """

    settlement_id: str
    policy_version: str
    facts: Facts
    lines: tuple[PricedLine, ...]
    year_before: Accumulators
    account_used: bool
    balance_before_fen: int
    trace_sha256: bytes
    amounts: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class StoredSettlement:
    """A settlement as stored: what was answered, and its reversal if there was one."""

    settle_response: bytes
    institution_id: str
    reversal_id: str | None
    reverse_time: dt.datetime | None
