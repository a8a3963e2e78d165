"""News of a freeze waits for no other call, be every thread that calls have busy."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.both_services import CALL_SECONDS, BothServices, both_services, outcome, refusal_of
from support.databases import PostgresDatabases
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao.settlement.v1 import catalogue_service_pb2 as pb
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables as identity_tables
from yibao_identity.storage.feed import note_change
from yibao_settlement.storage import tables

# More than the threads that calls have.
CALLS = 8
# Below the time after which a lock is given up, and the threads are free again.
NEWS_SECONDS = 3.0


@pytest.fixture
def services(postgres_databases: PostgresDatabases, tmp_path: Path) -> Iterator[BothServices]:
    with both_services(tmp_path / "files", postgres_databases) as running:
        yield running


@contextlib.contextmanager
def locked(database: Database, *rows: sa.ColumnElement[bool], table: sa.Table) -> Iterator[None]:
    """Holds rows, so that whoever changes them stays where they are."""
    with database.write() as connection:
        connection.execute(sa.select(table).where(*rows).with_for_update())
        yield


def close_certificate(services: BothServices, certificate_id: str) -> None:
    request = CloseCertificateRequest(
        request_id=new_id(), region=REGION, certificate_id=certificate_id
    )
    services.certificates().CloseCertificate(request, timeout=CALL_SECONDS)


def import_item(services: BothServices, number: int) -> None:
    item = pb.CatalogueItem(
        item_code=f"HELD-{number}",
        item_name="held",
        catalogue_class="01",
        start_date=Date(year=2024, month=1, day=1),
    )
    request = pb.ImportCatalogueItemsRequest(request_id=new_id(), region=REGION, items=[item])
    services.catalogue().ImportCatalogueItems(request, timeout=CALL_SECONDS)


def test_a_freeze_does_not_wait_for_imports_at_settlement(services: BothServices) -> None:
    patient = services.patient()
    request = services.settle_request(patient)
    import_item(services, 0)
    epoch = tables.reference_epoch
    with ThreadPoolExecutor(CALLS) as pool:
        with locked(services.database, epoch.c.region == REGION, table=epoch):
            held = [pool.submit(import_item, services, number) for number in range(CALLS)]
            close_certificate(services, patient.certificate_id)
            services.wait_until_told(seconds=NEWS_SECONDS)
            assert not any(each.done() for each in held)
            stub = services.settlements()
            assert outcome(refusal_of(stub.SettleBill, request))[1] == "ECERT_NOT_ACTIVATED"
        for each in held:
            each.result()


def test_news_does_not_wait_for_other_calls_at_identity(services: BothServices) -> None:
    _, busy, _ = services.person()
    told, _, _ = services.person()
    row, database = identity_tables.certificate, services.identity_database
    with ThreadPoolExecutor(CALLS) as pool:
        with locked(database, row.c.certificate_id == busy, table=row):
            held = [pool.submit(close_certificate, services, busy) for _ in range(CALLS)]
            time.sleep(0.5)
            # As another process answers.
            with database.write() as connection:
                note_change(connection, REGION, [told], now=services.clock(), caller="other")
            services.wait_until_told(seconds=NEWS_SECONDS)
            assert not any(each.done() for each in held)
        for each in held:
            each.exception()
