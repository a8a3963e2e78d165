"""The steps of the golden path that a hospital and an agency take at settlement."""

import datetime as dt
import random

from yibao.settlement.v1 import (
    account_service_pb2,
    bill_pb2,
    settlement_pb2,
    visit_pb2,
    visit_service_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as settlement_rpc
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.levels import level_name
from yibao_cli.demo.standing import Standing, read_standing
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import parties_of
from yibao_cli.regions import Region, SampleBill
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.money import yuan

SETTLE_METHOD = "/yibao.settlement.v1.SettlementService/SettleBill"
_CREDIT_FEN = 120_000


class SettlementSteps:
    """Takes one region's bill through settlement."""

    def __init__(
        self,
        stack: Stack,
        region: Region,
        log: StepLog,
        *,
        today: dt.date,
        clock: Clock,
        choose: random.Random,
    ) -> None:
        """Takes a stack in which the region is loaded."""
        parties = parties_of(region)
        self._region = region.region
        self._bill: SampleBill = region.sample_bill
        self._hospital = stack.channel("settlement", parties.hospital)
        self._accounts = AccountServiceStub(stack.channel("settlement", parties.maker))
        self._settlements = SettlementServiceStub(self._hospital)
        self._log = log
        self._today = today
        self._clock = clock
        self._choose = choose

    def register_visit(self, qr_text: str) -> str:
        """Registers the admission and returns the visit's id."""
        request = visit_service_pb2.RegisterVisitRequest(
            request_id=new_request_id(),
            region=self._region,
            presentation=self.presentation(qr_text),
            provider_visit_number=f"ZY{self._choose.randrange(10**8):08d}",
            care_type=self._bill.care_type,
            start_date=from_date(self._today),
        )
        with self._log.step("Register the visit", "settlement") as note:
            visits = VisitServiceStub(self._hospital)
            visit = visits.RegisterVisit(request, timeout=CALL_SECONDS).visit
            note(f"care type {visit.care_type}, {level_name(visit.institution_level)}")
        return visit.visit_id

    def credit(self, person_id: str) -> None:
        """Credits the person's account, as the insurer does each month."""
        request = account_service_pb2.CreditAccountRequest(
            request_id=new_request_id(),
            region=self._region,
            person_id=person_id,
            amount_fen=_CREDIT_FEN,
            source=account_service_pb2.CREDIT_SOURCE_ALLOCATION,
        )
        with self._log.step("Credit the personal account", "settlement") as note:
            account = self._accounts.CreditAccount(request, timeout=CALL_SECONDS).account
            note(f"balance {yuan(account.balance_fen)}")

    def standing(self, person_id: str) -> Standing:
        """Returns what is booked now."""
        return read_standing(self._accounts, region=self._region, person_id=person_id)

    def make_bill(self, visit_id: str) -> bill_pb2.Bill:
        """Returns the published bill as one of this visit, of today."""
        used = bill_pb2.ACCOUNT_USE_OWN if self._bill.account_used else bill_pb2.ACCOUNT_USE_NONE
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number=f"JS{self._choose.randrange(10**8):08d}",
            service_date=from_date(self._today),
            lines=[
                bill_pb2.BillLine(
                    line_number=line.line_number,
                    item_code=line.item_code,
                    unit_price=line.unit_price,
                    quantity=line.quantity,
                    amount_fen=line.amount_fen,
                )
                for line in self._bill.lines
            ],
            total_fen=self._bill.total_fen,
            account_use=used,
        )

    def try_bill(self, bill: bill_pb2.Bill) -> settlement_rpc.ExpectedAmounts:
        """Asks what the bill would cost whom, which the person is shown and agrees to."""
        request = settlement_rpc.TrialBillRequest(region=self._region, bill=bill)
        with self._log.step("Try the bill", "settlement") as note:
            trial = self._settlements.TrialBill(request, timeout=CALL_SECONDS).settlement
            note(f"funds {yuan(trial.fund_total_fen)}, cash {yuan(trial.cash_fen)}")
        return settlement_rpc.ExpectedAmounts(
            fund_total_fen=trial.fund_total_fen,
            account_fen=trial.account_fen,
            cash_fen=trial.cash_fen,
        )

    def try_with_account(self, bill: bill_pb2.Bill) -> None:
        """Asks what the personal account would pay if the person let it."""
        other = bill_pb2.Bill()
        other.CopyFrom(bill)
        other.account_use = bill_pb2.ACCOUNT_USE_OWN
        request = settlement_rpc.TrialBillRequest(region=self._region, bill=other)
        with self._log.step("Try it with the account", "settlement") as note:
            trial = self._settlements.TrialBill(request, timeout=CALL_SECONDS).settlement
            note(f"account {yuan(trial.account_fen)}, cash {yuan(trial.cash_fen)}")

    def settle(
        self,
        bill: bill_pb2.Bill,
        qr_text: str,
        expected: settlement_rpc.ExpectedAmounts | None = None,
    ) -> tuple[bytes, bytes]:
        """Settles the bill for what was agreed, if told; returns request and answer as bytes."""
        request = settlement_rpc.SettleBillRequest(
            request_id=new_request_id(),
            region=self._region,
            presentation=self.presentation(qr_text),
            bill=bill,
            expected=expected,
        ).SerializeToString()
        with self._log.step("Settle the bill", "settlement") as note:
            raw = self._settle_raw(request)
            settlement = settlement_rpc.SettleBillResponse.FromString(raw).settlement
            if sum(entry.amount_fen for entry in settlement.entries):
                raise StepFailedError("its ledger entries do not sum to zero")
            note(f"{len(settlement.entries)} ledger entries, sum 0.00")
        return request, raw

    def read(self, settled: settlement_pb2.Settlement) -> None:
        """Reads the settlement and checks that it is the one that was answered."""
        request = settlement_rpc.GetSettlementRequest(
            region=self._region, settlement_id=settled.settlement_id
        )
        with self._log.step("Read the stored settlement", "settlement") as note:
            stored = self._settlements.GetSettlement(request, timeout=CALL_SECONDS).settlement
            if stored != settled:
                raise StepFailedError("it is not the one that was answered")
            note("equal to the answer")

    def explain(self, settlement_id: str) -> tuple[settlement_pb2.TraceNode, ...]:
        """Returns the steps of the calculation, derived again by the service."""
        request = settlement_rpc.ExplainSettlementRequest(
            region=self._region, settlement_id=settlement_id
        )
        with self._log.step("Explain it", "settlement") as note:
            answer = self._settlements.ExplainSettlement(request, timeout=CALL_SECONDS)
            note(f"{len(answer.trace)} steps, calculated again")
        return tuple(answer.trace)

    def repeat(self, request: bytes, first: bytes) -> None:
        """Sends the request again, as after a time-out, and compares the answers."""
        with self._log.step("Repeat the same request", "settlement") as note:
            if self._settle_raw(request) != first:
                raise StepFailedError("the answer is not the first one")
            note(f"the same {len(first)} bytes")

    def reverse(self, settlement_id: str) -> None:
        """Reverses the settlement."""
        request = settlement_rpc.ReverseSettlementRequest(
            request_id=new_request_id(),
            region=self._region,
            settlement_id=settlement_id,
            reason="demo",
        )
        with self._log.step("Reverse it", "settlement") as note:
            response = self._settlements.ReverseSettlement(request, timeout=CALL_SECONDS)
            after = response.settlement
            if after.state != settlement_pb2.SETTLEMENT_STATE_REVERSED:
                raise StepFailedError("it is not reversed")
            note(f"{len(after.entries)} opposite ledger entries")

    def compare_standing(self, person_id: str, before: Standing) -> None:
        """Checks that account, year and funds are as they were."""
        with self._log.step("Compare the balances", "settlement") as note:
            after = self.standing(person_id)
            if after != before:
                raise StepFailedError(f"before {before}, after {after}")
            note(f"account {yuan(after.balance_fen)}, all as before")

    def _settle_raw(self, request: bytes) -> bytes:
        """Calls SettleBill with bytes, so that answers can be compared as bytes."""
        call = self._hospital.unary_unary(
            SETTLE_METHOD, request_serializer=bytes, response_deserializer=bytes
        )
        return call(request, timeout=CALL_SECONDS)

    def presentation(self, qr_text: str) -> visit_pb2.Presentation:
        """Returns a code as scanned at the counter now."""
        return visit_pb2.Presentation(
            qr_text=qr_text, scan_time=from_instant(self._clock()), terminal_id="demo-counter"
        )
