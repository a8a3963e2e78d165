"""The golden path on both databases: every published amount, to the fen.

A person is registered and shows codes; a hospital verifies them without a network, tries
and settles the published bill; an agency reads it, and it is reversed.
"""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.databases import KINDS, Databases, PostgresDatabases, PostgresServer, SqliteDatabases

from yibao.settlement.v1 import bill_pb2, settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_cli.demo.counter import Counter
from yibao_cli.demo.figures import StepTitle, compare, differing
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.settlement_steps import SettlementSteps
from yibao_cli.demo.standing import Standing, read_standing
from yibao_cli.demo.steps import StepLog
from yibao_cli.loading import CALL_SECONDS, import_region, new_request_id, published_stays
from yibao_cli.parties import SERVICES, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.db.database import Database
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_settlement.ledger_check import check_ledger

REGIONS = {region.sample_bill.example: region for region in published_stays()}
# What the trace says of the steps that pay, as the published examples calculate it.
FORMULAS = {
    "WE-003": {
        "D1": "min(300.00, 50000.00) = 300.00",
        "P1": "49700.00 x 70% = 34790.00",
        "A1": "15210.00 x 70% = 10647.00",
        "A2": "(4563.00 - 3000.00) x 60% = 937.80; below the brackets 3000.00",
    },
    "WE-019": {
        "D1": "min(900.00, 89400.00) = 900.00",
        "P1": (
            "(20000.00 - 900.00) x 68% + (40000.00 - 20000.00) x 73% "
            "+ (89400.00 - 40000.00) x 78% = 66120.00"
        ),
        "K1": "(23280.00 - 20000.00) x 50% = 1640.00; below the brackets 20000.00",
    },
    "WE-029": {
        "P1": (
            "min((10000.00 - 1300.00) x 80% + (30000.00 - 10000.00) x 85% "
            "+ (40000.00 - 30000.00) x 90% + (129365.41 - 40000.00) x 95%, 50000.00) "
            "= 50000.00; above them 129365.41 - 57936.84 = 71428.57"
        ),
        "L1": "71428.57 x 70% = 50000.00",
    },
}


@dataclass(frozen=True)
class Running:
    """Services with every region in force, and where settlement keeps its books."""

    stack: Stack
    settlement_url: str


@pytest.fixture(scope="module", params=KINDS)
def running(
    request: pytest.FixtureRequest,
    postgres_starter: Callable[[], PostgresServer],
    tmp_path_factory: pytest.TempPathFactory,
    sandbox_keys: Path,
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("golden")
    databases: Databases
    if request.param == "sqlite":
        databases = SqliteDatabases(folder)
    else:
        databases = PostgresDatabases(postgres_starter())
    urls = {service: databases.empty_url() for service in SERVICES}
    regions = list(REGIONS.values())
    sandbox = Path(shutil.copytree(sandbox_keys, folder / "sandbox"))
    with Stack.start(sandbox, regions, database_urls=urls) as stack:
        for region in regions:
            import_region(stack, region)
        yield Running(stack, urls["settlement"])
    databases.close()


class Walk:
    """One published bill and the parties that handle it."""

    def __init__(self, stack: Stack, region: Region) -> None:
        today = shanghai_day(system_clock())
        log = StepLog(lambda _title: None)
        parties = parties_of(region)
        # Different numbers at each run; what is checked does not depend on them.
        choose = random.Random()
        self.region = region
        self.identity = IdentitySteps(stack, region, log, today=today, choose=choose)
        self.steps = SettlementSteps(
            stack, region, log, today=today, clock=system_clock, choose=choose
        )
        self.hospital = SettlementServiceStub(stack.channel("settlement", parties.hospital))
        self.agency = SettlementServiceStub(stack.channel("settlement", parties.maker))
        self._accounts = AccountServiceStub(stack.channel("settlement", parties.maker))
        self._last_code = ""
        self.person_id = self.identity.register_person()
        self._certificate_id, subject = self.identity.activate(self.person_id)
        admission = self.code(ADMISSION)
        # Fetches what is published and runs the SDK in a process without a network.
        counter = Counter(stack, region, log, audience=ADMISSION)
        counter.fetch(now=system_clock())
        counter.accepts(admission, "Verify the code offline", subject=subject)
        self.visit_id = self.steps.register_visit(admission)

    def code(self, audience: str = SETTLE) -> str:
        # Within one second it would be the same one, which pays once.
        text = self._last_code
        while text == self._last_code:
            text = self.identity.issue(self._certificate_id, audience)
        self._last_code = text
        return text

    def standing(self) -> Standing:
        return read_standing(self._accounts, region=self.region.region, person_id=self.person_id)

    def explain(self, settlement_id: str) -> pb.ExplainSettlementResponse:
        request = pb.ExplainSettlementRequest(
            region=self.region.region, settlement_id=settlement_id
        )
        return self.agency.ExplainSettlement(request, timeout=CALL_SECONDS)

    def read(self, stub: SettlementServiceStub, settlement_id: str) -> settlement_pb2.Settlement:
        request = pb.GetSettlementRequest(region=self.region.region, settlement_id=settlement_id)
        return stub.GetSettlement(request, timeout=CALL_SECONDS).settlement

    def reverse(self, settlement_id: str) -> settlement_pb2.Settlement:
        request = pb.ReverseSettlementRequest(
            request_id=new_request_id(),
            region=self.region.region,
            settlement_id=settlement_id,
            reason="entered twice",
        )
        return self.hospital.ReverseSettlement(request, timeout=CALL_SECONDS).settlement


def amounts_of(settlement: settlement_pb2.Settlement) -> settlement_pb2.Settlement:
    """Returns what a bill costs whom, without what tells a trial from a settlement."""
    amounts = settlement_pb2.Settlement()
    amounts.CopyFrom(settlement)
    for name in ("settlement_id", "state", "settle_time", "entries"):
        amounts.ClearField(name)
    return amounts


def assert_books_are_right(running: Running) -> None:
    with contextlib.closing(Database(running.settlement_url)) as database:
        report = check_ledger(database)
    assert report.drifts == []
    assert report.settlements


@pytest.mark.parametrize("example", REGIONS)
def test_a_published_bill_comes_out_to_the_fen_and_its_reversal_puts_all_back(
    running: Running, example: str
) -> None:
    walk = Walk(running.stack, REGIONS[example])
    before = walk.standing()
    bill = walk.steps.make_bill(walk.visit_id)
    trial_request = pb.TrialBillRequest(region=walk.region.region, bill=bill)
    trial = walk.hospital.TrialBill(trial_request, timeout=CALL_SECONDS)
    # A trial books nothing.
    assert trial.settlement.state == settlement_pb2.SETTLEMENT_STATE_TRIAL
    assert walk.standing() == before

    expected = walk.steps.try_bill(bill)
    request, answer = walk.steps.settle(bill, walk.code(), expected)
    settled = pb.SettleBillResponse.FromString(answer).settlement
    assert settled.state == settlement_pb2.SETTLEMENT_STATE_SETTLED
    assert amounts_of(trial.settlement) == amounts_of(settled)
    titles = {node.step_id: StepTitle(node.title, node.title_zh) for node in trial.trace}
    figures = compare(settled, walk.region.sample_bill.expected, titles)
    assert differing(figures) == []
    assert walk.standing() != before

    for stub in (walk.hospital, walk.agency):
        assert walk.read(stub, settled.settlement_id) == settled
    explained = walk.explain(settled.settlement_id)
    assert explained.settlement == settled
    assert list(explained.trace) == list(trial.trace)
    formulas = {node.step_id: node.formula for node in explained.trace}
    assert FORMULAS[example].items() <= formulas.items()
    for payment in settled.fund_payments:
        (node,) = (each for each in explained.trace if each.step_id == payment.step_id)
        assert node.amount_fen == payment.amount_fen
        assert node.clause

    walk.steps.repeat(request, answer)
    undone = walk.reverse(settled.settlement_id)
    assert {entry.account_id: -entry.amount_fen for entry in undone.entries} == {
        entry.account_id: entry.amount_fen for entry in settled.entries
    }
    assert walk.standing() == before
    # A reversed settlement is still explained, and its request still gets its answer.
    after = walk.explain(settled.settlement_id)
    assert after.settlement.state == settlement_pb2.SETTLEMENT_STATE_REVERSED
    assert after.settlement.reversal_id == undone.reversal_id
    assert list(after.trace) == list(explained.trace)
    walk.steps.repeat(request, answer)
    assert walk.standing() == before
    assert_books_are_right(running)


def test_a_bill_that_was_reversed_settles_anew_to_the_same_fen(running: Running) -> None:
    walk = Walk(running.stack, REGIONS["WE-019"])
    bill = walk.steps.make_bill(walk.visit_id)
    settlements = []
    for _ in range(2):
        _, answer = walk.steps.settle(bill, walk.code())
        settlements.append(pb.SettleBillResponse.FromString(answer).settlement)
        walk.reverse(settlements[-1].settlement_id)
    first, second = settlements
    assert first.settlement_id != second.settlement_id
    assert amounts_of(first) == amounts_of(second)
    assert_books_are_right(running)


def test_the_account_of_an_employee_pays_what_it_holds_and_gets_it_back(running: Running) -> None:
    walk = Walk(running.stack, REGIONS["WE-029"])
    walk.steps.credit(walk.person_id)
    before = walk.standing()
    bill = walk.steps.make_bill(walk.visit_id)
    bill.account_use = bill_pb2.ACCOUNT_USE_OWN
    _, answer = walk.steps.settle(bill, walk.code())
    settled = pb.SettleBillResponse.FromString(answer).settlement
    expected = walk.region.sample_bill.expected
    assert settled.account_fen == before.balance_fen
    assert settled.account_balance_fen == walk.standing().balance_fen == 0
    assert settled.fund_total_fen == expected.fund_total_fen
    assert settled.cash_fen == expected.cash_fen - settled.account_fen
    walk.reverse(settled.settlement_id)
    assert walk.standing() == before
    assert_books_are_right(running)
