"""Registrations and rules of a region on a database, as tests apply for them and decide."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from support.registrations import (
    CLERK,
    NATIONAL,
    NATIONAL_FILE,
    NOW,
    REGION,
    SAMPLE,
    application,
)

from yibao_common.commands.request import Outcome, Request
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions, UnitOfWork
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.region_rules import RulesOfRegions, SubmitRules
from yibao_offsite.application.registration.creating import CreateRegistration, CreateWork
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.rows import RegistrationPlace, RegistrationWish
from yibao_offsite.application.registration.steps import Act, Steps
from yibao_offsite.application.work import Work
from yibao_offsite.rules.region_rules import StoredRules
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    Origin,
)
from yibao_offsite.rules.registration.registration import Application, Registration
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

PACKAGE = "yibao_offsite"
SECOND = Applicant("agency/330100/li", Origin.AGENCY)


class Store:
    """Registrations of a region on a database, on a clock that tests move."""

    def __init__(
        self,
        database: Database,
        unit: UnitOfWork[Work] | None = None,
        *,
        region: str = REGION,
    ) -> None:
        self.database, self.region = database, region
        self.now = NOW.astimezone(dt.UTC)
        self.transactions: StoredTransactions[Work] = StoredTransactions(
            database, answers=tables.answer, unit=unit or unit_of_work(None), clock=self.clock
        )
        self.creating = CreateWork(
            self.transactions, id_of, national=NATIONAL, clock=self.clock, ids=new_id
        )
        self.steps = Steps(
            self.transactions,
            national=NATIONAL,
            require_evaluated=require_evaluated,
            clock=self.clock,
        )
        self.reading = RegistrationReading(self.transactions, clock=self.clock)
        self.rules = RulesOfRegions(self.transactions, national=NATIONAL_FILE, clock=self.clock)

    def clock(self) -> dt.datetime:
        return self.now

    def request(self, method: str, by: Applicant = CLERK) -> Request:
        id = new_id()
        return Request(self.region, id, id.encode(), method, parse_caller(by.path))

    def create(self, asked: Application | None = None, by: Applicant = CLERK) -> str:
        asked = asked or application(person_id=new_id())
        (outcome,) = self.create_each([self.application(asked, by)])
        if isinstance(outcome, RuleError):
            raise outcome
        return outcome.decode()

    def application(self, asked: Application, by: Applicant = CLERK) -> CreateRegistration:
        return CreateRegistration(self.request("CreateRegistration", by), by, asked)

    def create_each(self, commands: Sequence[CreateRegistration]) -> list[Outcome[bytes]]:
        return self.creating(self.region, commands)

    def act(self, registration_id: str, by: Applicant = CLERK) -> Act:
        return Act(self.request("Step", by), by, registration_id, "said")

    def find(self, registration_id: str) -> Registration:
        return self.reading.find(self.region, registration_id, institution_id=None)

    def page(self, limit: int = 100, before: str | None = None, **wish: Any) -> list[str]:
        place = None
        if before is not None:
            place = RegistrationPlace(self.find(before).application.start_date, before)
        found = self.reading.page(self.region, RegistrationWish(**wish), before=place, limit=limit)
        return [each.registration_id for each in found]

    def submit(
        self, contents: bytes, effective: dt.date, by: Applicant = CLERK, version: str = ""
    ) -> StoredRules:
        given: list[StoredRules] = []
        command = SubmitRules(
            self.request("SubmitRules", by), version or SAMPLE.version, effective, contents
        )

        def encode(rules: StoredRules) -> bytes:
            given.append(rules)
            return b""

        self.rules.submit(command, encode)
        return given[0]

    def approve(self, version: str, by: Applicant) -> None:
        request = self.request("ApproveRules", by)
        self.rules.approve(request, version, lambda rules: rules.rules_version.encode())

    def rows(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def id_of(registration: Registration) -> bytes:
    return registration.registration_id.encode()
