"""What application decides of persons, over units of work in memory."""

import dataclasses
import datetime as dt
import itertools
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from support.identity_world import citizen_number
from support.memory.certificate import MemoryCertificates
from support.memory.code import MemoryCodes
from support.memory.death import MemoryDeaths
from support.memory.disease import MemoryDiseases
from support.memory.enrolment import MemoryEnrolments
from support.memory.holder import MemoryHolders
from support.memory.merge import MemoryMerges
from support.memory.misuse import MemorySuspensions
from support.memory.person import MemoryPersons
from support.memory.relative import MemoryRelatives
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.commands.audit import AuditEntry
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.work import Work
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus, EnrolmentTerms
from yibao_identity.rules.misuse import CaseCredential
from yibao_identity.rules.person import Person

REGION = "500100"
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 27)
MAKER, CHECKER = f"agency/{REGION}/wang", f"agency/{REGION}/zhang"
TERMS = EnrolmentTerms("11", (), EnrolmentStatus.NORMAL, "")

T = TypeVar("T")


class PersonDesk:
    """Rooms in memory and persons in them; `shared` is what all of application takes."""

    def __init__(self) -> None:
        # Those that every transaction began with: they also show what a refused one locked.
        self.holders = MemoryHolders()
        self.merges, self.relatives = MemoryMerges(), MemoryRelatives()
        work = memory_work(
            REGION,
            holders=self.holders,
            persons=MemoryPersons(self.holders),
            deaths=MemoryDeaths(self.holders),
            diseases=MemoryDiseases(),
            enrolments=MemoryEnrolments(),
            merges=self.merges,
            relatives=self.relatives,
            suspensions=MemorySuspensions(),
            certificates=MemoryCertificates(),
            codes=MemoryCodes(),
        )
        self.transactions: MemoryTransactions[Work] = MemoryTransactions(work)
        numbers = itertools.count(1)
        self.shared: dict[str, Any] = {
            "clock": lambda: NOW,
            "ids": lambda: f"new{next(numbers)}",
        }
        self._requests = itertools.count(1)

    @property
    def work(self) -> Work:
        """What stands now."""
        return self.transactions.work

    @property
    def persons(self) -> MemoryPersons:
        assert isinstance(self.work.persons, MemoryPersons)
        return self.work.persons

    @property
    def enrolments(self) -> MemoryEnrolments:
        assert isinstance(self.work.enrolments, MemoryEnrolments)
        return self.work.enrolments

    @property
    def told(self) -> set[str]:
        """Of whom settlement is told."""
        return self.work.feed.person_ids

    @property
    def recorded(self) -> list[AuditEntry]:
        """What is put on record."""
        return self.work.audit.entries

    def request(self, method: str, *, caller: str = MAKER) -> Request:
        number = next(self._requests)
        digest = f"{method} {number}".encode()
        return Request(REGION, f"r{number}", digest, method, parse_caller(caller))

    def person(
        self, person_id: str, *, number: int = 1, merged_into: str | None = None, name: str = "张三"
    ) -> Person:
        """Registers somebody born on 1990-03-07, with the citizen number of a sequence."""
        person = Person(
            REGION,
            person_id,
            "01",
            citizen_number(number),
            name,
            Gender.MALE,
            dt.date(1990, 3, 7),
            NOW,
            merged_into,
        )
        self.persons.insert(person, registered_by=MAKER)
        return person

    def persons_named(self, *person_ids: str) -> None:
        """Registers several."""
        for number, person_id in enumerate(person_ids, start=1):
            self.person(person_id, number=number)

    def suspend(self, kind: CredentialKind, person_id: str) -> None:
        """Gives somebody a credential that a case suspends."""
        rows = self.work.suspensions
        assert isinstance(rows, MemorySuspensions)
        state = CardState.ACTIVE if kind is CredentialKind.CARD else CertificateState.ACTIVE
        rows.add(CaseCredential(kind, f"of {person_id}", person_id, "S", state, "case"))

    def period(self, person_id: str, enrolment_id: str, **fields: Any) -> Enrolment:
        """Enrols somebody as an employee from 2026 on, unless `fields` tell otherwise."""
        period = Enrolment("310", "11", (), EnrolmentStatus.NORMAL, dt.date(2026, 1, 1))
        recorded = dataclasses.replace(
            period, **{"enrolment_id": enrolment_id, "record_time": NOW, **fields}, recorded_by="w"
        )
        self.enrolments.insert(person_id, recorded, explanation="")
        return recorded


def answer(act: Callable[[Any, Callable[[T], bytes]], bytes], command: Any) -> T:
    """Carries a command out and returns what its answer tells."""
    found: T = pickle.loads(act(command, pickle.dumps))
    return found


def refusal(act: Callable[[Any, Callable[[Any], bytes]], bytes], command: Any) -> Reason:
    """Returns why a command is refused."""
    with pytest.raises(RuleError) as caught:
        act(command, pickle.dumps)
    return caught.value.reason
