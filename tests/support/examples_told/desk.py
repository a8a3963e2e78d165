"""The counters at which the person of an example is admitted and pays."""

import itertools

from support.both_services import CALL_SECONDS
from support.examples_told.elsewhere import marks_of
from support.examples_told.history import ToldBill
from support.examples_told.office import Patient, known
from support.examples_told.prices import charged_lines
from support.examples_told.region import Places
from support.examples_told.running import REGION, Running

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.settlement.v1 import bill_pb2, settlement_pb2, visit_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2 as visits_pb
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.ids import new_id
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.visit import registration_audience, settlement_audience

_MAIN = visit_pb2.Diagnosis(diagnosis_code="I10.x00", diagnosis_name="高血压", is_main=True)


class Desk:
    """Calls of the running services, for persons of the region."""

    def __init__(self, running: Running, places: Places) -> None:
        """Takes where examples take place."""
        self._running = running
        self._places = places
        self._numbers = itertools.count(1)

    def admit(self, patient: Patient, bill: ToldBill) -> None:
        """Registers the visit of a bill on its first day or soon after."""
        place = self._places.institution_id(bill)
        care_type = bill.facts["care_type"]
        former = bill.transfer_from
        request = visits_pb.RegisterVisitRequest(
            region=REGION,
            provider_visit_number=f"V{next(self._numbers)}",
            care_type=care_type,
            start_date=from_date(bill.admitted),
            diagnoses=[_MAIN],
            disease_code=bill.facts.get("disease", ""),
            transfer_from_visit_id="" if former is None else patient.visits[former],
            marks=marks_of(bill),
        )

        def register() -> visits_pb.RegisterVisitResponse:
            request.request_id = new_id()
            shown = self._shown(patient, registration_audience(care_type))
            request.presentation.CopyFrom(shown)
            return self._visits(place).RegisterVisit(request, timeout=CALL_SECONDS)

        patient.visits[bill.visit] = known(register).visit.visit_id

    def discharge(self, patient: Patient, bill: ToldBill) -> None:
        """Tells the end of a stay before its last bill, where interim ones came before."""
        request = visits_pb.DischargeVisitRequest(
            request_id=new_id(),
            region=REGION,
            visit_id=patient.visits[bill.visit],
            end_date=from_date(bill.date),
            discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
        )
        self._visits(self._places.institution_id(bill)).DischargeVisit(
            request, timeout=CALL_SECONDS
        )

    def bill_of(self, patient: Patient, bill: ToldBill) -> bill_pb2.Bill:
        """Returns a bill as the institution charges it."""
        lines = charged_lines(bill)
        return bill_pb2.Bill(
            visit_id=patient.visits[bill.visit],
            bill_number=f"B{bill.number}",
            service_date=from_date(bill.date),
            lines=lines,
            total_fen=sum(line.amount_fen for line in lines),
            account_use=(
                bill_pb2.ACCOUNT_USE_OWN if bill.account_used else bill_pb2.ACCOUNT_USE_NONE
            ),
            is_interim=bill.is_interim and is_stay(bill.facts["care_type"]),
            payments_by_others=[
                bill_pb2.PaymentByOther(fund_type=fund_type, amount_fen=fen)
                for fund_type, fen in bill.given
            ],
        )

    def tried(self, patient: Patient, bill: ToldBill) -> pb.TrialBillResponse:
        """Returns what a bill would cost now."""
        request = pb.TrialBillRequest(region=REGION, bill=self.bill_of(patient, bill))
        return self.settlements(bill).TrialBill(request, timeout=CALL_SECONDS)

    def settled(
        self, patient: Patient, bill: ToldBill, expected: settlement_pb2.Settlement | None = None
    ) -> settlement_pb2.Settlement:
        """Settles a bill for a code of the person, for the sums that a trial had."""
        request = pb.SettleBillRequest(region=REGION, bill=self.bill_of(patient, bill))
        if expected is not None:
            for name in ("fund_total_fen", "account_fen", "cash_fen"):
                setattr(request.expected, name, getattr(expected, name))
        audience = settlement_audience(self._places.institution_id(bill))

        def settle() -> pb.SettleBillResponse:
            request.request_id = new_id()
            request.presentation.CopyFrom(self._shown(patient, audience))
            return self.settlements(bill).SettleBill(request, timeout=CALL_SECONDS)

        return known(settle).settlement

    def explained(self, bill: ToldBill, settlement_id: str) -> pb.ExplainSettlementResponse:
        """Returns the calculation of a settlement, derived again."""
        request = pb.ExplainSettlementRequest(region=REGION, settlement_id=settlement_id)
        return self.settlements(bill).ExplainSettlement(request, timeout=CALL_SECONDS)

    def reverse(self, bill: ToldBill, settlement_id: str) -> None:
        """Takes a settlement back."""
        request = pb.ReverseSettlementRequest(
            request_id=new_id(), region=REGION, settlement_id=settlement_id, reason="example"
        )
        self.settlements(bill).ReverseSettlement(request, timeout=CALL_SECONDS)

    def settlements(self, bill: ToldBill) -> SettlementServiceStub:
        """Returns what the institution of a bill calls."""
        place = self._places.institution_id(bill)
        return SettlementServiceStub(self._running.channel("settlement", place))

    def _visits(self, institution_id: str) -> VisitServiceStub:
        return VisitServiceStub(self._running.channel("settlement", institution_id))

    def _shown(self, patient: Patient, audience: str) -> visit_pb2.Presentation:
        """Returns a new code as scanned now, of a later second than those before."""
        clock = self._running.clock
        clock.tick()
        request = IssueQrCodeRequest(
            region=REGION, certificate_id=patient.certificate_id, audience=audience
        )
        channel = self._running.channel("identity", "channel")
        text = CertificateServiceStub(channel).IssueQrCode(request, timeout=CALL_SECONDS).qr_text
        return visit_pb2.Presentation(
            qr_text=text, scan_time=from_instant(clock()), terminal_id="T1"
        )
