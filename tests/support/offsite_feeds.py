"""What offsite tells and is told, for tests of its feeds."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from yibao_common.commands.feed import FeedPosition
from yibao_common.commands.following import Moved
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_offsite.application.following import (
    Following,
    OnPersons,
    PersonAnswer,
    PersonChange,
    nothing_follows,
)
from yibao_offsite.application.work import Work
from yibao_offsite.rules.feed import AuditHold, RegisteredCare
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

REGION = "999019"
FIRST_DAY = dt.date(2026, 12, 1)


def offsite_transactions(database: Database) -> StoredTransactions[Work]:
    return StoredTransactions(
        database, answers=tables.answer, unit=unit_of_work(None), clock=system_clock
    )


def care(registration_id: str, *, version: int = 1, **values: Any) -> RegisteredCare:
    """Returns a registration of a long-term resident in Shanghai."""
    told = RegisteredCare(
        registration_id=registration_id,
        person_id=new_id(),
        category=2,
        treatment_region="310000",
        terms=2,
        benefits=(1, 2, 3),
        start_date=FIRST_DAY,
        end_date=None,
        is_void=False,
        origin=1,
        version=version,
    )
    return dataclasses.replace(told, **values)


def hold(hold_id: str, *, is_lifted: bool = False, **values: Any) -> AuditHold:
    told = AuditHold(
        hold_id=hold_id,
        person_id=new_id(),
        visit_id=new_id(),
        task_id=new_id(),
        is_lifted=is_lifted,
        attestation=b"signed",
        version=2 if is_lifted else 1,
    )
    return dataclasses.replace(told, **values)


def tell_settlement(database: Database, *told: RegisteredCare | AuditHold) -> None:
    """Tells of registrations and holds in one transaction of another process's."""

    def tell(work: Work) -> None:
        for each in told:
            if isinstance(each, RegisteredCare):
                work.feed.tell_registration(each)
            else:
                work.feed.tell_hold(each)

    offsite_transactions(database).change(REGION, tell)


def known_person(person_id: str, **values: Any) -> KnownPerson:
    period = Period("310", 1, dt.date(2020, 1, 1), None)
    person = KnownPerson(person_id, dt.date(1960, 3, 7), None, None, (period,), "张**")
    return dataclasses.replace(person, **values)


def following_of(database: Database, on_persons: OnPersons = nothing_follows) -> Following:
    return Following(offsite_transactions(database), on_persons=on_persons)


def tell_persons(
    following: Following,
    persons: Sequence[KnownPerson],
    *,
    epoch: str = "one",
    asked: FeedPosition | None = None,
) -> Moved[int]:
    """Applies what identity answers: persons, each by a change, with which its feed ends."""
    asked = asked or following.position(REGION)
    if asked.epoch not in ("", epoch):
        begun = PersonAnswer(epoch, (), len(persons), "", True, system_clock())
        assert following.apply(REGION, asked, begun).began_anew
        asked = following.position(REGION)
    first = (asked.sequence if asked.epoch == epoch else 0) + 1
    changes = [PersonChange(first + at, each) for at, each in enumerate(persons)]
    last = first + len(changes) - 1
    answer = PersonAnswer(epoch, changes, last, f"{epoch}-{last}", False, system_clock())
    return following.apply(REGION, asked, answer)
