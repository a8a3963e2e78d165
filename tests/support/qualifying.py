"""A desk for qualifications: over rows in memory, or over a database."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.qualification import MemoryErrands, MemoryQualifications
from support.memory.offsite.work import memory_work
from support.memory.transactions import MemoryTransactions

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_offsite.application.qualification.apply import (
    ApplyForQualification,
    HandInPapers,
    QualificationApplications,
    RenewQualification,
    WithdrawQualification,
)
from yibao_offsite.application.qualification.carry import QualificationErrands
from yibao_offsite.application.qualification.decide import (
    DecideQualification,
    Decision,
    EndQualification,
    QualificationDecisions,
    RetryQualification,
)
from yibao_offsite.application.qualification.find import QualificationBook
from yibao_offsite.application.work import Work
from yibao_offsite.files.qualification.read import load_disease_lists
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.rules.qualification.qualification import (
    Application,
    HandedPaper,
    Qualification,
)
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import UNIT

REGION = "500100"
HOSPITAL, OTHER_HOSPITAL = "H50010000001", "H50010000002"
START = dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)
MAKER, CHECKER = f"agency/{REGION}/wang", f"agency/{REGION}/li"
PAPERS = (HandedPaper("application_form"), HandedPaper("diagnosis_proof", b"x" * 32))
LIST = f"""
format: yibao-chronic/1
region: "{REGION}"
start: 2026-01-01
renew_days: 60
papers:
  - {{code: application_form, name: 门诊慢特病待遇认定申请表}}
  - {{code: diagnosis_proof, name: 诊断证明和病历资料}}
open_elsewhere: [M03900]
diseases:
  - {{code: M03900, name: 高血压, valid_months: 12, institutions: [{HOSPITAL}]}}
  - {{code: M01601, name: 儿童1型糖尿病, national: M01600}}
"""
LISTS = load_disease_lists([("list.yaml", LIST.encode())])


class Desk:
    """What is asked at a desk, and the qualifications that were answered."""

    def __init__(self, make: "Callable[[Desk], Transactions[Work]]") -> None:
        self.now = START
        self.transactions = make(self)
        self.applications = QualificationApplications(
            self.transactions, LISTS, clock=self.clock, ids=new_id
        )
        self.decisions = QualificationDecisions(
            self.transactions, LISTS, clock=self.clock, ids=new_id
        )
        self.book = QualificationBook(self.transactions, LISTS, clock=self.clock)
        self.errands = QualificationErrands(self.transactions, clock=self.clock, ids=new_id)

    @classmethod
    def in_memory(cls) -> "Desk":
        rows = MemoryQualifications()
        work = memory_work(
            REGION,
            persons=MemoryPersons(),
            qualifications=rows,
            errands=MemoryErrands(rows),
        )
        return cls(lambda desk: MemoryTransactions(work))

    @classmethod
    def over(cls, database: Database) -> "Desk":
        return cls(
            lambda desk: StoredTransactions(
                database, answers=tables.answer, unit=UNIT, clock=desk.clock
            )
        )

    def clock(self) -> dt.datetime:
        return self.now

    def know(self, *persons: KnownPerson) -> None:
        self.transactions.change(REGION, lambda work: work.persons.replace(persons, reading=1))

    def apply(self, person_id: str, **fields: object) -> Qualification:
        told: dict[str, Any] = {"request_id": new_id(), "by": MAKER, "papers": PAPERS}
        told |= {"disease": "M03900"}
        told |= {"hospital": HOSPITAL, "start": None} | fields
        application = Application(
            person_id,
            told["disease"],
            told["hospital"],
            (HOSPITAL,),
            "I10.x00",
            "三次血压",
            told["papers"],
            told["start"],
        )
        request = self.request("ApplyForQualification", told["by"], told["request_id"])
        answer = self.applications.apply(ApplyForQualification(request, application), encode)
        return self.find(answer.decode())

    def renew(self, qualification_id: str, by: str = MAKER) -> Qualification:
        request = self.request("RenewQualification", by)
        command = RenewQualification(
            request, qualification_id, HOSPITAL, "I10.x00", "三次血压", PAPERS
        )
        return self.find(self.applications.renew(command, encode).decode())

    def hand_in(self, id: str, *papers: HandedPaper, by: str = MAKER) -> Qualification:
        command = HandInPapers(self.request("HandInPapers", by), id, papers)
        return self.find(self.applications.hand_in(command, encode).decode())

    def withdraw(self, id: str, by: str = MAKER) -> Qualification:
        command = WithdrawQualification(self.request("WithdrawQualification", by), id, "不申请了")
        return self.find(self.applications.withdraw(command, encode).decode())

    def decide(
        self,
        id: str,
        decision: Decision = Decision.APPROVE,
        *,
        by: str = CHECKER,
        papers: tuple[str, ...] = (),
        end_date: dt.date | None = None,
        request_id: str = "",
    ) -> Qualification:
        request = self.request("DecideQualification", by, request_id)
        command = DecideQualification(request, id, decision, "已核", papers, end_date)
        return self.find(self.decisions.decide(command, encode).decode())

    def end(self, id: str, end_date: dt.date, request_id: str = "") -> Qualification:
        request = self.request("EndQualification", CHECKER, request_id)
        command = EndQualification(request, id, end_date, "死亡")
        return self.find(self.decisions.end(command, encode).decode())

    def retry(self, id: str) -> Qualification:
        command = RetryQualification(self.request("RetryQualification", CHECKER), id, "已更正")
        return self.find(self.decisions.retry(command, encode).decode())

    def find(self, qualification_id: str) -> Qualification:
        with self.transactions.read(REGION) as work:
            found = work.qualifications.find(qualification_id)
        assert found is not None
        return found

    def request(self, method: str, by: str, request_id: str = "") -> Request:
        request_id = request_id or new_id()
        return Request.of(
            parse_caller(by),
            method=method,
            region=REGION,
            request_id=request_id,
            contents=request_id.encode(),
        )


def encode(qualification: Qualification) -> bytes:
    """Returns the id of what was answered."""
    return qualification.qualification_id.encode()


def insured(person_id: str, **fields: object) -> KnownPerson:
    """Returns a person who is enrolled since 2020."""
    told = {
        "birth_date": dt.date(1960, 5, 1),
        "death_date": None,
        "merged_into": None,
        "periods": (Period("310", 1, dt.date(2020, 1, 1), None),),
        **fields,
    }
    return KnownPerson(person_id, **told)  # type: ignore[arg-type]
