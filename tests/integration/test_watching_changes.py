"""Changes of settlements as a stream: resumed in the middle, beside writers, over restarts."""

import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import grpc
import pytest
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    Patient,
    both_services,
    outcome,
    refusal_of,
    settlement_config,
    url_of,
)
from support.databases import (
    KINDS,
    Databases,
    PostgresDatabases,
    PostgresServer,
    SqliteDatabases,
)
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import HOSPITAL, REGION
from support.threads import in_a_thread, wait_until

from yibao.changes import follow_changes
from yibao.errors import Refusal, error_of
from yibao.settlement.v1 import change_service_pb2 as pb
from yibao.settlement.v1.change_service_pb2_grpc import ChangeServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementRequest
from yibao_cli.ports import choose_ports
from yibao_common.values.ids import new_id
from yibao_settlement.application.change import Change, ChangeKind, ChangePlace, ChangeWish
from yibao_settlement.main import SettlementService
from yibao_settlement.storage.reading import StoredReads

SETTLED = pb.SETTLEMENT_CHANGE_KIND_SETTLED
REVERSED = pb.SETTLEMENT_CHANGE_KIND_REVERSED
# Two of a party, so that the third is refused; a heartbeat that tests need not wait for.
LIMITS = {"most_streams_of_party": 2, "most_streams": 3, "heartbeat_seconds": 0.3}


class Watched(NamedTuple):
    """Services whose changes are followed."""

    services: BothServices

    def stub(self, name: str = "hospital") -> ChangeServiceStub:
        return ChangeServiceStub(self.services.channel("settlement", name))

    def settle(self, count: int = 1, name: str = "hospital") -> list[Settlement]:
        patient = self.services.patient()
        stub = self.services.settlements(name)
        return [
            stub.SettleBill(self.services.settle_request(patient), timeout=CALL_SECONDS).settlement
            for _ in range(count)
        ]

    def told(self) -> None:
        """Lets a minute pass, after which changes are told."""
        self.services.clock.advance(seconds=61)


Start: TypeAlias = Callable[[], contextlib.AbstractContextManager[Watched]]


@pytest.fixture(scope="module", params=KINDS)
def start(
    request: pytest.FixtureRequest,
    postgres_starter: Callable[[], PostgresServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Start:
    """Gives what runs services on a database of a kind."""

    @contextlib.contextmanager
    def running() -> Iterator[Watched]:
        folder = tmp_path_factory.mktemp("watched")
        databases: Databases
        if request.param == "sqlite":
            databases = SqliteDatabases(folder)
        else:
            databases = PostgresDatabases(postgres_starter())
        with both_services(folder / "files", databases, said={"changes": LIMITS}) as services:
            yield Watched(services)
        databases.close()

    return running


@pytest.fixture(scope="module")
def watched(start: Start) -> Iterator[Watched]:
    with start() as running:
        yield running


def request_since(settlement: Settlement, **fields: object) -> pb.WatchSettlementChangesRequest:
    values = {"region": REGION, "change_start_time": settlement.settle_time, **fields}
    return pb.WatchSettlementChangesRequest(**values)  # type: ignore[arg-type]


def places(responses: list[pb.WatchSettlementChangesResponse]) -> list[tuple[str, int]]:
    changes = itertools.chain.from_iterable(each.changes for each in responses)
    return [(each.settlement_id, each.change_kind) for each in changes]


def until_changes(
    call: Iterator[pb.WatchSettlementChangesResponse], count: int
) -> list[pb.WatchSettlementChangesResponse]:
    """Returns responses up to the one by which `count` changes are told."""
    found = []
    for response in call:
        found.append(response)
        if len(places(found)) >= count:
            return found
    raise AssertionError(f"it ended after {len(places(found))} of {count}")


def test_changes_come_once_they_can_be_told_and_silence_is_told_too(watched: Watched) -> None:
    (first,) = watched.settle()
    call = watched.stub().WatchSettlementChanges(request_since(first), timeout=CALL_SECONDS)
    silent = next(call)
    assert not silent.changes
    assert silent.resume_token
    watched.told()
    (told,) = until_changes(call, 1)[-1:]
    assert places([told]) == [(first.settlement_id, SETTLED)]
    assert not told.changes[0].is_by_other
    request = ReverseSettlementRequest(
        request_id=new_id(), region=REGION, settlement_id=first.settlement_id, reason="twice"
    )
    watched.services.settlements("maker").ReverseSettlement(request, timeout=CALL_SECONDS)
    watched.told()
    (told,) = until_changes(call, 1)[-1:]
    assert places([told]) == [(first.settlement_id, REVERSED)]
    assert told.changes[0].is_by_other
    call.cancel()


def test_only_what_others_did_is_told_where_that_is_asked(watched: Watched) -> None:
    first, second = watched.settle(2)
    for settlement, name in ((first, "hospital"), (second, "maker")):
        request = ReverseSettlementRequest(
            request_id=new_id(),
            region=REGION,
            settlement_id=settlement.settlement_id,
            reason="twice",
        )
        watched.services.settlements(name).ReverseSettlement(request, timeout=CALL_SECONDS)
    watched.told()
    asked = request_since(first, only_by_others=True)
    call = watched.stub().WatchSettlementChanges(asked, timeout=CALL_SECONDS)
    assert places(until_changes(call, 1)) == [(second.settlement_id, REVERSED)]
    call.cancel()


def test_a_stream_resumes_in_the_middle_and_nothing_is_lost_beside_writers(
    watched: Watched,
) -> None:
    services = watched.services
    (first,) = watched.settle()
    written = [first.settlement_id]
    stop = threading.Event()

    def write(patient: Patient) -> None:
        while not stop.is_set():
            request = services.settle_request(patient)
            answer = services.settlements().SettleBill(request, timeout=CALL_SECONDS)
            written.append(answer.settlement.settlement_id)
            services.clock.advance(seconds=7)

    patients = [services.patient() for _ in range(2)]
    writers = [threading.Thread(target=write, args=(patient,)) for patient in patients]
    for writer in writers:
        writer.start()
    found: list[pb.WatchSettlementChangesResponse] = []
    asked = request_since(first)
    # Over and over again it is left after some responses, and gone on with by the token.
    ends = time.monotonic() + 2.5
    while time.monotonic() < ends:
        call = watched.stub().WatchSettlementChanges(asked, timeout=CALL_SECONDS)
        for response in itertools.islice(call, 2):
            found.append(response)
            asked.resume_token = response.resume_token
        call.cancel()
    stop.set()
    for writer in writers:
        writer.join()
    watched.told()
    call = watched.stub().WatchSettlementChanges(asked, timeout=CALL_SECONDS)
    while len(places(found)) < len(written):
        found.append(next(call))
    call.cancel()
    told = [settlement_id for settlement_id, _ in places(found)]
    assert len(written) > 6
    assert sorted(told) == sorted(written)


def test_what_a_long_transaction_may_still_write_is_waited_for(watched: Watched) -> None:
    database = watched.services.database
    if database.is_sqlite:
        pytest.skip("whoever writes next waits for it there")
    with database.write() as connection:
        connection.exec_driver_sql("SELECT pg_current_xact_id()")
        # By so much longer than a minute ago it began.
        time.sleep(1.2)
        (first,) = watched.settle()
        watched.told()
        call = watched.stub().WatchSettlementChanges(request_since(first), timeout=CALL_SECONDS)
        assert not places(list(itertools.islice(call, 5)))
    assert places(until_changes(call, 1)) == [(first.settlement_id, SETTLED)]
    call.cancel()


def test_an_institution_is_told_of_its_own_alone_and_an_agency_of_all(watched: Watched) -> None:
    (own,) = watched.settle()
    watched.told()
    call = watched.stub("maker").WatchSettlementChanges(request_since(own), timeout=CALL_SECONDS)
    assert places(until_changes(call, 1)) == [(own.settlement_id, SETTLED)]
    call.cancel()
    other = watched.stub("other-hospital")
    call = other.WatchSettlementChanges(request_since(own), timeout=CALL_SECONDS)
    assert not places(list(itertools.islice(call, 3)))
    call.cancel()


def test_more_streams_than_a_party_may_have_are_told_when_to_come_again(watched: Watched) -> None:
    (first,) = watched.settle()
    asked = request_since(first)
    calls = [
        watched.stub(name).WatchSettlementChanges(asked, timeout=CALL_SECONDS)
        for name in ("hospital", "hospital-terminal")
    ]
    for call in calls:
        next(call)
    refusal = refused_stream(watched.stub(), asked)
    assert outcome(refusal) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert refusal.retry_after_seconds
    # The process has three at most: one is left, for whoever comes.
    calls.append(watched.stub("maker").WatchSettlementChanges(asked, timeout=CALL_SECONDS))
    next(calls[-1])
    assert outcome(refused_stream(watched.stub("other-hospital"), asked))[1] == "RATE_LIMITED"
    for call in calls:
        call.cancel()

    def is_free() -> bool:
        call = watched.stub().WatchSettlementChanges(asked, timeout=CALL_SECONDS)
        try:
            return bool(next(call).resume_token)
        except grpc.RpcError:
            return False
        finally:
            call.cancel()

    wait_until(is_free)


def refused_stream(stub: ChangeServiceStub, asked: pb.WatchSettlementChangesRequest) -> Refusal:
    def read(request: pb.WatchSettlementChangesRequest, *, timeout: float) -> None:
        for _ in stub.WatchSettlementChanges(request, timeout=timeout):
            pass

    return refusal_of(read, asked)


def test_a_token_belongs_to_its_arguments_and_a_beginning_is_required(watched: Watched) -> None:
    (first,) = watched.settle()
    call = watched.stub().WatchSettlementChanges(request_since(first), timeout=CALL_SECONDS)
    token = next(call).resume_token
    call.cancel()
    for fields, reason in (
        ({"resume_token": token, "only_by_others": True}, "FIELD_MALFORMED"),
        ({"resume_token": "bm8gcGxhY2U="}, "FIELD_MALFORMED"),
        ({}, "FIELD_REQUIRED"),
    ):
        asked = pb.WatchSettlementChangesRequest(region=REGION, **fields)
        refusal = refused_stream(watched.stub(), asked)
        assert outcome(refusal)[1] == reason
        assert refusal.field_faults


def test_a_stream_says_that_it_ends_before_the_callers_deadline(watched: Watched) -> None:
    (first,) = watched.settle()
    call = watched.stub().WatchSettlementChanges(request_since(first), timeout=1.5)
    *_, last = call
    assert last.end == pb.SETTLEMENT_WATCH_END_TIME_LIMIT
    assert last.resume_token


def endless(asked: list[int]) -> Callable[..., list[Change]]:
    """Returns reads of a history without an end; puts on record how many changes each asks for."""

    def changes(
        _self: object, _region: str, wish: ChangeWish, *, after: ChangePlace | None, limit: int
    ) -> list[Change]:
        asked.append(limit)
        place = ChangePlace(wish.changed_since, ChangeKind.SETTLED, new_id(), 0)
        change = Change(place, 1, False, None, new_id(), "B" * 32, HOSPITAL)
        begin = 0 if after is None else after.number
        numbers = range(begin + 1, begin + 1 + limit)
        return [change._replace(place=place._replace(number=number)) for number in numbers]

    return changes


def test_who_reads_slowly_is_waited_for_and_nothing_piles_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = watched.settle()
    asked: list[int] = []
    monkeypatch.setattr(StoredReads, "changes", endless(asked))
    call = watched.stub().WatchSettlementChanges(request_since(first), timeout=CALL_SECONDS)
    next(call)
    counts = [0, 1]
    while counts[-1] != counts[-2]:
        time.sleep(0.5)
        counts.append(asked.count(101))
    # What fits into the buffers of a connection, some megabytes at most, and no more.
    assert counts[-1] * 20_000 < 12_000_000
    for _ in itertools.islice(call, counts[-1]):
        pass
    wait_until(lambda: asked.count(101) > counts[-1])
    call.cancel()


def test_a_stream_goes_on_over_restarts_of_the_server(watched: Watched) -> None:
    services = watched.services
    (first,) = watched.settle()
    (port,) = choose_ports([None])
    config = settlement_config(
        services.files,
        url_of(services.database),
        services.ports["identity"],
        port=port,
        said={"changes": LIMITS},
    )

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[int]:
        log, _ = open_test_log()
        clock = services.clock
        service = SettlementService(config, log=log, clock=clock, database_clock=clock)
        async with run_service(service) as own:
            yield own

    other = replace(services, ports={**services.ports, "settlement": port}, _channels={})
    stub = ChangeServiceStub(other.channel("settlement", "hospital"))
    written = [first.settlement_id]
    found: list[str] = []
    ends: list[int] = []
    following = follow_changes(stub, request_since(first), wait=lambda _: time.sleep(0.2))
    try:
        for _ in range(2):
            with in_a_thread(serve):
                next(following)
                written += [each.settlement_id for each in watched.settle()]
                watched.told()
                while len(found) < len(written):
                    told = next(following)
                    found += [each.settlement_id for each in told.changes]
                reader = threading.Thread(target=lambda: ends.append(next_end(following)))
                reader.start()
            reader.join(CALL_SECONDS)
    finally:
        other.close()
    assert found == written
    assert ends == [pb.SETTLEMENT_WATCH_END_SERVER_STOPS] * 2


def next_end(following: Iterator[pb.WatchSettlementChangesResponse]) -> int:
    return next(told.end for told in following if told.end)


def test_no_stream_outlives_the_certificate_of_its_caller(start: Start) -> None:
    # Of its own: afterwards nobody has a certificate that holds.
    with start() as watched:
        end_of_a_certificate(watched)


def end_of_a_certificate(watched: Watched) -> None:
    (first,) = watched.settle()
    call = watched.stub().WatchSettlementChanges(request_since(first), timeout=CALL_SECONDS)
    next(call)
    watched.services.clock.advance(days=3_000)
    with pytest.raises(grpc.RpcError) as caught:
        for _ in call:
            pass
    assert outcome(error_of(caught.value)) == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN")
