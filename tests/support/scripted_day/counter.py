"""A hospital's system: what it asks for each person, and its own books of the day."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from support.both_services import ADMISSION, CALL_SECONDS, SETTLE, BothServices
from support.identity_world import activation, registration
from support.settlement_world import REGION

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.settlement.v1 import bill_pb2, charge_service_pb2, credential_service_pb2, day_pb2
from yibao.settlement.v1 import refund_service_pb2 as refund_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitRequest
from yibao_cli.day_csv import AMOUNTS
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

WINDOWS = 6
_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")


@dataclass(slots=True)
class Client:
    """A person with an e-certificate, and what the hospital wrote down of the visit."""

    number: int
    citizen_number: str
    person_id: str
    certificate_id: str
    visit_id: str = ""
    account_use: bill_pb2.AccountUse.ValueType = bill_pb2.ACCOUNT_USE_NONE
    tried: Settlement | None = None
    request: pb.SettleBillRequest = field(default_factory=pb.SettleBillRequest)
    settled: Settlement | None = None


@dataclass
class Counter:
    """The windows of one hospital, which serve side by side."""

    services: BothServices
    clients: list[Client] = field(default_factory=list)
    # The hospital's own record of the day: a line for each act that it was told of.
    acts: list[day_pb2.DayLine] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at_all_windows(self, act: Callable[[_Asked], _Told], each: Iterable[_Asked]) -> list[_Told]:
        """Does something for each, at several windows at once; later codes are new ones."""
        with ThreadPoolExecutor(WINDOWS) as windows:
            done = list(windows.map(act, each))
        self.services.clock.advance(seconds=2)
        return done

    # --- Before the day.

    def insure(self, count: int) -> None:
        """Registers persons, each with an e-certificate, and waits until they are known."""
        numbers = [self.services.new_number() for _ in range(count)]
        self.clients = self.at_all_windows(self._insure, list(enumerate(numbers)))
        self.services.wait_until_told()

    def _insure(self, numbered: tuple[int, str]) -> Client:
        number, citizen_number = numbered
        request = registration(
            citizen_number,
            region=REGION,
            insurance_type="390",
            person_class="16",
            entitlement_groups=(),
        )
        person = self.services.persons().RegisterPerson(request, timeout=CALL_SECONDS).person
        activate = activation(person.person_id, region=REGION)
        told = self.services.certificates().ActivateCertificate(activate, timeout=CALL_SECONDS)
        return Client(number, citizen_number, person.person_id, told.certificate.certificate_id)

    # --- At a window.

    def resolve(self, client: Client, audience: str) -> Presentation:
        """Scans the person's code and returns its token, as calls take it."""
        issue = IssueQrCodeRequest(
            region=REGION, certificate_id=client.certificate_id, audience=audience
        )
        code = self.services.certificates().IssueQrCode(issue, timeout=CALL_SECONDS).qr_text
        request = credential_service_pb2.ResolveCredentialRequest(
            request_id=new_id(),
            presentation=self.services.presentation(code),
            audience=audience,
        )
        stub = CredentialServiceStub(self.services.channel("settlement", "hospital"))
        told = stub.ResolveCredential(request, timeout=CALL_SECONDS)
        assert (told.region, told.person_id) == (REGION, client.person_id)
        return Presentation(credential_token=told.credential_token, terminal_id="T1")

    def register(self, client: Client) -> None:
        """Resolves the person's code and registers a visit by its token."""
        request = RegisterVisitRequest(
            request_id=new_id(),
            region=REGION,
            presentation=self.resolve(client, ADMISSION),
            provider_visit_number=f"D{client.number}",
            care_type="2101",
            start_date=from_date(self.today()),
        )
        visit = self.services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
        assert visit.person_id == client.person_id
        client.visit_id = visit.visit_id

    def upload(self, client: Client) -> None:
        """Uploads the lines of the visit: classes A, B and C, other sums for each person."""
        request = charge_service_pb2.UploadLinesRequest(
            request_id=new_id(),
            region=REGION,
            visit_id=client.visit_id,
            lines=[
                self._line(client, at, code, 1 + client.number % (at + 2))
                for at, code in enumerate(("A1", "B1", "C1", "A1"), 1)
            ],
        )
        told = self.services.charges().UploadLines(request, timeout=CALL_SECONDS)
        assert all(each.HasField("stored") for each in told.results)

    def try_bill(self, client: Client) -> None:
        """Asks what the bill comes to, with nothing shown."""
        bill = bill_pb2.Bill(
            visit_id=client.visit_id,
            bill_number=f"D{client.number}",
            service_date=from_date(self.today()),
            uploaded=bill_pb2.UploadedLines(),
            total_fen=self.total_of(client),
            account_use=client.account_use,
        )
        request = pb.TrialBillRequest(region=REGION, bill=bill)
        told = self.services.settlements().TrialBill(request, timeout=CALL_SECONDS)
        client.tried = told.settlement
        client.request = pb.SettleBillRequest(
            request_id=new_id(),
            region=REGION,
            bill=bill,
            expected=pb.ExpectedAmounts(
                fund_total_fen=told.settlement.fund_total_fen,
                account_fen=told.settlement.account_fen,
                cash_fen=told.settlement.cash_fen,
            ),
        )

    def settle(self, client: Client) -> None:
        """Resolves a code anew and settles what was tried."""
        client.request.presentation.CopyFrom(self.resolve(client, SETTLE))
        told = self.services.settlements().SettleBill(client.request, timeout=CALL_SECONDS)
        self.wrote_down(client, told.settlement)

    def wrote_down(self, client: Client, settled: Settlement) -> None:
        """Keeps a settlement on the hospital's own record."""
        client.settled = settled
        self._keep(client.request.request_id, day_pb2.DAY_ACT_KIND_SETTLED, settled)

    def refund(self, client: Client) -> refund_pb.RefundSettlementResponse:
        """Takes the second line back whole."""
        assert client.settled is not None
        request = refund_pb.RefundSettlementRequest(
            request_id=new_id(),
            region=REGION,
            settlement_id=client.settled.settlement_id,
            lines=[refund_pb.LineReturn(line_id=f"{client.number}-2")],
            reason="not given",
        )
        stub = RefundServiceStub(self.services.channel("settlement", "hospital"))
        told = stub.RefundSettlement(request, timeout=CALL_SECONDS)
        amounts = told.refund.amounts
        line = day_pb2.DayLine(
            request_id=request.request_id,
            act_kind=day_pb2.DAY_ACT_KIND_REFUNDED,
            settlement_id=client.settled.settlement_id,
            bill_number=client.settled.bill_number,
            total_fen=-sum(each.amount_fen for each in told.refund.lines),
            fund_total_fen=-amounts.fund_total_fen,
            account_fen=-amounts.account_fen,
            cash_fen=-amounts.cash_fen,
        )
        with self._lock:
            self.acts.append(line)
        return told

    # --- The hospital's own books.

    def today(self) -> dt.date:
        return shanghai_day(self.services.clock())

    def total_of(self, client: Client) -> int:
        return sum(10_000 * (1 + client.number % (at + 2)) for at in range(1, 5))

    def _line(self, client: Client, at: int, item_code: str, quantity: int) -> bill_pb2.BillLine:
        return bill_pb2.BillLine(
            line_number=at,
            item_code=item_code,
            unit_price="100",
            quantity=str(quantity),
            amount_fen=10_000 * quantity,
            line_id=f"{client.number}-{at}",
            charge_date=from_date(self.today()),
        )

    def _keep(self, request_id: str, kind: day_pb2.DayActKind.ValueType, told: Settlement) -> None:
        line = day_pb2.DayLine(
            request_id=request_id,
            act_kind=kind,
            settlement_id=told.settlement_id,
            bill_number=told.bill_number,
            **{name: getattr(told, name) for name in AMOUNTS},
        )
        with self._lock:
            self.acts.append(line)
