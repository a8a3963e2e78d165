"""Audits as they are stored: what is sealed, what evidence is, what becomes of it afterwards."""

from typing import Any

import pytest
import sqlalchemy as sa
from support.audit_desk import HOSPITAL, LI, SECRET, VISIT, WANG, AuditWorld, refused
from support.audits_kept import change_count, told_holds
from support.databases import Databases, as_owner
from support.paper_desk import CLERK, OTHER, PERSON, PHOTO, REGION
from support.papers import pdf, png, sha256
from support.stored_papers import StoredDesk

from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.audit_task.task import AuditTask, Subject
from yibao_offsite.rules.material.material import MediaType
from yibao_offsite.storage import tables

EVIDENCE = tables.audit_tasks.audit_evidence


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
    with as_owner(papers.database) as connection:
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
