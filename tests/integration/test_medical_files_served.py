"""Medical files, evaluations and tickets over mutual TLS: who may, what is told, by pages."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.databases import SqliteDatabases
from support.medical_desk import LI, OTHER_REGION, REGION, WANG, keep_papers, keep_referral
from support.registration_store import SECOND, Store
from support.registrations import SAMPLE_FILE
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.offsite.v1 import evaluation_pb2 as evaluations
from yibao.offsite.v1 import evaluation_service_pb2 as evaluating
from yibao.offsite.v1 import medical_history_pb2 as histories
from yibao.offsite.v1 import medical_history_service_pb2 as recording
from yibao.offsite.v1 import ticket_pb2 as tickets
from yibao.offsite.v1 import ticket_service_pb2 as ticketing
from yibao.offsite.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
from yibao.offsite.v1.medical_history_service_pb2_grpc import MedicalHistoryServiceStub
from yibao.offsite.v1.ticket_service_pb2_grpc import TicketServiceStub
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.ids import new_id
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

PERSON = new_id()
NOW = dt.datetime(2026, 11, 2, 9, 0, tzinfo=SHANGHAI).astimezone(dt.UTC)
TODAY = Date(year=2026, month=11, day=2)
TODAY_HERE = dt.date(2026, 11, 2)
LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    Leaf("wang", WANG),
    Leaf("li", LI),
    Leaf("other-agency", f"agency/{OTHER_REGION}/wu"),
    Leaf("supervisor", f"supervisor/{REGION}/he"),
    Leaf("hospital", "institution/H33010600002"),
    Leaf("other-hospital", "institution/H33010600003"),
)


class Callers:
    """Stubs by the name of the caller's certificate."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port, self._folder = port, folder
        self._channels: dict[str, grpc.aio.Channel] = {}

    def files(self, name: str) -> Any:
        return MedicalHistoryServiceStub(self._channel(name))

    def evaluations(self, name: str) -> Any:
        return EvaluationServiceStub(self._channel(name))

    def tickets(self, name: str) -> Any:
        return TicketServiceStub(self._channel(name))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, name: str) -> grpc.aio.Channel:
        if name not in self._channels:
            credentials = channel_credentials(self._folder, name)
            options = [("grpc.use_local_subchannel_pool", 1)]
            self._channels[name] = grpc.aio.secure_channel(
                f"localhost:{self._port}", credentials, options=options
            )
        return self._channels[name]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue_dev_certificates(tmp_path_factory.mktemp("files"), LEAVES)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Rows are the same on both databases, which tests/storage shows."""
    databases = SqliteDatabases(tmp_path)
    yield databases.open("yibao_offsite")
    databases.close()


@contextlib.asynccontextmanager
async def serving(
    issued: DevCertificates, database: Database, *, with_keys: bool = True
) -> AsyncIterator[Callers]:
    folder = issued.ca_file.parent
    values: dict[str, Any] = {
        "server": {
            "address": "127.0.0.1:0",
            "certificate_file": issued.leaves["server"].certificate_file,
            "key_file": issued.leaves["server"].key_file,
            "client_ca_file": issued.ca_file,
        },
        "database": {"url": database.engine.url.render_as_string(hide_password=False)},
    }
    if with_keys:
        for name, digit in (("encryption", "1"), ("hash", "2")):
            (folder / f"{name}.hex").write_text(digit * 64)
        values["personal_data"] = {
            "encryption_key_files": [folder / "encryption.hex"],
            "hash_key_file": folder / "hash.hex",
        }
    log, _ = open_test_log()
    service = OffsiteService(OffsiteConfig.model_validate(values), log=log, clock=lambda: NOW)
    async with run_service(service) as port:
        callers = Callers(port, folder)
        try:
            yield callers
        finally:
            await callers.close()


def with_id(request: type[Any], **fields: Any) -> Any:
    return request(**{"request_id": new_id(), "region": REGION, **fields})


def entry(title: str = "高血压病") -> histories.HistoryEntry:
    return histories.HistoryEntry(
        kind=histories.HISTORY_ENTRY_KIND_CHRONIC_DISEASE,
        code="M03900",
        title=title,
        source=histories.HistorySource(institution_id="H33010600002", source_date=TODAY),
    )


def read(region: str = REGION, **fields: Any) -> recording.GetMedicalHistoryRequest:
    values = {
        "region": region,
        "person_id": PERSON,
        "purpose": histories.HISTORY_PURPOSE_PRE_EVALUATION,
        **fields,
    }
    return recording.GetMedicalHistoryRequest(**values)


async def refusal(call: Any) -> str | None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason_in(caught.value)


def test_a_transfer_is_evaluated_by_two_operators_who_read_the_file(
    issued: DevCertificates, database: Database
) -> None:
    """O-06, O-10 over the wire: the region's rules have the file read first."""
    rules = Store(database)
    rules.approve(rules.submit(SAMPLE_FILE.read_bytes(), TODAY_HERE).rules_version, SECOND)
    registration_id = keep_referral(database, PERSON)
    record, certificate, fees = keep_papers(
        database, PERSON, "discharge_record", "diagnosis_proof", "fee_list"
    )

    async def scenario() -> None:
        async with serving(issued, database) as callers:
            wang, li = callers.evaluations("wang"), callers.evaluations("li")
            written = with_id(
                recording.RecordMedicalHistoryRequest,
                person_id=PERSON,
                base_version=0,
                entries=[entry()],
            )
            first = await callers.files("li").RecordMedicalHistory(written)
            assert first.history.version == 1
            assert await callers.files("li").RecordMedicalHistory(written) == first
            opened = with_id(
                evaluating.OpenPreEvaluationRequest,
                registration_id=registration_id,
                due_date=TODAY,
            )
            told = (await wang.OpenPreEvaluation(opened)).evaluation
            examined = {
                "evaluation_id": told.evaluation_id,
                "opinion": evaluations.EVALUATION_OPINION_NECESSARY,
                "findings": "胸痛",
                "examined_by": "陈医师",
                "examine_date": TODAY,
            }
            request = with_id(evaluating.RecordPreEvaluationRequest, **examined)
            assert await refusal(wang.RecordPreEvaluation(request)) == "HISTORY_FILE_NOT_READ"
            found = await callers.files("wang").GetMedicalHistory(read())
            assert [each.entries[0].title for each in found.histories] == ["高血压病"]
            told = (await wang.RecordPreEvaluation(request)).evaluation
            assert (told.history_version, told.findings) == (1, "胸痛")
            named = {"evaluation_id": told.evaluation_id, "version": told.version}
            approve = evaluating.ApprovePreEvaluationRequest
            assert await refusal(wang.ApprovePreEvaluation(with_id(approve, **named))) == (
                "SAME_MAKER_AND_CHECKER"
            )
            told = (await li.ApprovePreEvaluation(with_id(approve, **named))).evaluation
            assert told.due_date == Date(year=2027, month=5, day=2)
            comparison = evaluations.DischargeComparison(
                discharge_date=TODAY,
                discharge_record_id=record,
                certificate_id=certificate,
                fee_list_id=fees,
            )
            compare = with_id(
                evaluating.RecordDischargeComparisonRequest,
                evaluation_id=told.evaluation_id,
                comparison=comparison,
            )
            assert (
                await wang.RecordDischargeComparison(compare)
            ).evaluation.comparison.is_consistent
            call = with_id(
                evaluating.CallForRecheckRequest,
                evaluation_id=told.evaluation_id,
                due_date=TODAY,
                reason="复查",
            )
            recheck = (await wang.CallForRecheck(call)).recheck
            close = with_id(
                evaluating.RecordRecheckRequest,
                recheck_id=recheck.recheck_id,
                outcome=evaluations.RECHECK_STATE_EFFECTIVE,
                findings="好转",
            )
            assert (await li.RecordRecheck(close)).recheck.findings == "好转"
            get = evaluating.GetPreEvaluationRequest(
                region=REGION, evaluation_id=told.evaluation_id
            )
            whole = await li.GetPreEvaluation(get)
            assert [act.number for act in whole.acts] == [1, 2, 3, 4, 5, 6]
            listing = evaluating.ListPreEvaluationsRequest(region=REGION)
            (listed,) = (await li.ListPreEvaluations(listing)).evaluations
            assert (listed.findings, listed.HasField("comparison")) == ("", False)
            asked = evaluating.ListRechecksRequest(region=REGION)
            (seen,) = (await li.ListRechecks(asked)).rechecks
            assert (seen.recheck_id, seen.findings, seen.reason) == (recheck.recheck_id, "", "")

    asyncio.run(scenario())


def test_a_file_is_its_regions_and_who_read_it_is_told(
    issued: DevCertificates, database: Database
) -> None:
    """O-10: restricted reading."""

    async def scenario() -> None:
        async with serving(issued, database) as callers:
            for name, reason in (
                ("other-agency", "OUT_OF_SCOPE"),
                ("hospital", "CALLER_NOT_ALLOWED"),
                ("supervisor", "CALLER_NOT_ALLOWED"),
            ):
                assert await refusal(callers.files(name).GetMedicalHistory(read())) == reason
            own = read(region=OTHER_REGION)
            elsewhere = await callers.files("other-agency").GetMedicalHistory(own)
            assert not elsewhere.histories
            unknown = read(purpose=99)
            assert await refusal(callers.files("wang").GetMedicalHistory(unknown)) == (
                "FIELD_OUT_OF_RANGE"
            )
            no_purpose = read(purpose=0)
            assert await refusal(callers.files("wang").GetMedicalHistory(no_purpose)) == (
                "FIELD_REQUIRED"
            )
            expected = [
                (await callers.files(name).GetMedicalHistory(read())).reading_id
                for name in ("wang", "li", "wang")
            ]
            listing = recording.ListHistoryReadingsRequest(
                region=REGION, person_id=PERSON, page_size=2
            )
            page = await callers.files("supervisor").ListHistoryReadings(listing)
            assert [each.read_by for each in page.readings] == [WANG, LI]
            listing.page_token = page.next_page_token
            # What was read meanwhile stands behind.
            await callers.files("li").GetMedicalHistory(read())
            rest = await callers.files("supervisor").ListHistoryReadings(listing)
            assert [each.reading_id for each in (*page.readings, *rest.readings)][:3] == expected
            assert len(rest.readings) == 2
            assert not rest.next_page_token
            listing.person_id = new_id()
            assert await refusal(callers.files("supervisor").ListHistoryReadings(listing)) == (
                "FIELD_MALFORMED"
            )

    asyncio.run(scenario())


def test_tickets_are_told_to_who_opened_them_and_to_the_agency(
    issued: DevCertificates, database: Database
) -> None:
    async def scenario() -> None:
        async with serving(issued, database) as callers:
            opened = [
                (await callers.tickets(name).OpenTicket(ticket(kind))).ticket
                for name, kind in (
                    ("hospital", tickets.TICKET_KIND_OTHER),
                    ("hospital", tickets.TICKET_KIND_SYSTEM_FAILURE),
                    ("other-hospital", tickets.TICKET_KIND_REGISTRATION),
                )
            ]
            assert [each.due_date.day for each in opened] == [16, 3, 4]
            assert await paged(callers, "hospital") == [
                opened[1].ticket_id,
                opened[0].ticket_id,
            ]
            assert await paged(callers, "wang") == [
                opened[number].ticket_id for number in (1, 2, 0)
            ]
            named = {"ticket_id": opened[0].ticket_id, "version": 1}
            answer = with_id(ticketing.AnswerTicketRequest, **named, text="已处理")
            assert await refusal(callers.tickets("hospital").AnswerTicket(answer)) == (
                "CALLER_NOT_ALLOWED"
            )
            await callers.tickets("wang").AnswerTicket(answer)
            get = ticketing.GetTicketRequest(region=REGION, ticket_id=opened[0].ticket_id)
            own = (await callers.tickets("hospital").GetTicket(get)).ticket
            assert own.acts[1].acted_by == f"agency/{REGION}"
            assert (await callers.tickets("li").GetTicket(get)).ticket.acts[1].acted_by == WANG
            assert await refusal(callers.tickets("other-hospital").GetTicket(get)) == (
                "TICKET_NOT_FOUND"
            )
            assert await refusal(callers.tickets("other-agency").GetTicket(get)) == "OUT_OF_SCOPE"
            confirm = with_id(
                ticketing.ConfirmTicketRequest, ticket_id=opened[0].ticket_id, version=2
            )
            told = (await callers.tickets("hospital").ConfirmTicket(confirm)).ticket
            assert told.state == tickets.TICKET_STATE_CONFIRMED

    asyncio.run(scenario())


def ticket(kind: int) -> Any:
    return with_id(ticketing.OpenTicketRequest, kind=kind, text="查不到备案")


async def paged(callers: Callers, name: str) -> Iterable[str]:
    found: list[str] = []
    request = ticketing.ListTicketsRequest(region=REGION, page_size=1)
    while True:
        page = await callers.tickets(name).ListTickets(request)
        found += [each.ticket_id for each in page.tickets]
        assert not any(each.acts for each in page.tickets)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def test_a_service_without_keys_refuses_and_serves_all_else(
    issued: DevCertificates, database: Database
) -> None:
    async def scenario() -> None:
        async with serving(issued, database, with_keys=False) as callers:
            assert await refusal(callers.files("wang").GetMedicalHistory(read())) == (
                "FILES_NOT_KEPT"
            )
            listing = ticketing.ListTicketsRequest(region=REGION)
            assert await refusal(callers.tickets("wang").ListTickets(listing)) == "FILES_NOT_KEPT"

    asyncio.run(scenario())
