"""Channels of the SDK: TLS both ways, sync and aio, over a real connection."""

import asyncio
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from yibao.client import secure_aio_channel, secure_channel
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates

METHOD = "/yibao.test.Service/Who"
MOST_BYTES = 16 * 1024 * 1024
CALLER = "institution/H33010000001"


def who(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request == b"much":
        return bytes(MOST_BYTES)
    (name,) = cast("dict[str, list[bytes]]", context.auth_context())["peer_spiffe_id"]
    return name + b" sent " + request


def ask(channel: grpc.Channel, request: bytes, *, timeout: float) -> bytes:
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return method(request, timeout=timeout)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    leaves = (Leaf("server", "service/test", is_server=True), Leaf("hospital", CALLER))
    return issue_dev_certificates(tmp_path_factory.mktemp("tls"), leaves)


@pytest.fixture(scope="module")
def address(certificates: DevCertificates) -> Iterator[str]:
    files = certificates.leaves["server"]
    pair = (files.key_file.read_bytes(), files.certificate_file.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], certificates.ca_file.read_bytes(), require_client_auth=True
    )
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(who)
    generic = grpc.method_handlers_generic_handler("yibao.test.Service", {"Who": handler})
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((generic,))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"localhost:{port}"
    server.stop(None).wait()


def files_of(certificates: DevCertificates) -> dict[str, Any]:
    hospital = certificates.leaves["hospital"]
    return {
        "ca_file": certificates.ca_file,
        "certificate_file": hospital.certificate_file,
        "key_file": hospital.key_file,
    }


def test_the_server_knows_a_caller_by_its_certificate(
    address: str, certificates: DevCertificates
) -> None:
    with secure_channel(address, **files_of(certificates)) as channel:
        answer = ask(channel, b"x", timeout=5)
    assert answer == f"spiffe://yibao.dev/{CALLER} sent x".encode()


def test_the_aio_channel_does_the_same(address: str, certificates: DevCertificates) -> None:
    async def call() -> bytes:
        async with secure_aio_channel(address, **files_of(certificates)) as channel:
            call_who: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            call_who = channel.unary_unary(METHOD)
            return await call_who(b"x", timeout=5)

    assert asyncio.run(call()) == f"spiffe://yibao.dev/{CALLER} sent x".encode()


def test_a_server_of_another_authority_is_not_trusted(
    address: str, certificates: DevCertificates, tmp_path: Path
) -> None:
    other = issue_dev_certificates(tmp_path, [Leaf("hospital", CALLER)])
    files = files_of(certificates) | {"ca_file": other.ca_file}
    with secure_channel(address, **files) as channel, pytest.raises(grpc.RpcError) as failed:
        ask(channel, b"x", timeout=5)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_answer_of_16_mib_arrives(address: str, certificates: DevCertificates) -> None:
    with secure_channel(address, **files_of(certificates)) as channel:
        answer = ask(channel, b"much", timeout=20)
    assert len(answer) == MOST_BYTES


def test_a_missing_file_is_named(certificates: DevCertificates) -> None:
    files = files_of(certificates) | {"key_file": Path("nowhere.key")}
    with pytest.raises(FileNotFoundError, match=r"nowhere\.key"):
        secure_channel("localhost:1", **files)
