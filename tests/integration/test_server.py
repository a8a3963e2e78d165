"""A server that runs: draining, metrics, health, and connections that nobody uses."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.serving import ACCESS, ID, LEAVES, SETTLEMENT, open_test_log, serving
from support.threads import wait_until

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1 import settlement_service_pb2_grpc as settlement_grpc
from yibao_common.keys.dev_ca import issue_dev_certificates
from yibao_common.process import compiled
from yibao_common.process.config import ServerConfig
from yibao_common.rpc.server import Server, server_options

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("problem", ["", "of other sources"])
def test_it_tells_whether_compiled_modules_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    found = compiled.Compiled(0 if problem else 7, problem)
    monkeypatch.setattr(compiled, "_found", found)

    async def main() -> None:
        async with serving(tmp_path) as running:
            assert running.log[-1]["event"] == "started"
            assert running.log[-1]["compiled_modules"] == found.modules
            warned = [line for line in running.log if line["event"] == "compiled modules not used"]
            assert [line["problem"] for line in warned] == [problem] * bool(problem)

    issue_dev_certificates(tmp_path, LEAVES)
    asyncio.run(main())


def test_a_server_waits_for_calls_of_all_its_methods_at_once(tmp_path: Path) -> None:
    """One waiting for each method, grpcio looks at all of them at every call."""

    async def main() -> None:
        before = asyncio.all_tasks()
        async with serving(tmp_path):
            tasks = asyncio.all_tasks() - before
            names = [getattr(task.get_coro(), "__qualname__", "") for task in tasks]
            # Private to grpcio: where it waits otherwise one day, this tells to look again.
            assert len([name for name in names if "_request_" in name]) == 1

    asyncio.run(main())


def test_draining_lets_running_calls_end_and_takes_no_new_ones(tmp_path: Path) -> None:
    async def main() -> None:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def serve(_request: Any, _context: Any) -> Any:
            began.set()
            await go_on.wait()
            return settlement.GetSettlementResponse()

        async with serving(tmp_path, serve, drain_seconds=10) as running:
            health: Any = health_pb2_grpc.HealthStub(running.channel("agency"))
            watch = health.Watch(health_pb2.HealthCheckRequest())
            serving_now, stopping = 1, 2
            assert (await watch.read()).status == serving_now
            call = asyncio.ensure_future(running.stub().GetSettlement(GET))
            await began.wait()
            started_at = time.monotonic()
            draining = asyncio.ensure_future(running.server.drain())
            assert (await watch.read()).status == stopping
            error = await refusal(running.stub().GetSettlement(GET, timeout=5))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert not draining.done()
            go_on.set()
            await call
            await draining
            # A watcher of health does not hold the process for the whole time.
            assert time.monotonic() - started_at < 8
            assert running.log[-1] | {"time": ""} == running.log[-1] | {
                "time": "",
                "event": "stopped",
                "finished": True,
            }
            await asyncio.gather(watch.read(), return_exceptions=True)

    asyncio.run(main())


def test_a_call_that_does_not_end_is_cut_off_when_draining_takes_too_long(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        began = asyncio.Event()

        async def serve(_request: Any, _context: Any) -> Any:
            began.set()
            await asyncio.Event().wait()

        async with serving(tmp_path, serve, drain_seconds=0.2) as running:
            call = asyncio.ensure_future(running.stub().GetSettlement(GET))
            await began.wait()
            await running.server.drain()
            assert running.log[-1]["finished"] is False
            assert (await refusal(call)).code() in (
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.CANCELLED,
            )

    asyncio.run(main())


def test_metrics_are_served_while_the_server_runs(tmp_path: Path) -> None:
    def read(port: int) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    method = 'method="/yibao.settlement.v1.SettlementService/GetSettlement"'
    counted = {
        f'yibao_calls_total{{code="OK",{method},reason=""}} 1.0',
        f'yibao_calls_total{{code="UNAUTHENTICATED",{method},reason="CALLER_UNKNOWN"}} 1.0',
        f"yibao_calls_running{{{method}}} 0.0",
    }

    async def main() -> int:
        async with serving(tmp_path, metrics_address="127.0.0.1:0") as running:
            await running.stub().GetSettlement(GET)
            await refusal(running.stub("nobody").GetSettlement(GET))
            port = running.server.metrics_port
            # A call is counted once it has ended here, a moment after it was answered.
            await asyncio.to_thread(wait_until, lambda: counted <= set(read(port).splitlines()))
        return port

    port = asyncio.run(main())
    with pytest.raises(OSError, match="refused"):
        read(port)


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


def test_health_tells_of_problems_while_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yibao_common.rpc.health._LOOK_SECONDS", 0.01)
    problems: list[str] = []

    async def main() -> None:
        log, lines = open_test_log()
        config = ServerConfig(address="127.0.0.1:0", insecure=True)
        running = Server(
            config,
            service_name="settlement",
            register=lambda _: None,
            descriptors=[SETTLEMENT],
            access=ACCESS,
            log=log,
            problems=lambda: problems,
        )
        port = await running.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            metadata = (("x-yibao-caller", "institution/H50011200001"),)

            async def told(status: int, service: str) -> None:
                async with asyncio.timeout(10):
                    while True:
                        request = health_pb2.HealthCheckRequest(service=service)
                        answer = await stub.Check(request, metadata=metadata)
                        if answer.status == status:
                            return

            await told(health_pb2.HealthCheckResponse.SERVING, "")
            problems.append("batch stands still")
            for service in ("", "settlement", SETTLEMENT.full_name):
                await told(health_pb2.HealthCheckResponse.NOT_SERVING, service)
            problems.clear()
            await told(health_pb2.HealthCheckResponse.SERVING, "")
        await running.drain()
        logged = lines.getvalue()
        assert '"event": "not serving", "problems": ["batch stands still"]' in logged
        assert '"event": "serving again"' in logged

    asyncio.run(main())


def test_who_connects_and_says_nothing_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"grpc.server_handshake_timeout_ms": 300, "grpc.max_connection_idle_ms": 300}
    options = dict(server_options(ServerConfig(insecure=True)))
    assert all(0 < options[name] <= 900_000 for name in short)
    assert options["grpc.max_allowed_incoming_connections"] > 0
    monkeypatch.setattr(
        "yibao_common.rpc.server.server_options", lambda _: [*{**options, **short}.items()]
    )

    async def main() -> None:
        async with serving(tmp_path) as running:
            silent = socket.create_connection(("127.0.0.1", running.port))
            with silent:
                silent.settimeout(10)
                assert await asyncio.to_thread(silent.recv, 1) == b""
            # Nor is a line kept on which no call comes; the next call makes another.
            channel = running.channel()
            stub: Any = settlement_grpc.SettlementServiceStub(channel)
            await stub.GetSettlement(GET)
            async with asyncio.timeout(10):
                while channel.get_state() is not grpc.ChannelConnectivity.IDLE:
                    await asyncio.sleep(0.01)
            await stub.GetSettlement(GET)

    asyncio.run(main())


def test_a_connection_that_breaks_leaves_no_line_that_is_not_of_the_log(tmp_path: Path) -> None:
    issued = issue_dev_certificates(tmp_path, LEAVES)
    leaf = issued.leaves["server"]
    program = PROGRAM.replace(
        "insecure=True",
        f"certificate_file={str(leaf.certificate_file)!r}, key_file={str(leaf.key_file)!r}, "
        f"client_ca_file={str(issued.ca_file)!r}",
    )
    # As a service is started: its package comes before gRPC.
    program = program.replace("import asyncio, sys", "import yibao_settlement, asyncio, sys, grpc")
    with subprocess.Popen(
        [sys.executable, "-c", program, "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"},
    ) as process:
        assert process.stderr is not None
        port = json.loads(process.stderr.readline())["port"]
        with socket.create_connection(("127.0.0.1", port)) as talker:
            talker.sendall(b"GET / HTTP/1.1\r\n\r\n")
            talker.settimeout(10)
            talker.recv(1)
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(20) == 0
    assert [json.loads(line)["event"] for line in rest.splitlines()] == ["stopped"]
