"""Workers with memories of their own race for the same persons' bills and what becomes of them."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import correct_command
from support.databases import Databases
from support.settlement_world import REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import CorrectSettlementResponse
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.commands.request import Outcome
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.refund import AskedReturn

_WORKERS, _STEPS = 3, 12
# What a racer may be told: another was faster.
_LOST = (Reason.SETTLEMENT_REVERSED, Reason.RETURN_EXCEEDS_LINE)


class Racer:
    """A worker that settles, returns, corrects and reverses bills that others act on too."""

    def __init__(self, world: World, visits: dict[str, str], bills: list[str], seed: int) -> None:
        self._work: BatchWork = world.new_worker()
        self._world = world
        self._visits = visits
        self._bills = bills
        self._chance = random.Random(seed)  # which of them is no secret

    def race(self) -> list[RuleError]:
        refused = []
        for _ in range(_STEPS):
            commands = [self._command() for _ in range(self._chance.randrange(1, 4))]
            for outcome in self._run(commands):
                if isinstance(outcome, RuleError):
                    refused.append(outcome)
        return refused

    def _run(self, commands: list[Command]) -> list[Outcome[bytes]]:
        while True:
            try:
                outcomes = self._work(REGION, commands)
            except TransientError:
                continue  # as the batcher does
            for command, outcome in zip(commands, outcomes, strict=True):
                if isinstance(outcome, bytes) and command.request.method == "SettleBill":
                    settled = SettleBillResponse.FromString(outcome).settlement
                    self._bills.append(settled.settlement_id)
                if isinstance(outcome, bytes) and command.request.method == "CorrectSettlement":
                    right = CorrectSettlementResponse.FromString(outcome).settlement
                    self._bills.append(right.settlement_id)
            return outcomes

    def _command(self) -> Command:
        kind, bills = self._chance.random(), list(self._bills)
        if bills and kind < 0.25:
            return self._world.reverse_command(self._chance.choice(bills))
        if bills and kind < 0.5:
            part = AskedReturn(self._chance.randrange(1, 3), quantity="0.5")
            return self._world.refund_command(self._chance.choice(bills), part)
        fen = [self._chance.randrange(1, 4_000_000) for _ in range(2)]
        lines = tuple(
            ChargedLine(number, "A1", f"{each / 100:.2f}", "1", each)
            for number, each in enumerate(fen, 1)
        )
        if bills and kind < 0.75:
            return correct_command(self._world, self._chance.choice(bills), lines)
        person = self._chance.choice(sorted(self._visits))
        visit_id = self._visits[person]
        bill = self._world.bill(visit_id, lines=lines, total_fen=sum(fen), is_interim=True)
        # Codes of one person overtake each other, which is no matter here.
        return self._world.settle_command(visit_id, person, bill=bill)


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_racing_histories_cost_what_their_bills_cost_in_order(
    databases: Databases, seed: int
) -> None:
    world = benefit_world(databases)
    visits = {person: admit(world, person, TODAY) for person in world.enrol(2)}
    bills: list[str] = []
    racers = [Racer(world, visits, bills, 10 * seed + number) for number in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as threads:
        refused = [each for racer in threads.map(Racer.race, racers) for each in racer]
    assert {each.reason for each in refused} <= {*_LOST, Reason.QR_SUPERSEDED} | {
        Reason.AMOUNTS_NOT_CONFIRMED
    }
    assert_books_are_right(world)
    for person in visits:
        standing = [
            record
            for record in map(lambda each: record_of(world, each), bills)
            if record.person_id == person and record.reversal is None
        ]
        standing.sort(key=lambda record: record.place)
        assert [cost(record, record.effective) for record in standing] == alone(world, standing)


def cost(record: SettlementRecord, effective: Effective) -> tuple[object, ...]:
    others = [(each.step_id, each.amount_fen) for each in effective.other_payments]
    funds = [(each.step_id, each.amount_fen) for each in effective.fund_payments]
    if not record.total_fen:
        return ()
    return funds, others, effective.deductible_fen, effective.account_fen, effective.cash_fen


def alone(world: World, standing: list[SettlementRecord]) -> list[tuple[object, ...]]:
    """Returns what the bills cost somebody who never had other ones."""
    (person,) = world.enrol()
    visit_id = admit(world, person, TODAY)
    found: list[tuple[object, ...]] = []
    for record in standing:
        lines = tuple(
            ChargedLine(line.line_number, "A1", line.unit_price, line.quantity, line.amount_fen)
            for line in record.lines
            if line.amount_fen
        )
        if not lines:
            found.append(())
            continue
        bill = world.bill(visit_id, lines=lines, total_fen=record.total_fen, is_interim=True)
        settled = record_of(world, world.settle(visit_id, person, bill=bill).settlement_id)
        found.append(cost(settled, settled.counter))
    return found
