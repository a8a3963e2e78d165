"""What application decides of registrations, without a database."""

import datetime as dt
import itertools
import uuid

import pytest
from support.memory.offsite.work import memory_work
from support.memory.registration import MemoryRegistrations
from support.memory.transactions import MemoryTransactions

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration import (
    CancelRegistration,
    CreateRegistration,
    Registrations,
)
from yibao_offsite.rules.registration import Application, Category, Registration, State

REGION, PERSON_ID = "440100", str(uuid.UUID(int=7))
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)


class Desk:
    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.rows = MemoryRegistrations()
        self.transactions = MemoryTransactions(memory_work(REGION, registrations=self.rows))
        self.registrations = Registrations(
            self.transactions, clock=lambda: NOW, ids=lambda: f"r{next(numbers)}"
        )
        self.given: list[Registration] = []

    @property
    def stored(self) -> list[Registration]:
        rows = self.transactions.work.registrations
        assert isinstance(rows, MemoryRegistrations)
        return list(rows.rows.values())

    def encode(self, registration: Registration) -> bytes:
        self.given.append(registration)
        return registration.state.name.encode()

    def create(self, request_id: str, *, treatment_region: str = "110100") -> bytes:
        application = Application(
            PERSON_ID,
            Category.LONG_TERM_RESIDENT,
            treatment_region,
            dt.date(2026, 12, 1),
            dt.date(2027, 11, 30),
            is_urgent=False,
        )
        command = CreateRegistration(request("CreateRegistration", request_id), application)
        return self.registrations.create(command, self.encode)

    def cancel(self, request_id: str, registration_id: str) -> bytes:
        command = CancelRegistration(request("CancelRegistration", request_id), registration_id)
        return self.registrations.cancel(command, self.encode)


def request(method: str, request_id: str) -> Request:
    digest = f"{method} {request_id}".encode()
    return Request(REGION, request_id, digest, method, parse_caller(f"agency/{REGION}/wang"))


def test_a_registration_is_stored_under_the_lock_of_its_person_and_put_on_record() -> None:
    desk = Desk()
    assert desk.create("a") == b"ACTIVE"
    (registration,) = desk.stored
    assert desk.rows.locked == [PERSON_ID]
    (entry,) = desk.transactions.work.audit.entries
    assert (entry.method, entry.outcome, entry.request_id) == ("CreateRegistration", "OK", "a")
    assert entry.subject_ids == (PERSON_ID, registration.registration_id)


def test_a_second_one_that_overlaps_is_refused_and_leaves_nothing() -> None:
    desk = Desk()
    desk.create("a")
    with pytest.raises(RuleError) as refused:
        desk.create("b")
    assert refused.value.reason is Reason.REGISTRATION_EXISTS
    assert len(desk.stored) == len(desk.transactions.work.audit.entries) == 1


def test_a_repeat_is_answered_before_anything_is_checked() -> None:
    desk = Desk()
    assert desk.create("a") == desk.create("a")
    assert len(desk.given) == 1


def test_cancelling_finds_the_registration_before_it_looks_at_its_state() -> None:
    desk = Desk()
    with pytest.raises(RuleError) as refused:
        desk.cancel("a", "unknown")
    assert refused.value.reason is Reason.REGISTRATION_NOT_FOUND
    desk.create("b")
    assert desk.cancel("c", desk.stored[0].registration_id) == b"CANCELLED"
    assert desk.stored[0].state is State.CANCELLED
    with pytest.raises(RuleError) as refused:
        desk.cancel("d", desk.stored[0].registration_id)
    assert refused.value.reason is Reason.REGISTRATION_STATE
