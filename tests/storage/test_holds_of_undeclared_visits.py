"""A hold of a visit that no hospital told of is seen to be one, and another person's is refused."""

import dataclasses

import pytest
import sqlalchemy as sa
from support.audit_desk import VISIT, AuditWorld, refused
from support.databases import Databases
from support.lists.rows import fill
from support.medical_desk import keep_persons, person, stored_desk
from support.paper_desk import OTHER, PERSON, REGION
from support.stored_papers import StoredDesk
from support.ward import Ward

from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task import reading
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.task import Subject
from yibao_offsite.storage import tables


@pytest.fixture
def papers(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


@pytest.fixture
def world(papers: StoredDesk) -> AuditWorld:
    return AuditWorld(papers.transactions)


def undeclared(world: AuditWorld, hold: PlacedHold) -> bool:
    """Returns what is told of a hold as it was placed last, after lists told the same."""
    holds, undeclared_ids = reading.list_holds(
        world.desk, REGION, only_overdue=False, visit_id=hold.visit_id, after=None, limit=9
    )
    assert hold.hold_id in [each.hold.hold_id for each in holds]
    read = hold.hold_id in world.read(hold.task_id).undeclared_hold_ids
    assert (hold.hold_id in undeclared_ids) == read
    return read


def test_a_hold_tells_that_no_hospital_declared_its_visit(world: AuditWorld) -> None:
    task = world.open()
    hold = world.hold(task.task_id)
    assert world.given[-1][2] is True
    assert undeclared(world, hold)
    # Declared afterwards, there is nothing to look at any more.
    Ward(world).declare()
    assert not undeclared(world, hold)


def test_a_visit_that_is_declared_as_anothers_afterwards_is_still_looked_at(
    world: AuditWorld, papers: StoredDesk
) -> None:
    # The other one's bill waits by now.
    hold = world.hold(world.open().task_id)
    Ward(world).declare(person_id=OTHER)
    assert undeclared(world, hold)
    merge(papers)
    assert not undeclared(world, hold)


def test_of_two_holds_of_a_visit_that_of_the_wrong_person_is_looked_at(world: AuditWorld) -> None:
    wrong = world.hold(world.open(subject=Subject(OTHER, "H31000000001")).task_id)
    Ward(world).declare()
    right = world.hold(world.open().task_id)
    assert (wrong.visit_id, undeclared(world, wrong)) == (right.visit_id, True)
    assert not undeclared(world, right)


def test_a_hold_of_a_declared_visit_says_nothing(world: AuditWorld) -> None:
    Ward(world).declare()
    hold = world.hold(world.open().task_id)
    assert world.given[-1][2] is False
    assert not undeclared(world, hold)


def mark_emergency(papers: StoredDesk, person_id: str) -> None:
    """Puts the visit on record as an emergency of a person, as settlement has it done."""
    row = {
        "region": REGION,
        "registration_id": new_id(),
        "person_id": person_id,
        "category": 6,
        "treatment_region": "310000",
        "visit_id": VISIT,
        "materials": "[]",
        "benefits": "[1]",
    }
    with papers.database.write() as connection:
        connection.execute(sa.insert(tables.registration).values(fill(tables.registration, row)))


def test_a_visit_of_a_marked_emergency_is_known(world: AuditWorld, papers: StoredDesk) -> None:
    mark_emergency(papers, PERSON)
    assert not undeclared(world, world.hold(world.open().task_id))


def test_a_visit_that_is_declared_as_another_persons_is_not_held(
    world: AuditWorld, papers: StoredDesk
) -> None:
    """The id was taken from the wrong line: somebody else's bill would wait for nothing."""
    Ward(world).declare()
    task = world.open(subject=Subject(OTHER, "H31000000001"))
    refused(Reason.FIELD_OUT_OF_RANGE, world.hold, task.task_id)
    assert not world.read(task.task_id).holds
    merge(papers)
    assert world.hold(task.task_id).person_id == OTHER


def test_a_visit_that_is_marked_as_another_persons_emergency_is_not_held(
    world: AuditWorld, papers: StoredDesk
) -> None:
    mark_emergency(papers, PERSON)
    task = world.open(subject=Subject(OTHER, "H31000000001"))
    refused(Reason.FIELD_OUT_OF_RANGE, world.hold, task.task_id)
    assert not world.read(task.task_id).holds
    merge(papers)
    assert world.hold(task.task_id).person_id == OTHER


def merge(papers: StoredDesk) -> None:
    """Lets the one person turn out to be the other one's duplicate."""
    duplicate = dataclasses.replace(person(OTHER), person_id=PERSON)
    survivor = dataclasses.replace(person(), person_id=OTHER)
    keep_persons(stored_desk(papers.database), survivor, duplicate)
