"""Audits by two at once and over crashes: what is done is done once and whole."""

import pytest
from support.audit_desk import CHIEF, LI, VISIT, WANG, AuditWorld
from support.audits_kept import at_once, change_count, told_holds
from support.databases import Databases
from support.paper_desk import REGION
from support.stored_papers import StoredDesk

from yibao_common.values.ids import new_id
from yibao_offsite.rules.audit_task.states import TaskState


@pytest.fixture
def papers(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


@pytest.fixture
def world(papers: StoredDesk) -> AuditWorld:
    return AuditWorld(papers.transactions)


def test_two_who_close_at_once_close_once(world: AuditWorld, papers: StoredDesk) -> None:
    task = world.open()
    world.hold(task.task_id, by=WANG)
    world.assign(task.task_id)
    world.begin(task.task_id)
    world.find(task.task_id)
    reported = world.report(task.task_id)
    zhao = f"agency/{REGION}/zhao"
    ends = at_once(lambda: world.close(reported, by=LI), lambda: world.close(reported, by=zhao))
    assert ends == ["AUDIT_TASK_STATE", "done"]
    assert told_holds(papers) == [(VISIT, True, 2)]
    assert [each.act.name for each in world.read(task.task_id).events].count("CLOSE") == 1


def test_a_close_that_is_sent_again_is_the_same_one(world: AuditWorld) -> None:
    reported, id = world.reported(), new_id()
    world.close(reported, request_id=id)
    before = world.read(reported.task_id)
    count = len(world.given)
    command = world.at(reported.task_id, "CloseAuditTask", LI, id)
    assert world.transactions.once(command.request, lambda work: b"other") == b"told"
    assert len(world.given) == count
    assert world.read(reported.task_id) == before


def test_a_hold_and_a_close_at_once_leave_no_hold_behind(
    world: AuditWorld, papers: StoredDesk
) -> None:
    reported = world.reported()
    ends = at_once(lambda: world.close(reported), lambda: world.hold(reported.task_id, by=CHIEF))
    assert ends in (["AUDIT_TASK_CHANGED", "done"], ["AUDIT_TASK_STATE", "done"])
    is_closed = world.read(reported.task_id).task.state is TaskState.CLOSED
    assert told_holds(papers) == ([] if is_closed else [(VISIT, False, 1)])


def test_two_who_lift_a_hold_at_once_lift_it_once(world: AuditWorld, papers: StoredDesk) -> None:
    task = world.open()
    hold = world.hold(task.task_id)
    ends = at_once(
        lambda: world.lift(hold.hold_id, by=LI), lambda: world.lift(hold.hold_id, by=CHIEF)
    )
    assert ends == ["AUDIT_HOLD_NOT_FOUND", "done"]
    assert told_holds(papers) == [(VISIT, True, 2)]
    assert world.read(task.task_id).task.hold_count == 0


def test_two_holds_of_a_visit_at_once_are_one(world: AuditWorld, papers: StoredDesk) -> None:
    task = world.open()
    ends = at_once(
        lambda: world.hold(task.task_id, by=LI), lambda: world.hold(task.task_id, by=WANG)
    )
    assert ends == ["AUDIT_HOLD_EXISTS", "done"]
    assert told_holds(papers) == [(VISIT, False, 1)]


class CrashError(Exception):
    """The process died."""


@pytest.mark.parametrize("point", ["signing", "answering"])
def test_a_process_that_dies_while_it_closes_has_done_nothing(
    world: AuditWorld, papers: StoredDesk, point: str
) -> None:
    task = world.begun()
    world.hold(task.task_id)
    world.find(task.task_id)
    reported = world.report(task.task_id)
    before = (world.read(task.task_id), told_holds(papers), change_count(papers))

    def crash(*about: object) -> bytes:
        raise CrashError(*about)

    dying = AuditWorld(papers.transactions)
    if point == "signing":
        dying.desk = type(dying.desk)(
            dying.transactions, dying.desk.clock, new_id, dying.desk.terms, crash, True
        )
    else:
        dying.take = crash  # type: ignore[method-assign]
    id = new_id()
    with pytest.raises(CrashError):
        dying.close(reported, request_id=id)
    assert (world.read(task.task_id), told_holds(papers), change_count(papers)) == before
    # The same request again.
    world.close(reported, request_id=id)
    assert told_holds(papers) == [(VISIT, True, 2)]
