"""A stay in a hospital of another city, billed to the region that insures the person."""

import time

import grpc

from yibao.errors import error_of
from yibao.offsite.v1 import registration_pb2
from yibao.settlement.v1 import (
    bill_pb2,
    elsewhere_pb2,
    explanation_pb2,
    settlement_pb2,
    visit_pb2,
    visit_service_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.card_steps import refused_with
from yibao_cli.demo.elsewhere_scene import Scene, until
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.later_bills import bill_lines
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError
from yibao_cli.loading import new_request_id
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason

DIAGNOSIS = visit_pb2.Diagnosis(
    diagnosis_code="I20.000", diagnosis_name="不稳定型心绞痛", is_main=True
)
_LOOK_SECONDS = 0.02
# Unit price in yuan and quantity of each line: 20,000.00, all in scope.
_LINES, _IN_SCOPE = (("60", "15"), ("17600", "1"), ("500", "3")), "01"


class StayElsewhere:
    """A person in the hospital of the other city, who pays with codes of home."""

    def __init__(self, scene: Scene) -> None:
        """Registers the person at home, with an e-certificate."""
        self._scene = scene
        self._log = scene.log
        channel = scene.hospital("settlement")
        self._visits = VisitServiceStub(channel)
        self._settlements = SettlementServiceStub(channel)
        self._identity = IdentitySteps(
            scene.stack, scene.home, scene.log, today=scene.today, choose=scene.choose
        )
        self.person_id = self._identity.register_person()
        self._certificate_id, _ = self._identity.activate(self.person_id)
        self._last_second = -1

    def admit(
        self,
        title: str,
        *,
        care_type: str,
        kind: elsewhere_pb2.AdmissionKind.ValueType,
        due: registration_pb2.OffsiteTerms.ValueType,
        attestation: str = "",
    ) -> str:
        """Admits the person today, on the terms that are due; returns the visit's id."""
        request = self._admission(care_type, kind, attestation)
        with self._log.step(title, "settlement") as note:
            visit = self._visits.RegisterVisit(request, timeout=CALL_SECONDS).visit
            if visit.elsewhere.terms != due:
                raise StepFailedError(f"on terms {terms_name(visit.elsewhere.terms)}")
            note(f"on terms {terms_name(due)}")
        return visit.visit_id

    def admit_refused(
        self,
        title: str,
        *,
        care_type: str,
        kind: elsewhere_pb2.AdmissionKind.ValueType,
        reason: Reason,
    ) -> None:
        """Tries an admission that must not come to be."""
        request = self._admission(care_type, kind, "")
        with self._log.step(title, "settlement") as note, refused_with(reason, note):
            self._visits.RegisterVisit(request, timeout=CALL_SECONDS)

    def cancel(self, visit_id: str) -> None:
        """Cancels a visit that nothing was settled of."""
        request = visit_service_pb2.CancelVisitRequest(
            request_id=new_request_id(), region=self._scene.region, visit_id=visit_id
        )
        with self._log.step("Cancel that visit", "settlement") as note:
            self._visits.CancelVisit(request, timeout=CALL_SECONDS)
            note("to register first")

    def discharge(self, visit_id: str) -> None:
        """Discharges the person today."""
        request = visit_service_pb2.DischargeVisitRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            visit_id=visit_id,
            end_date=from_date(self._scene.today),
            discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
        )
        with self._log.step("Discharge the person", "settlement") as note:
            self._visits.DischargeVisit(request, timeout=CALL_SECONDS)
            note(f"{self._scene.today}, as the doctor ordered")

    def try_bill(self, title: str, visit_id: str) -> pb.TrialBillResponse:
        """Asks what the bill would cost whom."""
        with self._log.step(title, "settlement") as note:
            tried = self._tried(visit_id)
            settlement = tried.settlement
            note(f"funds {yuan(settlement.fund_total_fen)}, cash {yuan(settlement.cash_fen)}")
        return tried

    def wait_until_held(self, visit_id: str) -> None:
        """Tries the bill until the audit's hold has arrived."""

        def is_held() -> bool:
            try:
                self._tried(visit_id)
            except grpc.RpcError as error:
                if error_of(error).reason != Reason.AUDIT_HOLD.wire_name:
                    raise
                return True
            return False

        with self._log.step("Try the bill until held", "settlement") as note:
            note(f"AUDIT_HOLD after {until(is_held, 'the hold did not arrive')} ms")

    def wait_until_free(self, visit_id: str) -> None:
        """Tries the bill until the hold is lifted here too."""

        def is_free() -> bool:
            try:
                self._tried(visit_id)
            except grpc.RpcError as error:
                if error_of(error).reason != Reason.AUDIT_HOLD.wire_name:
                    raise
                return False
            return True

        with self._log.step("Try it until it is free", "settlement") as note:
            note(f"free after {until(is_free, 'the hold did not leave')} ms")

    def settle(self, visit_id: str) -> settlement_pb2.Settlement:
        """Settles the bill with a code of the person."""
        request = self._payment(visit_id)
        with self._log.step("Settle the bill", "settlement") as note:
            settled = self._settlements.SettleBill(request, timeout=CALL_SECONDS).settlement
            note(f"funds {yuan(settled.fund_total_fen)}, cash {yuan(settled.cash_fen)}")
        return settled

    def settle_refused(self, visit_id: str, reason: Reason) -> None:
        """Tries to settle the bill, which must not be."""
        request = self._payment(visit_id)
        with self._log.step("Settle the bill", "settlement") as note, refused_with(reason, note):
            self._settlements.SettleBill(request, timeout=CALL_SECONDS)

    def explain(self, settlement_id: str) -> explanation_pb2.ElsewhereExplanation:
        """Returns why it is paid on its terms."""
        request = pb.ExplainSettlementRequest(
            region=self._scene.region, settlement_id=settlement_id
        )
        with self._log.step("Explain it", "settlement") as note:
            explained = self._settlements.ExplainSettlement(request, timeout=CALL_SECONDS)
            found = explained.elsewhere
            at_home = yuan(found.at_home_difference_fen)
            note(f"{terms_name(found.care.terms)}; at home {at_home} more")
        return found

    def _admission(
        self, care_type: str, kind: elsewhere_pb2.AdmissionKind.ValueType, attestation: str
    ) -> visit_service_pb2.RegisterVisitRequest:
        scene = self._scene
        return visit_service_pb2.RegisterVisitRequest(
            request_id=new_request_id(),
            region=scene.region,
            presentation=self._present(ADMISSION),
            provider_visit_number=f"ZY{scene.choose.randrange(10**8):08d}",
            care_type=care_type,
            start_date=from_date(scene.today),
            diagnoses=[DIAGNOSIS],
            marks=elsewhere_pb2.CareMarks(is_trauma=False, admission_kind=kind),
            registration_attestation=attestation,
        )

    def _payment(self, visit_id: str) -> pb.SettleBillRequest:
        return pb.SettleBillRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            presentation=self._present(SETTLE),
            bill=self._bill(visit_id),
        )

    def _tried(self, visit_id: str) -> pb.TrialBillResponse:
        request = pb.TrialBillRequest(region=self._scene.region, bill=self._bill(visit_id))
        return self._settlements.TrialBill(request, timeout=CALL_SECONDS)

    def _bill(self, visit_id: str) -> bill_pb2.Bill:
        lines = bill_lines(self._scene.home, _LINES, _IN_SCOPE)
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number="1",
            service_date=from_date(self._scene.today),
            lines=lines,
            total_fen=sum(line.amount_fen for line in lines),
            account_use=bill_pb2.ACCOUNT_USE_NONE,
        )

    def _present(self, audience: str) -> visit_pb2.Presentation:
        """Returns a new code: of a later second than the one before, which may be used up."""
        while int(self._scene.clock().timestamp()) == self._last_second:
            time.sleep(_LOOK_SECONDS)
        code = self._identity.issue(self._certificate_id, audience)
        self._last_second = int(self._scene.clock().timestamp())
        return visit_pb2.Presentation(
            qr_text=code, scan_time=from_instant(self._scene.clock()), terminal_id="demo-counter"
        )


def terms_name(terms: registration_pb2.OffsiteTerms.ValueType) -> str:
    """Returns terms as policies name them."""
    return registration_pb2.OffsiteTerms.Name(terms).removeprefix("OFFSITE_TERMS_").lower()
