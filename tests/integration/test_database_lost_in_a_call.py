"""PostgreSQL goes, or stands still, in the middle of calls: repeats are right without a restart."""

import concurrent.futures
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import psycopg
import pytest
import sqlalchemy as sa
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    both_services,
    outcome,
    refusal_of,
    url_of,
)
from support.databases import OWNER, PostgresDatabases
from support.settlement_world import REGION

from yibao.settlement.v1.clearing_service_pb2 import ProposePeriodCloseRequest
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao_common.values.calendar import add_months, shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.storage import tables

UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")


@pytest.fixture
def services(tmp_path: Path, postgres_databases: PostgresDatabases) -> Iterator[BothServices]:
    with both_services(tmp_path, postgres_databases) as running:
        yield running


@contextlib.contextmanager
def connected(services: BothServices) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    """Gives a connection of nobody's; what it locks stays locked in the block."""
    url = sa.make_url(url_of(services.database)).set(drivername="postgresql", username=OWNER)
    with contextlib.closing(
        psycopg.connect(url.render_as_string(hide_password=False))
    ) as connection:
        yield connection


def settlements(services: BothServices) -> int:
    with services.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(tables.settlement)
        return int(connection.execute(count).scalar_one())


def test_a_call_whose_connection_ends_is_carried_out_once(services: BothServices) -> None:
    patient = services.patient()
    request = services.settle_request(patient)
    settle = services.settlements().SettleBill
    with (
        connected(services) as connection,
        concurrent.futures.ThreadPoolExecutor(1) as calls,
    ):
        connection.execute(
            "SELECT 1 FROM person_standing WHERE person_id = %s FOR UPDATE", (patient.person_id,)
        )
        called = calls.submit(settle, request, timeout=CALL_SECONDS)
        time.sleep(0.5)
        assert not called.done()
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        connection.rollback()
        answer = called.result()
    assert settle(request, timeout=CALL_SECONDS) == answer
    assert settlements(services) == 1
    # News go on as well.
    services.person()


@pytest.mark.long
def test_what_waits_too_long_is_refused_and_its_repeat_is_right(services: BothServices) -> None:
    patient = services.patient()
    answer = services.settlements().SettleBill(services.settle_request(patient))
    read = GetSettlementRequest(region=REGION, settlement_id=answer.settlement.settlement_id)
    get = services.settlements().GetSettlement
    with connected(services) as connection:
        connection.execute("LOCK TABLE settlement IN ACCESS EXCLUSIVE MODE")
        begin = time.monotonic()
        assert outcome(refusal_of(get, read)) == UNAVAILABLE
        assert time.monotonic() - begin < 10
    (told,) = services.logged("database unavailable")
    assert (told["code"], told["reason"]) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
    assert get(read, timeout=CALL_SECONDS).settlement.bill_number == answer.settlement.bill_number


@pytest.mark.long
def test_closings_that_wait_for_others_hold_up_nobody_who_reads(services: BothServices) -> None:
    """They wait, one after the other, for what may still post in the month."""
    answer = services.settlements().SettleBill(services.settle_request(services.patient()))
    read = GetSettlementRequest(region=REGION, settlement_id=answer.settlement.settlement_id)
    found = services.settlements().GetSettlement(read, timeout=CALL_SECONDS)
    before = add_months(shanghai_day(services.clock()), -1)
    propose = ClearingServiceStub(services.channel("settlement", "maker")).ProposePeriodClose
    with connected(services) as connection:
        connection.execute("CREATE TABLE open_transaction (number int)")
        proposals = [
            propose.future(
                ProposePeriodCloseRequest(
                    request_id=new_id(), region=REGION, month=f"{before.year}{before.month:02}"
                ),
                timeout=CALL_SECONDS,
            )
            for _ in range(6)
        ]
        time.sleep(0.5)
        begin = time.monotonic()
        assert services.settlements().GetSettlement(read, timeout=CALL_SECONDS) == found
        assert time.monotonic() - begin < 3
        assert not any(each.done() for each in proposals)
        for each in proposals:
            each.cancel()
