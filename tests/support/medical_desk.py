"""A counter for medical files, evaluations and tickets, over rows in memory or a database."""

import dataclasses
import datetime as dt
import hashlib
import os
import uuid
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from support.lists.rows import fill

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.files.calendar_file import national_calendar
from yibao_common.keys.vault import Vault
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_offsite.application.evaluation.cases import Evaluations
from yibao_offsite.application.evaluation.commands import (
    CancelEvaluation,
    CompareEvaluation,
    DecideEvaluation,
    OpenEvaluation,
    RecordEvaluation,
)
from yibao_offsite.application.medical_history import (
    MedicalHistories,
    ReadHistory,
    RecordHistory,
    VerifyHistory,
)
from yibao_offsite.application.recheck import CallForRecheck, Rechecks, RecordRecheck
from yibao_offsite.application.ticket import (
    ChangeTicket,
    OpenTicket,
    TicketClosing,
    Tickets,
    ToldTicket,
)
from yibao_offsite.application.work import Work
from yibao_offsite.rules.evaluation import Difference, Evaluation, Opinion
from yibao_offsite.rules.material.states import State
from yibao_offsite.rules.medical_history import (
    Contents,
    Entry,
    EntryKind,
    History,
    Purpose,
    Reading,
    Source,
)
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.recheck import Recheck, RecheckState
from yibao_offsite.rules.ticket import TicketKind, TicketTimes
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

ValueT = TypeVar("ValueT")
CommandT = TypeVar("CommandT")

REGION = "330100"
OTHER_REGION = "500100"
HOSPITAL = "H33010600002"
WANG, LI, ZHAO = (f"agency/{REGION}/{name}" for name in ("wang", "li", "zhao"))
# A Monday.
NOW = dt.datetime(2026, 11, 2, 9, 0, tzinfo=SHANGHAI)
TIMES = TicketTimes(
    national_calendar(),
    {TicketKind.REGISTRATION: 2, TicketKind.SYSTEM_FAILURE: 1, TicketKind.OTHER: 10},
    10,
)
VAULT = Vault([b"k" * 32], b"h" * 32, random_bytes=os.urandom)


def at(text: str) -> dt.datetime:
    """Returns an instant told in Asia/Shanghai."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def contents(title: str = "冠状动脉粥样硬化性心脏病", *, material_id: str = "") -> Contents:
    """Returns what a version of a file tells."""
    source = Source(HOSPITAL, "", material_id, "", dt.date(2026, 10, 12))
    entry = Entry(EntryKind.DIAGNOSIS, "I25.103", title, dt.date(2026, 10, 10), "", source)
    return Contents("三支病变", (entry,))


def asked(
    method: str, caller: str = WANG, *, request_id: str = "", region: str = REGION
) -> Request:
    """Returns who asks."""
    id = request_id or new_id()
    digest = hashlib.sha256(f"{method} {id}".encode()).digest()
    return Request(region, id, digest, method, parse_caller(caller))


class MedicalDesk:
    """What is asked at the counter of one region; `now` is told to whatever is done."""

    def __init__(
        self,
        transactions: Transactions[Work],
        *,
        region: str = REGION,
        reads_history_first: bool = False,
    ) -> None:
        """Takes what begins transactions."""
        self.now = NOW
        self.region = region
        clock = self._clock
        self.transactions = transactions
        self.histories = MedicalHistories(transactions, clock=clock, ids=new_id)
        self.evaluations = Evaluations(
            transactions,
            clock=clock,
            ids=new_id,
            calendar=TIMES.calendar,
            reads_history_first=lambda _: reads_history_first,
        )
        self.rechecks = Rechecks(transactions, clock=clock, ids=new_id)
        self.tickets = Tickets(transactions, clock=clock, ids=new_id, times=TIMES)
        self.closing = TicketClosing(transactions, clock=clock, caller="service/offsite")

    def _clock(self) -> dt.datetime:
        return self.now.astimezone(dt.UTC)

    def record(
        self, person_id: str, *, base: int = 0, by: str = WANG, told: Contents | None = None
    ) -> History:
        """Enters a version of a file."""
        request = asked("RecordMedicalHistory", by, region=self.region)
        return self._kept(
            History,
            self.histories.record,
            RecordHistory(request, person_id, base, told or contents()),
        )

    def verify(self, person_id: str, version: int, *, by: str = LI) -> History:
        """Verifies a version."""
        request = asked("VerifyMedicalHistory", by, region=self.region)
        command = VerifyHistory(request, person_id, version)
        return self._kept(History, self.histories.verify, command)

    def read(
        self, person_id: str, *, by: str = WANG, version: int = 0, note: str = ""
    ) -> tuple[list[History], Reading]:
        """Reads a file before a transfer is evaluated."""
        caller, purpose = parse_caller(by), Purpose.PRE_EVALUATION
        command = ReadHistory(self.region, caller, person_id, version, purpose, note)
        histories, reading = self.histories.read(command)
        return list(histories), reading

    def open(
        self, registration_id: str, *, due: dt.date = dt.date(2026, 11, 5), request_id: str = ""
    ) -> Evaluation:
        """Opens an evaluation."""
        request = asked("OpenPreEvaluation", request_id=request_id, region=self.region)
        command = OpenEvaluation(request, registration_id, due)
        return self._kept(Evaluation, self.evaluations.open, command)

    def examine(
        self,
        evaluation_id: str,
        *,
        by: str = WANG,
        opinion: Opinion = Opinion.NECESSARY,
        day: dt.date = dt.date(2026, 11, 2),
    ) -> Evaluation:
        """Records an examination."""
        request = asked("RecordPreEvaluation", by, region=self.region)
        command = RecordEvaluation(request, evaluation_id, opinion, "胸痛反复", "陈医师", day)
        return self._kept(Evaluation, self.evaluations.record, command)

    def approve(self, evaluation: Evaluation, *, by: str = LI) -> Evaluation:
        """Approves what was recorded."""
        request = asked("ApprovePreEvaluation", by, region=self.region)
        command = DecideEvaluation(request, evaluation.evaluation_id, evaluation.version)
        return self._kept(Evaluation, self.evaluations.approve, command)

    def send_back(self, evaluation: Evaluation, *, by: str = LI) -> Evaluation:
        """Sends what was recorded back."""
        request = asked("ReturnPreEvaluation", by, region=self.region)
        command = DecideEvaluation(
            request, evaluation.evaluation_id, evaluation.version, "缺心电图"
        )
        return self._kept(Evaluation, self.evaluations.send_back, command)

    def cancel(self, evaluation_id: str) -> Evaluation:
        """Calls an evaluation off."""
        request = asked("CancelPreEvaluation", region=self.region)
        command = CancelEvaluation(request, evaluation_id, "本人放弃转院")
        return self._kept(Evaluation, self.evaluations.cancel, command)

    def compare(
        self,
        evaluation_id: str,
        papers: tuple[str, str, str],
        *differences: Difference,
        day: dt.date = dt.date(2026, 11, 2),
    ) -> Evaluation:
        """Compares with the papers of the discharge."""
        request = asked("RecordDischargeComparison", region=self.region)
        command = CompareEvaluation(request, evaluation_id, day, *papers, differences)
        return self._kept(Evaluation, self.evaluations.compare, command)

    def call(self, evaluation_id: str, *, due: dt.date = dt.date(2026, 12, 1)) -> Recheck:
        """Calls the person again."""
        request = asked("CallForRecheck", region=self.region)
        command = CallForRecheck(request, evaluation_id, due, "复查支架")
        return self._kept(Recheck, self.rechecks.call, command)

    def recheck(self, recheck_id: str, outcome: RecheckState) -> Recheck:
        """Records what came of a recheck."""
        request = asked("RecordRecheck", LI, region=self.region)
        command = RecordRecheck(request, recheck_id, outcome, "术后恢复良好")
        return self._kept(Recheck, self.rechecks.record, command)

    def ticket(
        self,
        kind: TicketKind = TicketKind.REGISTRATION,
        *,
        by: str = f"institution/{HOSPITAL}",
        text: str = "张三备案查不到",
    ) -> ToldTicket:
        """Opens a ticket."""
        command = OpenTicket(asked("OpenTicket", by, region=self.region), kind, text, None, None)
        return self._kept(ToldTicket, self.tickets.open, command)

    def answer(self, told: ToldTicket, *, by: str = WANG) -> ToldTicket:
        """Answers a ticket."""
        command = self._change("AnswerTicket", told, by, "已补传备案")
        return self._kept(ToldTicket, self.tickets.answer, command)

    def confirm(self, told: ToldTicket, *, by: str = f"institution/{HOSPITAL}") -> ToldTicket:
        """Confirms an answer."""
        command = self._change("ConfirmTicket", told, by, "")
        return self._kept(ToldTicket, self.tickets.confirm, command)

    def reopen(self, told: ToldTicket, *, by: str = f"institution/{HOSPITAL}") -> ToldTicket:
        """Opens a ticket again."""
        command = self._change("ReopenTicket", told, by, "仍查不到")
        return self._kept(ToldTicket, self.tickets.reopen, command)

    def _change(self, method: str, told: ToldTicket, by: str, text: str) -> ChangeTicket:
        ticket = told.ticket
        request = asked(method, by, region=self.region)
        return ChangeTicket(request, ticket.ticket_id, ticket.version, text)

    def _kept(
        self,
        kind: type[ValueT],
        act: Callable[[CommandT, Callable[[ValueT], bytes]], bytes],
        command: CommandT,
    ) -> ValueT:
        """Carries out a command and returns the value that its answer was made of."""
        given: list[ValueT] = []

        def encode(value: ValueT) -> bytes:
            given.append(value)
            return b"told"

        act(command, encode)
        return given[-1]


def stored_desk(
    database: Database, *, region: str = REGION, reads_history_first: bool = False
) -> MedicalDesk:
    """Returns a counter over a database."""
    transactions: StoredTransactions[Work] = StoredTransactions(
        database,
        answers=tables.answer,
        unit=unit_of_work(VAULT),
        clock=lambda: NOW.astimezone(dt.UTC),
        vault=VAULT,
    )
    return MedicalDesk(transactions, region=region, reads_history_first=reads_history_first)


def person(merged_into: str | None = None) -> KnownPerson:
    """Returns a person whom identity told of."""
    return KnownPerson(new_id(), dt.date(1956, 4, 1), None, merged_into, ())


def keep_persons(desk: MedicalDesk, *persons: KnownPerson) -> None:
    """Keeps persons as if the feed had told of them."""
    desk.transactions.change(desk.region, lambda work: work.persons.replace(persons, reading=1))


def keep_referral(
    database: Database, person_id: str, *, region: str = REGION, state: int = 3, category: int = 4
) -> str:
    """Stores a referral that waits, as registrations are stored; returns its id."""
    registration_id = new_id()
    row = {
        "region": region,
        "registration_id": registration_id,
        "person_id": person_id,
        "category": category,
        "treatment_region": "310000",
        "state": state,
        "start_date": dt.date(2026, 11, 2),
        "end_date": dt.date(2027, 5, 2),
        "is_urgent": False,
        "register_time": NOW,
        "registered_by": WANG,
        "materials": "[]",
        "benefits": "[1]",
    }
    with database.write() as connection:
        connection.execute(sa.insert(tables.registration).values(fill(tables.registration, row)))
    return registration_id


def number_id(number: int) -> str:
    """Returns an id that a test can name."""
    return str(uuid.UUID(int=number))


def changed(told: ToldTicket, **values: object) -> ToldTicket:
    """Returns what was told of a ticket, as somebody else would say it."""
    return dataclasses.replace(told, ticket=dataclasses.replace(told.ticket, **values))  # type: ignore[arg-type]


def keep_papers(database: Database, person_id: str, *kinds: str) -> tuple[str, ...]:
    """Stores papers that may be used, as if they had been handed in; returns their ids."""
    ids = tuple(new_id() for _ in kinds)
    with database.write() as connection:
        for material_id, kind in zip(ids, kinds, strict=True):
            connection.execute(
                sa.insert(tables.materials.material).values(
                    region=REGION,
                    material_id=material_id,
                    person_id=person_id,
                    kind=kind,
                    state=State.NOT_SCANNED.value,
                    size_bytes=100,
                    party=f"agency/{REGION}",
                    begun_by=WANG,
                    begin_time=NOW,
                    changed_by=WANG,
                    is_used=False,
                )
            )
    return ids
