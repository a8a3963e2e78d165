"""What the magic values of a sandbox say, done over its own services."""

import contextlib
import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc

from yibao.identity.v1 import (
    card_pb2,
    card_use_messages_pb2,
    certificate_service_pb2,
    misuse_messages_pb2,
    misuse_pb2,
    trust_service_pb2,
)
from yibao.identity.v1.card_service_pb2_grpc import CardServiceStub
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.trust_service_pb2_grpc import TrustServiceStub
from yibao.settlement.v1 import (
    account_service_pb2,
    bill_pb2,
    catalogue_service_pb2,
    charge_service_pb2,
    credential_service_pb2,
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
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao.settlement.v1.review_service_pb2_grpc import ReviewServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.parties import CHANNEL, institution_leaf, parties_of
from yibao_cli.samples.loading import LoadedPerson
from yibao_cli.samples.persons import PIN, WRONG_PIN
from yibao_cli.samples.region import CLOSED_ID, HOME, WITHOUT_ECERT_ID
from yibao_cli.stack import Stack
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

CALL_SECONDS = 20.0
ADMISSION, REGISTER, SETTLE = "01103", "01101", "01301"
STAY, OUTPATIENT = "2101", "11"
DAY = dt.timedelta(days=1)


class MagicCounter:
    """The hospital of the home region, its terminal, and the app of insured persons."""

    def __init__(
        self, stack: Stack, loaded: Sequence[LoadedPerson], *, clock: SandboxClock
    ) -> None:
        self._stack = stack
        self._clock = clock
        (self._home,) = (each for each in stack.sandbox.regions if each.region == HOME)
        self._parties = parties_of(self._home)
        self._persons = {(each.region, each.label): each for each in loaded}
        self._counter = itertools.count(1)
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

    # --- What they are made of.

    def asked(self, text: str) -> None:
        """Registers a visit whose number is a text."""
        self.visit(provider_visit_number=text)

    def code(self, label: str, audience: str, *, region: str = HOME) -> str:
        # Of another second than those before: an older one of a person is superseded.
        self._clock.move(self._clock() + dt.timedelta(seconds=1), request_id=new_id())
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=region,
            certificate_id=self._persons[region, label].certificate_id,
            audience=audience,
        )
        channel = self._stack.channel("identity", CHANNEL)
        answer = CertificateServiceStub(channel).IssueQrCode(request, timeout=CALL_SECONDS)
        return answer.qr_text

    def token(self, audience: str) -> str:
        request = credential_service_pb2.ResolveCredentialRequest(
            request_id=new_id(),
            presentation=self._shown(self.code("11", audience)),
            audience=audience,
        )
        stub = CredentialServiceStub(self._hospital())
        return stub.ResolveCredential(request, timeout=CALL_SECONDS).credential_token

    def visit(
        self,
        label: str = "11",
        *,
        code: str | None = None,
        token: str = "",
        at: str = "",
        **fields: Any,
    ) -> str:
        """Registers a visit of today and returns its id."""
        if token:
            presentation = visit_pb2.Presentation(credential_token=token, terminal_id="T1")
        else:
            audience = ADMISSION if fields.get("care_type") == STAY else REGISTER
            presentation = self._shown(self.code(label, audience) if code is None else code)
        values: dict[str, Any] = {
            "request_id": new_id(),
            "region": HOME,
            "presentation": presentation,
            "provider_visit_number": self._number("ZY"),
            "care_type": OUTPATIENT,
            "start_date": from_date(self._today()),
        }
        request = visits_pb2.RegisterVisitRequest(**{**values, **fields})
        return self._visits(at).RegisterVisit(request, timeout=CALL_SECONDS).visit.visit_id

    def bill(self, visit_id: str, **fields: Any) -> bill_pb2.Bill:
        """Returns a bill of today that is like no other of the visit."""
        fen = 10_000 + next(self._counter)
        values: dict[str, Any] = {
            "visit_id": visit_id,
            "bill_number": self._number("JS"),
            "service_date": from_date(self._today()),
            "lines": [
                bill_pb2.BillLine(
                    line_number=1,
                    item_code=self._home.items[1].item_code,
                    unit_price=f"{fen // 100}.{fen % 100:02d}",
                    quantity="1",
                    amount_fen=fen,
                )
            ],
            "total_fen": fen,
            "account_use": bill_pb2.ACCOUNT_USE_NONE,
        }
        return bill_pb2.Bill(**{**values, **fields})

    def settle_large(self) -> Any:
        """Settles an outpatient's bill above any deductible, and returns the settlement."""
        bill = self.bill(self.visit("12"))
        bill.lines[0].quantity = "100"
        bill.lines[0].amount_fen = bill.total_fen = 100 * bill.total_fen
        return self.settle_bill(bill, "12")

    def swipe(self) -> None:
        """Reads a card that is all right, with its PIN."""
        self._swipe("11")

    def settle(self, visit_id: str, label: str = "11", **fields: Any) -> Any:
        return self.settle_bill(self.bill(visit_id, **fields), label)

    def settle_bill(
        self,
        bill: bill_pb2.Bill,
        label: str = "11",
        *,
        expected: bills_pb2.ExpectedAmounts | None = None,
    ) -> Any:
        request = bills_pb2.SettleBillRequest(
            request_id=new_id(),
            region=HOME,
            presentation=self._shown(self.code(label, SETTLE)),
            bill=bill,
            expected=expected,
        )
        return self._settlements().SettleBill(request, timeout=CALL_SECONDS).settlement

    def authorize(
        self, serial: str, chip: str, *, pin: str = PIN, read_time: dt.datetime | None = None
    ) -> None:
        request = card_use_messages_pb2.AuthorizeCardRequest(
            request_id=new_id(),
            region=HOME,
            chip=card_pb2.ChipRead(
                card_serial=serial,
                chip_number=chip,
                read_time=from_instant(read_time or self._clock()),
            ),
            pin=pin,
            audience=REGISTER,
        )
        self._terminal().AuthorizeCard(request, timeout=CALL_SECONDS)

    def _swipe(self, label: str, **fields: Any) -> None:
        person = self._persons[HOME, label]
        self.authorize(person.card_serial, person.chip_number, **fields)

    @contextlib.contextmanager
    def _stay(self) -> Iterator[str]:
        """Gives a stay that is open, and cancels it afterwards."""
        visit_id = self.visit("12", care_type=STAY)
        try:
            yield visit_id
        finally:
            self._cancel(visit_id)

    @contextlib.contextmanager
    def _discharged_stay(self) -> Iterator[str]:
        with self._stay() as visit_id:
            self._discharge(visit_id)
            try:
                yield visit_id
            finally:
                request = visits_pb2.CancelDischargeRequest(
                    request_id=new_id(), region=HOME, visit_id=visit_id
                )
                self._visits().CancelDischarge(request, timeout=CALL_SECONDS)

    def _cancel(self, visit_id: str) -> None:
        request = visits_pb2.CancelVisitRequest(request_id=new_id(), region=HOME, visit_id=visit_id)
        self._visits().CancelVisit(request, timeout=CALL_SECONDS)

    def _discharge(self, visit_id: str, **fields: Any) -> None:
        values = {"end_date": from_date(self._today()), **fields}
        request = visits_pb2.DischargeVisitRequest(
            request_id=new_id(),
            region=HOME,
            visit_id=visit_id,
            discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
            **values,
        )
        self._visits().DischargeVisit(request, timeout=CALL_SECONDS)

    def _hold(self) -> str:
        bill = self.bill(self.visit())
        request = hold_service_pb2.HoldBillRequest(
            request_id=new_id(),
            region=HOME,
            presentation=self._shown(self.code("11", SETTLE)),
            bill=bill,
        )
        return self._holds().HoldBill(request, timeout=CALL_SECONDS).hold.hold_id

    def _confirm(self, hold_id: str) -> None:
        request = hold_service_pb2.ConfirmHoldRequest(
            request_id=new_id(), region=HOME, hold_id=hold_id
        )
        self._holds().ConfirmHold(request, timeout=CALL_SECONDS)

    def _release(self, hold_id: str) -> None:
        request = hold_service_pb2.ReleaseHoldRequest(
            request_id=new_id(), region=HOME, hold_id=hold_id, reason="left"
        )
        self._holds().ReleaseHold(request, timeout=CALL_SECONDS)

    def _shown(self, code: str) -> visit_pb2.Presentation:
        return visit_pb2.Presentation(
            qr_text=code, scan_time=from_instant(self._clock()), terminal_id="T1"
        )

    def _number(self, prefix: str) -> str:
        return f"{prefix}{new_id()[-12:]}"

    def _today(self) -> dt.date:
        return shanghai_day(self._clock())

    def _hospital(self, institution_id: str = "") -> grpc.Channel:
        leaf = institution_leaf(self._home, institution_id or self._parties.hospital_id)
        return self._stack.channel("settlement", leaf)

    def _visits(self, institution_id: str = "") -> VisitServiceStub:
        return VisitServiceStub(self._hospital(institution_id))

    def _settlements(self) -> SettlementServiceStub:
        return SettlementServiceStub(self._hospital())

    def _holds(self) -> HoldServiceStub:
        return HoldServiceStub(self._hospital())

    def _terminal(self) -> CardServiceStub:
        return CardServiceStub(self._stack.channel("identity", self._parties.terminal))

    def _trust(self) -> TrustServiceStub:
        return TrustServiceStub(self._stack.channel("identity", self._parties.hospital))
