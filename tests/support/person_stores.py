"""What application decides of persons over a new database, and what is asked of it."""

import datetime as dt
import hashlib
import itertools
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from support.identity_world import citizen_numbers

from yibao_common.commands.request import Request
from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import parse_caller
from yibao_common.values.citizen_number import Gender
from yibao_common.values.ids import new_id
from yibao_identity.application.calls import Calls
from yibao_identity.application.death import Deaths, RecordDeath, Report, RevokeDeath
from yibao_identity.application.disease import Diseases
from yibao_identity.application.enrolment import (
    AddEnrolment,
    ChangeEnrolment,
    Enrolments,
    RecordPremium,
)
from yibao_identity.application.feed import Bookmark, EnrolmentChange, Feed
from yibao_identity.application.merge import DecideMerge, Merges, ProposeMerge
from yibao_identity.application.newborn import Newborns, RegisterNewborn
from yibao_identity.application.person.correction import PersonCorrections, UpdatePerson
from yibao_identity.application.person.lookup import PersonLookups, SearchPersons
from yibao_identity.application.person.registration import PersonRegistrations, RegisterPerson
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.application.relative import ConfirmLink, EndLink, Relatives, RequestLink
from yibao_identity.application.work import Work
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.enrolment import EnrolmentStatus, EnrolmentTerms
from yibao_identity.rules.merge import Merge
from yibao_identity.rules.newborn import NewbornRegistration
from yibao_identity.rules.person import Correction, Registration
from yibao_identity.rules.relative import LinkPurpose, Relation, RelativeLink
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work

REGION = "500100"
MAKER = f"agency/{REGION}/wang"
CHECKER = f"agency/{REGION}/zhang"
TERMS = EnrolmentTerms("11", (), EnrolmentStatus.NORMAL, "")

T = TypeVar("T")


class HandClock:
    """A clock that moves a second at each look, and otherwise when told to."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 2, 1, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=1)
        return self.now


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the audit holds of one thing that was done."""

    method: str
    caller: str
    subject_ids: tuple[str, ...]
    outcome: str
    detail: str


class PersonWorld:
    """What decides, and shorter ways to call it; `asked` repeats a request id."""

    def __init__(self, database: Database, *, vault: Vault | None = None) -> None:
        self.database = database
        self.clock = HandClock()
        counter = itertools.count()
        self.vault = vault or Vault(
            [b"k" * 32],
            b"h" * 32,
            random_bytes=lambda size: hashlib.sha256(bytes([next(counter) % 251])).digest()[:size],
        )
        shared: dict[str, Any] = {"clock": self.clock, "ids": new_id}
        self.transactions: StoredTransactions[Work] = StoredTransactions(
            database,
            answers=tables.answer,
            unit=unit_of_work(self.vault),
            clock=self.clock,
            vault=self.vault,
        )
        self.registrations = PersonRegistrations(self.transactions, **shared)
        self.newborns = Newborns(self.transactions, tell_days=90, **shared)
        self.corrections = PersonCorrections(self.transactions, **shared)
        self.persons = PersonLookups(self.transactions, clock=self.clock)
        self.enrolments = Enrolments(self.transactions, **shared)
        self.deaths = Deaths(self.transactions, **shared)
        self.diseases = Diseases(self.transactions, **shared)
        self.merges = Merges(self.transactions, **shared)
        self.relatives = self.links_limited_to()
        self._numbers: Iterator[str] = citizen_numbers()

    def changes(
        self, region: str, *, after_sequence: int, limit: int
    ) -> tuple[EnrolmentChange, ...]:
        """Returns what the feed tells to who has read it up to a number."""
        feed = Feed(self.transactions, clock=self.clock)
        return feed.page(region, Bookmark("", after_sequence, 0, ""), limit=limit).changes

    def links_limited_to(self, *, show_code: int = 5, share_account: int = 16) -> Relatives:
        return Relatives(
            Calls(self.transactions, clock=self.clock),
            clock=self.clock,
            ids=new_id,
            limits={
                LinkPurpose.SHOW_CODE: show_code,
                LinkPurpose.SHARE_ACCOUNT: share_account,
            },
        )

    def asked(
        self, method: str, *, caller: str = MAKER, id: str = "", content: str = ""
    ) -> Request:
        """Returns who asks; requests with one id and other `content` differ."""
        digest = hashlib.sha256(f"{method}{caller}{content}".encode()).digest()
        return Request(REGION, id or new_id(), digest, method, parse_caller(caller))

    # --- Persons.

    def register(
        self,
        number: str = "",
        *,
        name: str = "张三",
        request: Request | None = None,
        former_holder_id: str = "",
        **fields: Any,
    ) -> EnrolledPerson:
        values: dict[str, Any] = {
            "certificate_type": "01",
            "certificate_number": number or next(self._numbers),
            "person_name": name,
            "insurance_type": "310",
            "person_class": "11",
            "entitlement_groups": (),
            "start_date": dt.date(2026, 1, 1),
            **fields,
        }
        request = request or self.asked("RegisterPerson")
        command = RegisterPerson(request, Registration(**values), former_holder_id)
        return answer(self.registrations.register, command)

    def person_id(self) -> str:
        """Registers somebody new."""
        return self.register().person.person_id

    def newborn(
        self,
        parent_id: str,
        *,
        number: str = "A123456789",
        caller: str = MAKER,
        former_holder_id: str = "",
        **fields: Any,
    ) -> EnrolledPerson:
        values: dict[str, Any] = {
            "birth_certificate_number": number,
            "person_name": "",
            "gender": Gender.FEMALE,
            "birth_date": dt.date(2026, 10, 1),
            "enrol_date": dt.date(2026, 10, 20),
            "premium_receive_date": None,
            **fields,
        }
        request = self.asked("RegisterNewborn", caller=caller)
        stated = NewbornRegistration(**values)
        command = RegisterNewborn(request, parent_id, stated, former_holder_id)
        return answer(self.newborns.register, command)

    def update(
        self,
        person_id: str,
        *,
        name: str = "",
        document: ShownDocument | None = None,
        caller: str = MAKER,
        former_holder_id: str = "",
    ) -> EnrolledPerson:
        request = self.asked("UpdatePerson", caller=caller)
        correction = Correction(name, document)
        command = UpdatePerson(request, person_id, correction, "更正", former_holder_id)
        return answer(self.corrections.update, command)

    def search(self, certificate_type: str, number: str) -> EnrolledPerson | None:
        document = ShownDocument(certificate_type, number)
        return self.persons.search(SearchPersons(REGION, parse_caller(MAKER), document))

    # --- Enrolments.

    def add(
        self,
        person_id: str,
        insurance_type: str,
        start: dt.date,
        end: dt.date | None = None,
        *,
        request: Request | None = None,
    ) -> EnrolledPerson:
        command = AddEnrolment(
            request or self.asked("AddEnrolment"), person_id, insurance_type, TERMS, start, end
        )
        return answer(self.enrolments.add, command)

    def change(
        self, person_id: str, enrolment_id: str, terms: EnrolmentTerms, effective: dt.date
    ) -> EnrolledPerson:
        command = ChangeEnrolment(
            self.asked("ChangeEnrolment"), person_id, enrolment_id, terms, effective, None, "调入"
        )
        return answer(self.enrolments.change, command)

    def pay(self, person_id: str, enrolment_id: str, day: dt.date) -> EnrolledPerson:
        command = RecordPremium(self.asked("RecordPremium"), person_id, enrolment_id, day, "P1")
        return answer(self.enrolments.record_premium, command)

    # --- Deaths.

    def die(
        self, person_id: str, day: dt.date = dt.date(2026, 10, 20), *, caller: str = MAKER
    ) -> EnrolledPerson:
        request = self.asked("RecordDeath", caller=caller)
        command = RecordDeath(request, person_id, Report(day, "death/1"))
        return answer(self.deaths.record, command)

    def revive(self, person_id: str, *, caller: str = CHECKER) -> EnrolledPerson:
        request = self.asked("RevokeDeath", caller=caller)
        return answer(self.deaths.revoke, RevokeDeath(request, person_id, "误报"))

    # --- Merges.

    def propose(self, retired: str, surviving: str, *, caller: str = MAKER) -> Merge:
        request = self.asked("ProposeMerge", caller=caller)
        return answer(self.merges.propose, ProposeMerge(request, retired, surviving, "同一人"))

    def decide(self, merge_id: str, *, approve: bool = True, caller: str = CHECKER) -> Merge:
        request = self.asked("DecideMerge", caller=caller)
        return answer(self.merges.decide, DecideMerge(request, merge_id, approve, ""))

    def merge(self, retired: str, surviving: str) -> Merge:
        """Proposes and approves."""
        return self.decide(self.propose(retired, surviving).merge_id)

    # --- Relatives.

    def ask(
        self,
        person_id: str,
        relative_id: str,
        purpose: LinkPurpose = LinkPurpose.SHOW_CODE,
        relation: Relation = Relation.PARENT,
        *,
        caller: str = MAKER,
    ) -> RelativeLink:
        request = self.asked("RequestRelativeLink", caller=caller)
        command = RequestLink(request, person_id, relative_id, purpose, relation)
        return answer(self.relatives.request, command)

    def confirm(self, link: RelativeLink, *, caller: str = MAKER) -> RelativeLink:
        request = self.asked("ConfirmRelativeLink", caller=caller)
        return answer(self.relatives.confirm, ConfirmLink(request, link.link_id, link.relative_id))

    def end(self, link_id: str, person_id: str, *, caller: str = MAKER) -> RelativeLink:
        request = self.asked("EndRelativeLink", caller=caller)
        return answer(self.relatives.end, EndLink(request, link_id, person_id))

    def link(self, person_id: str, relative_id: str, purpose: LinkPurpose) -> RelativeLink:
        """Asks for a link and confirms it."""
        return self.confirm(self.ask(person_id, relative_id, purpose))

    # --- What is stored.

    def feed(self, after: int = 0) -> list[str]:
        """Returns the persons of the changes after a number, and asserts that none is missing."""
        changes = self.changes(REGION, after_sequence=after, limit=1_000)
        expected = list(range(after + 1, after + 1 + len(changes)))
        assert [each.sequence for each in changes] == expected
        return [each.standing.person_id for each in changes]

    def audit(self) -> list[AuditRow]:
        """Returns the audit rows in their order, and asserts that their chain holds."""
        event = tables.audit.event
        with self.database.read() as connection:
            assert check_chain(connection, tables.audit, REGION) is None
            rows = connection.execute(sa.select(event).order_by(event.c.sequence)).all()
        return [
            AuditRow(
                row.method,
                row.caller,
                tuple(row.subject_ids.split(",")) if row.subject_ids else (),
                row.outcome,
                row.detail,
            )
            for row in rows
        ]

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            found: int = connection.execute(
                sa.select(sa.func.count()).select_from(table)
            ).scalar_one()
        return found

    def everything(self) -> Sequence[int]:
        """Returns how many rows each table has that a refused command could have touched."""
        return [
            self.count(table)
            for table in (
                tables.person,
                tables.former_person,
                tables.enrolment,
                tables.person_change,
                tables.person_merge,
                tables.relative_link,
                tables.audit.event,
                tables.answer,
            )
        ]


def answer(act: Callable[[Any, Callable[[T], bytes]], bytes], command: Any) -> T:
    """Carries a command out and returns what its answer tells, also where it is a repeat."""
    found: T = pickle.loads(act(command, pickle.dumps))
    return found
