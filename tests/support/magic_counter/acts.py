"""What is refused for each reason that a magic value leads to, by the name of the reason."""

import datetime as dt
from collections.abc import Callable, Sequence

from support.magic_counter.desk import CALL_SECONDS, DAY, REGISTER, SETTLE, STAY, Desk

from yibao.identity.v1 import (
    card_use_messages_pb2,
    misuse_messages_pb2,
    misuse_pb2,
    trust_service_pb2,
)
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.settlement.v1 import (
    account_service_pb2,
    catalogue_service_pb2,
    charge_service_pb2,
    hold_service_pb2,
    policy_service_pb2,
    review_service_pb2,
    visit_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as bills_pb2
from yibao.settlement.v1 import visit_service_pb2 as visits_pb2
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from yibao.settlement.v1.charge_service_pb2_grpc import ChargeServiceStub
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao.settlement.v1.review_service_pb2_grpc import ReviewServiceStub
from yibao_cli.samples.loading import LoadedPerson
from yibao_cli.samples.persons import PIN, WRONG_PIN
from yibao_cli.samples.region import CLOSED_ID, HOME, WITHOUT_ECERT_ID
from yibao_cli.stack import Stack
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason


class MagicCounter(Desk):
    """A desk that is refused for a reason: each method is called as the reason is."""

    def __init__(
        self, stack: Stack, loaded: Sequence[LoadedPerson], *, clock: SandboxClock
    ) -> None:
        super().__init__(stack, loaded, clock=clock)
        self.acts: dict[Reason, Callable[[], object]] = {
            Reason[name.upper()]: getattr(self, name)
            for name in dir(type(self))
            if name.upper() in Reason.__members__
        }

    # --- Who calls, and how.

    def caller_not_allowed(self) -> None:
        request = account_service_pb2.CreditAccountRequest(
            request_id=new_id(), region=HOME, person_id=new_id(), amount_fen=100
        )
        AccountServiceStub(self._hospital()).CreditAccount(request, timeout=CALL_SECONDS)

    def out_of_scope(self) -> None:
        request = visits_pb2.ListVisitsRequest(region=HOME, institution_id=CLOSED_ID)
        self._visits().ListVisits(request, timeout=CALL_SECONDS)

    def request_id_reused(self) -> None:
        request = visits_pb2.CancelVisitRequest(
            request_id=new_id(), region=HOME, visit_id=self.visit()
        )
        self._visits().CancelVisit(request, timeout=CALL_SECONDS)
        request.visit_id = self.visit()
        self._visits().CancelVisit(request, timeout=CALL_SECONDS)

    def request_fenced(self) -> None:
        asked = new_id()
        request = bills_pb2.ResolveRequestRequest(
            request_id=new_id(), region=HOME, asked_request_id=asked
        )
        self._settlements().ResolveRequest(request, timeout=CALL_SECONDS)
        self.visit(request_id=asked)

    def deadline_invalid(self) -> None:
        request = visits_pb2.GetVisitRequest(region=HOME, visit_id=new_id())
        self._visits().GetVisit(request, timeout=3_600)

    def message_too_large(self) -> None:
        self.visit(department="x" * 1_000_001)

    def field_required(self) -> None:
        self._visits().GetVisit(visits_pb2.GetVisitRequest(region=HOME), timeout=CALL_SECONDS)

    def field_malformed(self) -> None:
        request = visits_pb2.GetVisitRequest(region=HOME, visit_id="12345")
        self._visits().GetVisit(request, timeout=CALL_SECONDS)

    # --- Cards.

    def card_not_found(self) -> None:
        self.authorize("S00000000000000", "C00000000000000")

    def card_not_activated(self) -> None:
        self._swipe("card-not-activated")

    def card_reported_lost(self) -> None:
        self._swipe("card-reported-lost")

    def card_suspended(self) -> None:
        self._swipe("card-suspended")

    def card_closed(self) -> None:
        self._swipe("card-closed")

    def pin_not_set(self) -> None:
        self._swipe("card-no-pin-set")

    def pin_reported_lost(self) -> None:
        self._swipe("card-pin-reported-lost")

    def pin_locked(self) -> None:
        self._swipe("card-pin-locked")

    def pin_incorrect(self) -> None:
        self._swipe("11", pin=WRONG_PIN)

    def original_required(self) -> None:
        request = card_use_messages_pb2.AuthorizeCardRequest(
            request_id=new_id(), region=HOME, pin=PIN, audience=REGISTER
        )
        self._terminal().AuthorizeCard(request, timeout=CALL_SECONDS)

    def clock_suspect(self) -> None:
        self._swipe("11", read_time=self._clock() + dt.timedelta(hours=1))

    def credential_not_found(self) -> None:
        request = misuse_messages_pb2.ReportMisuseRequest(
            request_id=new_id(),
            region=HOME,
            subject="0" * 13,
            kind=misuse_pb2.MISUSE_KIND_LENT,
            description="seen",
        )
        channel = self._stack.channel("identity", self._parties.hospital)
        CertificateServiceStub(channel).ReportMisuse(request, timeout=CALL_SECONDS)

    # --- Codes and tokens.

    def qr_malformed(self) -> None:
        self.visit(code="HELLO")

    def qr_already_used(self) -> None:
        code = self.code("11", REGISTER)
        self.visit(code=code)
        self.visit(code=code)

    def qr_wrong_audience(self) -> None:
        self.visit(code=self.code("11", SETTLE))

    def qr_other_region(self) -> None:
        self.visit(code=self.code("11", REGISTER, region="310000"))

    def token_malformed(self) -> None:
        self.visit(token="HELLO")

    def token_already_used(self) -> None:
        token = self.token(REGISTER)
        self.visit(token=token)
        self.visit(token=token)

    def token_wrong_audience(self) -> None:
        self.visit(token=self.token(SETTLE))

    # --- Persons and institutions.

    def institution_not_designated(self) -> None:
        self.visit(at=CLOSED_ID)

    def institution_no_ecert(self) -> None:
        self.visit(at=WITHOUT_ECERT_ID)

    def person_not_enrolled(self) -> None:
        self.visit("cover-ended")

    def policy_not_found(self) -> None:
        self.settle(self.visit("without-policy"), "without-policy")

    def policy_no_matching_row(self) -> None:
        self.settle(self.visit(care_type="51"))

    # --- Visits.

    def care_type_unknown(self) -> None:
        self.visit(care_type="9999")

    def care_type_not_allowed(self) -> None:
        self.visit(care_type=STAY, at=f"P{HOME}99901")

    def visit_date_invalid(self) -> None:
        self.visit(start_date=from_date(self._today() + DAY))

    def visit_exists(self) -> None:
        number = self._number("ZY")
        self.visit(provider_visit_number=number)
        self.visit(provider_visit_number=number)

    def visit_not_found(self) -> None:
        request = visits_pb2.GetVisitRequest(region=HOME, visit_id=new_id())
        self._visits().GetVisit(request, timeout=CALL_SECONDS)

    def visit_cancelled(self) -> None:
        visit_id = self.visit()
        self._cancel(visit_id)
        request = visits_pb2.UpdateVisitRequest(
            request_id=new_id(), region=HOME, visit_id=visit_id, bed="7"
        )
        self._visits().UpdateVisit(request, timeout=CALL_SECONDS)

    def visit_settled(self) -> None:
        visit_id = self.visit()
        self.settle(visit_id)
        self._cancel(visit_id)

    def visit_discharged(self) -> None:
        with self._discharged_stay() as visit_id:
            self._discharge(visit_id)

    def discharge_date_invalid(self) -> None:
        with self._stay() as visit_id:
            self._discharge(visit_id, end_date=from_date(self._today() + DAY))

    def stay_open_elsewhere(self) -> None:
        with self._stay():
            self.visit("12", care_type=STAY, at=f"H{HOME}99902")

    def transfer_invalid(self) -> None:
        with self._stay() as visit_id:
            self.visit("12", care_type=STAY, at=f"H{HOME}99902", transfer_from_visit_id=visit_id)

    def main_diagnosis_invalid(self) -> None:
        diagnosis = visit_pb2.Diagnosis(
            diagnosis_code="J18.900", diagnosis_name="肺炎", is_main=True
        )
        self.visit(diagnoses=[diagnosis, diagnosis])

    def operation_date_invalid(self) -> None:
        operation = visit_pb2.Operation(
            operation_code="47.01",
            operation_name="腹腔镜阑尾切除术",
            operation_date=from_date(self._today() + DAY),
        )
        self.visit(operations=[operation])

    def visit_incomplete(self) -> None:
        with self._discharged_stay() as visit_id:
            self.settle(visit_id, "12")

    def interim_not_allowed(self) -> None:
        with self._discharged_stay() as visit_id:
            self.settle(visit_id, "12", is_interim=True)

    # --- Bills.

    def catalogue_item_unknown(self) -> None:
        request = catalogue_service_pb2.GetCatalogueItemRequest(
            region=HOME, item_code="NOTHING", date=from_date(self._today())
        )
        CatalogueServiceStub(self._hospital()).GetCatalogueItem(request, timeout=CALL_SECONDS)

    def bill_total_mismatch(self) -> None:
        bill = self.bill(self.visit())
        bill.total_fen += 1
        self.settle_bill(bill)

    def line_number_repeated(self) -> None:
        bill = self.bill(self.visit())
        bill.lines.append(bill.lines[0])
        bill.total_fen *= 2
        self.settle_bill(bill)

    def service_date_invalid(self) -> None:
        self.settle(self.visit(), service_date=from_date(self._today() - DAY))

    def bill_already_settled(self) -> None:
        visit_id, number = self.visit(), self._number("JS")
        self.settle(visit_id, bill_number=number)
        self.settle(visit_id, bill_number=number)

    def lines_already_settled(self) -> None:
        bill = self.bill(self.visit())
        self.settle_bill(bill)
        bill.bill_number = self._number("JS")
        self.settle_bill(bill)

    def amounts_not_as_expected(self) -> None:
        expected = bills_pb2.ExpectedAmounts(cash_fen=1)
        self.settle_bill(self.bill(self.visit()), expected=expected)

    def line_not_found(self) -> None:
        request = charge_service_pb2.CancelLinesRequest(
            request_id=new_id(), region=HOME, visit_id=self.visit(), line_ids=["nothing"]
        )
        ChargeServiceStub(self._hospital()).CancelLines(request, timeout=CALL_SECONDS)

    def settlement_not_found(self) -> None:
        request = bills_pb2.GetSettlementRequest(region=HOME, settlement_id=new_id())
        self._settlements().GetSettlement(request, timeout=CALL_SECONDS)

    def settlement_reversed(self) -> None:
        settlement_id = self.settle(self.visit()).settlement_id
        for _ in range(2):
            request = bills_pb2.ReverseSettlementRequest(
                request_id=new_id(), region=HOME, settlement_id=settlement_id, reason="twice"
            )
            self._settlements().ReverseSettlement(request, timeout=CALL_SECONDS)

    def hold_not_found(self) -> None:
        request = hold_service_pb2.GetHoldRequest(region=HOME, hold_id=new_id())
        self._holds().GetHold(request, timeout=CALL_SECONDS)

    def hold_released(self) -> None:
        hold_id = self._hold()
        self._release(hold_id)
        self._confirm(hold_id)

    def hold_confirmed(self) -> None:
        hold_id = self._hold()
        self._confirm(hold_id)
        self._release(hold_id)

    def review_not_found(self) -> None:
        request = review_service_pb2.GetReviewRequest(region=HOME, review_id=new_id())
        ReviewServiceStub(self._hospital()).GetReview(request, timeout=CALL_SECONDS)

    def policy_version_unknown(self) -> None:
        request = policy_service_pb2.GetPolicyRequest(region=HOME, policy_version="0" * 64)
        PolicyServiceStub(self._hospital()).GetPolicy(request, timeout=CALL_SECONDS)

    def trust_root_not_found(self) -> None:
        request = trust_service_pb2.GetTrustRootRequest(version=99)
        self._trust().GetTrustRoot(request, timeout=CALL_SECONDS)

    def status_list_not_found(self) -> None:
        request = trust_service_pb2.GetStatusListRequest(uri="nothing")
        self._trust().GetStatusList(request, timeout=CALL_SECONDS)
