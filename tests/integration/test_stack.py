"""The stack that tests and measurements stand on: what it starts, it finds and ends."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from support.databases import PostgresDatabases

from yibao.identity.v1.trust_service_pb2 import GetTrustSnapshotRequest
from yibao.identity.v1.trust_service_pb2_grpc import TrustServiceStub
from yibao.settlement.v1 import catalogue_service_pb2 as catalogue
from yibao.settlement.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from yibao_cli.loading import import_region, published_stays
from yibao_cli.parties import CHANNEL, SERVICES, parties_of
from yibao_cli.stack import Stack
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_date
from yibao_common.values.clock import system_clock

REGION = published_stays()[0]
ITEM = REGION.items[0]


@pytest.fixture
def stack(sandbox_folder: Path) -> Iterator[Stack]:
    with Stack.start(sandbox_folder, [REGION]) as started:
        yield started


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def read_item(stack: Stack) -> str:
    stub = CatalogueServiceStub(stack.channel("settlement", parties_of(REGION).hospital))
    request = catalogue.GetCatalogueItemRequest(
        region=REGION.region, item_code=ITEM.item_code, date=from_date(system_clock().date())
    )
    return stub.GetCatalogueItem(request, timeout=10, wait_for_ready=True).item.item_name


def test_what_was_imported_outlives_a_kill_and_a_restart(stack: Stack) -> None:
    import_region(stack, REGION)
    (killed,) = stack.pids("settlement")
    stack.kill("settlement")
    assert not is_running(killed)
    assert stack.pids("settlement") == ()
    assert stack.ended() is None
    stack.restart("settlement")
    assert stack.pids("settlement") != (killed,)
    assert read_item(stack) == ITEM.item_name


def test_a_region_may_be_imported_twice(stack: Stack) -> None:
    import_region(stack, REGION)
    import_region(stack, REGION)
    assert read_item(stack) == ITEM.item_name


def test_a_process_that_ended_by_itself_is_found(stack: Stack) -> None:
    assert stack.ended() is None
    (pid,) = stack.pids("offsite")
    os.kill(pid, signal.SIGKILL)
    for _ in range(100):
        found = stack.ended()
        if found is not None:
            break
        time.sleep(0.05)
    assert found is not None
    assert (found.name, found.exit_code) == ("offsite", -signal.SIGKILL)


def test_parties_are_told_apart_by_their_certificates(stack: Stack) -> None:
    hospital = stack.channel("settlement", parties_of(REGION).hospital)
    request = catalogue.ImportInstitutionsRequest()
    with pytest.raises(grpc.RpcError) as caught:
        CatalogueServiceStub(hospital).ImportInstitutions(request, timeout=10)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    trust = TrustServiceStub(stack.channel("identity", CHANNEL))
    assert trust.GetTrustSnapshot(GetTrustSnapshotRequest(), timeout=10).snapshot


def test_closing_ends_every_process_and_gives_the_folder_back(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    with Stack.start(folder, [REGION]) as stack:
        pids = [pid for service in SERVICES for pid in stack.pids(service)]
        with pytest.raises(StartError, match="is in use"):
            Stack.start(folder, [REGION])
    assert len(pids) == 3
    assert not any(map(is_running, pids))


def test_a_service_that_cannot_start_is_told_and_the_others_are_ended(
    sandbox_folder: Path,
) -> None:
    faulty = {"settlement": {"YIBAO_BATCH__MAX_SIZE": "0"}}
    with pytest.raises(StartError, match=r"settlement ended with code 2[^✗]*BATCH__MAX_SIZE"):
        Stack.start(sandbox_folder, [REGION], environment=faulty)
    # The folder is free again, so nothing of the first start can be left.
    Stack.start(sandbox_folder, [REGION]).close()


def test_two_processes_share_a_port_on_postgresql_and_one_may_die(
    sandbox_folder: Path, postgres_databases: PostgresDatabases
) -> None:
    urls = {"settlement": postgres_databases.empty_url()}
    two = {"settlement": 2}
    with Stack.start(sandbox_folder, [REGION], database_urls=urls, processes=two) as stack:
        import_region(stack, REGION)
        first, second = stack.pids("settlement")
        stack.kill("settlement", 0)
        assert stack.pids("settlement") == (second,)
        # A new connection, because the old one may have been to the dead process.
        stack.close_channels()
        assert read_item(stack) == ITEM.item_name
        stack.restart("settlement")
        assert len(stack.pids("settlement")) == 2
        assert first not in stack.pids("settlement")
