"""Audits, admission declarations and complaints over mutual TLS and real databases."""

import asyncio
import datetime as dt
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from support.audit_calls import (
    HOSPITAL,
    LEAVES,
    NOW,
    OFFSITE,
    REGION,
    SECRET,
    THERE,
    TODAY,
    VISIT,
    Offsite,
    Scenario,
    begun,
    opened,
    serving,
)
from support.call_fuzzing.messages import Messages
from support.databases import Databases
from support.paper_desk import PERSON, PHOTO
from support.papers import png, sha256
from support.serving import reason_in
from support.stored_papers import KEYS

from yibao.common.v1.date_pb2 import Date
from yibao.offsite.v1 import (
    admission_declaration_pb2,
    audit_task_pb2,
    complaint_pb2,
)
from yibao_common.keys.dev_ca import DevCertificates, issue_dev_certificates
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.ids import new_id
from yibao_offsite.rules.material.material import MediaType

MESSAGES = 400
SEED = int(os.environ.get("YIBAO_FUZZ_SEED", random.randrange(2**32)))


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue_dev_certificates(tmp_path_factory.mktemp("audits"), LEAVES)


@pytest.fixture
def run(
    databases: Databases, issued: DevCertificates, tmp_path: Path
) -> Callable[[Scenario], None]:
    """Runs a scenario against a service over a new database."""
    database = databases.open("yibao_offsite")
    for name, key in zip(("encryption", "hash"), KEYS, strict=True):
        (tmp_path / name).write_text(key.hex(), encoding="ascii")
        (tmp_path / name).chmod(0o600)

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            async with serving(issued, database, tmp_path) as offsite:
                await scenario(offsite)

        asyncio.run(main())

    return run_scenario


def test_an_audit_on_site_from_the_declaration_to_the_second_person(
    run: Callable[[Scenario], None],
) -> None:
    """O-07, O-09: declared during the stay, seen on site with photos, closed by another."""

    async def scenario(offsite: Offsite) -> None:
        declaration = (
            await offsite.call(
                "hospital",
                "DeclareAdmission",
                visit_id=VISIT,
                person_id=PERSON,
                admission_date=from_date(TODAY),
                department_name="surgery",
                bed="12",
                diagnosis_code="K35.900",
                reason=admission_declaration_pb2.ADMISSION_REASON_LOCAL_RULE,
            )
        ).declaration
        declared = declaration.admission_declaration_id
        listed = await offsite.call("chief", "ListAdmissionDeclarations", only_open=True)
        assert list(listed.declarations) == [declaration]
        mine = await offsite.call("other-hospital", "ListAdmissionDeclarations")
        assert not mine.declarations
        await offsite.call(
            "hospital", "UpdateAdmission", admission_declaration_id=declared, bed="3"
        )
        task_id = await begun(
            offsite,
            task_type=audit_task_pb2.AUDIT_TASK_TYPE_ADMISSION_CHECK,
            admission_declaration_id=declared,
        )
        hold = {"task_id": task_id, "visit_id": VISIT, "reason": "until seen"}
        # Settlement takes no hold that is not signed, and this service has no key.
        assert await offsite.refused("wang", "PlaceAuditHold", **hold) == "NO_ATTESTATION_KEY"
        assert not (await offsite.call("chief", "ListAuditHolds")).holds
        photo = await asyncio.to_thread(
            lambda: offsite.papers.hand_in(
                png(), kind="ward_photo", media_type=MediaType.PNG, by=f"agency/{REGION}/wang"
            )
        )
        await offsite.call(
            "wang",
            "AddAuditEvidence",
            task_id=task_id,
            material_id=photo,
            content_sha256=sha256(png()),
            taken_time=from_instant(PHOTO.taken_time),
            author=PHOTO.author,
            place=PHOTO.place,
        )
        evidence = {
            "task_id": task_id,
            "reading_purpose": audit_task_pb2.EVIDENCE_PURPOSE_CLOSING,
        }
        assert (
            await offsite.refused("li", "ListAuditEvidence", **evidence)
            == "AUDIT_EVIDENCE_RESTRICTED"
        )
        await offsite.call(
            "wang",
            "RecordAuditFinding",
            task_id=task_id,
            finding_kind=audit_task_pb2.AUDIT_FINDING_KIND_NOT_PRESENT,
            finding_text="the bed was empty",
        )
        outcome = audit_task_pb2.AUDIT_OUTCOME_FRAUD
        task = (
            await offsite.call(
                "wang", "ReportAuditTask", task_id=task_id, outcome=outcome, report_text="so it is"
            )
        ).task
        assert len((await offsite.call("li", "ListAuditEvidence", **evidence)).evidence) == 1
        closing = {"task_id": task_id, "outcome": outcome, "version": task.version}
        for by in ("wang", "chief"):
            assert await offsite.refused(by, "CloseAuditTask", **closing) == "AUDITOR_MAY_NOT_CLOSE"
        id = new_id()
        closed = await offsite.call("li", "CloseAuditTask", **closing, request_id=id)
        assert closed.task.state == audit_task_pb2.AUDIT_TASK_STATE_CLOSED
        assert await offsite.call("li", "CloseAuditTask", **closing, request_id=id) == closed
        assert await offsite.refused("li", "CloseAuditTask", **closing) == "AUDIT_TASK_STATE"
        whole = await offsite.call("supervisor", "GetAuditTask", task_id=task_id)
        assert (whole.task.report, whole.is_evidence_altered) == ("so it is", False)
        assert whole.findings[0].text == "the bed was empty"

    run(scenario)


def test_a_place_of_treatment_answers_and_another_region_reads_nothing(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(offsite: Offsite) -> None:
        check = audit_task_pb2.AssistanceCheck(
            treatment_region=THERE,
            inpatient_number="ZY001",
            admission_date=Date(year=2026, month=10, day=1),
            discharge_date=Date(year=2026, month=10, day=20),
            diagnosis_code="I10.x00",
            total_fen=3_000_000,
            fund_total_fen=2_000_000,
            doubt="twenty days for a cold",
        )
        asked = {
            "task_type": audit_task_pb2.AUDIT_TASK_TYPE_ASSISTANCE_CHECK,
            "visit_id": VISIT,
            "assistance": check,
        }
        task = await opened(offsite, **asked)
        assert task.assistance.answer_due_date == Date(year=2026, month=12, day=26)
        check.total_fen -= 1
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await opened(offsite, **{**asked, "assistance": check})
        assert reason_in(refusal.value) == "ASSISTANCE_BELOW_MINIMUM"
        mine = await offsite.call(
            "chen", "ListAssistanceChecks", region=THERE, only_unanswered=True
        )
        assert [each.task_id for each in mine.checks] == [task.task_id]
        assert (
            await offsite.refused("other", "ListAssistanceChecks", region=THERE) == "OUT_OF_SCOPE"
        )
        answer = {
            "task_id": task.task_id,
            "assistance_answer": audit_task_pb2.ASSISTANCE_ANSWER_CORRECT,
            "reason": "as recorded",
        }
        assert (
            await offsite.refused("other", "AnswerAssistanceCheck", **answer)
            == "AUDIT_TASK_NOT_FOUND"
        )
        assert (
            await offsite.refused("chief", "AnswerAssistanceCheck", **answer)
            == "AUDIT_TASK_NOT_FOUND"
        )
        await offsite.call("chen", "AnswerAssistanceCheck", **answer)
        now = (await offsite.call("chief", "GetAuditTask", task_id=task.task_id)).task
        assert (now.assistance.answerer, now.due_date.day) == (f"agency/{THERE}/chen", 4)
        for method in ("GetAuditTask", "BeginAuditTask"):
            assert await offsite.refused("chen", method, task_id=task.task_id) == "OUT_OF_SCOPE"
        assert (
            await offsite.refused("other", "GetAuditTask", region="440100", task_id=task.task_id)
            == "AUDIT_TASK_NOT_FOUND"
        )

    run(scenario)


def test_tasks_that_are_due_are_read_page_by_page(run: Callable[[Scenario], None]) -> None:
    async def scenario(offsite: Offsite) -> None:
        days = [TODAY + dt.timedelta(days=number) for number in (3, 0, 1, 0)]
        tasks = [await opened(offsite, due_date=from_date(day)) for day in days]
        in_order = sorted((day, task.task_id) for day, task in zip(days, tasks, strict=True))
        read: list[str] = []
        token = ""
        while True:
            page = await offsite.call("chief", "ListAuditTasks", page_size=3, page_token=token)
            read += [each.task_id for each in page.tasks]
            token = page.next_page_token
            if not token:
                break
        assert read == [task_id for _, task_id in in_order]
        today = await offsite.call("chief", "ListAuditTasks", due_end_date=from_date(TODAY))
        assert len(today.tasks) == 2
        for bad in ("x", "MjAyNi0xMS0yNw=="):
            assert (
                await offsite.refused("chief", "ListAuditTasks", page_token=bad)
                == "FIELD_MALFORMED"
            )

    run(scenario)


def test_anyone_complains_and_has_an_answer_by_a_receipt(
    run: Callable[[Scenario], None],
) -> None:
    """I-05: complaints are taken from everybody, followed and answered."""

    async def scenario(offsite: Offsite) -> None:
        told = {
            "complaint_subject": complaint_pb2.COMPLAINT_SUBJECT_FRAUD,
            "is_anonymous": True,
            "institution_id": HOSPITAL,
            "complaint_text": "beds are billed in which nobody lies",
            "tracking_secret": SECRET,
        }
        receipt = (await offsite.call("holder", "FileComplaint", **told)).complaint
        await offsite.call("holder", "FileComplaint", **told)
        assert await offsite.refused("holder", "FileComplaint", **told) == "COMPLAINTS_TOO_MANY"
        await offsite.call("hospital", "FileComplaint", **told)
        tracked = {"receipt_number": receipt.receipt_number, "tracking_secret": SECRET}
        assert (
            await offsite.refused(
                "holder", "GetTrackedComplaint", **{**tracked, "tracking_secret": SECRET[::-1]}
            )
            == "COMPLAINT_NOT_FOUND"
        )
        assert await offsite.refused("holder", "ListComplaints") == "CALLER_NOT_ALLOWED"
        assert await offsite.refused("other", "ListComplaints") == "OUT_OF_SCOPE"
        listed = await offsite.call("supervisor", "ListComplaints")
        (complaint,) = [
            each for each in listed.complaints if each.receipt_number == receipt.receipt_number
        ]
        assert (complaint.text, complaint.filer) == ("", "")
        id = complaint.complaint_id
        whole = await offsite.call("chief", "GetComplaint", complaint_id=id)
        assert whole.complaint.text == told["complaint_text"]
        accepted = await offsite.call(
            "chief", "AcceptComplaint", complaint_id=id, reason="look at it"
        )
        answer = {"complaint_id": id, "answer_text": "it was so, and was paid back"}
        assert await offsite.refused("li", "AnswerComplaint", **answer) == "AUDIT_TASK_STATE"
        task_id = accepted.task.task_id
        await offsite.call("li", "CancelAuditTask", task_id=task_id, reason="known already")
        await offsite.call("li", "AnswerComplaint", **answer)
        got = (await offsite.call("holder", "GetTrackedComplaint", **tracked)).complaint
        assert got.answer == "it was so, and was paid back"
        assert got.answer_time == Timestamp(seconds=int(NOW.timestamp()))

    run(scenario)


def test_whatever_is_sent_to_audits_is_answered(run: Callable[[Scenario], None]) -> None:
    print(f"YIBAO_FUZZ_SEED={SEED}")
    chance = random.Random(SEED)
    messages = Messages(chance, now=lambda: NOW)
    for name, values in (
        ("region", (REGION,) * 9),
        ("person_id", (PERSON,)),
        ("institution_id", (HOSPITAL,)),
        ("assignee", ("wang",) * 3),
    ):
        for value in values:
            messages.learn(name, value)
    answers: Counter[str] = Counter()
    wrong: list[str] = []

    async def scenario(offsite: Offsite) -> None:
        paths = sorted(OFFSITE)
        for _ in range(MESSAGES):
            path = chance.choice(paths)
            by = chance.choice(("chief", "wang", "li", "hospital", "holder", "supervisor", "chen"))
            message = messages.make(OFFSITE[path].input_type)
            try:
                messages.learn_from(await offsite.send(by, path, message))
                answers["OK"] += 1
            except grpc.aio.AioRpcError as error:
                answers[error.code().name] += 1
                # A service without keys places no hold; nothing else is to be tried again.
                if error.code().name in ("INTERNAL", "UNKNOWN") or (
                    error.code().name == "UNAVAILABLE" and reason_in(error) != "NO_ATTESTATION_KEY"
                ):
                    wrong.append(f"{path}: {error.details()}: {message}")

    run(scenario)
    assert wrong == [], f"seed {SEED}"
    assert answers["OK"] > MESSAGES // 20, (answers, SEED)
