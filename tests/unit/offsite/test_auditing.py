"""What application decides of audits and complaints, without a database."""

import dataclasses
import datetime as dt
import uuid
from typing import Any

import pytest
from support.audit_desk import (
    CHIEF,
    HOSPITAL,
    LI,
    ON_SITE,
    SECRET,
    THERE,
    VISIT,
    WANG,
    AuditWorld,
    refused,
)
from support.memory.offsite.attestation import PlainSigner
from support.memory.offsite.audit_task import (
    MemoryAuditTasks,
    MemoryComplaints,
    MemoryDeclarations,
)
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.work import memory_work
from support.memory.registration import MemoryRegistrations
from support.memory.transactions import MemoryTransactions
from support.paper_desk import OTHER, PERSON, REGION
from support.registrations import application, registered

from yibao_common.commands.audit import AuditEntry
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task.working import Shown, add_evidence
from yibao_offsite.audit_parts import signing_by
from yibao_offsite.keys import NoAttestationKeys
from yibao_offsite.rules.attestation import HoldStatement
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.states import TaskAct, TaskState
from yibao_offsite.rules.audit_task.task import AuditOutcome, FindingKind, Subject, TaskType
from yibao_offsite.rules.feed import AuditHold
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.registration.kinds import Category
from yibao_offsite.rules.registration.states import State

REGISTRATION = str(uuid.UUID(int=7))
ASKED = Assistance(
    THERE,
    "ZY001",
    dt.date(2026, 10, 1),
    dt.date(2026, 10, 20),
    "I10.x00",
    3_000_000,
    2_000_000,
    "twenty days for a cold",
    dt.date.max,
)
STAY = Subject(PERSON, HOSPITAL, VISIT)


class UnusedPapers:
    """No paper is looked for; closing tells that none is replaced any more."""

    def end(self, *about: Any, on: dt.date) -> None:
        del about, on


@pytest.fixture
def world() -> AuditWorld:
    asked = application(
        Category.REFERRAL,
        person_id=PERSON,
        treatment_region=THERE,
        start_date=dt.date(2026, 9, 1),
    )
    registration = dataclasses.replace(
        registered(asked, region=REGION, now=dt.datetime(2026, 9, 1, tzinfo=dt.UTC)),
        registration_id=REGISTRATION,
        state=State.ACTIVE,
    )
    work = memory_work(
        REGION,
        audit_tasks=MemoryAuditTasks(),
        declarations=MemoryDeclarations(),
        complaints=MemoryComplaints(),
        persons=MemoryPersons({PERSON: KnownPerson(PERSON, dt.date(1950, 1, 1), None, None, ())}),
        registrations=MemoryRegistrations({REGISTRATION: registration}),
        papers=UnusedPapers(),
    )
    return AuditWorld(MemoryTransactions(work))


def told(world: AuditWorld) -> list[AuditHold]:
    transactions = world.transactions
    assert isinstance(transactions, MemoryTransactions)
    return list(transactions.work.feed.holds.values())


def persons_of(world: AuditWorld) -> MemoryPersons:
    transactions = world.transactions
    assert isinstance(transactions, MemoryTransactions)
    persons = transactions.work.persons
    assert isinstance(persons, MemoryPersons)
    return persons


def on_record(world: AuditWorld) -> list[AuditEntry]:
    transactions = world.transactions
    assert isinstance(transactions, MemoryTransactions)
    return list(transactions.work.audit.entries)


def test_an_on_site_audit_goes_from_opening_to_closing_by_a_second_person(
    world: AuditWorld,
) -> None:
    """O-07: staff go to the hospital, and nothing is settled until the audit is closed."""
    task = world.open()
    assert (task.state, task.due_date) == (TaskState.OPENED, dt.date(2026, 12, 4))
    hold = world.hold(task.task_id, by=CHIEF)
    assert [(each.is_lifted, each.version) for each in told(world)] == [(False, 1)]
    world.assign(task.task_id)
    world.begin(task.task_id)
    world.find(task.task_id)
    reported = world.report(task.task_id)
    closed, lifted = world.close(reported)
    assert (closed.state, closed.closer, closed.hold_count) == (TaskState.CLOSED, LI, 0)
    assert [(each.hold_id, each.lifter) for each in lifted] == [(hold.hold_id, LI)]
    (now_told,) = told(world)
    assert (now_told.hold_id, now_told.visit_id, now_told.is_lifted, now_told.version) == (
        hold.hold_id,
        VISIT,
        True,
        2,
    )
    assert now_told.attestation == f"{REGION} {hold.hold_id} True 2".encode()
    events = world.read(task.task_id).events
    assert [each.act for each in events] == [
        TaskAct.OPEN,
        TaskAct.HOLD,
        TaskAct.ASSIGN,
        TaskAct.BEGIN,
        TaskAct.FIND,
        TaskAct.REPORT,
        TaskAct.CLOSE,
    ]
    assert [each.number for each in events] == list(range(1, closed.version + 1))
    assert all(entry.subject_ids[0] == task.task_id for entry in on_record(world))


def test_after_a_planned_operation_the_person_is_seen_before_anything_is_paid(
    world: AuditWorld,
) -> None:
    """O-08: the task names the visit, which it holds."""
    told_back = refused(
        Reason.FIELD_REQUIRED, world.open, TaskType.POST_SURGERY_VISIT, Subject(PERSON)
    )
    assert [fault.field for fault in told_back.faults] == ["visit_id"]
    task = world.open(TaskType.POST_SURGERY_VISIT, Subject(PERSON, visit_id=VISIT))
    world.hold(task.task_id)
    assert not told(world)[0].is_lifted


@pytest.mark.parametrize("closer", [CHIEF, WANG])
def test_nobody_closes_what_he_took_part_in(world: AuditWorld, closer: str) -> None:
    task = world.reported()
    refused(Reason.AUDITOR_MAY_NOT_CLOSE, world.close, task, by=closer)
    refused(Reason.AUDITOR_MAY_NOT_CLOSE, world.send_back, task.task_id, by=closer)
    assert world.read(task.task_id).task == task


def test_who_placed_a_hold_neither_lifts_it_nor_closes_nor_cancels_its_task(
    world: AuditWorld,
) -> None:
    task = world.open()
    hold = world.hold(task.task_id, by=LI)
    refused(Reason.AUDIT_HOLD_OF_OWN, world.lift, hold.hold_id, by=LI)
    refused(Reason.AUDIT_HOLD_OF_OWN, world.cancel, task.task_id, by=LI)
    world.assign(task.task_id)
    world.begin(task.task_id)
    world.find(task.task_id)
    reported = world.report(task.task_id)
    refused(Reason.AUDITOR_MAY_NOT_CLOSE, world.close, reported, by=LI)
    assert not told(world)[0].is_lifted
    world.lift(hold.hold_id, by=WANG)
    assert told(world)[0].is_lifted
    world.close(world.read(task.task_id).task, by=LI)


def test_a_hold_is_lifted_once(world: AuditWorld) -> None:
    hold = world.hold(world.open().task_id)
    world.lift(hold.hold_id)
    refused(Reason.AUDIT_HOLD_NOT_FOUND, world.lift, hold.hold_id)
    refused(Reason.AUDIT_HOLD_NOT_FOUND, world.lift, str(uuid.UUID(int=1)))
    assert told(world)[0].version == 2


def test_what_was_closed_is_closed_for_good(world: AuditWorld) -> None:
    task = world.reported()
    closed, _ = world.close(task)
    id = closed.task_id
    for act in (
        lambda: world.close(closed),
        lambda: world.assign(id),
        lambda: world.begin(id),
        lambda: world.find(id),
        lambda: world.report(id),
        lambda: world.send_back(id),
        lambda: world.cancel(id),
        lambda: world.hold(id),
    ):
        refused(Reason.AUDIT_TASK_STATE, act)
    assert world.read(id).task == closed


def test_a_closer_who_read_something_else_closes_nothing(world: AuditWorld) -> None:
    task = world.reported()
    world.hold(task.task_id)
    refused(Reason.AUDIT_TASK_CHANGED, world.close, task)
    now = world.read(task.task_id).task
    refused(Reason.AUDIT_TASK_CHANGED, world.close, now, outcome=AuditOutcome.IN_ORDER)
    world.close(now)


def test_a_task_that_is_sent_back_goes_on_with_its_operator(world: AuditWorld) -> None:
    task = world.reported()
    assert world.send_back(task.task_id).state is TaskState.IN_PROGRESS
    world.find(task.task_id)
    world.close(world.report(task.task_id))


def test_another_operator_does_nothing_at_a_task(world: AuditWorld) -> None:
    task_id = world.open().task_id
    world.assign(task_id)
    refused(Reason.AUDIT_TASK_OF_ANOTHER, world.begin, task_id, by=LI)
    world.begin(task_id)
    for act in (world.find, world.report):
        refused(Reason.AUDIT_TASK_OF_ANOTHER, act, task_id, by=LI)
    # The former operator took part, and the task is another's now.
    world.assign(task_id, LI)
    refused(Reason.AUDIT_TASK_OF_ANOTHER, world.begin, task_id, by=WANG)


def test_nothing_is_reported_without_a_finding(world: AuditWorld) -> None:
    task = world.begun()
    refused(Reason.AUDIT_FINDING_MISSING, world.report, task.task_id)


def test_a_false_statement_names_its_registration(world: AuditWorld) -> None:
    task = world.begun()
    kind = FindingKind.FALSE_STATEMENT
    unknown = str(uuid.UUID(int=8))
    refused(
        Reason.REGISTRATION_NOT_FOUND,
        world.find,
        task.task_id,
        kind=kind,
        registration_id=unknown,
    )
    world.find(task.task_id, kind=kind, registration_id=REGISTRATION)
    assert world.read(task.task_id).findings[0].registration_id == REGISTRATION
    assert REGISTRATION in on_record(world)[-1].subject_ids


def test_a_task_is_of_a_person_whom_the_region_knows(world: AuditWorld) -> None:
    refused(Reason.PERSON_NOT_FOUND, world.open, TaskType.ON_SITE, Subject(OTHER, HOSPITAL))
    persons = persons_of(world)
    persons.known[OTHER] = KnownPerson(OTHER, dt.date(1950, 1, 1), None, PERSON, ())
    refused(Reason.PERSON_MERGED, world.open, TaskType.ON_SITE, Subject(OTHER, HOSPITAL))
    # Where nobody is followed, who is not known may exist.
    persons = persons_of(world)
    del persons.known[OTHER]
    persons.followed = False
    world.open(TaskType.ON_SITE, Subject(OTHER, HOSPITAL))


def test_a_registration_or_declaration_of_another_person_is_none(world: AuditWorld) -> None:
    unknown = str(uuid.UUID(int=8))
    check = TaskType.SELF_SERVICE_CHECK
    refused(
        Reason.REGISTRATION_NOT_FOUND, world.open, check, Subject(PERSON, registration_id=unknown)
    )
    world.open(check, Subject(PERSON, registration_id=REGISTRATION))
    admission = Subject(PERSON, HOSPITAL, admission_declaration_id=unknown)
    refused(Reason.ADMISSION_DECLARATION_NOT_FOUND, world.open, TaskType.ADMISSION_CHECK, admission)


def test_evidence_needs_papers(world: AuditWorld) -> None:
    world.keeps_papers = False
    world.__post_init__()
    task = world.begun()
    shown = Shown(str(uuid.UUID(int=1)), b"a" * 32, world.now, "Wang", "ward")
    command = world.at(task.task_id, "AddAuditEvidence", WANG)
    refused(Reason.MATERIALS_NOT_KEPT, add_evidence, world.desk, command, shown, world.take)


# Assistance checks.


def test_the_place_of_treatment_is_asked_and_its_answer_confirmed_in_five_working_days(
    world: AuditWorld,
) -> None:
    task = world.open(TaskType.ASSISTANCE_CHECK, STAY, assistance=ASKED)
    assert task.due_date == dt.date(2026, 12, 26)
    assert task.assistance is not None
    assert task.assistance.answer_due_date == dt.date(2026, 12, 26)
    world.assign(task.task_id)
    world.begin(task.task_id)
    world.find(task.task_id, kind=FindingKind.AS_TOLD)
    refused(Reason.ASSISTANCE_STATE, world.report, task.task_id)
    # A Monday.
    world.now = dt.datetime(2026, 12, 7, 4, tzinfo=dt.UTC)
    world.answer(task.task_id)
    now = world.read(task.task_id).task
    assert now.due_date == dt.date(2026, 12, 14)
    reported = world.report(task.task_id, AuditOutcome.IN_ORDER)
    world.close(reported, outcome=AuditOutcome.IN_ORDER)


def test_who_is_not_asked_is_not_told_that_there_is_a_task(world: AuditWorld) -> None:
    asked = world.open(TaskType.ASSISTANCE_CHECK, STAY, assistance=ASKED).task_id
    for task_id in (asked, world.open().task_id, str(uuid.UUID(int=1))):
        refused(Reason.AUDIT_TASK_NOT_FOUND, world.answer, task_id, treatment_region="440100")
    refused(Reason.AUDIT_TASK_NOT_FOUND, world.answer, world.open().task_id)
    world.answer(asked)
    refused(Reason.ASSISTANCE_STATE, world.answer, asked)


# Complaints (I-05).


def test_an_anonymous_complaint_keeps_nobody(world: AuditWorld) -> None:
    """I-05: anyone complains, without being known where that is wished."""
    complaint = world.complain(by=f"holder/{uuid.UUID(int=3)}")
    assert (complaint.filer, complaint.told.contact) == ("", "")
    (entry,) = on_record(world)
    assert (entry.caller, entry.request_id) == ("holder", "")
    assert str(uuid.UUID(int=3)) not in repr((complaint, entry))


def test_who_says_who_complains_is_kept_to_be_answered(world: AuditWorld) -> None:
    complaint = world.complain(by="institution/H31000000001", contact="1380000")
    assert complaint.filer == "institution/H31000000001"
    assert on_record(world)[0].caller == "institution/H31000000001"
    refused(Reason.FIELD_OUT_OF_RANGE, world.complain, contact="1380000", is_anonymous=True)


def test_a_receipt_is_good_with_its_secret_alone(world: AuditWorld) -> None:
    complaint = world.complain()
    number = complaint.receipt_number
    assert number.startswith("TS20261127")
    assert world.complaints.track(REGION, number, SECRET) == complaint
    refused(Reason.COMPLAINT_NOT_FOUND, world.complaints.track, REGION, number, SECRET[:-1] + "0")
    refused(Reason.COMPLAINT_NOT_FOUND, world.complaints.track, REGION, number + "0", SECRET)


def test_a_party_files_so_many_a_day_and_a_channel_more(world: AuditWorld) -> None:
    holder = f"holder/{uuid.UUID(int=3)}"
    for _ in range(3):
        world.complain(by=holder)
    told_back = refused(Reason.COMPLAINTS_TOO_MANY, world.complain, by=holder)
    assert told_back.metadata == {"most_a_day": "3"}
    for _ in range(5):
        world.complain()
    refused(Reason.COMPLAINTS_TOO_MANY, world.complain)
    # Midnight in Shanghai.
    world.now = dt.datetime(2026, 11, 27, 16, tzinfo=dt.UTC)
    world.complain(by=holder)
    transactions = world.transactions
    assert isinstance(transactions, MemoryTransactions)
    complaints = transactions.work.complaints
    assert isinstance(complaints, MemoryComplaints)
    assert len(complaints.counts) == 1


def test_a_complaint_is_followed_held_by_and_answered_after_its_task(world: AuditWorld) -> None:
    filed = world.complain(visit_id=VISIT)
    complaint, task = world.accept(filed.complaint_id)
    assert (task.type, task.subject.complaint_id) == (TaskType.COMPLAINT, filed.complaint_id)
    assert complaint.task_id == task.task_id
    refused(Reason.COMPLAINT_STATE, world.accept, filed.complaint_id)
    refused(Reason.AUDIT_TASK_STATE, world.answer_complaint, filed.complaint_id)
    refused(Reason.FIELD_REQUIRED, world.hold, task.task_id)
    world.hold(task.task_id, person_id=PERSON)
    world.assign(task.task_id)
    world.begin(task.task_id)
    world.find(task.task_id)
    world.close(world.report(task.task_id))
    answered = world.answer_complaint(filed.complaint_id)
    assert (answered.answer, answered.answerer) == ("it was so", CHIEF)
    refused(Reason.COMPLAINT_STATE, world.answer_complaint, filed.complaint_id)
    tracked = world.complaints.track(REGION, filed.receipt_number, SECRET)
    assert tracked.answer == "it was so"


def test_a_complaint_is_due_in_fifteen_working_days(world: AuditWorld) -> None:
    assert world.complain().due_date == dt.date(2026, 12, 18)


def test_reading_a_complaint_is_put_on_record(world: AuditWorld) -> None:
    complaint = world.complain()
    caller = parse_caller(f"supervisor/{REGION}/zhou")
    assert world.complaints.find(REGION, complaint.complaint_id, caller) == complaint
    entry = on_record(world)[-1]
    assert (entry.method, entry.caller) == ("GetComplaint", caller.path)
    with pytest.raises(RuleError):
        world.complaints.find(REGION, str(uuid.UUID(int=1)), caller)


def test_a_task_of_a_complaint_is_not_opened_by_itself(world: AuditWorld) -> None:
    refused(Reason.FIELD_OUT_OF_RANGE, world.open, TaskType.COMPLAINT, ON_SITE)


def test_a_hold_is_signed_as_settlement_is_told_of_it(world: AuditWorld) -> None:
    signer = PlainSigner()
    hold = AuditHold("h1", PERSON, VISIT, "t1", True, b"", 2)
    signed = signing_by(signer, lambda: world.now)(REGION, hold)
    stated = HoldStatement(REGION, "h1", VISIT, PERSON, "t1", is_lifted=True, version=2)
    assert signed == signer.sign_hold(stated, at=world.now)
    with pytest.raises(RuleError) as refusal:
        signing_by(NoAttestationKeys(), lambda: world.now)(REGION, hold)
    assert refusal.value.reason is Reason.NO_ATTESTATION_KEY


def test_a_visit_is_held_of_a_person_of_the_region_alone(world: AuditWorld) -> None:
    # A hold of somebody whom another region insures would hold nothing, and say nothing of it.
    _, task = world.accept(world.complain(visit_id=VISIT).complaint_id)
    refusal = refused(Reason.PERSON_NOT_FOUND, world.hold, task.task_id, person_id=OTHER)
    assert refusal.metadata == {"person_id": OTHER}
    assert not told(world)
    world.hold(task.task_id, person_id=PERSON)
