"""Workers with memories of their own race for persons whose bills are held, while time passes."""

import datetime as dt
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.benefit_world import benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.holds import confirm_command, hold_command, release_command
from support.settlement_world import REGION, TODAY, World

from yibao.settlement.v1.hold_service_pb2 import ConfirmHoldResponse, HoldBillResponse
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.rules.hold import HoldState

_WORKERS, _STEPS = 3, 16
_LASTS = dt.timedelta(seconds=20)
# What a racer may be told: another was faster, or time was.
_LOST = {
    *(Reason.SETTLEMENT_REVERSED, Reason.HOLD_CONFIRMED, Reason.HOLD_EXPIRED),
    *(Reason.HOLD_RELEASED, Reason.HOLDS_TOO_MANY, Reason.QR_SUPERSEDED),
}


class Racer:
    """A worker that holds, confirms, releases, settles and reverses what others act on too."""

    def __init__(
        self,
        world: World,
        visits: dict[str, str],
        held: dict[str, int],
        bills: list[str],
        seed: int,
    ) -> None:
        self._work = world.new_worker()
        self._world = world
        self._visits = visits
        # Holds with what their funds were quoted to pay.
        self._held = held
        self._bills = bills
        self._chance = random.Random(seed)  # which of them is no secret

    def race(self) -> list[RuleError]:
        refused = []
        for _ in range(_STEPS):
            if self._chance.random() < 0.15:
                self._world.clock.now += dt.timedelta(seconds=7)
            command = self._command()
            outcome = self._run(command)
            if isinstance(outcome, RuleError):
                refused.append(outcome)
            else:
                self._learn(command, outcome)
        return refused

    def _run(self, command: Command) -> bytes | RuleError:
        while True:
            try:
                (outcome,) = self._work(REGION, [command])
            except TransientError:
                continue  # as the batcher does
            return outcome

    def _learn(self, command: Command, answer: bytes) -> None:
        match command.request.method:
            case "HoldBill":
                hold = HoldBillResponse.FromString(answer).hold
                self._held[hold.hold_id] = hold.quote.fund_total_fen
            case "ConfirmHold":
                settled = ConfirmHoldResponse.FromString(answer).settlement
                assert settled.fund_total_fen == self._held[settled.former_place]
                self._bills.append(settled.settlement_id)
            case "SettleBill":
                settled = SettleBillResponse.FromString(answer).settlement
                self._bills.append(settled.settlement_id)

    def _command(self) -> Command:
        kind, held, bills = self._chance.random(), list(self._held), list(self._bills)
        if held and kind < 0.3:
            return confirm_command(self._world, self._chance.choice(held))
        if held and kind < 0.4:
            return release_command(self._world, self._chance.choice(held))
        if bills and kind < 0.6:
            return self._world.reverse_command(self._chance.choice(bills))
        person = self._chance.choice(sorted(self._visits))
        visit_id = self._visits[person]
        fen = self._chance.randrange(1, 2_000_000)
        bill = stay_bill(
            self._world, visit_id, TODAY, fen, account_used=self._chance.random() < 0.5
        )
        # Codes of one person overtake each other, which is no matter here.
        if kind < 0.85:
            return hold_command(self._world, visit_id, person, bill=bill, valid_for=_LASTS)
        return self._world.settle_command(visit_id, person, bill=bill)


@pytest.mark.parametrize("seed", range(3))
def test_racing_holds_are_settled_as_quoted_or_not_at_all(databases: Databases, seed: int) -> None:
    world = benefit_world(databases)
    visits = {}
    for person in world.enrol(2):
        world.run(world.credit_command(person, 200_000))
        visits[person] = world.register(person, care_type="11", start_date=TODAY)
    held: dict[str, int] = {}
    bills: list[str] = []
    racers = [Racer(world, visits, held, bills, 10 * seed + each) for each in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as threads:
        refused = [each for racer in threads.map(Racer.race, racers) for each in racer]
    assert {each.reason for each in refused} <= _LOST
    assert_books_are_right(world)
    world.clock.now += _LASTS
    assert world.work(REGION, [ExpireHolds.of(REGION, each) for each in visits]) == [b"", b""]
    states = [found.state for each in held if (found := world.queries.hold(REGION, each))]
    assert len(states) == len(held) > 0
    assert HoldState.HELD not in states
    assert_books_are_right(world)
