"""The SDK's channels against a real server, while certificates end and networks fail."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToJson
from support.channel_clients import BACK_SECONDS, REQUEST, Client, OpenClient
from support.faulty_network import FakeNames, HttpProxy, Relay
from support.serving import GET_METHOD, channel_credentials, serving

from yibao.client import channel_options, secure_aio_channel, secure_channel
from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.process.config import ServerConfig
from yibao_common.rpc.server import server_options
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# What is promised of each channel.
FOUND_SILENT_SECONDS = 30.0


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


def both_clients(address: str, folder: Path, **options: Any) -> tuple[Client, Client]:
    """Opens a channel of each kind, for what takes long and does not disturb the other."""
    files: dict[str, Any] = {
        "ca_file": folder / "ca.pem",
        "certificate_file": folder / "hospital.pem",
        "key_file": folder / "hospital.key",
    }
    return (
        Client(secure_channel(address, **files, **options), is_aio=False),
        Client(secure_aio_channel(address, **files, **options), is_aio=True),
    )


async def all_answered(clients: Iterable[Client]) -> None:
    """Fails where one is not answered as soon as is promised."""
    await asyncio.gather(
        *(client.seconds_until_answered(at_most=BACK_SECONDS) for client in clients)
    )


async def close(clients: Iterable[Client]) -> None:
    for client in clients:
        await client.close()


@pytest.mark.long
def test_a_silent_connection_is_left_within_thirty_seconds(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            with Relay(running.port) as between:
                clients = both_clients(f"localhost:{between.port}", tmp_path)
                for client in clients:
                    await client.call()
                between.silence()
                # No call runs: the pings between calls find it.
                await _are_left(between, 2)
                for client in clients:
                    await client.call()
                await close(clients)

    asyncio.run(main())


async def _are_left(between: Relay, count: int) -> None:
    async with asyncio.timeout(FOUND_SILENT_SECONDS):
        while [each.is_left.is_set() for each in between.connections] != [True] * count:
            await asyncio.sleep(0.05)


@pytest.mark.long
def test_the_pings_of_a_client_between_calls_end_no_connection(tmp_path: Path) -> None:
    async def main() -> None:
        # As often as the server permits, so that the test need not last minutes.
        options = {**dict(channel_options()), "grpc.keepalive_time_ms": 6_000}
        async with serving(tmp_path) as running:
            with Relay(running.port) as between:
                credentials = channel_credentials(tmp_path, "hospital")
                async with grpc.aio.secure_channel(
                    f"localhost:{between.port}", credentials, options=list(options.items())
                ) as channel:
                    client = Client(channel, is_aio=True)
                    await client.call()
                    # Two pings too many are forgiven, the third is not.
                    await asyncio.sleep(28)
                    await client.call()
                    assert len(between.connections) == 1

    asyncio.run(main())


def test_a_client_pings_less_often_than_a_server_permits() -> None:
    client = dict(channel_options())
    server = dict(server_options(ServerConfig(insecure=True)))
    permitted_ms = server["grpc.http2.min_ping_interval_without_data_ms"]
    assert int(client["grpc.keepalive_time_ms"]) >= 2 * permitted_ms


@pytest.mark.long
def test_calls_are_answered_soon_after_a_long_outage(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            port = running.port
            clients = both_clients(f"localhost:{port}", tmp_path)
            for client in clients:
                await client.call()
        # gRPC's own waits would have grown to 10 s and more.
        gone = time.monotonic() + 17
        while time.monotonic() < gone:
            for client in clients:
                assert await client.code(timeout=1) is not grpc.StatusCode.OK
            await asyncio.sleep(0.5)
        async with serving(tmp_path, address=f"127.0.0.1:{port}"):
            await all_answered(clients)
            await close(clients)

    asyncio.run(main())


@pytest.mark.long
def test_a_name_that_could_not_be_resolved_for_long_is_found_soon_after_it_can(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            with FakeNames() as names:
                address = f"dns://127.0.0.1:{names.port}/identity.test:{running.port}"
                clients = both_clients(address, tmp_path, server_name="localhost")
                # gRPC's own waits would have grown to 6 s.
                gone = time.monotonic() + 10
                while time.monotonic() < gone:
                    for client in clients:
                        assert await client.code(timeout=1) is not grpc.StatusCode.OK
                    await asyncio.sleep(0.5)
                names.is_known.set()
                await all_answered(clients)
                await close(clients)

    asyncio.run(main())


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the variables that send calls through a proxy on a port of this machine."""

    def set_them(port: int) -> None:
        for name in ("no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("grpc_proxy", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

    return set_them


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_a_proxy_of_the_environment_is_used_where_it_is_asked_for(
    tmp_path: Path,
    open_client: OpenClient,
    proxied: Callable[[int], None],
    is_asked_for: bool,
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            with HttpProxy(running.port) as proxy:
                proxied(proxy.port)
                options = {"use_environment_proxy": True} if is_asked_for else {}
                async with open_client(tmp_path, running.port, **options) as client:
                    await client.call()
                asked = [f"CONNECT localhost:{running.port} HTTP/1.1"] if is_asked_for else []
                assert proxy.asked == asked

    asyncio.run(main())


class Refusing:
    """Refuses its first calls."""

    def __init__(self, error: Exception, *, times: int) -> None:
        self._error = error
        self._times = times
        self.calls = 0

    async def __call__(self, _request: Any, _context: Any) -> Any:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return settlement.GetSettlementResponse()


OVERLOADED = RuleError(Reason.OVERLOADED, "the queue is full")


def test_with_retry_a_call_that_finds_the_service_unavailable_is_repeated(
    tmp_path: Path, open_client: OpenClient
) -> None:
    serve = Refusing(OVERLOADED, times=3)

    async def main() -> None:
        async with (
            serving(tmp_path, serve) as running,
            open_client(tmp_path, running.port, retry=True) as client,
        ):
            await client.call(timeout=20)

    asyncio.run(main())
    assert serve.calls == 4


def test_without_retry_no_call_is_repeated(tmp_path: Path, open_client: OpenClient) -> None:
    serve = Refusing(OVERLOADED, times=3)

    async def main() -> None:
        async with (
            serving(tmp_path, serve) as running,
            open_client(tmp_path, running.port) as client,
        ):
            assert await client.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(main())
    assert serve.calls == 1


@pytest.mark.parametrize("error", [RuleError(Reason.RATE_LIMITED, "too often"), ValueError("bug")])
def test_with_retry_other_failures_are_not_repeated(
    tmp_path: Path, open_client: OpenClient, error: Exception
) -> None:
    serve = Refusing(error, times=3)

    async def main() -> None:
        async with (
            serving(tmp_path, serve) as running,
            open_client(tmp_path, running.port, retry=True) as client,
        ):
            assert await client.code() is not grpc.StatusCode.OK

    asyncio.run(main())
    assert serve.calls == 1


def test_a_call_waits_for_the_service_where_that_is_asked_for(
    tmp_path: Path, open_client: OpenClient
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            port = running.port
        async with (
            open_client(tmp_path, port) as hasty,
            open_client(tmp_path, port, wait_for_ready=True) as patient,
        ):
            waiting = asyncio.ensure_future(patient.call(timeout=20))
            assert await hasty.code(timeout=20) is grpc.StatusCode.UNAVAILABLE
            await asyncio.sleep(1)
            assert not waiting.done()
            async with serving(tmp_path, address=f"127.0.0.1:{port}"):
                await waiting

    asyncio.run(main())


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_the_command_uses_a_proxy_of_the_environment_where_it_is_asked_for(
    tmp_path: Path, proxied: Callable[[int], None], is_asked_for: bool
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            with HttpProxy(running.port) as proxy:
                proxied(proxy.port)
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "yibao_cli.main", "call"),
                    *("SettlementService/GetSettlement", MessageToJson(REQUEST)),
                    *("--address", f"localhost:{running.port}", "--ca", tmp_path / "ca.pem"),
                    *("--cert", tmp_path / "hospital.pem", "--key", tmp_path / "hospital.key"),
                    *(["--use-proxy"] if is_asked_for else []),
                )
                assert await process.wait() == 0
                assert len(proxy.asked) == is_asked_for

    asyncio.run(main())


def test_an_answer_that_cannot_be_read_is_told_as_internal(
    open_client: OpenClient, tmp_path: Path
) -> None:
    """Whoever asks whether there was a refusal alone would take it for a yes."""

    def cannot_read(_answer: bytes) -> Any:
        raise ValueError

    async def main() -> None:
        async with serving(tmp_path) as running, open_client(tmp_path, running.port) as client:
            assert await client.code() is grpc.StatusCode.OK
            unread = client.channel.unary_unary(
                GET_METHOD,
                request_serializer=settlement.GetSettlementRequest.SerializeToString,
                response_deserializer=cannot_read,
            )

            async def ask() -> object:
                if isinstance(client.channel, grpc.aio.Channel):
                    return await unread(REQUEST, timeout=5)
                return await asyncio.to_thread(unread, REQUEST, timeout=5)

            with pytest.raises(grpc.RpcError) as caught:
                await ask()
            assert caught.value.code() is grpc.StatusCode.INTERNAL

    asyncio.run(main())
