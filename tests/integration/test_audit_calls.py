"""Audits, admission declarations and complaints over mutual TLS and real databases."""

import asyncio
import contextlib
import datetime as dt
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from support.call_fuzzing.messages import Messages
from support.databases import Databases
from support.paper_desk import PERSON, PHOTO
from support.papers import png, sha256
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in
from support.stored_papers import KEYS, StoredDesk

from yibao.common.v1.date_pb2 import Date
from yibao.offsite.v1 import (
    admission_declaration_pb2,
    admission_declaration_service_pb2,
    admission_declaration_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    audit_task_pb2,
    complaint_pb2,
    complaint_service_pb2,
    complaint_service_pb2_grpc,
)
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.rpc.access import methods_of
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.ids import new_id
from yibao_offsite.audit_parts import DESCRIPTORS
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_offsite.rules.material.material import MediaType

REGION, THERE = "330100", "310000"
HOSPITAL = "H31000000001"
VISIT = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b7d01"
SECRET = "0123456789abcdef"
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
TODAY = NOW.date()
LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    *(Leaf(name, f"agency/{REGION}/{name}") for name in ("chief", "wang", "li")),
    Leaf("chen", f"agency/{THERE}/chen"),
    Leaf("other", "agency/440100/mo"),
    Leaf("supervisor", "supervisor/33/zhou"),
    Leaf("hospital", f"institution/{HOSPITAL}"),
    Leaf("other-hospital", "institution/H31000000002"),
    Leaf("holder", f"holder/{VISIT}"),
)


OFFSITE = methods_of(DESCRIPTORS)
MESSAGES = 400
SEED = int(os.environ.get("YIBAO_FUZZ_SEED", random.randrange(2**32)))


@dataclass
class Offsite:
    """A service that runs, and its methods by the name of the caller's certificate."""

    port: int
    folder: Path
    papers: StoredDesk
    _channels: list[grpc.aio.Channel] = field(default_factory=list)
    _named: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    async def call(self, by: str, method: str, **fields: Any) -> Any:
        """Calls a method of any of the services; a changing one with a new request id."""
        for pb, rpc, name in (
            (audit_service_pb2, audit_service_pb2_grpc, "AuditService"),
            (
                admission_declaration_service_pb2,
                admission_declaration_service_pb2_grpc,
                "AdmissionDeclarationService",
            ),
            (complaint_service_pb2, complaint_service_pb2_grpc, "ComplaintService"),
        ):
            kind = getattr(pb, f"{method}Request", None)
            if kind is not None:
                credentials = channel_credentials(self.folder, by)
                options = [("grpc.use_local_subchannel_pool", 1)]
                address = f"localhost:{self.port}"
                channel = grpc.aio.secure_channel(address, credentials, options=options)
                self._channels.append(channel)
                stub = getattr(rpc, f"{name}Stub")(channel)
                if "request_id" in kind.DESCRIPTOR.fields_by_name:
                    fields.setdefault("request_id", new_id())
                if "region" in kind.DESCRIPTOR.fields_by_name:
                    fields.setdefault("region", REGION)
                return await getattr(stub, method)(kind(**fields), timeout=30)
        raise AssertionError(method)

    async def send(self, by: str, path: str, message: Message) -> Any:
        """Sends a message to a method by its path, as `by`; one channel a caller."""
        channel = self._named.get(by)
        if channel is None:
            credentials = channel_credentials(self.folder, by)
            channel = grpc.aio.secure_channel(f"localhost:{self.port}", credentials)
            self._named[by] = channel
            self._channels.append(channel)
        method = OFFSITE[path]
        call: Any = channel.unary_unary(
            path,
            request_serializer=lambda asked: asked.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return await call(message, timeout=30)

    async def refused(self, by: str, method: str, **fields: Any) -> str:
        """Calls a method that is refused; returns the reason."""
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await self.call(by, method, **fields)
        return reason_in(refusal.value)

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


Scenario = Callable[[Offsite], Coroutine[Any, Any, None]]


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


@contextlib.asynccontextmanager
async def serving(
    issued: DevCertificates, database: Database, secrets: Path
) -> AsyncIterator[Offsite]:
    url = database.engine.url.render_as_string(hide_password=False)
    config = OffsiteConfig.model_validate(
        {
            "server": {
                "address": "127.0.0.1:0",
                "certificate_file": issued.leaves["server"].certificate_file,
                "key_file": issued.leaves["server"].key_file,
                "client_ca_file": issued.ca_file,
            },
            "database": {"url": url},
            "personal_data": {
                "encryption_key_files": [str(secrets / "encryption")],
                "hash_key_file": str(secrets / "hash"),
            },
            "complaints": {"most_a_day": 2},
        }
    )
    log, _ = open_test_log()
    service = OffsiteService(config, log=log, clock=lambda: NOW)
    async with run_service(service) as port:
        offsite = Offsite(port, issued.ca_file.parent, StoredDesk(database))
        try:
            yield offsite
        finally:
            await offsite.close()


async def opened(offsite: Offsite, **fields: Any) -> Any:
    values = {
        "task_type": audit_task_pb2.AUDIT_TASK_TYPE_ON_SITE,
        "person_id": PERSON,
        "institution_id": HOSPITAL,
        "reason": "admitted twice in a week",
        **fields,
    }
    return (await offsite.call("chief", "OpenAuditTask", **values)).task


async def begun(offsite: Offsite, **fields: Any) -> str:
    task_id: str = (await opened(offsite, **fields)).task_id
    await offsite.call("chief", "AssignAuditTask", task_id=task_id, assignee="wang")
    await offsite.call("wang", "BeginAuditTask", task_id=task_id)
    return task_id


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
