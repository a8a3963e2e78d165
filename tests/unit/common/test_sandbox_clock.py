"""The clock of a sandbox: shared by processes, forward only, and nowhere but in a sandbox."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.serving import serving
from support.tasks import Watched

from yibao.common.v1 import sandbox_service_pb2
from yibao.common.v1.sandbox_service_pb2_grpc import SandboxServiceStub
from yibao.errors import error_of
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.sandbox import (
    MARK,
    MOST_AHEAD,
    SandboxClock,
    ahead_of,
    check_is_sandbox,
    machine_clock_of,
    make_clock_file,
    open_sandbox_clock,
)
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import DatabaseConfig, SandboxConfig, ServiceConfig, StartError
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.sandbox_refusals import refusals_behind_gate
from yibao_common.rpc.wire import from_instant
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

NOON = dt.datetime(2026, 12, 31, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / MARK).touch()
    make_clock_file(tmp_path)
    return tmp_path


def clock_at(folder: Path, now: dt.datetime = NOON) -> SandboxClock:
    return SandboxClock(folder, machine_clock=lambda: now)


def test_every_process_is_at_the_same_time_also_one_that_starts_later(folder: Path) -> None:
    first, second = clock_at(folder), clock_at(folder)
    assert first() == second() == NOON
    first.move(NOON + HOUR, request_id=new_id())
    assert first() == second() == clock_at(folder)() == NOON + HOUR
    assert ahead_of(folder) == HOUR
    # What is there already is left as it is.
    make_clock_file(folder)
    assert second() == NOON + HOUR


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (NOON, None),
        (NOON - dt.timedelta(microseconds=1), Reason.SANDBOX_CLOCK_BACK),
        (NOON + MOST_AHEAD, None),
        (NOON + MOST_AHEAD + dt.timedelta(microseconds=1), Reason.FIELD_OUT_OF_RANGE),
    ],
)
def test_time_goes_forward_alone_and_not_too_far(
    folder: Path, to: dt.datetime, reason: Reason | None
) -> None:
    clock = clock_at(folder)
    if reason is None:
        assert clock.move(to, request_id=new_id()) == to
        return
    with pytest.raises(RuleError) as caught:
        clock.move(to, request_id=new_id())
    assert caught.value.reason is reason
    assert clock() == NOON


def test_the_last_request_moves_once(folder: Path) -> None:
    request_id = new_id()
    first = clock_at(folder).move(NOON + HOUR, request_id=request_id)
    again = clock_at(folder, NOON + HOUR)
    assert again.move(NOON + HOUR, request_id=request_id) == first
    assert again() == NOON + 2 * HOUR
    with pytest.raises(RuleError) as caught:
        again.move(NOON + 3 * HOUR, request_id=request_id)
    assert caught.value.reason is Reason.REQUEST_ID_REUSED


def test_what_waits_is_woken_by_a_move_of_another_process(folder: Path) -> None:
    turns: list[dt.datetime] = []

    async def main() -> None:
        watched = Watched()
        clock = clock_at(folder)

        async def note() -> None:
            turns.append(clock())

        task = BackgroundTask(
            "sweep",
            [Duty(run=note, failure="not swept")],
            seconds=3_600,
            metrics=Metrics(),
            clock=clock,
            log=watched.log,
        )
        clock.start(watched.supervisor)
        task.start(watched.supervisor)
        await task.first_round()
        clock_at(folder).move(NOON + HOUR, request_id=new_id())
        async with asyncio.timeout(10):
            while len(turns) < 2:
                await asyncio.sleep(0.01)
        await task.close()

    asyncio.run(main())
    assert turns == [NOON, NOON + HOUR]


def test_certificates_are_judged_by_the_machines_clock(folder: Path) -> None:
    clock = clock_at(folder)
    clock.move(NOON + HOUR, request_id=new_id())
    assert machine_clock_of(clock)() == NOON
    assert machine_clock_of(system_clock) is system_clock


# --- Nowhere but in a sandbox.


def config(folder: Path, **server: Any) -> ServiceConfig:
    issued = issue_dev_certificates(folder / "certificates", [Leaf("s", "service/s", True)])
    return ServiceConfig.model_validate(
        {
            "server": {
                "address": "127.0.0.1:0",
                "certificate_file": issued.leaves["s"].certificate_file,
                "key_file": issued.leaves["s"].key_file,
                "client_ca_file": issued.ca_file,
                **server,
            },
            "database": {"url": f"sqlite:///{folder}/x.sqlite"},
            "sandbox": {"folder": folder, "movable_clock": True},
        }
    )


def test_a_sandbox_has_a_clock_and_others_have_none(folder: Path) -> None:
    said = config(folder)
    clock = open_sandbox_clock(said)
    assert clock is not None
    assert len(refusals_behind_gate(said)) == 1
    without_clock = SandboxConfig(folder=folder)
    for other in (SandboxConfig(), without_clock):
        assert open_sandbox_clock(said.model_copy(update={"sandbox": other})) is None
    assert refusals_behind_gate(said.model_copy(update={"sandbox": SandboxConfig()})) == ()
    nowhere = SandboxConfig(movable_clock=True)
    with pytest.raises(StartError, match="folder"):
        open_sandbox_clock(said.model_copy(update={"sandbox": nowhere}))


def test_what_only_says_that_it_is_a_sandbox_does_not_start(folder: Path) -> None:
    other_ca = folder / "other.pem"
    other_ca.write_bytes((folder / MARK).read_bytes())
    for said, told in (
        (config(folder, address="0.0.0.0:0"), "loopback"),
        (config(folder, client_ca_file=config(folder).server.certificate_file), "development CA"),
        (config(folder, client_ca_file=other_ca), "development CA"),
    ):
        with pytest.raises(StartError, match=told):
            check_is_sandbox(said)
    said = config(folder)
    (folder / MARK).unlink()
    with pytest.raises(StartError, match="no sandbox"):
        open_sandbox_clock(said)


def test_a_sandbox_uses_nothing_that_lies_elsewhere(folder: Path) -> None:
    # Real rows, real keys, another sandbox: time that was moved gets among none of them.
    for url, told in (
        ("postgresql+psycopg://yibao@db.internal/settlement", "SQLite"),
        (f"sqlite:///{folder.parent}/x.sqlite", "database.url must lie in"),
        (f"sqlite:///{folder}/../x.sqlite", "database.url must lie in"),
    ):
        said = config(folder)
        said = said.model_copy(update={"database": DatabaseConfig(url=url)})
        with pytest.raises(StartError, match=told):
            open_sandbox_clock(said)
    with pytest.raises(StartError, match=r"server\.revoked_serials_file must lie in"):
        open_sandbox_clock(config(folder, revoked_serials_file=folder.parent / "revoked"))
    with pytest.raises(StartError, match="development CA"):
        open_sandbox_clock(config(folder, client_ca_file=None, insecure=True))


def test_two_sandboxes_have_a_time_each_and_share_nothing(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / MARK).touch()
    make_clock_file(other)
    clock_at(folder).move(NOON + HOUR, request_id=new_id())
    assert clock_at(other)() == NOON
    # One whose configuration has the other one's folder would be at the other one's time.
    said = config(other)
    assert open_sandbox_clock(said) is not None
    (folder / "beside").mkdir()
    (folder / "beside" / MARK).touch()
    make_clock_file(folder / "beside")
    wrong = SandboxConfig(folder=folder / "beside", movable_clock=True)
    with pytest.raises(StartError, match="must lie in"):
        open_sandbox_clock(said.model_copy(update={"sandbox": wrong}))


def test_the_database_of_a_time_that_was_moved_is_served_by_a_sandbox_alone(folder: Path) -> None:
    real = config(folder).model_copy(update={"sandbox": SandboxConfig()})
    assert open_sandbox_clock(real) is None
    clock_at(folder).move(NOON + HOUR, request_id=new_id())
    with pytest.raises(StartError, match="still to come"):
        open_sandbox_clock(real)
    assert open_sandbox_clock(config(folder)) is not None


def test_a_clock_that_was_cut_short_as_it_was_made_is_made_again(folder: Path) -> None:
    (folder / "clock.bin").write_bytes(b"")
    assert ahead_of(folder) == dt.timedelta()
    make_clock_file(folder)
    assert clock_at(folder)() == NOON


def test_a_sandbox_without_its_clock_does_not_start(folder: Path) -> None:
    (folder / "clock.bin").unlink()
    with pytest.raises(StartError, match="no clock"):
        open_sandbox_clock(config(folder))


def test_any_other_server_refuses_to_move_the_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            stub: Any = SandboxServiceStub(running.channel())
            request = sandbox_service_pb2.MoveClockRequest(
                request_id=new_id(), to_time=from_instant(NOON)
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.MoveClock(request, timeout=10)
            assert error_of(caught.value).reason == Reason.NOT_A_SANDBOX.wire_name

    asyncio.run(main())
