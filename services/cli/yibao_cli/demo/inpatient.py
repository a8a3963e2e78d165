"""A person's stay at one hospital, admitted with a code and settled with another."""

import datetime as dt
import random
import time
from collections.abc import Sequence

from yibao.settlement.v1 import bill_pb2, settlement_pb2, visit_pb2, visit_service_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.steps import CALL_SECONDS, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import institution_leaf
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.money import yuan

_LOOK_SECONDS = 0.02
_CARE_TYPE = "2101"
_DIAGNOSIS = visit_pb2.Diagnosis(
    diagnosis_code="I20.000", diagnosis_name="不稳定型心绞痛", is_main=True
)


class Inpatient:
    """A stay of today at a hospital, in one bill."""

    def __init__(
        self,
        stack: Stack,
        region: Region,
        log: StepLog,
        *,
        institution_id: str,
        certificate_id: str,
        identity: IdentitySteps,
        clock: Clock,
        choose: random.Random,
    ) -> None:
        """Takes the hospital, and the person's e-certificate."""
        channel = stack.channel("settlement", institution_leaf(region, institution_id))
        self._visits = VisitServiceStub(channel)
        self._settlements = SettlementServiceStub(channel)
        self._region = region.region
        self._log = log
        self._certificate_id = certificate_id
        self._identity = identity
        self._clock = clock
        self._number = f"ZY{choose.randrange(10**8):08d}"

    def settle(self, lines: Sequence[bill_pb2.BillLine]) -> settlement_pb2.Settlement:
        """Admits, discharges and bills the person, all of today; returns the settlement."""
        visit_id = self._admit()
        self._discharge(visit_id)
        bill = bill_pb2.Bill(
            visit_id=visit_id,
            bill_number="1",
            service_date=from_date(self._today),
            lines=lines,
            total_fen=sum(line.amount_fen for line in lines),
            account_use=bill_pb2.ACCOUNT_USE_NONE,
        )
        request = pb.SettleBillRequest(
            request_id=new_request_id(),
            region=self._region,
            presentation=self._present(SETTLE),
            bill=bill,
        )
        with self._log.step("Settle the stay", "settlement") as note:
            settled = self._settlements.SettleBill(request, timeout=CALL_SECONDS).settlement
            note(f"funds {yuan(settled.fund_total_fen)}, cash {yuan(settled.cash_fen)}")
        return settled

    @property
    def _today(self) -> dt.date:
        return shanghai_day(self._clock())

    def _admit(self) -> str:
        request = visit_service_pb2.RegisterVisitRequest(
            request_id=new_request_id(),
            region=self._region,
            presentation=self._present(ADMISSION),
            provider_visit_number=self._number,
            care_type=_CARE_TYPE,
            start_date=from_date(self._today),
            diagnoses=[_DIAGNOSIS],
        )
        with self._log.step("Admit the person", "settlement") as note:
            visit = self._visits.RegisterVisit(request, timeout=CALL_SECONDS).visit
            note(visit.institution_id)
        return visit.visit_id

    def _discharge(self, visit_id: str) -> None:
        request = visit_service_pb2.DischargeVisitRequest(
            request_id=new_request_id(),
            region=self._region,
            visit_id=visit_id,
            end_date=from_date(self._today),
            discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
        )
        with self._log.step("Discharge the person", "settlement") as note:
            self._visits.DischargeVisit(request, timeout=CALL_SECONDS)
            note(f"{self._today}")

    def _present(self, audience: str) -> visit_pb2.Presentation:
        """Returns a new code: of a later second than the one before, which is used up."""
        issued = self._clock()
        while self._clock().second == issued.second:
            time.sleep(_LOOK_SECONDS)
        return visit_pb2.Presentation(
            qr_text=self._identity.issue(self._certificate_id, audience),
            scan_time=from_instant(self._clock()),
            terminal_id="demo-counter",
        )
