"""Channels of the SDK: TLS both ways, sync and aio, over a real connection."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from support.short_certificates import rekey
from support.threads import wait_until

from yibao.client import secure_aio_channel, secure_channel
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates

METHOD = "/yibao.test.Service/Who"
COUNT = "/yibao.test.Service/Count"
MOST_BYTES = 16 * 1024 * 1024
CALLER = "institution/H33010000001"


def who(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request == b"much":
        return bytes(MOST_BYTES)
    (name,) = cast("dict[str, list[bytes]]", context.auth_context())["peer_spiffe_id"]
    return name + b" sent " + request


def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    return (str(number).encode() for number in itertools.count())


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
    counting: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(count)
    generic = grpc.method_handlers_generic_handler(
        "yibao.test.Service", {"Who": handler, "Count": counting}
    )
    server = grpc.server(futures.ThreadPoolExecutor(4))
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


def renewed(certificates: DevCertificates, folder: Path) -> dict[str, Any]:
    """Returns files of the hospital that the test may renew."""
    files = {}
    for name, path in files_of(certificates).items():
        files[name] = folder / path.name
        files[name].write_bytes(path.read_bytes())
    return files


def renew(files: dict[str, Any]) -> None:
    """Writes the same again, and waits until the next call looks."""
    for path in files.values():
        draft = path.with_suffix(".new")
        draft.write_bytes(path.read_bytes())
        draft.replace(path)
    time.sleep(1.1)


def test_whoever_watches_the_connection_sees_the_one_that_takes_its_place(
    address: str, certificates: DevCertificates, tmp_path: Path
) -> None:
    files = renewed(certificates, tmp_path)
    seen: list[grpc.ChannelConnectivity] = []
    with secure_channel(address, **files) as channel:
        grpc.channel_ready_future(channel).result(timeout=5)
        channel.subscribe(seen.append)
        wait_until(lambda: seen == [grpc.ChannelConnectivity.READY])
        renew(files)
        ask(channel, b"x", timeout=5)
        wait_until(lambda: seen.count(grpc.ChannelConnectivity.READY) == 2)
        channel.unsubscribe(seen.append)


def test_a_stream_and_a_future_go_on_where_they_began(
    address: str, certificates: DevCertificates, tmp_path: Path
) -> None:
    files = renewed(certificates, tmp_path)
    with secure_channel(address, **files) as channel:
        count: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(COUNT)
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        stream = count(b"", timeout=20)
        assert next(stream) == b"0"
        renew(files)
        assert method.future(b"x", timeout=5).result().endswith(b"sent x")
        assert next(stream) == b"1"
        stream.cancel()


def test_an_aio_stream_goes_on_where_it_began(
    address: str, certificates: DevCertificates, tmp_path: Path
) -> None:
    files = renewed(certificates, tmp_path)

    async def main() -> None:
        async with secure_aio_channel(address, **files) as channel:
            await asyncio.wait_for(channel.channel_ready(), 5)
            count: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(COUNT)
            method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
            stream = count(b"", timeout=20)
            assert await stream.read() == b"0"
            renew(files)
            assert (await method(b"x", timeout=5)).endswith(b"sent x")
            assert await stream.read() == b"1"
            stream.cancel()

    asyncio.run(main())


def test_threads_share_a_channel_while_its_files_are_renewed(
    address: str, certificates: DevCertificates, tmp_path: Path
) -> None:
    files = renewed(certificates, tmp_path)
    told: list[str] = []
    is_over = threading.Event()

    def call_on() -> int:
        calls = 0
        while not is_over.is_set():
            ask(channel, b"x", timeout=10)
            calls += 1
        return calls

    with (
        secure_channel(address, **files, on_files_changed=told.append) as channel,
        futures.ThreadPoolExecutor(4) as threads,
    ):
        running = [threads.submit(call_on) for _ in range(4)]
        for _ in range(3):
            renew(files)
        is_over.set()
        assert all(each.result() for each in running)
    # A look may have come between two files.
    assert set(told) == {""}


@pytest.mark.parametrize("name", ["ca_file", "certificate_file", "key_file"])
def test_a_file_that_is_not_pem_is_named(
    certificates: DevCertificates, tmp_path: Path, name: str
) -> None:
    files = renewed(certificates, tmp_path)
    files[name].write_text("not PEM")
    with pytest.raises(ValueError, match=files[name].name):
        secure_channel("localhost:1", **files)


def test_a_key_with_which_nothing_connects_is_told(tmp_path: Path) -> None:
    issue_dev_certificates(tmp_path, [Leaf("hospital", CALLER)])
    rekey(tmp_path, "hospital", ed25519.Ed25519PrivateKey.generate())
    names = {"ca_file": "ca.pem", "certificate_file": "hospital.pem", "key_file": "hospital.key"}
    files: dict[str, Any] = {key: tmp_path / name for key, name in names.items()}
    with pytest.raises(ValueError, match=r"hospital\.key: gRPC connects with keys on P-256"):
        secure_channel("localhost:1", **files)
