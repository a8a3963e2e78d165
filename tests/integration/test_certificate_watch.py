"""A service whose own certificate ends while it runs says so, before and after."""

import asyncio
import datetime as dt
import http.client
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.serving import ID, Serving, serving
from support.short_certificates import shorten

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.values.clock import system_clock

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)
GAUGE = "yibao_certificate_end_timestamp_seconds"


def asked(running: Serving, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", running.server.metrics_port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


async def until(running: Serving, event: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = [line for line in running.log if line["event"] == event]
            if found:
                return found[0]
            await asyncio.sleep(0.05)


def test_the_end_of_the_own_certificate_is_told_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yibao_common.rpc.certificate_watch.LOOK_SECONDS", 0.1)

    async def main() -> None:
        async with serving(tmp_path, metrics_address="127.0.0.1:0") as running:
            stub = running.stub()
            await stub.GetSettlement(GET)
            assert (await asyncio.to_thread(asked, running, "/readyz"))[0] == 200
            long = (tmp_path / "server.pem").read_bytes()
            end = await asyncio.to_thread(shorten, tmp_path, "server", seconds=4)
            soon = await until(running, "own certificate ends soon")
            assert (soon["level"], soon["days_left"]) == ("warning", 0)
            _, metrics = await asyncio.to_thread(asked, running, "/metrics")
            (line,) = [line for line in metrics.splitlines() if line.startswith(GAUGE)]
            assert float(line.split()[-1]) == end.timestamp()
            ended = await until(running, "own certificate has ended")
            assert ended["level"] == "error"
            assert dt.datetime.fromisoformat(ended["end_time"]) == end <= system_clock()
            await asyncio.sleep(1)
            status, told = await asyncio.to_thread(asked, running, "/readyz")
            assert (status, told.strip()) == (503, "certificate: has ended")
            # What stands is served, and that is why nothing else would show it.
            await stub.GetSettlement(GET)
            with pytest.raises(grpc.aio.AioRpcError):
                await running.stub().GetSettlement(GET, timeout=5)
            (tmp_path / "server.pem").write_bytes(long)
            await until(running, "own certificate renewed")
            await asyncio.sleep(1)
            assert (await asyncio.to_thread(asked, running, "/readyz"))[0] == 200
            events = [line["event"] for line in running.log if "own certificate" in line["event"]]
            assert len(events) == 3

    asyncio.run(main())
