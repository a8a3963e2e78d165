"""Somebody was enrolled just now: an agency's calls to whoever follows identity wait for news."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    both_services,
    outcome,
    refusal_of,
    refused,
)
from support.databases import SqliteDatabases
from support.faulty_network import Relay
from support.offsite_beside import offsite_beside
from support.settlement_world import REGION

from yibao.offsite.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    audit_task_pb2,
    material_pb2,
    material_service_pb2,
    material_service_pb2_grpc,
    medical_history_pb2,
    medical_history_service_pb2,
    medical_history_service_pb2_grpc,
)
from yibao.settlement.v1 import (
    allocation_service_pb2,
    allocation_service_pb2_grpc,
    transfer_service_pb2,
    transfer_service_pb2_grpc,
)
from yibao_common.rpc import news
from yibao_common.values.ids import new_id
from yibao_offsite.storage import tables as offsite_tables
from yibao_settlement.storage import tables as settlement_tables

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
# Five by what is promised (test_news_on_the_way); this is of what comes after.
_NEWS_IS_BACK_SECONDS = 20.0


@pytest.fixture
def services(tmp_path: Path, relays: list[Relay]) -> Iterator[BothServices]:
    """Runs all three, with a relay before identity for each that follows it."""

    def reach(port: int) -> int:
        relays.append(Relay(port))
        return relays[-1].port

    databases = SqliteDatabases(tmp_path)
    with (
        both_services(tmp_path / "files", databases, reach=reach) as running,
        offsite_beside(running, reach=reach) as all_three,
    ):
        yield all_three
    databases.close()


def calls_of(
    services: BothServices, person_id: str
) -> dict[str, tuple[Callable[..., Any], object]]:
    """Returns what an agency asks of somebody, by the method's name."""
    offsite = services.channel("offsite", "maker")
    settlement = services.channel("settlement", "maker")

    def of_person() -> dict[str, Any]:
        return {"request_id": new_id(), "region": REGION, "person_id": person_id}

    return {
        "BeginUpload": (
            material_service_pb2_grpc.MaterialServiceStub(offsite).BeginUpload,
            material_service_pb2.BeginUploadRequest(
                **of_person(),
                kind="lease",
                size_bytes=15,
                media_type=material_pb2.MEDIA_TYPE_PDF,
                content_sha256=bytes(32),
            ),
        ),
        "GetMedicalHistory": (
            medical_history_service_pb2_grpc.MedicalHistoryServiceStub(offsite).GetMedicalHistory,
            medical_history_service_pb2.GetMedicalHistoryRequest(
                region=REGION,
                person_id=person_id,
                purpose=medical_history_pb2.HISTORY_PURPOSE_PRE_EVALUATION,
            ),
        ),
        "OpenAuditTask": (
            audit_service_pb2_grpc.AuditServiceStub(offsite).OpenAuditTask,
            audit_service_pb2.OpenAuditTaskRequest(
                **of_person(),
                task_type=audit_task_pb2.AUDIT_TASK_TYPE_ON_SITE,
                institution_id="H31000000002",
                visit_id=new_id(),
                reason="admitted twice in a week",
            ),
        ),
        "ReceiveTransfer": (
            transfer_service_pb2_grpc.TransferServiceStub(settlement).ReceiveTransfer,
            transfer_service_pb2.ReceiveTransferRequest(
                **of_person(), other_region="500112", transfer_number="500112-1", amount_fen=1_000
            ),
        ),
        "ImportContributions": (
            allocation_service_pb2_grpc.AllocationServiceStub(settlement).ImportContributions,
            allocation_service_pb2.ImportContributionsRequest(
                request_id=new_id(),
                region=REGION,
                insurance_type="390",
                month=202_603,
                contributions=[
                    allocation_service_pb2.ContributionRow(person_id=person_id, base_fen=500_000)
                ],
            ),
        ),
    }


def test_agencies_are_told_to_try_again_and_go_through_once_identity_answers(
    services: BothServices, relays: list[Relay]
) -> None:
    services.person()
    for relay in relays:
        relay.shut()
    person_id, _, _ = services.person(is_waited_for=False)
    calls = calls_of(services, person_id)
    before = stored(services)
    for name, (method, request) in calls.items():
        told = refusal_of(method, request)
        assert outcome(told) == (UNAVAILABLE, "ENROLMENT_UNCONFIRMED"), name
        assert told.metadata["reason_so_far"].startswith("ERROR_REASON_PERSON_NOT_"), name
    assert stored(services) == before
    for relay in relays:
        relay.close_connections()
    ends = time.monotonic() + _NEWS_IS_BACK_SECONDS
    for method, request in calls.values():
        while True:
            try:
                method(request, timeout=CALL_SECONDS)
                break
            except grpc.RpcError as error:
                if error.code() is not UNAVAILABLE or time.monotonic() >= ends:
                    raise


def test_somebody_whom_identity_does_not_know_is_refused_for_good(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is.
    monkeypatch.setattr(news, "_MOST_WAIT_SECONDS", CALL_SECONDS / 2)
    services.person()
    for name, (method, request) in calls_of(services, new_id()).items():
        status, _ = outcome(refused(services, method, request))
        assert status in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}, name


def stored(services: BothServices) -> dict[str, int]:
    """Returns how many rows both databases hold, but of refusals that were counted."""
    counts = {}
    assert services.offsite_database is not None
    for database, metadata in (
        (services.offsite_database, offsite_tables.metadata),
        (services.database, settlement_tables.metadata),
    ):
        with database.read() as connection:
            for table in metadata.tables.values():
                if table.name == "refusal_count":
                    continue
                counts[table.name] = len(connection.execute(table.select()).all())
    return counts
