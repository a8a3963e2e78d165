"""What identity answered holds at settlement a moment later, whichever process answered."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.both_services import BothServices, outcome, refusal_of
from support.databases import Databases, PostgresDatabases
from support.identity_restored import RestoredIdentity
from support.identity_world import (
    REGION,
    Identity,
    citizen_number,
    identity_processes,
    make_identity_files,
)
from support.settlement_world import REGION as SETTLED_REGION

from yibao.identity.v1 import misuse_messages_pb2 as misuse
from yibao.identity.v1 import misuse_pb2
from yibao.identity.v1 import person_service_pb2 as pb
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao_common.values.ids import new_id

# Longer than any question waits: without the wait at identity nothing would be told.
NEVER_SECONDS = 3_600


@pytest.fixture
def services(databases: Databases, tmp_path: Path) -> Iterator[BothServices]:
    world = RestoredIdentity(tmp_path / "files", databases, poll_seconds=NEVER_SECONDS)
    with world.identity() as services, world.settlement():
        yield services


def suspend(services: BothServices, subject: str) -> None:
    agency = services.certificates("maker")
    reported = agency.ReportMisuse(
        misuse.ReportMisuseRequest(
            request_id=new_id(),
            region=SETTLED_REGION,
            subject=subject,
            kind=misuse_pb2.MISUSE_KIND_LENT,
            description="出示者不是本人",
        )
    )
    agency.SuspendCredential(
        misuse.SuspendCredentialRequest(
            request_id=new_id(), region=SETTLED_REGION, case_id=reported.case_id
        )
    )


def test_a_freeze_is_told_without_waiting_for_the_next_question(services: BothServices) -> None:
    """I-04, I-06: a code that exists already pays nothing."""
    first, second = services.patient(), services.patient()
    requests = [services.settle_request(each) for each in (first, second)]
    suspend(services, first.subject)
    services.certificates().CloseCertificate(
        CloseCertificateRequest(
            request_id=new_id(), region=SETTLED_REGION, certificate_id=second.certificate_id
        )
    )
    services.wait_until_told()
    stub = services.settlements()
    refused = [outcome(refusal_of(stub.SettleBill, each))[1] for each in requests]
    assert refused == ["ECERT_SUSPENDED", "ECERT_NOT_ACTIVATED"]


async def ask(identity: Identity, position: int = 0, **fields: object) -> object:
    request = pb.ListEnrolmentChangesRequest(
        region=REGION,
        after_sequence=position,
        **fields,  # type: ignore[arg-type]
    )
    return await identity.persons("settlement").ListEnrolmentChanges(request)


def test_a_question_waits_at_one_process_for_what_another_one_answers(
    postgres_databases: PostgresDatabases, tmp_path: Path
) -> None:
    files = make_identity_files(tmp_path / "files")
    url = postgres_databases.migrated_url("yibao_identity")

    async def main() -> None:
        async with identity_processes(files, url, tmp_path, count=2) as (one, other):
            person = await one.register(citizen_number(1))
            for number in range(1, 4):
                waiting = asyncio.create_task(ask(one, number, wait_milliseconds=2_000))
                await asyncio.sleep(0.1)
                assert not waiting.done()
                if number == 1:
                    await other.activate(person.person_id)
                else:
                    await other.register(citizen_number(number))
                (change,) = (await waiting).changes  # type: ignore[attr-defined]
                assert change.sequence == number + 1
            assert change.person_id != person.person_id
            nothing = await ask(one, 4, wait_milliseconds=1)
            assert nothing.head_sequence == 4  # type: ignore[attr-defined]

    asyncio.run(main())
