"""A hospital of a sandbox at work, with the persons that are loaded to be tried."""

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import grpc

from yibao.identity.v1 import (
    card_pb2,
    card_use_messages_pb2,
    certificate_service_pb2,
)
from yibao.identity.v1.card_service_pb2_grpc import CardServiceStub
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.trust_service_pb2_grpc import TrustServiceStub
from yibao.settlement.v1 import (
    bill_pb2,
    credential_service_pb2,
    hold_service_pb2,
    visit_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as bills_pb2
from yibao.settlement.v1 import visit_service_pb2 as visits_pb2
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.parties import CHANNEL, institution_leaf, parties_of
from yibao_cli.samples.loading import LoadedPerson
from yibao_cli.samples.persons import PIN
from yibao_cli.samples.region import HOME
from yibao_cli.stack import Stack
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

CALL_SECONDS = 20.0
ADMISSION, REGISTER, SETTLE = "01103", "01101", "01301"
STAY, OUTPATIENT = "2101", "11"
DAY = dt.timedelta(days=1)


class Desk:
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
