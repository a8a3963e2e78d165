"""A settlement database with one region, for tests of the engine without a server."""

import datetime as dt
import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any

from support.former_policies import former_policy
from support.settlement_parts import feed_of, put_reference, tell

from yibao.settlement.v1.refund_service_pb2 import RefundSettlementResponse
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import (
    ReverseSettlementResponse,
    SettleBillResponse,
)
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.account import CreditAccount
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.feed import EnrolmentChange, InsuredPerson
from yibao_settlement.application.settlement.refund import RefundSettlement
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.application.visit.cancel import CancelVisit
from yibao_settlement.application.visit.discharge import CancelDischarge, DischargeVisit
from yibao_settlement.application.visit.register import RegisterVisit
from yibao_settlement.application.visit.update import UpdateVisit
from yibao_settlement.rules.bill import Bill, CatalogueItem, ChargedLine
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.visit import DischargeWay, Institution
from yibao_settlement.servicer import encode
from yibao_settlement.servicer.refund.refunding import refunded
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache

REGION = "999019"
HOSPITAL = "H99901900001"
OTHER_HOSPITAL = "H99901900002"
PHARMACY_WITHOUT_ECERT = "P99901900003"
AGENCY = f"agency/{REGION}/wang"
NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)
POLICY_FILE = former_policy(REGION)
# The published example has no personal account; here there is one.
ACCOUNT_STEP = """
  - account:
      id: A1
      title: What the personal account may pay
      title_zh: 个人账户支付范围
      cites: {source: page, clause: assumed for tests}
      rows:
        - pays: [deductible, copay, prepay]
""".encode()
_SINCE = dt.date(2014, 1, 1)


@dataclass(slots=True)
class FakeClock:
    """A clock that tests move."""

    now: dt.datetime = NOW

    def __call__(self) -> dt.datetime:
        return self.now


@dataclass(slots=True)
class World:
    """One region with a hospital, a catalogue of every class, a policy and persons."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    policy_file: bytes = POLICY_FILE.read_bytes() + ACCOUNT_STEP
    persons: list[str] = field(default_factory=list)
    _codes: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        put_reference(
            self.database,
            REGION,
            policy_file=self.policy_file,
            institutions=[
                Institution(HOSPITAL, "示例医院", "2", True, _SINCE, None),
                Institution(OTHER_HOSPITAL, "另一医院", "2", True, _SINCE, None),
                Institution(PHARMACY_WITHOUT_ECERT, "示例药店", "11", False, _SINCE, None),
            ],
            items=[
                CatalogueItem("A1", "甲类药", "01", None, "", _SINCE, None),
                CatalogueItem("B1", "乙类药", "02", None, "", _SINCE, None),
                CatalogueItem("B2", "乙类耗材", "02", 300_000, "100.00", _SINCE, None),
                CatalogueItem("C1", "丙类药", "03", None, "", _SINCE, None),
                CatalogueItem("OLD", "停用", "01", None, "", _SINCE, dt.date(2020, 1, 1)),
            ],
            now=NOW,
        )
        self.work = self.new_worker()
        self.queries = StoredReads(self.database, ReferenceCache(), clock=self.clock)

    work: BatchWork = field(init=False)
    queries: StoredReads = field(init=False)

    def new_worker(self) -> BatchWork:
        """Returns work with caches of its own, as another process has."""
        return BatchWork(
            SettlementTransactions(self.database, ReferenceCache()),
            clock=self.clock,
            ids=new_id,
        )

    def enrol(self, count: int = 1, **facts: object) -> list[str]:
        """Enrols persons through the feed and returns their ids.

        Facts are those of the period, or `birth_date`, `enrolments`, `credentials`.
        """
        changes = []
        for _ in range(count):
            person_id = new_id()
            self.persons.append(person_id)
            changes.append(self.insured(person_id, **facts))
        self.feed(*changes)
        return self.persons[-count:]

    def feed(self, *persons: InsuredPerson) -> None:
        """Tells settlement what stands for persons, as identity's feed does."""
        feed = feed_of(self.database, clock=self.clock)
        first = feed.position(REGION).sequence + 1
        tell(feed, REGION, list(itertools.starmap(EnrolmentChange, enumerate(persons, first))))

    def merge(self, retired: str, survivor: str) -> None:
        """Tells settlement of a merge as identity does: both persons, in one page."""
        self.feed(
            self.insured(retired, merged_into=survivor, credentials=(), enrolments=()),
            self.insured(survivor),
        )

    def insured(self, person_id: str, **facts: object) -> InsuredPerson:
        """Returns a resident with one period and a usable e-certificate."""
        person: dict[str, object] = {
            "birth_date": dt.date(1950, 1, 1),
            "merged_into": None,
            "payer_ids": (),
            "credentials": (self.ecert(person_id),),
            "diseases": (),
            "givers": (),
            "person_name_masked": "",
        }
        of_period = {name: facts[name] for name in facts.keys() - person.keys() - {"enrolments"}}
        person["enrolments"] = (self.period(**of_period),)
        person.update({name: facts[name] for name in facts.keys() & person.keys()})
        return InsuredPerson(person_id, **person)  # type: ignore[arg-type]

    @staticmethod
    def period(**facts: object) -> Enrolment:
        """Returns a normal period of a resident, open since 2014."""
        values: dict[str, object] = {
            "enrolment_id": new_id(),
            "insurance_type": "390",
            "person_class": "16",
            "entitlement_groups": (),
            "status": 1,
            "start_date": _SINCE,
            "end_date": None,
            "has_employer": False,
            "is_premium_pending": False,
        }
        return Enrolment(**{**values, **facts})  # type: ignore[arg-type]

    def ecert(self, person_id: str, state: CredentialState = CredentialState.USABLE) -> Credential:
        """Returns the person's e-certificate."""
        return Credential(self.subject(person_id), person_id, CredentialKind.ECERT, state)

    def card(self, person_id: str, state: CredentialState = CredentialState.USABLE) -> Credential:
        """Returns the person's card."""
        return Credential(self.card_subject(person_id), person_id, CredentialKind.CARD, state)

    @classmethod
    def card_subject(cls, person_id: str) -> str:
        return cls.subject(f"card of {person_id}")

    @staticmethod
    def subject(person_id: str) -> str:
        return hashlib.sha256(person_id.encode()).hexdigest()[:13].upper()

    def code(
        self,
        person_id: str,
        *,
        issue_time: dt.datetime | None = None,
        is_cards: bool = False,
        device_certificate_id: str = "",
    ) -> PresentedCode:
        """Returns a new verified code of the person: mode B with a `device_certificate_id`.

        Unless it is told, its second is a later one than those of all codes before.
        """
        number = next(self._codes)
        return PresentedCode(
            REGION,
            self.card_subject(person_id) if is_cards else self.subject(person_id),
            f"{number:016x}",
            issue_time or self.clock.now + dt.timedelta(seconds=number),
            self.clock.now,
            "T1",
            device_certificate_id,
        )

    @staticmethod
    def request(
        method: str,
        *,
        caller: str | None = None,
        institution_id: str | None = HOSPITAL,
        request_id: str | None = None,
        digest: bytes | None = None,
    ) -> Request:
        """Returns a request: of an institution, of an agency without one, or of a caller."""
        caller = caller or (f"institution/{institution_id}" if institution_id else AGENCY)
        digest = digest or method.encode().ljust(32)
        return Request(REGION, request_id or new_id(), digest, method, parse_caller(caller))

    def _asked(self, method: str, changes: dict[str, Any]) -> Request:
        """Returns the request that changes of a command's values ask for."""
        names = changes.keys() & {"caller", "institution_id", "request_id", "digest"}
        return self.request(method, **{name: changes.pop(name) for name in names})

    def visit_command(self, person_id: str, **changes: Any) -> RegisterVisit:
        values: dict[str, Any] = {
            "request": self._asked("RegisterVisit", changes),
            "code": self.code(person_id),
            "provider_visit_number": f"V{next(self._numbers)}",
            "care_type": "2101",
            "start_date": dt.date(2026, 11, 1),
            "encode": encode.registered,
        }
        return RegisterVisit(**{**values, **changes})

    def cancel_command(self, visit_id: str, **changes: Any) -> CancelVisit:
        values: dict[str, Any] = {
            "request": self._asked("CancelVisit", changes),
            "visit_id": visit_id,
            "encode": encode.cancelled,
        }
        return CancelVisit(**{**values, **changes})

    def update_command(self, visit_id: str, facts: CareFacts, **changes: Any) -> UpdateVisit:
        request = self._asked("UpdateVisit", changes)
        return UpdateVisit(request, visit_id, facts, **{"encode": encode.updated, **changes})

    def discharge_command(self, visit_id: str, **changes: Any) -> DischargeVisit:
        values: dict[str, Any] = {
            "request": self._asked("DischargeVisit", changes),
            "visit_id": visit_id,
            "end_date": TODAY,
            "discharge_way": DischargeWay.ORDERED,
            "diagnoses": (),
            "operations": (),
            "encode": encode.discharged,
        }
        return DischargeVisit(**{**values, **changes})

    def cancel_discharge_command(self, visit_id: str, **changes: Any) -> CancelDischarge:
        request = self._asked("CancelDischarge", changes)
        return CancelDischarge(request, visit_id, encode.discharge_cancelled)

    def settle_command(self, visit_id: str, person_id: str, **changes: Any) -> SettleBill:
        values: dict[str, Any] = {
            "request": self._asked("SettleBill", changes),
            "code": self.code(person_id),
            "bill": self.bill(visit_id),
            "encode": encode.settled,
        }
        return SettleBill(**{**values, **changes})

    def reverse_command(self, settlement_id: str, **changes: Any) -> ReverseSettlement:
        values: dict[str, Any] = {
            "request": self._asked("ReverseSettlement", changes),
            "settlement_id": settlement_id,
            "reason": "entered twice",
            "encode": encode.reversed_,
        }
        return ReverseSettlement(**{**values, **changes})

    def refund_command(
        self, settlement_id: str, *returned: AskedReturn, **changes: Any
    ) -> RefundSettlement:
        values: dict[str, Any] = {
            "request": self._asked("RefundSettlement", changes),
            "settlement_id": settlement_id,
            "returned": returned,
            "reason": "returned to the pharmacy",
            "encode": refunded,
        }
        return RefundSettlement(**{**values, **changes})

    def credit_command(
        self,
        person_id: str,
        amount_fen: int,
        *,
        source: str = "allocation",
        is_carried: bool = False,
        business_key: str = "",
        second_above_fen: int | None = None,
        **changes: Any,
    ) -> CreditAccount:
        request = self._asked("CreditAccount", {"institution_id": None, **changes})
        return CreditAccount(
            request,
            person_id,
            amount_fen,
            source,
            encode.credited,
            is_carried=is_carried,
            business_key=business_key,
            second_above_fen=second_above_fen,
        )

    def bill(self, visit_id: str, **changes: object) -> Bill:
        """Returns a bill of 9,000.00 class A, 1,000.00 class B and 500.00 class C.

        Bills of one visit have lines of their own (T-31): below a fen, prices differ.
        """
        number = next(self._numbers)
        lines = (
            ChargedLine(1, "A1", "100.00", "90", 900_000),
            ChargedLine(2, "B1", "100.00", "10", 100_000),
            ChargedLine(3, "C1", f"50.{number % 500:06d}", "10", 50_000),
        )
        values: dict[str, object] = {
            "visit_id": visit_id,
            "bill_number": f"B{number}",
            "service_date": TODAY,
            "lines": lines,
            "total_fen": 1_050_000,
            "account_used": False,
        }
        return Bill(**{**values, **changes})  # type: ignore[arg-type]

    def run(self, command: Command) -> bytes:
        """Carries out one command alone; raises its refusal."""
        (outcome,) = self.work(REGION, [command])
        if isinstance(outcome, RuleError):
            raise outcome
        return outcome

    def register(self, person_id: str, **changes: Any) -> str:
        """Registers a visit and returns its id."""
        answer = self.run(self.visit_command(person_id, **changes))
        return RegisterVisitResponse.FromString(answer).visit.visit_id

    def settle(self, visit_id: str, person_id: str, **changes: Any) -> Settlement:
        """Settles a bill and returns the settlement."""
        answer = self.run(self.settle_command(visit_id, person_id, **changes))
        return SettleBillResponse.FromString(answer).settlement

    def reverse(self, settlement_id: str, **changes: Any) -> Settlement:
        """Reverses a settlement and returns it."""
        answer = self.run(self.reverse_command(settlement_id, **changes))
        return ReverseSettlementResponse.FromString(answer).settlement

    def refund(
        self, settlement_id: str, *returned: AskedReturn, **changes: Any
    ) -> RefundSettlementResponse:
        """Returns lines of a settlement, and the answer."""
        answer = self.run(self.refund_command(settlement_id, *returned, **changes))
        return RefundSettlementResponse.FromString(answer)
