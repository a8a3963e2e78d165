"""A region's desk for registrations, over rows in memory."""

import datetime as dt
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.work import memory_work
from support.memory.registration import HandedIn, MemoryRegistrations, MemoryRules
from support.memory.transactions import MemoryTransactions
from support.registrations import (
    CLERK,
    LONG,
    NATIONAL,
    REGION,
    TODAY,
    application,
    shown,
)

from yibao_common.commands.request import Request
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.creating import CreateRegistration, CreateWork
from yibao_offsite.application.registration.orders import ChangeRegistration, Registering
from yibao_offsite.application.registration.recording import DeemedRegistrations
from yibao_offsite.application.registration.steps import Act, Steps
from yibao_offsite.rules.person import KnownPerson, Period, PeriodStatus
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Category,
    Origin,
)
from yibao_offsite.rules.registration.registration import Application, Registration
from yibao_offsite.rules.registration.states import Event

PERSON_ID, OTHER_ID = str(uuid.UUID(int=7)), str(uuid.UUID(int=8))
SECOND = Applicant("agency/330100/li", Origin.AGENCY)
THIRD = Applicant("agency/330100/zhao", Origin.AGENCY)
FORM = shown("identity_certificate", "registration_form")
SETTLEMENT = "service/settlement"


def person(person_id: str = PERSON_ID, **fields: Any) -> KnownPerson:
    """Returns somebody whom the region insures since 2020, where not said otherwise."""
    period = Period("310", PeriodStatus.NORMAL, dt.date(2020, 1, 1), None)
    values = {"death_date": None, "merged_into": None, "periods": (period,), **fields}
    return KnownPerson(person_id, dt.date(1950, 1, 1), **values)


class Desk:
    """A region's desk over rows in memory, on a clock that tests move."""

    def __init__(self, rules: RegionRules = NATIONAL) -> None:
        self.today = TODAY
        self.evaluated: set[str] = set()
        ids = itertools.count(1)
        work = memory_work(
            REGION,
            registrations=MemoryRegistrations(),
            persons=MemoryPersons({PERSON_ID: person()}),
            papers=HandedIn(),
            region_rules=MemoryRules(said=rules),
        )
        self.transactions = MemoryTransactions(work)
        parts: dict[str, Any] = {"national": NATIONAL, "clock": self.now}
        self.make = {**parts, "ids": lambda: f"r{next(ids)}"}
        self.registering = Registering(self.transactions, **self.make)
        self.steps = Steps(self.transactions, require_evaluated=self.require_evaluated, **parts)
        self.deemed = DeemedRegistrations(self.transactions, **self.make)
        self.requests = itertools.count(1)

    def now(self) -> dt.datetime:
        return dt.datetime.combine(self.today, dt.time(9), SHANGHAI)

    @property
    def work(self) -> Any:
        return self.transactions.work

    def require_evaluated(self, work: object, registration_id: str) -> None:
        if registration_id not in self.evaluated:
            raise RuleError(Reason.REGISTRATION_STATE, "no evaluation")

    def request(self, method: str, by: Applicant) -> Request:
        number = str(next(self.requests))
        digest = f"{method} {number}".encode()
        return Request(REGION, number, digest, method, parse_caller(by.path))

    def create(self, asked: Application | None = None, by: Applicant = CLERK) -> Registration:
        asked = asked or application(person_id=PERSON_ID)
        command = CreateRegistration(self.request("CreateRegistration", by), by, asked)

        def create(encode: Callable[[Registration], bytes]) -> bytes:
            work = CreateWork(self.transactions, encode, **self.make)
            (outcome,) = work(REGION, [command])
            if isinstance(outcome, RuleError):
                raise outcome
            return outcome

        return self.given(create)

    def change(
        self, registration_id: str, asked: Application, by: Applicant = CLERK
    ) -> tuple[Registration, Registration]:
        given: list[Registration] = []

        def encode(new: Registration, old: Registration) -> bytes:
            given.extend((new, old))
            return b""

        request = self.request("ChangeRegistration", by)
        command = ChangeRegistration(request, by, registration_id, asked)
        self.registering.change(command, encode)
        new, old = given
        return new, old

    def act(self, registration_id: str, by: Applicant = CLERK, remark: str = "") -> Act:
        return Act(self.request("Step", by), by, registration_id, remark)

    def given(self, method: Callable[..., bytes], *arguments: Any, **more: Any) -> Registration:
        """Calls a method that encodes a registration, and returns what it encodes."""
        given: list[Registration] = []

        def encode(registration: Registration) -> bytes:
            given.append(registration)
            return b"answer"

        if "encode" in more:
            method(*arguments, **{**more, "encode": encode})
        else:
            method(*arguments, encode)
        (registration,) = given
        return registration

    def steps_of(self, registration_id: str) -> list[Event]:
        return [each.event for each in self.work.registrations.steps(registration_id)]


def refusal(method: Callable[..., Any], *arguments: Any, **more: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        method(*arguments, **more)
    return caught.value


def applied(category: Category = Category.OTHER_TEMPORARY, **fields: Any) -> Application:
    return application(category, **{"person_id": PERSON_ID, **fields})


def retired(**fields: Any) -> Application:
    papers = shown("household_move_proof")
    values = {"expected_end_date": LONG, "materials": papers, **fields}
    return applied(Category.RETIRED_RESETTLED, **values)


def by_commitment(**fields: Any) -> Application:
    papers = shown("commitment_letter")
    return retired(**{"basis": Basis.COMMITMENT, "materials": papers, **fields})
