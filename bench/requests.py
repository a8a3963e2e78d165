"""Seeds a settlement database and makes distinct, valid requests beforehand."""

import datetime as dt
import hashlib
import itertools
import os
import secrets
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import bill_pb2, visit_pb2
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest, SubmitBillsRequest
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity.rules.code import new_claims
from yibao_identity.storage.trust.signing import TokenSigner
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.feed import EnrolmentChange, InsuredPerson
from yibao_settlement.application.visit.register import RegisterVisit
from yibao_settlement.application.work import Work
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.policy.version import approve, draft_of
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.visit import Institution
from yibao_settlement.servicer.encode import registered
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.work import UNIT

_SINCE = dt.date(2014, 1, 1)
_HOT_CREDENTIALS = 16
# Identity knows nobody of them: later than any reading of its feed, so that none is gone.
_FOR_EVER = 1_000_000
_CLASSES = ("01", "01", "01", "02", "02", "02", "02", "03", "01", "02")


@dataclass(frozen=True, slots=True)
class Patient:
    """An enrolled person with a registered visit; each subject is that of a credential."""

    subjects: tuple[str, ...]
    visit_id: str


def seed(
    database: Database,
    *,
    region: str,
    hospital_id: str,
    policy_file: bytes,
    persons: int,
    hot_persons: int = 0,
) -> list[Patient]:
    """Fills in reference data, persons and a visit each; returns the patients.

    The first `hot_persons` of them have credentials for bills that overtake each other.
    """
    now = dt.datetime.now(dt.UTC)
    policy = load_any_policy(policy_file, name="policy")
    draft = draft_of(policy, policy_file, maker="bench/maker", now=now)
    approval = approve(draft, [], checker="bench/checker", now=now)

    def put_reference(work: Work) -> None:
        work.policies.insert(approval.approved)
        work.catalogue.put_institutions(
            [Institution(hospital_id, "bench", "2", True, _SINCE, None)]
        )
        work.catalogue.put_items(
            [
                CatalogueItem(f"BENCH{n}", f"item {n}", _CLASSES[n], None, "", _SINCE, None)
                for n in range(len(_CLASSES))
            ]
        )
        work.reference.raise_epoch()

    transactions = StoredTransactions(
        database, answers=tables.answer, unit=UNIT, clock=system_clock
    )
    transactions.change(region, put_reference)
    person_ids = [new_id() for _ in range(persons)]
    credentials = [_HOT_CREDENTIALS if number < hot_persons else 1 for number in range(persons)]
    subjects = {
        person_id: _subjects(person_id, count)
        for person_id, count in zip(person_ids, credentials, strict=True)
    }
    known = [EnrolmentChange(0, _insured(each, subjects[each])) for each in person_ids]
    transactions.change(region, lambda work: work.feed.replace(known, reading=_FOR_EVER))
    work = BatchWork(
        SettlementTransactions(database, ReferenceCache()),
        clock=lambda: dt.datetime.now(dt.UTC),
        ids=new_id,
    )
    patients: list[Patient] = []
    for start in range(0, persons, 512):
        chunk = person_ids[start : start + 512]
        answers = work(
            region, [_register(region, hospital_id, each, subjects[each]) for each in chunk]
        )
        for person_id, answer in zip(chunk, answers, strict=True):
            assert isinstance(answer, bytes), answer
            visit = RegisterVisitResponse.FromString(answer).visit
            patients.append(Patient(subjects[person_id], visit.visit_id))
    with database.write() as connection:
        # As pgbench does after filling its tables, and the server itself after a minute.
        connection.exec_driver_sql("ANALYZE")
    return patients


def _subjects(person_id: str, count: int) -> tuple[str, ...]:
    texts = (f"{person_id}/{number}".encode() for number in range(count))
    return tuple(hashlib.sha256(text).hexdigest()[:13].upper() for text in texts)


def _insured(person_id: str, subjects: tuple[str, ...]) -> InsuredPerson:
    return InsuredPerson(
        person_id=person_id,
        birth_date=dt.date(1950, 1, 1),
        merged_into=None,
        payer_ids=(),
        enrolments=(
            Enrolment(
                enrolment_id=new_id(),
                insurance_type="390",
                person_class="16",
                entitlement_groups=(),
                status=1,
                start_date=_SINCE,
                end_date=None,
                has_employer=False,
                is_premium_pending=False,
            ),
        ),
        credentials=tuple(
            Credential(subject, person_id, CredentialKind.ECERT, CredentialState.USABLE)
            for subject in subjects
        ),
    )


def _register(
    region: str, hospital_id: str, person_id: str, subjects: tuple[str, ...]
) -> RegisterVisit:
    # Issued at the epoch: no code of the load is older.
    then = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
    code = PresentedCode(region, subjects[0], secrets.token_hex(8), then, then, "T1")
    return RegisterVisit(
        Request(
            region,
            new_id(),
            b"seed".ljust(32),
            "RegisterVisit",
            parse_caller(f"institution/{hospital_id}"),
        ),
        code,
        f"V-{person_id}"[:32],
        "2101",
        dt.datetime.now(dt.UTC).date() - dt.timedelta(days=5),
        registered,
    )


# Of bills, whoever makes them: the load of several patients is that of some of them too.
_numbers = itertools.count(1)


class SettleRequests:
    """Makes settle requests, mostly of ten-line bills, each of another bill with another code.

    A patient's codes of one call are of seconds that follow each other, because of two codes
    of one second one alone pays. Where few patients take many turns, each has credentials to
    take turns as well: their bills may overtake each other.
    """

    def __init__(
        self,
        signer: TokenSigner,
        *,
        region: str,
        patients: list[Patient],
        bill_prefix: str,
        lines: int = len(_CLASSES),
    ) -> None:
        """Takes the issuer's key, the patients, who take turns, and how long bills are."""
        self._lines = lines
        self._bill_prefix = bill_prefix
        self._signer = signer
        self._region = region
        self._patients = itertools.cycle(patients)
        self._count = len(patients)
        self._credentials = min(len(patient.subjects) for patient in patients)
        self._numbers = _numbers

    def messages(self, count: int) -> list[SettleBillRequest]:
        """Returns `count` requests whose codes were issued in the last seconds."""
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        scan_time = Timestamp(seconds=int(now.timestamp()))
        today = Date(year=now.year, month=now.month, day=now.day)
        turns = [number // self._count for number in range(count)]
        seconds_before = [
            turns[-1] // self._credentials - turn // self._credentials for turn in turns
        ]
        return [
            self._message(now - dt.timedelta(seconds=before), turn, scan_time, today)
            for turn, before in zip(turns, seconds_before, strict=True)
        ]

    def unary(self, count: int) -> list[bytes]:
        """Returns serialised requests of SettleBill."""
        return [message.SerializeToString() for message in self.messages(count)]

    def bulk(self, count: int, *, size: int) -> list[bytes]:
        """Returns serialised requests of SubmitBills with `size` bills each."""
        return [
            SubmitBillsRequest(items=self.messages(size)).SerializeToString() for _ in range(count)
        ]

    def _message(
        self, issue_time: dt.datetime, turn: int, scan_time: Timestamp, today: Date
    ) -> SettleBillRequest:
        patient, number = next(self._patients), next(self._numbers)
        claims = new_claims(
            issuer=self._region,
            subject=patient.subjects[turn % self._credentials],
            audience="01301",
            now=issue_time,
            code_id=os.urandom(8),
        )
        lines = []
        total_fen = 0
        # The other quantities and the prices come again after 360 bills.
        turns = number // 360 % 30, number // 10_800 % 30
        for index in range(self._lines):
            # Prices and quantities as bills have them: few distinct ones. A patient's bills are
            # of one visit, so that each needs other lines (T-31), which two quantities see to.
            price_fen = 500 + 250 * ((number + index) % 40)
            quantity = 1 + (number + 3 * index) % 9
            if index < len(turns):
                quantity = 1 + turns[index]
            amount_fen = price_fen * quantity
            total_fen += amount_fen
            lines.append(
                bill_pb2.BillLine(
                    line_number=index + 1,
                    item_code=f"BENCH{index % len(_CLASSES)}",
                    unit_price=f"{price_fen / 100:.2f}",
                    quantity=str(quantity),
                    amount_fen=amount_fen,
                )
            )
        return SettleBillRequest(
            request_id=new_id(),
            region=self._region,
            presentation=visit_pb2.Presentation(
                qr_text=self._signer.sign_code(claims), scan_time=scan_time, terminal_id="T1"
            ),
            bill=bill_pb2.Bill(
                visit_id=patient.visit_id,
                bill_number=f"{self._bill_prefix}{number}",
                service_date=today,
                lines=lines,
                total_fen=total_fen,
                account_use=bill_pb2.ACCOUNT_USE_OWN,
            ),
        )
