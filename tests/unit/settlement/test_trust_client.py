"""Pulling trust from identity: no code is refused while new status lists come."""

import asyncio
import datetime as dt
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from prometheus_client import generate_latest
from support.faulty_network import unused_port
from support.roots import make_root
from support.token_minting import (
    DAY,
    HOUR,
    KEYS,
    NOW,
    NOW_SECOND,
    REGION,
    Message,
    content,
    key_id,
    listed,
    payload,
    private_key,
    public_key,
)

from yibao import _status_list, _trust_format
from yibao._status_list import StatusList, bits_of
from yibao._trust_format import BoundList
from yibao.client import channel_options
from yibao.identity.v1 import trust_service_pb2 as pb
from yibao.identity.v1 import trust_service_pb2_grpc as rpc
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao.trust import QrError
from yibao.trust_store import TrustStore
from yibao_common.commands.background import ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.trust_client import TrustClient
from yibao_common.values.clock import system_clock
from yibao_settlement.servicer.trust.holder import TrustHolder

URI = f"mi:sl/{REGION}/1"


def status_list(*revoked: int) -> bytes:
    made = StatusList(URI, NOW_SECOND - 600, NOW_SECOND - 600 + 7 * DAY, HOUR, bits_of(revoked))
    claims = _status_list.encode_claims(made)
    signature = private_key("status").sign(_status_list.bytes_to_sign(key_id("status"), claims))
    return _status_list.close(key_id("status"), claims, signature)


def test_a_code_that_settlement_accepts_tells_how_far_time_has_come() -> None:
    store = TrustStore(first_root=make_root([public_key("trust")]))
    store.take_snapshot(snapshot(7, status_list()), now=NOW)
    shown = Presentation(qr_text=Message(payload()).text(), terminal_id="T1")
    shown.scan_time.FromDatetime(NOW)
    TrustHolder(store, check_feed=lambda *_: None).check(
        shown, region=REGION, audience="01301", now=NOW
    )
    with pytest.raises(QrError) as error:
        store.current(now=NOW - dt.timedelta(seconds=61))
    assert error.value.error == "clock_suspect"


def snapshot(version: int, bound: bytes) -> bytes:
    keys = (*KEYS, listed("status", use="status"))
    lists = (BoundList(URI, version, hashlib.sha256(bound).digest()),)
    return Message(
        _trust_format.encode(content(keys, version=version, lists=lists)), key="trust"
    ).encode()


class Identity(rpc.TrustServiceServicer):
    """Publishes a new snapshot with a new list, and looks what is held meanwhile."""

    def __init__(self, store: TrustStore, *, has_list: bool = True) -> None:
        self._store = store
        self._list = status_list(5)
        self._has_list = has_list
        self.seen: list[int] = []
        self.asked_roots: list[int] = []

    async def GetTrustRoot(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        self.asked_roots.append(request.version)
        if request.version > 1:
            await context.abort(grpc.StatusCode.NOT_FOUND, "")
        return pb.GetTrustRootResponse(root=b"", version=1, newest_version=1)

    async def GetTrustSnapshot(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        return pb.GetTrustSnapshotResponse(snapshot=snapshot(8, self._list))

    async def GetStatusList(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
        self.seen.append(self._store.current(now=NOW).version)
        if not self._has_list:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "")
        return pb.GetStatusListResponse(status_list=self._list)


async def pull(
    store: TrustStore, identity: Identity, *, starts_after_seconds: float = 0
) -> list[str]:
    """Pulls until the new snapshot is held; returns the events that were logged."""
    server = grpc.aio.server()
    rpc.add_TrustServiceServicer_to_server(identity, server)
    address = f"127.0.0.1:{unused_port()}"
    if not starts_after_seconds:
        server.add_insecure_port(address)
        await server.start()
    lines = io.StringIO()
    channel = grpc.aio.insecure_channel(address, options=channel_options())
    blocking = Blocking(1)
    log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
    client = TrustClient(
        channel,
        store,
        seconds=0.05,
        blocking=blocking,
        metrics=Metrics(),
        clock=lambda: NOW,
        log=log,
    )
    client.start(Supervisor(asyncio.Event(), log=log))
    if starts_after_seconds:
        await asyncio.sleep(starts_after_seconds)
        server.add_insecure_port(address)
        await server.start()
    async with asyncio.timeout(10):
        while store.current(now=NOW).version < 8:
            await asyncio.sleep(0.005)
    await client.close()
    await channel.close()
    await server.stop(None)
    blocking.close()
    return [json.loads(line)["event"] for line in lines.getvalue().splitlines()]


def filled_store() -> TrustStore:
    made = TrustStore(first_root=make_root([public_key("trust")]))
    made.take_snapshot(snapshot(7, status_list()), now=NOW)
    made.take_status_list(status_list(), now=NOW)
    return made


@pytest.fixture
def store() -> TrustStore:
    return filled_store()


def test_the_former_snapshot_serves_while_the_lists_of_the_new_one_come(store: TrustStore) -> None:
    identity = Identity(store)
    asyncio.run(pull(store, identity))
    assert identity.seen == [7]
    with pytest.raises(QrError, match="revoked"):
        store.current(now=NOW).check_status(URI, 5, now=NOW)


def test_a_list_that_cannot_be_had_keeps_no_snapshot_back(store: TrustStore) -> None:
    identity = Identity(store, has_list=False)
    asyncio.run(pull(store, identity))
    assert identity.seen[0] == 7
    with pytest.raises(QrError, match="not held"):
        store.current(now=NOW).check_status(URI, 5, now=NOW)


def test_the_first_question_waits_for_identity_to_start(store: TrustStore) -> None:
    assert asyncio.run(pull(store, Identity(store), starts_after_seconds=0.5)) == []


def reminders(store: TrustStore, *instants: dt.datetime) -> list[int]:
    """Returns the hours left of each warning that rounds at `instants` log."""
    return asyncio.run(_reminders(store, *instants))


async def _reminders(store: TrustStore, *instants: dt.datetime) -> list[int]:
    lines = io.StringIO()
    log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
    now = iter(instants)
    client = TrustClient(
        grpc.aio.insecure_channel("localhost:1"),
        store,
        seconds=60,
        blocking=Blocking(1),
        metrics=Metrics(),
        clock=lambda: next(now),
        log=log,
    )
    for _ in instants:
        client._remind_of_age()
    return [json.loads(line)["hours_left"] for line in lines.getvalue().splitlines()]


def test_nothing_is_held_and_its_folder_cannot_be_read_yet_all_metrics_are_told(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    store = TrustStore(
        first_root=make_root([public_key("trust")]),
        cache_folder=tmp_path / "cache",
        state_folder=state,
    )
    state.rmdir()
    state.write_bytes(b"")
    assert asyncio.run(_metrics_with(store)).count('yibao_trust_age_seconds{peer="identity"} +Inf')


async def _metrics_with(store: TrustStore) -> str:
    metrics = Metrics()
    async with grpc.aio.insecure_channel("localhost:1") as channel:
        TrustClient(
            channel,
            store,
            seconds=60,
            blocking=Blocking(1),
            metrics=metrics,
            clock=lambda: NOW,
            log=open_log(LogConfig(), service="test", clock=system_clock, stream=io.StringIO()),
        )
        return generate_latest(metrics.registry).decode()


def test_old_trust_is_told_each_hour_until_it_is_renewed(store: TrustStore) -> None:
    issued = store.current(now=NOW).issue_time
    day, hour, second = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(seconds=1)
    late = issued + day + second
    assert reminders(store, issued + day) == []
    assert len(reminders(store, late, late + hour - second)) == 1
    left = reminders(store, late, late + hour)
    assert left == [left[0], left[0] - 1]
    # Past the hard age each code is refused, which is a failure of its own.
    with pytest.raises(ToldError, match="past its hard age"):
        reminders(store, store.current(now=NOW).expire_time)


def test_a_clock_behind_what_was_signed_is_told_though_identity_answers(store: TrustStore) -> None:
    # A clock was an hour ahead, and codes were taken by it.
    store.note_time(NOW + dt.timedelta(hours=1))
    log = asyncio.run(_told_by_rounds(store))
    told = [line for line in log if line["event"] == "no code can be verified"]
    assert [line["problem"] for line in told] == ["this clock is behind what issuers have signed"]
    assert not [line for line in log if line["event"] == "trust is not renewed"]


async def _told_by_rounds(store: TrustStore) -> list[dict[str, Any]]:
    server = grpc.aio.server()
    rpc.add_TrustServiceServicer_to_server(Identity(filled_store()), server)
    address = f"127.0.0.1:{unused_port()}"
    server.add_insecure_port(address)
    await server.start()
    lines, blocking = io.StringIO(), Blocking(1)
    log = open_log(LogConfig(), service="test", clock=system_clock, stream=lines)
    channel = grpc.aio.insecure_channel(address, options=channel_options())
    client = TrustClient(
        channel,
        store,
        seconds=0.05,
        blocking=blocking,
        metrics=Metrics(),
        clock=lambda: NOW,
        log=log,
    )
    supervisor = Supervisor(asyncio.Event(), log=log)
    blocking.start(supervisor)
    client.start(supervisor)
    async with asyncio.timeout(10):
        while "no code can be verified" not in lines.getvalue():
            await asyncio.sleep(0.01)
    await client.close()
    await channel.close()
    await server.stop(None)
    blocking.close()
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_no_root_is_asked_for_that_is_not_there(store: TrustStore) -> None:
    """A refusal each minute of a healthy system would hide the one that tells something."""
    identity = Identity(store)
    asyncio.run(pull(store, identity))
    assert set(identity.asked_roots) == {0}
