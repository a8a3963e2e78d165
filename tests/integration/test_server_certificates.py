"""Whom a server lets in by which certificate, also where files change while it runs."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.serving import ID, LEAVES, Serving, reason_in, serving

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1 import settlement_service_pb2_grpc as settlement_grpc
from yibao_common.keys.dev_ca import issue_dev_certificates
from yibao_common.process.config import ServerConfig
from yibao_common.rpc.tls import RevokedSerials

GET = settlement.GetSettlementRequest(region="500100", settlement_id=ID)


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def serial(folder: Path, name: str) -> str:
    pem = (folder / f"{name}.pem").read_bytes()
    return f"{x509.load_pem_x509_certificate(pem).serial_number:x}"


def test_a_revoked_certificate_is_refused_also_when_revoked_while_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RevokedSerials, "LOOK_EVERY_SECONDS", 0.0)
    issue_dev_certificates(tmp_path, LEAVES)
    revoked = tmp_path / "revoked"
    revoked.write_text(serial(tmp_path, "other-hospital") + "\n")

    async def main() -> None:
        async with serving(tmp_path, revoked_serials_file=revoked) as running:
            error = await refusal(running.stub("other-hospital").GetSettlement(GET))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert reason_in(error) == "CALLER_UNKNOWN"
            stub = running.stub()
            await stub.GetSettlement(GET)
            with revoked.open("a") as file:
                file.write(serial(tmp_path, "hospital") + "\n")
            error = await refusal(stub.GetSettlement(GET))
            assert error.details() == "the client certificate is revoked"
            health: Any = health_pb2_grpc.HealthStub(running.channel())
            assert reason_in(await refusal(health.Check(health_pb2.HealthCheckRequest())))

    asyncio.run(main())


def test_a_client_without_a_certificate_cannot_connect(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            only_ca = grpc.ssl_channel_credentials((tmp_path / "ca.pem").read_bytes())
            for channel in (
                grpc.aio.secure_channel(f"localhost:{running.port}", only_ca),
                grpc.aio.insecure_channel(f"localhost:{running.port}"),
            ):
                async with channel:
                    stub: Any = settlement_grpc.SettlementServiceStub(channel)
                    error = await refusal(stub.GetSettlement(GET, timeout=10))
                    assert error.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(main())


async def connects(running: Serving, folder: Path) -> bool:
    """Tells whether a client with the files of `folder` gets an answer."""
    channel = running.channel(folder=folder)
    stub: Any = settlement_grpc.SettlementServiceStub(channel)
    call = stub.GetSettlement(GET, timeout=10)
    code = await call.code()
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
    return code is grpc.StatusCode.OK


def test_certificates_and_ca_are_replaced_without_a_restart(tmp_path: Path) -> None:
    old, new, used = tmp_path / "old", tmp_path / "new", tmp_path / "used"
    issue_dev_certificates(old, LEAVES)
    issue_dev_certificates(new, LEAVES)
    shutil.copytree(old, used)

    async def main() -> None:
        async with serving(used) as running:
            standing = running.stub()
            await standing.GetSettlement(GET)
            assert await connects(running, old)
            assert not await connects(running, new)
            # Half of a change is not taken: the key is not that of the certificate.
            shutil.copy(new / "server.pem", used)
            assert await connects(running, old)
            assert [line["event"] for line in running.log] == ["started", "files refused"]
            shutil.copy(new / "server.key", used)
            shutil.copy(new / "ca.pem", used)
            assert await connects(running, new)
            assert not await connects(running, old)
            assert running.log[-1]["event"] == "files reloaded"
            await standing.GetSettlement(GET)

    asyncio.run(main())


def test_plaintext_takes_the_word_of_the_caller_on_loopback_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path, insecure=True) as running,
            grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel,
        ):
            stub: Any = settlement_grpc.SettlementServiceStub(channel)
            said = (("x-yibao-caller", "institution/H50011200001"),)
            await stub.GetSettlement(GET, metadata=said)
            for metadata in ((), (("x-yibao-caller", "doctor/who"),)):
                error = await refusal(stub.GetSettlement(GET, metadata=metadata))
                assert reason_in(error) == "CALLER_UNKNOWN"
            assert running.log[0]["insecure"] is True

    asyncio.run(main())
    with pytest.raises(ValueError, match="address must be loopback"):
        ServerConfig(address="0.0.0.0:0", insecure=True)


def test_with_tls_the_word_of_the_caller_counts_for_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as running:
            said = (("x-yibao-caller", "institution/H50011200001"),)
            error = await refusal(running.stub("nobody").GetSettlement(GET, metadata=said))
            assert reason_in(error) == "CALLER_UNKNOWN"

    asyncio.run(main())
