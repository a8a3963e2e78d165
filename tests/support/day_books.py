"""What an institution books itself of its acts: by the answers that its counters got, nothing else.

The sums of a day are folded from them independently of the service.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from support.corrections import amounts_of, charged, correct_command, tried
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, REGION, World

from yibao.settlement.v1.refund_pb2 import RestatedBill
from yibao.settlement.v1.refund_service_pb2 import (
    CorrectSettlementResponse,
    RefundSettlementResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import (
    ReverseSettlementResponse,
    SettleBillResponse,
)
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.day.compared import ComparedPart, DayPart
from yibao_settlement.application.day.find import Days, DayTotals
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.day.act import DayActKind, DayAmounts, DayLine
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.encode import fill_settlement


class Booked(NamedTuple):
    """An act of an institution, as it booked it; `funds` are what each fund pays."""

    institution_id: str
    day: dt.date
    line: DayLine
    insurance_type: str
    funds: dict[str, int]


def amounts(total: int, fund: int, account: int, cash: int, *, sign: int = 1) -> DayAmounts:
    return DayAmounts(*(sign * each for each in (total, fund, account, cash)))


def cost_of(told: Settlement, *, sign: int = 1) -> DayAmounts:
    """Returns what a settlement costs as it was told."""
    return amounts(told.total_fen, told.fund_total_fen, told.account_fen, told.cash_fen, sign=sign)


def funds_of(told: Settlement, *, sign: int = 1) -> dict[str, int]:
    """Returns what each fund pays of a settlement as it was told."""
    funds: dict[str, int] = {}
    for each in told.fund_payments:
        funds[each.fund_type] = funds.get(each.fund_type, 0) + sign * each.amount_fen
    return funds


def merged(*several: dict[str, int]) -> dict[str, int]:
    """Returns what funds pay together, of which nothing is left out but nothing."""
    found: dict[str, int] = {}
    for funds in several:
        for fund_type, fen in funds.items():
            found[fund_type] = found.get(fund_type, 0) + fen
    return {fund_type: fen for fund_type, fen in found.items() if fen}


@dataclass
class DayBooks:
    """Counters of institutions: they act, and book what they are answered."""

    world: World
    booked: list[Booked] = field(default_factory=list)
    # Settlements as their counters know them by now.
    known: dict[str, Settlement] = field(default_factory=dict)

    @property
    def days(self) -> Days:
        transactions = transactions_of(self.world.database)
        return Days(transactions, clock=self.world.clock)

    def settle(
        self, visit_id: str, person_id: str, bill: Bill, *, institution_id: str = HOSPITAL
    ) -> str:
        command = self.world.settle_command(
            visit_id, person_id, bill=bill, institution_id=institution_id
        )
        told = SettleBillResponse.FromString(self.world.run(command)).settlement
        request_id = command.request.request_id
        self._book(DayActKind.SETTLED, request_id, told, cost_of(told), funds_of(told))
        return told.settlement_id

    def reverse(self, settlement_id: str, **changes: Any) -> str:
        command = self.world.reverse_command(settlement_id, **self._own(settlement_id, changes))
        answer = ReverseSettlementResponse.FromString(self.world.run(command))
        told = answer.settlement
        back, funds = cost_of(told, sign=-1), funds_of(told, sign=-1)
        self._book(DayActKind.REVERSED, command.request.request_id, told, back, funds)
        self._restated(command.request.request_id, answer.restated_bills)
        return command.request.request_id

    def refund(self, settlement_id: str, *lines: AskedReturn, **changes: Any) -> str:
        before = self.known[settlement_id]
        command = self.world.refund_command(
            settlement_id, *lines, **self._own(settlement_id, changes)
        )
        answer = RefundSettlementResponse.FromString(self.world.run(command))
        told = answer.refund.amounts
        gone = (told.fund_total_fen, told.account_fen, told.cash_fen)
        total_fen = sum(gone) + told.other_total_fen
        back = amounts(total_fen, *gone, sign=-1)
        funds = merged(funds_of(answer.settlement), funds_of(before, sign=-1))
        request_id = command.request.request_id
        self._book(DayActKind.REFUNDED, request_id, answer.settlement, back, funds)
        self._restated(request_id, answer.restated_bills)
        return request_id

    def correct(self, settlement_id: str, *items: tuple[str, int], **changes: Any) -> str:
        before = self.known[settlement_id]
        own = self._own(settlement_id, changes)
        command = correct_command(self.world, settlement_id, charged(*items), **own)
        expected = amounts_of(tried(self.world, command).amounts)
        command = replace(command, expected=expected)
        answer = CorrectSettlementResponse.FromString(self.world.run(command))
        told, new = answer.amounts, answer.settlement
        pairs = [
            (getattr(told.billed, name), getattr(told.returned, name))
            for name in ("fund_total_fen", "account_fen", "cash_fen", "other_total_fen")
        ]
        changes_fen = [billed - returned for billed, returned in pairs]
        change = amounts(sum(changes_fen), *changes_fen[:3])
        funds = merged(funds_of(new), funds_of(before, sign=-1))
        request_id = command.request.request_id
        self._book(DayActKind.CORRECTED, request_id, new, change, funds)
        self._restated(request_id, answer.restated_bills)
        return new.settlement_id

    def lines(self, day: dt.date, institution_id: str = HOSPITAL) -> list[DayLine]:
        """Returns what an institution booked on a day, in the order of request ids."""
        own = [
            each.line
            for each in self.booked
            if (each.institution_id, each.day) == (institution_id, day)
        ]
        return sorted(own, key=lambda line: line.request_id)

    def totals(self, day: dt.date, institution_id: str = HOSPITAL, **asked: Any) -> DayTotals:
        snapshot = asked.get("snapshot_time")
        return self.days.totals(REGION, institution_id, day, snapshot)

    def compare(
        self,
        day: dt.date,
        lines: Sequence[DayLine],
        institution_id: str = HOSPITAL,
        *,
        after: str = "",
        until: str = "",
        snapshot_time: dt.datetime | None = None,
    ) -> ComparedPart:
        part = DayPart(day, after, until, lines)
        return self.days.compare(REGION, institution_id, part, snapshot_time)

    def _own(self, settlement_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Returns changes of a request, which is its institution's unless they say otherwise."""
        if changes.keys() & {"caller", "institution_id"}:
            return changes
        return {**changes, "institution_id": self.known[settlement_id].institution_id}

    def _book(
        self,
        kind: DayActKind,
        request_id: str,
        told: Settlement,
        cost: DayAmounts,
        funds: dict[str, int],
    ) -> None:
        self.known[told.settlement_id] = told
        line = DayLine(request_id, kind, told.settlement_id, told.bill_number, cost)
        self.booked.append(
            Booked(
                told.institution_id,
                shanghai_day(self.world.clock.now),
                line,
                told.insurance_type,
                merged(funds),
            )
        )

    def _restated(self, request_id: str, bills: Sequence[RestatedBill]) -> None:
        """Books later bills that the request corrected to what they cost by now."""
        for each in bills:
            old, new = self.known[each.corrected_settlement_id], Settlement()
            # The counter reads it: the answer tells only what it asks for.
            found = self.world.queries.settlement(REGION, each.settlement_id)
            assert found is not None
            fill_settlement(new, found)
            parts = [
                getattr(each.amounts.billed, name) - getattr(each.amounts.returned, name)
                for name in ("fund_total_fen", "account_fen", "cash_fen", "other_total_fen")
            ]
            change = amounts(sum(parts), *parts[:3])
            funds = merged(funds_of(new), funds_of(old, sign=-1))
            self._book(DayActKind.CORRECTED, request_id, new, change, funds)
