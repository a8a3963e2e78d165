"""Channels take certificates that are renewed, and none that is no good."""

import asyncio
import contextlib
import datetime as dt
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.channel_clients import BACK_SECONDS, Client, OpenClient
from support.serving import LEAVES, serving
from support.short_certificates import shorten

from yibao.client import secure_aio_channel, secure_channel
from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.keys.dev_ca import issue_dev_certificates
from yibao_common.values.clock import system_clock


@pytest.fixture(params=["blocking", "aio"])
def open_client(request: pytest.FixtureRequest) -> OpenClient:
    """Opens a channel of a hospital: `open_client(folder, port, **options)`."""
    is_aio = request.param == "aio"

    @contextlib.asynccontextmanager
    async def open_it(folder: Path, port: int, **options: Any) -> AsyncIterator[Client]:
        files: dict[str, Any] = {
            "ca_file": folder / "ca.pem",
            "certificate_file": folder / "hospital.pem",
            "key_file": folder / "hospital.key",
        }
        make = secure_aio_channel if is_aio else secure_channel
        client = Client(make(f"localhost:{port}", **files, **options), is_aio=is_aio)
        try:
            yield client
        finally:
            await client.close()

    return open_it


def renew(folder: Path) -> None:
    (folder / "hospital.pem").unlink()
    issue_dev_certificates(folder, LEAVES)


def test_calls_go_on_after_the_end_of_a_certificate_that_was_renewed_in_time(
    tmp_path: Path, open_client: OpenClient
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            end = shorten(tmp_path, "hospital", seconds=4)
            async with open_client(tmp_path, running.port) as client:
                await client.call()
                renew(tmp_path)
                await asyncio.sleep((end - system_clock()).total_seconds() + 0.1)
                await client.call()

    asyncio.run(main())


def test_a_certificate_that_is_renewed_late_is_taken_too(
    tmp_path: Path, open_client: OpenClient
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            end = shorten(tmp_path, "hospital", seconds=2)
            async with open_client(tmp_path, running.port) as client:
                await client.call()
                await asyncio.sleep((end - system_clock()).total_seconds() + 0.1)
                assert await client.code() is grpc.StatusCode.UNAUTHENTICATED
                renew(tmp_path)
                await client.seconds_until_answered(at_most=BACK_SECONDS)

    asyncio.run(main())


def test_files_that_do_not_fit_together_leave_the_former_in_use(
    tmp_path: Path, open_client: OpenClient
) -> None:
    told: list[str] = []

    async def main() -> None:
        async with serving(tmp_path) as running:
            former = (tmp_path / "hospital.key").read_bytes()
            async with open_client(tmp_path, running.port, on_files_changed=told.append) as client:
                (tmp_path / "hospital.key").write_bytes((tmp_path / "agency.key").read_bytes())
                for _ in range(3):
                    await asyncio.sleep(0.6)
                    await client.call()
                assert told == [
                    f"{tmp_path}/hospital.key: is not the key of {tmp_path}/hospital.pem"
                ]
                (tmp_path / "hospital.key").write_bytes(former)
                await asyncio.sleep(1.1)
                await client.call()
                assert told[1:] == [""]

    asyncio.run(main())


def test_a_renewed_certificate_that_has_ended_takes_no_good_ones_place(
    tmp_path: Path, open_client: OpenClient
) -> None:
    told: list[str] = []

    async def main() -> None:
        async with serving(tmp_path) as running:
            former = (tmp_path / "hospital.pem").read_bytes()
            async with open_client(tmp_path, running.port, on_files_changed=told.append) as client:
                end = shorten(tmp_path, "hospital", seconds=-60)
                assert end < system_clock()
                for _ in range(3):
                    await asyncio.sleep(0.6)
                    await client.call()
                assert told == [
                    f"{tmp_path}/hospital.pem: does not hold now, and the former certificate does"
                ]
                (tmp_path / "hospital.pem").write_bytes(former)
                await asyncio.sleep(1.1)
                await client.call()
                assert told[1:] == [""]

    asyncio.run(main())


def test_a_ca_that_has_ended_takes_no_good_ones_place(
    tmp_path: Path, open_client: OpenClient
) -> None:
    told: list[str] = []
    used, long_ago = tmp_path / "used", system_clock() - dt.timedelta(days=400)
    issue_dev_certificates(tmp_path / "ended", LEAVES, clock=lambda: long_ago)

    async def main() -> None:
        async with (
            serving(used) as running,
            open_client(used, running.port, on_files_changed=told.append) as client,
        ):
            former = (used / "ca.pem").read_bytes()
            shutil.copy(tmp_path / "ended" / "ca.pem", used)
            for _ in range(3):
                await asyncio.sleep(0.6)
                await client.call()
            assert told == [f"{used}/ca.pem: does not hold now, and the former CA does"]
            # The old one may stand beside a new one until nobody has a certificate of it.
            (used / "ca.pem").write_bytes((used / "ca.pem").read_bytes() + former)
            await asyncio.sleep(1.1)
            await client.call()
            assert told[1:] == [""]

    asyncio.run(main())


def test_a_call_that_is_under_way_ends_over_the_connection_that_it_began_on(
    tmp_path: Path, open_client: OpenClient
) -> None:
    may_end = asyncio.Event()
    begun: list[int] = []

    async def serve(_request: Any, _context: Any) -> Any:
        begun.append(1)
        if len(begun) == 1:
            await may_end.wait()
        return settlement.GetSettlementResponse()

    async def main() -> None:
        async with (
            serving(tmp_path, serve) as running,
            open_client(tmp_path, running.port) as client,
        ):
            slow = asyncio.ensure_future(client.call(timeout=20))
            while not begun:
                await asyncio.sleep(0.01)
            renew(tmp_path)
            await asyncio.sleep(1.1)
            await client.call()
            assert not slow.done()
            may_end.set()
            await slow

    asyncio.run(main())
