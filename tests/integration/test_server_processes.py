"""How the process of a server starts and ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.serving import ACCESS, SETTLEMENT, open_test_log

from yibao_common.process.config import ServerConfig, StartError
from yibao_common.rpc.server import Server


def server(config: ServerConfig) -> Server:
    log, _ = open_test_log()
    return Server(
        config,
        service_name="settlement",
        register=lambda _server: None,
        descriptors=[SETTLEMENT],
        access=ACCESS,
        log=log,
    )


def test_a_port_that_is_taken_keeps_the_server_from_starting(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            taken_addresses: tuple[tuple[dict[str, Any], str], ...] = (
                ({"address": address}, f"server.address: {address}: cannot listen: the port is in"),
                (
                    {"address": "127.0.0.1:0", "metrics_address": address},
                    f"server.metrics_address: {address}: the port is in use",
                ),
            )
            for settings, told in taken_addresses:
                with pytest.raises(StartError, match=re.escape(told)):
                    await server(ServerConfig(insecure=True, **settings)).start()

    asyncio.run(main())


def test_two_servers_share_a_port_where_that_is_asked_for() -> None:
    async def main() -> None:
        first = server(ServerConfig(address="127.0.0.1:0", insecure=True, reuse_port=True))
        port = await first.start()
        address = f"127.0.0.1:{port}"
        second = server(ServerConfig(address=address, insecure=True, reuse_port=True))
        assert await second.start() == port
        await second.drain()
        with pytest.raises(StartError, match="cannot listen"):
            await server(ServerConfig(address=address, insecure=True)).start()
        await first.drain()

    asyncio.run(main())


PROGRAM = """
import asyncio, signal, sys
from yibao_common.values.clock import system_clock
from yibao_common.process.config import LogConfig, ServerConfig
from yibao_common.rpc.access import AccessTable
from yibao_common.process.logs import open_log
from yibao_common.process.running import run
from yibao_common.rpc.server import Server

# Who runs the tests under nohup has it ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
log = open_log(LogConfig(), service="x", clock=system_clock)
config = ServerConfig(address=sys.argv[1], insecure=True)
server = Server(config, service_name="x", register=lambda s: None, descriptors=[],
                access=AccessTable({}), log=log)
sys.exit(run(server.serve, log=log))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_drains_and_the_process_ends_well(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert '"event": "started"' in first
        assert '"port": ' in first
        os.kill(process.pid, number)
        rest = process.stderr.read()
        assert process.wait(20) == 0
    assert '"event": "stopped"' in rest
    assert "Traceback" not in rest


NO_ROOM = """
import threading

room = [1000]
start = threading.Thread.start

def start_where_there_is_room(thread):
    if room[0] <= 0:
        raise RuntimeError("can't start new thread")
    room[0] -= 1
    start(thread)

threading.Thread.start = start_where_there_is_room
"""


def test_a_process_drains_where_no_thread_can_be_made_any_more() -> None:
    program = PROGRAM.replace(
        "insecure=True", 'insecure=True, metrics_address="127.0.0.1:0"'
    ).replace("server.serve,", "serve,")
    serve = """
async def serve(stop):
    await server.start()
    room[0] = 0
    await stop.wait()
    await server.drain()

"""
    program = (NO_ROOM + program).replace("sys.exit(run(", f"{serve}sys.exit(run(")
    with subprocess.Popen(
        [sys.executable, "-c", program, "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert '"event": "started"' in process.stderr.readline()
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(20) == 0, rest
    assert '"event": "stopped"' in rest
    assert "Traceback" not in rest


def test_a_process_without_room_for_a_thread_says_so() -> None:
    program = (NO_ROOM + PROGRAM).replace("room = [1000]", "room = [0]")
    ended = subprocess.run(
        [sys.executable, "-c", program, "127.0.0.1:0"], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert ended.stderr == "threads of the process: can't start new thread\n"


def test_a_server_that_cannot_start_says_why_without_a_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, address], capture_output=True, text=True, timeout=30
        )
    assert ended.returncode == 2
    assert "cannot listen" in ended.stderr
    assert "Traceback" not in ended.stderr


DYING = """
import asyncio, sys
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.metrics import Metrics
from yibao_common.process.running import run
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import system_clock

log = open_log(LogConfig(), service="x", clock=system_clock)

async def duty():
    raise ValueError("no clock is asked before this fails")

async def serve(stop):
    supervisor = Supervisor(stop, log=log)
    task = BackgroundTask("feed", [Duty(run=duty, failure="x")], seconds=0.01,
                          metrics=Metrics(), clock=system_clock, log=log)
    # Not even a failure can be told: that is outside of the duty.
    task._turns[0]._metrics = None
    task.start(supervisor)
    await stop.wait()
    await task.close()
    supervisor.raise_if_dead()

sys.exit(run(serve, log=log))
"""


def test_a_dead_task_ends_the_process_with_a_code_that_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DYING], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert '"event": "a task died", "task": "feed"' in ended.stderr
    assert "Traceback" not in ended.stderr


HANGING = """
import asyncio, sys, threading
import yibao_common.commands.background as background
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.process.metrics import Metrics
from yibao_common.process.running import run
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import system_clock

background._CLOSE_SECONDS = 0.1
log = open_log(LogConfig(), service="x", clock=system_clock)

async def serve(stop):
    supervisor, blocking = Supervisor(stop, log=log), Blocking(1)
    blocking.start(supervisor)
    duty = lambda: blocking.run(threading.Event().wait)
    task = BackgroundTask("sweep", [Duty(run=duty, failure="x")], seconds=1,
                          metrics=Metrics(), clock=system_clock, log=log)
    task.start(supervisor)
    log.info("started")
    await stop.wait()
    if sys.argv[1] == "loop":
        threading.Event().wait()
    await task.close()
    blocking.close(within_seconds=0.1)
    supervisor.raise_if_dead()

sys.exit(run(serve, log=log, grace_seconds=0.5))
"""


@pytest.mark.parametrize(("what", "left"), [("thread", "blocking-0"), ("loop", "process")])
def test_a_duty_that_hangs_keeps_no_process_from_ending(what: str, left: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, what], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert '"started"' in process.stderr.readline()
        os.kill(process.pid, signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(20) == 1
    assert f'"event": "did not end in time", "left": ["{left}"]' in rest
    assert "Traceback" not in rest
