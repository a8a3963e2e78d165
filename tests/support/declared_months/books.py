"""Counters that book their answers, with the month, the types and the payers of each act."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from support.benefit_world import admit, stay_bill
from support.day_books import DayBooks, merged
from support.declared_months.oracle import PERSON, TREASURY, Act, Oracle
from support.settlement_world import HOSPITAL, REGION

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.storage import tables

CLEARING_TYPES = {"11": "11", "2101": "21"}


@dataclass
class MonthBooks(DayBooks):
    """Counters whose acts are told to an oracle."""

    oracle: Oracle = field(default_factory=lambda: Oracle(50_000))
    clearing_types: dict[str, str] = field(default_factory=dict)

    def visit(
        self, *fen: int, person: str, institution_id: str = HOSPITAL, care_type: str = "11"
    ) -> str:
        """Settles a bill of a visit of its own, of today; returns the settlement's id."""
        day = shanghai_day(self.world.clock.now)
        if care_type == "11":
            visit = self.world.register(
                person, care_type=care_type, start_date=day, institution_id=institution_id
            )
        else:
            visit = admit(self.world, person, day, institution_id=institution_id)
            discharge = self.world.discharge_command(
                visit, end_date=day, institution_id=institution_id
            )
            self.world.run(discharge)
        self.clearing_types[visit] = CLEARING_TYPES[care_type]
        bill = stay_bill(self.world, visit, day, *fen, account_used=True)
        return self.settle(visit, person, bill, institution_id=institution_id)

    def _book(self, kind: Any, request_id: str, told: Settlement, cost: Any, funds: Any) -> None:
        treasury = treasury_of(told)
        if kind.name == "REVERSED":
            treasury = -treasury
        elif kind.name == "REFUNDED":
            treasury -= treasury_of(self.known[told.settlement_id])
        elif kind.name == "CORRECTED":
            treasury -= treasury_of(self.known[told.corrects_settlement_id])
        super()._book(kind, request_id, told, cost, funds)
        day = self.booked[-1].day
        key = (
            told.institution_id,
            day.year * 100 + day.month,
            told.insurance_type,
            self.clearing_types[told.visit_id],
        )
        payers = merged(funds, {TREASURY: treasury}, {PERSON: cost.account_fen})
        amounts = (cost.total_fen, cost.fund_total_fen, cost.account_fen, cost.cash_fen)
        self.oracle.act(Act(key, *amounts, payers))

    def balances(self) -> Counter[str]:
        """Returns balances of the ledger by the names of the oracle."""
        entry = tables.entry.c
        found: Counter[str] = Counter()
        query = sa.select(entry.account_id, entry.kind, sa.func.sum(entry.amount_fen)).where(
            entry.region == REGION
        )
        with self.world.database.read() as connection:
            rows = connection.execute(query.group_by(entry.account_id, entry.kind)).all()
        for account_id, kind, fen in rows:
            name, _, rest = account_id.partition(":")
            if name in ("payable", "deposit", "prepaid"):
                found[account_id] += int(fen)
            elif name == "payment":
                found["payment"] += int(fen)
            elif name == "fund" and kind >= 40:
                found[f"back:{rest}"] += int(fen)
        return Counter({each: fen for each, fen in found.items() if fen})


def treasury_of(told: Settlement) -> int:
    return sum(each.amount_fen for each in told.other_payments if each.payer == TREASURY)


def month_number(instant: dt.datetime) -> int:
    day = shanghai_day(instant)
    return day.year * 100 + day.month
