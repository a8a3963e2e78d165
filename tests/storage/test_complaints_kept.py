"""Complaints in databases: how many are taken, and which are listed."""

import datetime as dt

import pytest
from support.audit_desk import HOSPITAL, AuditWorld
from support.audits_kept import at_once
from support.databases import Databases
from support.paper_desk import REGION
from support.stored_papers import StoredDesk

from yibao_offsite.application.complaint import ComplaintWish
from yibao_offsite.rules.complaint import ComplaintState


@pytest.fixture
def world(databases: Databases) -> AuditWorld:
    return AuditWorld(StoredDesk(databases.open("yibao_offsite")).transactions)


def test_a_flood_of_complaints_at_once_stops_at_the_limit(world: AuditWorld) -> None:
    ends = at_once(*[lambda: world.complain(by="institution/H31000000001") for _ in range(6)])
    assert ends == ["COMPLAINTS_TOO_MANY"] * 3 + ["done"] * 3


def test_complaints_are_listed_by_the_day_of_their_answer(world: AuditWorld) -> None:
    first = world.complain()
    world.now += dt.timedelta(days=3)
    second = world.complain(institution_id="")

    def ids(wish: ComplaintWish) -> list[str]:
        found = world.complaints.page(REGION, wish, after=None, limit=10)
        return [each.complaint_id for each in found]

    assert ids(ComplaintWish()) == [first.complaint_id, second.complaint_id]
    assert ids(ComplaintWish(due_until=first.due_date)) == [first.complaint_id]
    assert ids(ComplaintWish(institution_id=HOSPITAL)) == [first.complaint_id]
    world.accept(first.complaint_id)
    assert ids(ComplaintWish(state=ComplaintState.FILED)) == [second.complaint_id]
