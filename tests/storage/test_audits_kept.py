"""Audits and complaints in databases: two at once, altered, of other regions, over crashes."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.audit_desk import (
    CHIEF,
    HOSPITAL,
    LI,
    SECRET,
    THERE,
    VISIT,
    WANG,
    AuditWorld,
    refused,
)
from support.databases import Databases
from support.paper_desk import CLERK, OTHER, PERSON, PHOTO, REGION
from support.papers import pdf, png, sha256
from support.stored_papers import StoredDesk

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.admission_declaration import (
    AdmissionDeclarations,
    DeclarationWish,
    DeclaredPlace,
    UpdateAdmission,
)
from yibao_offsite.application.audit_task import reading
from yibao_offsite.application.audit_task.rows import Place, TaskWish
from yibao_offsite.application.complaint import ComplaintWish
from yibao_offsite.rules.admission_declaration import (
    AdmissionDeclaration,
    AdmissionReason,
    Moved,
)
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.evidence import EvidencePurpose
from yibao_offsite.rules.audit_task.states import TaskState
from yibao_offsite.rules.audit_task.task import AuditTask, Subject, TaskType
from yibao_offsite.rules.complaint import ComplaintState
from yibao_offsite.rules.material.material import MediaType
from yibao_offsite.storage import tables
from yibao_offsite.storage.audit_task.listing import overdue_counts

EVIDENCE = tables.audit_tasks.audit_evidence
AGENCY_THERE = f"agency/{THERE}/chen"


@pytest.fixture
def papers(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


@pytest.fixture
def world(papers: StoredDesk) -> AuditWorld:
    return AuditWorld(papers.transactions)


def photo(papers: StoredDesk, *, person_id: str = PERSON, data: bytes = png()) -> str:
    return papers.hand_in(data, kind="ward_photo", media_type=MediaType.PNG, by=CLERK)


def shown(world: AuditWorld, papers: StoredDesk, task: AuditTask) -> str:
    id = photo(papers)
    facts = PHOTO
    world.show(
        task.task_id,
        id,
        sha256(png()),
        taken_time=facts.taken_time,
        author=facts.author,
        place=facts.place,
    )
    return id


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


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Does things at once; returns how each ended, in no order."""
    ends: list[str] = []
    start = threading.Barrier(len(acts))

    def do(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except RuleError as refusal:
            ends.append(refusal.reason.name)
        else:
            ends.append("done")

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def told_holds(papers: StoredDesk) -> list[tuple[str, bool, int]]:
    """Returns what settlement reads of holds."""
    hold = tables.told_hold.c
    with papers.database.read() as connection:
        query = sa.select(hold.visit_id, hold.is_lifted, hold.version).where(hold.region == REGION)
        return sorted(tuple(row) for row in connection.execute(query))


def change_count(papers: StoredDesk) -> int:
    with papers.database.read() as connection:
        change = tables.feed_change
        return connection.execute(sa.select(sa.func.count()).select_from(change)).scalar_one()


def test_a_task_is_read_as_it_was_stored_and_settlement_told_with_it(
    world: AuditWorld, papers: StoredDesk
) -> None:
    """O-07: photos of an on-site audit are kept with hash, time, author and place."""
    task = world.begun()
    world.hold(task.task_id)
    assert told_holds(papers) == [(VISIT, False, 1)]
    material_id = shown(world, papers, task)
    (evidence,) = world.evidence(task.task_id)
    assert (evidence.material_id, evidence.sha256) == (material_id, sha256(png()))
    assert (evidence.taken_time, evidence.author, evidence.place) == tuple(PHOTO)
    world.find(task.task_id)
    reported = world.report(task.task_id)
    assert world.read(task.task_id).task == reported
    assert reported.report == "nobody lay there"
    closed, _ = world.close(reported)
    whole = world.read(task.task_id)
    assert (whole.task, whole.is_evidence_altered) == (closed, False)
    assert whole.findings[0].text == "the bed was empty at night"
    assert [each.lifter for each in whole.holds] == [LI]
    assert told_holds(papers) == [(VISIT, True, 2)]
    assert change_count(papers) == 2


def test_what_was_written_of_somebody_is_not_legible_where_it_is_stored(
    world: AuditWorld, papers: StoredDesk
) -> None:
    world.reported()
    complaint = world.complain(contact="13800000000")
    world.answer_complaint(complaint.complaint_id)
    stored = b""
    with papers.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                stored += b" ".join(
                    bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode()
                    for each in row
                )
    for text in ("bed was empty", "nobody lay", "13800000000", "they bill beds", "it was so"):
        assert text.encode() not in stored
    assert SECRET.encode() not in stored


def test_a_photo_of_another_person_or_other_bytes_is_no_evidence(
    world: AuditWorld, papers: StoredDesk
) -> None:
    task = world.begun(subject=Subject(OTHER, HOSPITAL))
    id = photo(papers)
    facts: dict[str, Any] = {
        "taken_time": PHOTO.taken_time,
        "author": PHOTO.author,
        "place": PHOTO.place,
    }
    refused(Reason.AUDIT_EVIDENCE_UNKNOWN, world.show, task.task_id, id, sha256(png()), **facts)
    own = world.begun()
    refused(Reason.AUDIT_EVIDENCE_UNKNOWN, world.show, own.task_id, id, b"x" * 32, **facts)
    refused(
        Reason.AUDIT_EVIDENCE_UNKNOWN,
        world.show,
        own.task_id,
        id,
        sha256(png()),
        **{**facts, "place": "elsewhere"},
    )
    refused(Reason.AUDIT_EVIDENCE_UNKNOWN, world.show, own.task_id, new_id(), b"x" * 32, **facts)
    world.show(own.task_id, id, sha256(png()), **facts)
    refused(Reason.AUDIT_EVIDENCE_EXISTS, world.show, own.task_id, id, sha256(png()), **facts)


@pytest.mark.parametrize(
    "altered",
    [{"sha256": b"b" * 32}, {"place": "another ward"}, {"author": "Li"}, {"material_id": new_id()}],
)
def test_a_photo_that_is_swapped_after_closing_is_found(
    world: AuditWorld, papers: StoredDesk, altered: dict[str, object]
) -> None:
    """O-09: what was evidence when a task was closed stays it."""
    task = world.begun()
    shown(world, papers, task)
    world.find(task.task_id)
    world.close(world.report(task.task_id))
    assert not world.read(task.task_id).is_evidence_altered
    with papers.database.write() as connection:
        connection.execute(
            sa.update(EVIDENCE).where(EVIDENCE.c.task_id == task.task_id).values(**altered)
        )
    assert world.read(task.task_id).is_evidence_altered


def test_evidence_stays_what_it_was_whatever_takes_its_papers_place(
    world: AuditWorld, papers: StoredDesk
) -> None:
    task = world.begun()
    shown(world, papers, task)
    records = [papers.hand_in(pdf(size), kind="audit_record", by=CLERK) for size in (900, 901, 902)]
    for id, size in zip(records[:2], (900, 901), strict=True):
        world.show(task.task_id, id, sha256(pdf(size)))
    before = world.evidence(task.task_id)
    # While the task goes on a record may be replaced, which the evidence does not follow.
    papers.replace(records[0], papers.hand_in(pdf(903), kind="audit_record", by=CLERK))
    assert world.evidence(task.task_id) == before
    world.find(task.task_id)
    world.close(world.report(task.task_id))
    refused(Reason.MATERIAL_NOT_FITTING, papers.replace, records[1], records[2])
    assert world.evidence(task.task_id) == before
    assert not world.read(task.task_id).is_evidence_altered


def test_reading_evidence_is_put_on_record_and_not_everybodys(
    world: AuditWorld, papers: StoredDesk
) -> None:
    """O-09: restricted reading."""
    task = world.begun()
    shown(world, papers, task)
    refused(Reason.AUDIT_EVIDENCE_RESTRICTED, world.evidence, task.task_id, by=LI)
    assert len(world.evidence(task.task_id)) == 1
    assert len(world.evidence(task.task_id, by=f"supervisor/{REGION}/zhou")) == 1
    recorded = papers.audited("ListAuditEvidence")
    assert [each["caller"] for each in recorded] == [WANG, f"supervisor/{REGION}/zhou"]
    assert {each["purpose"] for each in recorded} == {"AUDIT"}


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
    assert ids(TaskWish(person_id=OTHER)) == []
    world.cancel(opened[0].task_id)
    assert len(ids(TaskWish(only_open=True))) == 3


def test_a_hold_whose_task_is_overdue_is_told(world: AuditWorld, papers: StoredDesk) -> None:
    task = world.open(due_date=dt.date(2026, 11, 30))
    hold = world.hold(task.task_id)

    def overdue(day: dt.date) -> tuple[list[str], dict[str, int]]:
        world.now = dt.datetime.combine(day, dt.time(4), dt.UTC)
        listed = reading.list_holds(
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


# Admission declarations.


class Ward:
    """A hospital elsewhere."""

    def __init__(self, world: AuditWorld) -> None:
        self.world = world
        self.declarations = AdmissionDeclarations(
            world.transactions, clock=lambda: world.now, ids=new_id
        )
        self.caller = f"institution/{HOSPITAL}"
        self.given: list[AdmissionDeclaration] = []

    def take(self, declaration: AdmissionDeclaration) -> bytes:
        self.given.append(declaration)
        return b"told"

    def declare(self, visit_id: str = VISIT, **told: Any) -> AdmissionDeclaration:
        values = {
            "admission_date": dt.date(2026, 11, 25),
            "reason": AdmissionReason.LOCAL_RULE,
            "registration_id": "",
            **told,
        }

        def make(id: str, now: dt.datetime) -> AdmissionDeclaration:
            return AdmissionDeclaration(
                region=REGION,
                admission_declaration_id=id,
                visit_id=visit_id,
                person_id=PERSON,
                institution_id=HOSPITAL,
                department_name="surgery",
                bed="12",
                diagnosis_code="K35.900",
                declared_by=self.caller,
                declare_time=now,
                **values,
            )

        self.declarations.declare(self.asked("DeclareAdmission"), make, self.take)
        return self.given[-1]

    def move(self, id: str, told: Moved, *, by: str = "") -> AdmissionDeclaration:
        command = UpdateAdmission(self.asked("UpdateAdmission", by), id, told)
        self.declarations.update(command, self.take)
        return self.given[-1]

    def asked(self, method: str, by: str = "") -> Request:
        return self.world.asked(method, by or self.caller)


def test_a_stay_is_declared_while_it_lasts_and_kept_up_to_its_end(world: AuditWorld) -> None:
    """O-07: the declaration reaches the agency during the stay, with where the patient lies."""
    ward = Ward(world)
    declared = ward.declare()
    id = declared.admission_declaration_id
    agency = parse_caller(CHIEF)
    assert ward.declarations.find(REGION, id, agency) == declared
    moved = ward.move(id, Moved("", "3", None))
    assert (moved.department_name, moved.bed, moved.version) == ("surgery", "3", 2)
    ended = ward.move(id, Moved("", "", dt.date(2026, 11, 27)))
    assert ward.declarations.find(REGION, id, agency) == ended
    refused(Reason.ADMISSION_DECLARATION_STATE, ward.move, id, Moved("", "4", None))


def test_a_declaration_is_the_hospitals_own(world: AuditWorld) -> None:
    ward = Ward(world)
    id = ward.declare().admission_declaration_id
    other = "institution/H31000000002"
    refused(Reason.ADMISSION_DECLARATION_NOT_FOUND, ward.move, id, Moved("", "3", None), by=other)
    refused(
        Reason.ADMISSION_DECLARATION_NOT_FOUND,
        ward.declarations.find,
        REGION,
        id,
        parse_caller(other),
    )


def test_a_stay_is_declared_once_also_by_two_at_once(world: AuditWorld) -> None:
    ward = Ward(world)
    assert at_once(ward.declare, ward.declare) == ["ADMISSION_DECLARED", "done"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"admission_date": dt.date(2026, 11, 28)}, Reason.FIELD_OUT_OF_RANGE),
        ({"reason": AdmissionReason.APPROVED_TRANSFER}, Reason.FIELD_REQUIRED),
        (
            {"reason": AdmissionReason.LIVING_ELSEWHERE, "registration_id": new_id()},
            Reason.REGISTRATION_NOT_FOUND,
        ),
    ],
)
def test_what_is_wrong_with_a_declaration_is_refused(
    world: AuditWorld, told: dict[str, Any], reason: Reason
) -> None:
    refused(reason, Ward(world).declare, **told)


@pytest.mark.parametrize(
    "discharge", [dt.date(2026, 11, 24), dt.date(2026, 11, 28)], ids=["before", "to come"]
)
def test_a_stay_ends_on_a_day_of_it(world: AuditWorld, discharge: dt.date) -> None:
    ward = Ward(world)
    id = ward.declare().admission_declaration_id
    refused(Reason.FIELD_OUT_OF_RANGE, ward.move, id, Moved("", "", discharge))
    refused(Reason.FIELD_REQUIRED, ward.move, id, Moved("", "", None))
    ward.move(id, Moved("", "", dt.date(2026, 11, 25)))


def test_declarations_are_listed_in_the_order_in_which_they_came(world: AuditWorld) -> None:
    ward = Ward(world)
    found = []
    for _ in range(3):
        world.now += dt.timedelta(minutes=1)
        found.append(ward.declare(new_id()))
    ward.move(found[0].admission_declaration_id, Moved("", "", dt.date(2026, 11, 26)))

    def ids(wish: DeclarationWish, after: DeclaredPlace | None = None) -> list[str]:
        page = ward.declarations.page(REGION, wish, after=after, limit=2)
        return [each.admission_declaration_id for each in page]

    in_order = [each.admission_declaration_id for each in found]
    assert ids(DeclarationWish()) == in_order[:2]
    place = DeclaredPlace(found[1].declare_time, in_order[1])
    assert ids(DeclarationWish(), place) == in_order[2:]
    assert ids(DeclarationWish(only_open=True)) == in_order[1:]
    assert ids(DeclarationWish(institution_id="H31000000002")) == []
    assert ids(DeclarationWish(person_id=PERSON)) == in_order[:2]
