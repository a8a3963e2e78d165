"""Processes with wrong clocks: holds end, and merges move, by that of the database."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    both_services,
    settlement_config,
    url_of,
)
from support.databases import Databases, PostgresDatabases, PostgresServer
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import REGION
from support.threads import in_a_thread

from yibao.identity.v1.merge_messages_pb2 import (
    MERGE_DECISION_APPROVE,
    DecideMergeRequest,
    ProposeMergeRequest,
)
from yibao.settlement.v1 import hold_service_pb2 as pb
from yibao.settlement.v1.account_service_pb2 import CREDIT_SOURCE_ALLOCATION, CreditAccountRequest
from yibao.settlement.v1.change_service_pb2 import ListSettlementChangesRequest
from yibao.settlement.v1.change_service_pb2_grpc import ChangeServiceStub
from yibao.settlement.v1.hold_pb2 import HoldState
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.settlement_service_pb2 import TrialBillRequest
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_settlement.main import SettlementService
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables

AHEAD = dt.timedelta(minutes=5)


@pytest.fixture
def processes(
    postgres_starter: Callable[[], PostgresServer], tmp_path: Path
) -> Iterator[tuple[BothServices, BothServices]]:
    """Gives two processes on one database; the clock of the second is five minutes ahead."""
    databases = PostgresDatabases(postgres_starter())
    with both_services(tmp_path / "files", databases, is_database_shifted=False) as right:
        log, _ = open_test_log()
        config = settlement_config(right.files, url_of(right.database), right.ports["identity"])

        @contextlib.asynccontextmanager
        async def serve() -> AsyncIterator[int]:
            service = SettlementService(config, log=log, clock=lambda: system_clock() + AHEAD)
            async with run_service(service) as port:
                yield port

        with in_a_thread(serve) as port:
            ahead = replace(right, ports={**right.ports, "settlement": port}, _channels={})
            yield right, ahead
            ahead.close()
    databases.close()


def test_processes_whose_clocks_differ_agree_on_when_a_hold_ends(
    processes: tuple[BothServices, BothServices],
) -> None:
    right, ahead = processes
    patient = right.patient()
    asked = right.settle_request(patient)
    began = system_clock()
    request = pb.HoldBillRequest(
        request_id=new_id(),
        region=REGION,
        presentation=asked.presentation,
        bill=asked.bill,
        valid_for_seconds=120,
    )
    stub = HoldServiceStub(right.channel("settlement", "hospital"))
    hold = stub.HoldBill(request, timeout=CALL_SECONDS).hold
    held = to_instant(hold.quote.settle_time)
    assert began <= held <= system_clock()
    assert to_instant(hold.expire_time) - held == dt.timedelta(seconds=120)
    other = HoldServiceStub(ahead.channel("settlement", "hospital"))
    read = pb.GetHoldRequest(region=REGION, hold_id=hold.hold_id)
    assert other.GetHold(read, timeout=CALL_SECONDS).hold.state == HoldState.HOLD_STATE_HELD
    visit = right.visits("hospital").RegisterVisit(
        right.visit_request(right.code(patient.certificate_id, "01103")), timeout=CALL_SECONDS
    )
    tried = TrialBillRequest(region=REGION, bill=right.bill(visit.visit.visit_id))
    assert ahead.settlements().TrialBill(tried, timeout=CALL_SECONDS).hold_count == 1
    confirm = pb.ConfirmHoldRequest(request_id=new_id(), region=REGION, hold_id=hold.hold_id)
    settled = other.ConfirmHold(confirm, timeout=CALL_SECONDS).settlement
    assert settled.former_place == hold.hold_id
    assert held <= to_instant(settled.settle_time) <= system_clock()


def test_no_process_tells_of_changes_before_a_minute_of_the_database_has_passed(
    processes: tuple[BothServices, BothServices],
) -> None:
    _, ahead = processes
    since = system_clock() - dt.timedelta(hours=1)
    request = ListSettlementChangesRequest(region=REGION, change_start_time=from_instant(since))
    stub = ChangeServiceStub(ahead.channel("settlement", "maker"))
    before = to_instant(stub.ListSettlementChanges(request, timeout=CALL_SECONDS).change_end_time)
    assert before <= system_clock() - dt.timedelta(minutes=1)


def merge_persons(services: BothServices, retired_id: str, surviving_id: str) -> None:
    """Has two records of one person merged by two operators."""
    propose = ProposeMergeRequest(
        request_id=new_id(),
        region=REGION,
        retired_person_id=retired_id,
        surviving_person_id=surviving_id,
        explanation="registered twice",
    )
    merge = services.persons().ProposeMerge(propose, timeout=CALL_SECONDS).merge
    decide = DecideMergeRequest(
        request_id=new_id(),
        region=REGION,
        merge_id=merge.merge_id,
        decision=MERGE_DECISION_APPROVE,
    )
    services.persons("checker").DecideMerge(decide, timeout=CALL_SECONDS)


@pytest.mark.parametrize("shift", [dt.timedelta(minutes=-10), dt.timedelta(minutes=10)])
def test_what_a_merge_moves_is_booked_by_the_clock_of_the_database(
    databases: Databases, tmp_path: Path, shift: dt.timedelta
) -> None:
    """Whoever asks for changes would miss those of a clock behind; one ahead may end a year."""
    with both_services(tmp_path / "files", databases, is_database_shifted=False) as services:
        persons = [services.person()[0] for _ in range(2)]
        for person_id in persons:
            credit = CreditAccountRequest(
                request_id=new_id(),
                region=REGION,
                person_id=person_id,
                amount_fen=1_000,
                source=CREDIT_SOURCE_ALLOCATION,
            )
            services.accounts().CreditAccount(credit, timeout=CALL_SECONDS)
        services.clock.advance(seconds=shift.total_seconds())
        began = system_clock()
        merge_persons(services, *persons)
        services.wait_until_told()
        posting = tables.posting.c
        with services.database.read() as connection:
            kinds = (PostingKind.MERGE, PostingKind.CARRY_OVER)
            booked = connection.execute(
                sa.select(posting.kind, posting.post_time).where(posting.kind.in_(kinds))
            ).all()
        assert [each.kind for each in booked] == [PostingKind.MERGE]
        assert began <= booked[0].post_time <= system_clock()
