"""A sample bill of a region from the registration of its person on, at services that run."""

import datetime as dt
import random
from dataclasses import dataclass, replace

import grpc

from yibao.identity.v1 import certificate_service_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.settlement.v1 import account_service_pb2, bill_pb2, settlement_pb2, visit_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2 as visits_pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.identity_steps import IdentitySteps
from yibao_cli.demo.steps import CALL_SECONDS, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import CHANNEL, institution_leaf, parties_of
from yibao_cli.regions import Region, SampleBill
from yibao_cli.running import Channels
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_settlement.rules.care_type import needs_disease
from yibao_settlement.rules.visit import registration_audience, settlement_audience

# Hypertension: any disease does where a care type needs one.
_DISEASE = "M03900"


@dataclass(frozen=True, slots=True)
class SampleVisit:
    """Where a bill of a region is charged, and who stands there. Raises grpc.RpcError."""

    channels: Channels
    region: Region
    bill: SampleBill
    certificate_id: str
    person_id: str
    clock: Clock

    @classmethod
    def of(
        cls,
        channels: Channels,
        region: Region,
        bill: SampleBill,
        *,
        clock: Clock,
        choose: random.Random,
        log: StepLog,
    ) -> "SampleVisit":
        """Registers the person of the bill with an e-certificate, and credits what an account
        needs to hold. Raises StepFailedError where a step of these is refused.
        """
        steps = IdentitySteps(
            channels,
            replace(region, sample_bill=bill),
            log,
            today=shanghai_day(clock()),
            choose=choose,
        )
        person_id = steps.register_person()
        certificate_id, _ = steps.activate(person_id)
        visit = cls(channels, region, bill, certificate_id, person_id, clock)
        if bill.account_used:
            visit.credit()
        return visit

    @property
    def today(self) -> dt.date:
        """The day of the visit and of the bill."""
        return shanghai_day(self.clock())

    def credit(self) -> None:
        """Credits what the bill costs: a bill that uses the account expects it to be enough."""
        accounts = AccountServiceStub(
            self.channels.channel("settlement", parties_of(self.region).maker)
        )
        request = account_service_pb2.CreditAccountRequest(
            request_id=new_request_id(),
            region=self.region.region,
            person_id=self.person_id,
            amount_fen=self.bill.total_fen,
            source=account_service_pb2.CREDIT_SOURCE_ALLOCATION,
        )
        accounts.CreditAccount(request, timeout=CALL_SECONDS)

    def shown(self, audience: str) -> visit_pb2.Presentation:
        """Returns a code of the person as scanned now."""
        certificates = CertificateServiceStub(self.channels.channel("identity", CHANNEL))
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self.region.region, certificate_id=self.certificate_id, audience=audience
        )
        text = certificates.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
        return visit_pb2.Presentation(
            qr_text=text, scan_time=from_instant(self.clock()), terminal_id="T1"
        )

    def register(self) -> str:
        """Registers the visit of today; returns its id."""
        care_type = self.bill.care_type
        request = visits_pb.RegisterVisitRequest(
            request_id=new_request_id(),
            region=self.region.region,
            presentation=self.shown(registration_audience(care_type)),
            provider_visit_number=f"V{new_request_id().replace('-', '')[:20]}",
            care_type=care_type,
            start_date=from_date(self.today),
            disease_code=_DISEASE if needs_disease(care_type) else "",
        )
        visits = VisitServiceStub(self._as_institution())
        return visits.RegisterVisit(request, timeout=CALL_SECONDS).visit.visit_id

    def tried(self, bill: bill_pb2.Bill) -> settlement_pb2.Settlement:
        """Returns what a bill would cost whom."""
        request = pb.TrialBillRequest(region=self.region.region, bill=bill)
        return self._settlements().TrialBill(request, timeout=CALL_SECONDS).settlement

    def settle(self, bill: bill_pb2.Bill) -> settlement_pb2.Settlement:
        """Settles a bill for what its trial said."""
        trial = self.tried(bill)
        request = pb.SettleBillRequest(
            request_id=new_request_id(),
            region=self.region.region,
            presentation=self.shown(settlement_audience(self.bill.institution_id)),
            bill=bill,
            expected=pb.ExpectedAmounts(
                fund_total_fen=trial.fund_total_fen,
                account_fen=trial.account_fen,
                cash_fen=trial.cash_fen,
            ),
        )
        return self._settlements().SettleBill(request, timeout=CALL_SECONDS).settlement

    def explained(self, settlement_id: str) -> tuple[settlement_pb2.TraceNode, ...]:
        """Returns the steps of a settlement, derived again by the service."""
        request = pb.ExplainSettlementRequest(
            region=self.region.region, settlement_id=settlement_id
        )
        answer = self._settlements().ExplainSettlement(request, timeout=CALL_SECONDS)
        return tuple(answer.trace)

    def message(self, visit_id: str) -> bill_pb2.Bill:
        """Returns the bill as one of a visit, of today."""
        used = bill_pb2.ACCOUNT_USE_OWN if self.bill.account_used else bill_pb2.ACCOUNT_USE_NONE
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number="1",
            service_date=from_date(self.today),
            lines=[
                bill_pb2.BillLine(
                    line_number=line.line_number,
                    item_code=line.item_code,
                    unit_price=line.unit_price,
                    quantity=line.quantity,
                    amount_fen=line.amount_fen,
                )
                for line in self.bill.lines
            ],
            total_fen=self.bill.total_fen,
            account_use=used,
        )

    def _settlements(self) -> SettlementServiceStub:
        return SettlementServiceStub(self._as_institution())

    def _as_institution(self) -> grpc.Channel:
        leaf = institution_leaf(self.region, self.bill.institution_id)
        return self.channels.channel("settlement", leaf)
