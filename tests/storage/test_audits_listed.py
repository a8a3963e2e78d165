"""Audits in databases as they are listed: by what is asked, by their region, by who is asked."""

import datetime as dt
from typing import Any

import pytest
from support.audit_desk import HOSPITAL, THERE, VISIT, WANG, AuditWorld, refused
from support.databases import Databases
from support.paper_desk import OTHER, PERSON, REGION
from support.stored_papers import StoredDesk

from yibao_common.values.caller import parse_caller
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task import reading
from yibao_offsite.application.audit_task.rows import Place, TaskWish
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.evidence import EvidencePurpose
from yibao_offsite.rules.audit_task.states import TaskState
from yibao_offsite.rules.audit_task.task import AuditTask, Subject, TaskType
from yibao_offsite.storage.audit_task.listing import overdue_counts

AGENCY_THERE = f"agency/{THERE}/chen"


@pytest.fixture
def papers(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


@pytest.fixture
def world(papers: StoredDesk) -> AuditWorld:
    return AuditWorld(papers.transactions)


def asked(**told: Any) -> Assistance:
    values: dict[str, Any] = {
        "treatment_region": THERE,
        "inpatient_number": "ZY001",
        "admission_date": dt.date(2026, 10, 1),
        "discharge_date": dt.date(2026, 10, 20),
        "diagnosis_code": "I10.x00",
        "total_fen": 3_000_000,
        "fund_total_fen": 2_000_000,
        "doubt": "twenty days for a cold",
        "answer_due_date": dt.date.max,
    }
    return Assistance(**{**values, **told})


def test_a_task_of_one_region_is_none_of_another(world: AuditWorld) -> None:
    task = world.open()
    for act in (
        lambda: reading.find_task(world.desk, "330200", task.task_id),
        lambda: reading.read_evidence(
            world.desk,
            parse_caller("agency/330200/mo"),
            region="330200",
            task_id=task.task_id,
            purpose=EvidencePurpose.AUDIT,
        ),
    ):
        refused(Reason.AUDIT_TASK_NOT_FOUND, act)
    listed = reading.list_tasks(world.desk, "330200", TaskWish(), after=None, limit=10)
    assert listed == []


def test_tasks_are_listed_by_what_is_asked_and_page_by_page(world: AuditWorld) -> None:
    days = [dt.date(2026, 12, day) for day in (3, 1, 2, 1)]
    opened = [world.open(due_date=day) for day in days]
    world.assign(opened[0].task_id)
    in_order = sorted((each.due_date, each.task_id) for each in opened)

    def ids(wish: TaskWish, after: Place | None = None, limit: int = 10) -> list[str]:
        found = reading.list_tasks(world.desk, REGION, wish, after=after, limit=limit)
        return [each.task_id for each in found]

    assert ids(TaskWish()) == [id for _, id in in_order]
    for number, (day, id) in enumerate(in_order):
        assert ids(TaskWish(), Place(day, id), 2) == [id for _, id in in_order][number + 1 :][:2]
    assert ids(TaskWish(assignee=WANG)) == [opened[0].task_id]
    assert ids(TaskWish(state=TaskState.OPENED)) == [
        id for _, id in in_order if id != opened[0].task_id
    ]
    assert len(ids(TaskWish(due_until=dt.date(2026, 12, 1)))) == 2
    assert len(ids(TaskWish(type=TaskType.ON_SITE, institution_id=HOSPITAL))) == 4
    assert ids(TaskWish(type=TaskType.COMPLAINT)) == []
    assert ids(TaskWish(person_ids=(OTHER,))) == []
    world.cancel(opened[0].task_id)
    assert len(ids(TaskWish(only_open=True))) == 3


def test_a_hold_whose_task_is_overdue_is_told(world: AuditWorld, papers: StoredDesk) -> None:
    task = world.open(due_date=dt.date(2026, 11, 30))
    hold = world.hold(task.task_id)

    def overdue(day: dt.date) -> tuple[list[str], dict[str, int]]:
        world.now = dt.datetime.combine(day, dt.time(4), dt.UTC)
        listed, _ = reading.list_holds(
            world.desk, REGION, only_overdue=True, visit_id=None, after=None, limit=10
        )
        with papers.database.read() as connection:
            return [each.hold.hold_id for each in listed], overdue_counts(connection, day)

    assert overdue(dt.date(2026, 11, 30)) == ([], {})
    assert overdue(dt.date(2026, 12, 1)) == ([hold.hold_id], {REGION: 1})
    world.lift(hold.hold_id)
    assert overdue(dt.date(2026, 12, 1)) == ([], {})


def test_a_place_of_treatment_reads_what_all_regions_ask_it(world: AuditWorld) -> None:
    stay = Subject(PERSON, HOSPITAL, VISIT)
    task = world.open(TaskType.ASSISTANCE_CHECK, stay, assistance=asked())
    world.open(TaskType.ASSISTANCE_CHECK, stay, assistance=asked(treatment_region="440100"))

    def listed(*, only_unanswered: bool) -> list[AuditTask]:
        return list(
            reading.list_assistance(
                world.desk, THERE, only_unanswered=only_unanswered, after=None, limit=10
            )
        )

    assert [each.task_id for each in listed(only_unanswered=True)] == [task.task_id]
    world.answer(task.task_id, by=AGENCY_THERE)
    assert listed(only_unanswered=True) == []
    (answered,) = listed(only_unanswered=False)
    assert answered.assistance is not None
    assert answered.assistance.answerer == AGENCY_THERE
    # What another region wrote to itself is nothing of theirs.
    assert answered.report == ""
