"""A stay in two bills: an interim one (中途结算) and the last, as the insured reads them.

However a stay is cut into bills, the funds pay for it what they pay for one bill.
"""

import contextlib
import datetime as dt
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yibao.settlement.v1 import (
    bill_pb2,
    settlement_pb2,
    statement_pb2,
    visit_pb2,
    visit_service_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.settlement_steps import SettlementSteps
from yibao_cli.demo.steps import CALL_SECONDS, Step, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.money import line_amount_fen, yuan

_LOOK_SECONDS = 0.02
_IN_SCOPE = "01"
# Unit price in yuan and quantity of each line: 20,000.00 by the interim bill, 5,000.00 after it.
_UNTIL_INTERIM = (("60", "15"), ("17600", "1"), ("500", "3"))
_AFTERWARDS = (("60", "5"), ("47", "100"))
# The person was admitted so many days ago, and billed for the first time.
_ADMITTED, _BILLED = dt.timedelta(days=9), dt.timedelta(days=4)
_DIAGNOSIS = visit_pb2.Diagnosis(
    diagnosis_code="I20.000", diagnosis_name="不稳定型心绞痛", is_main=True
)


@dataclass(frozen=True, slots=True)
class StayBill:
    """A bill of the stay as settled, with its statement's sentences."""

    settlement: settlement_pb2.Settlement
    sentences: tuple[statement_pb2.StatementSentence, ...]


@dataclass(frozen=True, slots=True)
class StayWalk:
    """What came of the stay: its steps, and its bills as far as it got."""

    steps: tuple[Step, ...]
    bills: tuple[StayBill, ...]

    @property
    def is_good(self) -> bool:
        """Whether every step went well."""
        return all(step.is_good for step in self.steps)


def walk_stay(
    stack: Stack,
    region: Region,
    *,
    clock: Clock,
    choose: random.Random,
    on_step: Callable[[str], None],
) -> StayWalk:
    """Walks a stay of the person of a region that is loaded; a failed step is the last."""
    log = StepLog(on_step)
    bills: list[StayBill] = []
    with contextlib.suppress(StepFailedError):
        stay = _Stay(stack, region, log, clock=clock, choose=choose)
        whole = stay.try_as_one_bill()
        bills.append(stay.settle(_UNTIL_INTERIM, is_interim=True))
        stay.discharge()
        bills.append(stay.settle(_AFTERWARDS, is_interim=False))
        compare_with_one_bill(log, whole, [each.settlement for each in bills])
    return StayWalk(tuple(log.steps), tuple(bills))


class _Stay:
    """A person in a hospital, and who acts there."""

    def __init__(
        self, stack: Stack, region: Region, log: StepLog, *, clock: Clock, choose: random.Random
    ) -> None:
        """Registers the person and the admission."""
        today = shanghai_day(clock())
        # Cover began with the year.
        first = dt.date(today.year, 1, 1)
        self._admitted, self._billed = max(first, today - _ADMITTED), max(first, today - _BILLED)
        self._today = today
        self._clock = clock
        self._next_code_time = clock()
        self._region = region
        self._log = log
        self._identity = IdentitySteps(stack, region, log, today=today, choose=choose)
        self._steps = SettlementSteps(stack, region, log, today=today, clock=clock, choose=choose)
        channel = stack.channel("settlement", parties_of(region).hospital)
        self._visits = VisitServiceStub(channel)
        self._settlements = SettlementServiceStub(channel)
        self._number = f"ZY{choose.randrange(10**8):08d}"
        person_id = self._identity.register_person()
        self._certificate_id, _ = self._identity.activate(person_id)
        self._visit_id = self._admit()

    def _admit(self) -> str:
        request = visit_service_pb2.RegisterVisitRequest(
            request_id=new_request_id(),
            region=self._region.region,
            presentation=self._steps.presentation(
                self._identity.issue(self._certificate_id, ADMISSION)
            ),
            provider_visit_number=self._number,
            care_type=self._region.sample_bill.care_type,
            start_date=from_date(self._admitted),
            diagnoses=[_DIAGNOSIS],
        )
        with self._log.step("Admit the person", "settlement") as note:
            visit = self._visits.RegisterVisit(request, timeout=CALL_SECONDS).visit
            note(f"since {self._admitted}, {_DIAGNOSIS.diagnosis_code}")
        return visit.visit_id

    def try_as_one_bill(self) -> settlement_pb2.Settlement:
        """Asks what the whole stay would cost as one bill of today."""
        bill = self._bill((*_UNTIL_INTERIM, *_AFTERWARDS), is_interim=False)
        with self._log.step("Try the stay as one bill", "settlement") as note:
            request = pb.TrialBillRequest(region=self._region.region, bill=bill)
            tried = self._settlements.TrialBill(request, timeout=CALL_SECONDS).settlement
            note(f"funds {yuan(tried.fund_total_fen)} of {yuan(tried.total_fen)}")
        return tried

    def settle(self, lines: Sequence[tuple[str, str]], *, is_interim: bool) -> StayBill:
        """Settles a bill for what its trial said, and reads its statement."""
        bill = self._bill(lines, is_interim=is_interim)
        expected = self._steps.try_bill(bill)
        code = self._new_code()
        _, answer = self._steps.settle(bill, code, expected)
        settled = pb.SettleBillResponse.FromString(answer).settlement
        request = pb.GetStatementRequest(
            region=self._region.region,
            settlement_id=settled.settlement_id,
            form=statement_pb2.STATEMENT_FORM_STRUCTURED,
        )
        with self._log.step("Read its statement", "settlement") as note:
            read = self._settlements.GetStatement(request, timeout=CALL_SECONDS).statement
            note(f"{len(read.sentences)} sentences in Chinese and English")
        return StayBill(settled, tuple(read.sentences))

    def _new_code(self) -> str:
        """Returns a code to pay with: of a later second than the one before, which is used up."""
        while self._clock() < self._next_code_time:
            time.sleep(_LOOK_SECONDS)
        code = self._identity.issue(self._certificate_id, SETTLE)
        self._next_code_time = self._clock() + dt.timedelta(seconds=1)
        return code

    def discharge(self) -> None:
        """Discharges the person today."""
        request = visit_service_pb2.DischargeVisitRequest(
            request_id=new_request_id(),
            region=self._region.region,
            visit_id=self._visit_id,
            end_date=from_date(self._today),
            discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
        )
        with self._log.step("Discharge the person", "settlement") as note:
            self._visits.DischargeVisit(request, timeout=CALL_SECONDS)
            note(f"{self._today}, as the doctor ordered")

    def _bill(self, lines: Sequence[tuple[str, str]], *, is_interim: bool) -> bill_pb2.Bill:
        codes = [
            item.item_code
            for item in self._region.items
            if item.catalogue_class == _IN_SCOPE and not item.price_ceiling
        ]
        messages = [
            bill_pb2.BillLine(
                line_number=number,
                item_code=code,
                unit_price=unit_price,
                quantity=quantity,
                amount_fen=line_amount_fen(unit_price, quantity),
            )
            for number, (code, (unit_price, quantity)) in enumerate(
                zip(codes, lines, strict=False), start=1
            )
        ]
        return bill_pb2.Bill(
            visit_id=self._visit_id,
            bill_number="1" if is_interim else "2",
            service_date=from_date(self._billed if is_interim else self._today),
            lines=messages,
            total_fen=sum(message.amount_fen for message in messages),
            account_use=bill_pb2.ACCOUNT_USE_NONE,
            is_interim=is_interim,
        )


def compare_with_one_bill(
    log: StepLog,
    whole: settlement_pb2.Settlement,
    parts: Sequence[settlement_pb2.Settlement],
) -> None:
    """Checks that the bills come together to what one bill would have come to."""
    with log.step("Compare with one bill", "settlement") as note:
        for name in ("total_fen", "deductible_fen", "fund_total_fen", "cash_fen"):
            together = sum(getattr(part, name) for part in parts)
            if together != getattr(whole, name):
                raise StepFailedError(f"{name}: {together}, not {getattr(whole, name)}")
        note("two bills, the same sums")
